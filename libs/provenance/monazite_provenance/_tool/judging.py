"""The verification, which commands that give a verdict on a bundle share."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from monazite_provenance._tool import files, trusted
from monazite_provenance.chain import verify_bundle
from monazite_provenance.report import LotReport


def report_on(bundle: Path, options: argparse.Namespace) -> LotReport:
    """The report on a bundle. Raises ProvenanceError when it or the trust file is none, OSError."""
    at = int(time.time()) if options.at is None else options.at
    return verify_bundle(files.chunks(bundle), trusted.load(options.trust), at=at)
