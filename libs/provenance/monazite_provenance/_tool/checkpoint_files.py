"""Signed heads from files, in either form: the COSE_Sign1 of part 3 of docs/STATEMENTS.md, or the text that witnesses
sign (C2SP tlog-checkpoint).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monazite_provenance._tool import files
from monazite_provenance.checkpoints import CHECKPOINT_BYTES_MAX, parse_checkpoint_text, verify_checkpoint_text
from monazite_provenance.errors import BadField
from monazite_provenance.receipts import HeadVerifier

if TYPE_CHECKING:
    from monazite_provenance.key_book import KeyBook

_SIGN1: Final = b"\xd2"


class SignedHead:
    """A verified head: its log, size and root; Unix seconds of its signature, which the text does not say."""

    def __init__(self, file: str, raw: bytes, head: tuple[str, int, bytes, int | None]) -> None:
        self.file = file
        self.raw = raw
        self.log, self.size, self.root, self.signed_at = head


def load(path: str, keys: KeyBook) -> SignedHead:
    """Read and verify a file. Raises ProvenanceError that names it, OSError."""
    with files.named(path):
        raw = files.start_of(path, CHECKPOINT_BYTES_MAX)
        if raw.startswith(_SIGN1):
            head = HeadVerifier(keys).verify_checkpoint(raw)
            return SignedHead(path, raw, (head.log, head.size, head.root, head.signed_at))
        found = verify_checkpoint_text(text(raw), keys.log_keys)
        return SignedHead(path, raw, (found.origin, found.size, found.root, None))


def text(raw: bytes) -> str:
    """A text checkpoint in good form, nothing of it verified. Raises the Malformed family."""
    try:
        checkpoint = raw.decode()
    except UnicodeDecodeError:
        raise BadField("a checkpoint is a COSE_Sign1, or text in UTF-8", field="checkpoint") from None
    parse_checkpoint_text(checkpoint)
    return checkpoint
