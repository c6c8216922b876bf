"""A stream that is read later, from memory or from a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.chassis import spool
from services.chassis.spool import Spool


async def stream(*pieces: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if error is not None:
        raise error


@pytest.mark.parametrize("in_memory", [True, False])
async def test_what_came_is_read_in_bounded_pieces(monkeypatch: pytest.MonkeyPatch, in_memory: bool) -> None:
    if not in_memory:
        monkeypatch.setattr(spool, "PAGE_BYTES_MAX", 10)
    sent = [bytes([number]) * 50_000 for number in range(4)]
    kept = await Spool.of(stream(*sent))

    def read() -> list[bytes]:
        with kept:
            return list(kept.chunks())

    found = await asyncio.to_thread(read)
    assert b"".join(found) == b"".join(sent)
    assert max(map(len, found)) <= spool.CHUNK_BYTES
    with pytest.raises(ValueError, match="closed"):
        next(kept.chunks())


async def test_a_stream_that_breaks_off_says_so_itself() -> None:
    with pytest.raises(OSError, match="gone"):
        await Spool.of(stream(b"a", error=OSError("gone")))
