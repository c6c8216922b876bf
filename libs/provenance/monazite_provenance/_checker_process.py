"""What runs in a process that checks signatures for another: batches of them come in, a byte goes out for each.

It knows keys and signatures, and nothing of statements. Its input ends with the process that asks, and it with that.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from struct import Struct
from typing import BinaryIO, Final

from monazite_provenance.errors import ProvenanceError
from monazite_provenance.keys import PublicKey

HOLDS_NOT: Final = 0
HOLDS: Final = 1
READY: Final = 2
"""The first byte out: that it is there."""
BATCH: Final = Struct(">I")
"""Stands before a batch: how many bytes it has."""
ENTRY: Final = Struct(">HHH")
"""Stands before a signature: the lengths of the COSE_Key, of the signature and of what it is over, which follow."""
KEYS_MAX: Final = 256
"""Keys kept of those that were read."""


def serve(batches: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the input ends."""
    answers.write(bytes((READY,)))
    answers.flush()
    while len(head := batches.read(BATCH.size)) == BATCH.size:
        (length,) = BATCH.unpack(head)
        batch = batches.read(length)
        if len(batch) < length:
            return
        answers.write(bytes(map(_answer, _entries(batch))))
        answers.flush()


def _entries(batch: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    at = 0
    while at < len(batch):
        key_bytes, signature_bytes, message_bytes = ENTRY.unpack_from(batch, at)
        at += ENTRY.size
        signature_at = at + key_bytes
        message_at = signature_at + signature_bytes
        end = message_at + message_bytes
        yield batch[at:signature_at], batch[signature_at:message_at], batch[message_at:end]
        at = end


_key = lru_cache(KEYS_MAX)(PublicKey.from_cose_key)


def _answer(entry: tuple[bytes, bytes, bytes]) -> int:
    cose_key, signature, message = entry
    try:
        _key(cose_key).verify(signature, message)
    except ProvenanceError:
        return HOLDS_NOT
    return HOLDS


def main() -> None:
    """Serve the process at the other ends of standard input and output."""
    serve(sys.stdin.buffer, sys.stdout.buffer)
