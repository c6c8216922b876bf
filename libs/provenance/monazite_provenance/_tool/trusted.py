"""The trust file of a command."""

from __future__ import annotations

from monazite_provenance._tool import files
from monazite_provenance.trust import TRUST_FILE_BYTES_MAX, TrustFile


def load(path: str) -> TrustFile:
    """The trust file. Raises ProvenanceError that names it, OSError."""
    with files.named(path):
        return TrustFile.load(files.start_of(path, TRUST_FILE_BYTES_MAX))
