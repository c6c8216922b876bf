"""The verification, which commands that give a verdict on a bundle share."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from typing import Final

from monazite_provenance._tool import files, screen, trusted
from monazite_provenance._tool.leaving import VERDICT_CODES
from monazite_provenance.chain import verify_bundle
from monazite_provenance.report import LotReport

_WORKERS: Final = 2
"""This process, and beside it one that checks signatures if the bundle is long."""


def tell(bundle: str, options: argparse.Namespace, lines: Callable[[LotReport], Iterable[str]]) -> int:
    """Verify a bundle and say its report, as these lines or as JSON; the exit code is the verdict's.

    Raises ProvenanceError when it or the trust file is none, OSError.
    """
    at = int(time.time()) if options.at is None else options.at
    trust = trusted.load(options.trust)
    with files.named(bundle):
        report = verify_bundle(files.chunks(bundle), trust, at=at, workers=_WORKERS)
    if options.json:
        screen.say_json(report.as_json())
    else:
        screen.say(lines(report))
    return VERDICT_CODES[report.verdict.value]
