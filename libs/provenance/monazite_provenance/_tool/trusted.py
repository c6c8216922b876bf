"""The trust file of a command."""

from __future__ import annotations

from pathlib import Path

from monazite_provenance._tool import files
from monazite_provenance.trust import TRUST_FILE_BYTES_MAX, TrustFile


def load(path: Path) -> TrustFile:
    """The trust file. Raises ProvenanceError, OSError."""
    return TrustFile.load(files.start_of(path, TRUST_FILE_BYTES_MAX))
