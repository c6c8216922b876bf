"""Streams that are read later, and in a thread: up to a page of a bundle lies in memory, what is longer in a file.

So a sender is not kept waiting for what takes seconds a page, and no more than a page of what it sends is in memory.
The file has no name, and is gone with the process at the latest.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Final, Self

from monazite_provenance.bundle import PAGE_BYTES_MAX

CHUNK_BYTES: Final = 64 * 1024


class Spool:
    """What came of a stream. Close it with `with`, where it is read."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile[bytes](max_size=PAGE_BYTES_MAX)

    @classmethod
    async def of(cls, pieces: AsyncIterable[bytes]) -> Spool:
        """All of a stream. Raises what the stream does, OSError where there is no room."""
        spool = cls()
        try:
            async for piece in pieces:
                spool._file.write(piece)
        except BaseException:
            spool._file.close()
            raise
        spool._file.seek(0)
        return spool

    def chunks(self) -> Iterator[bytes]:
        """The bytes, once, in pieces of at most 64 KiB."""
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
