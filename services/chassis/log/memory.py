"""What was signed last, remembered in a file outside of the database.

A database can be set back: restored from a backup, failed over to a standby that lagged. Whoever then signs goes on
from an old size and forks the log. So each batch is written here, and is durable, before anybody can see its head;
and who leads compares the database with it first (docs/decisions/0009).

The file has two places of a fixed size, written in turn and in place: of a write that was cut off the other place
holds the one before, and making one durable costs no more than its blocks.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

PLACE_BYTES: Final = 64 * 1024
ENTRIES_MAX: Final = 1_000
"""Entries of one batch: what a place has room for."""
_MODE: Final = 0o600
_ID_BYTES: Final = 32
# Checksum; number of the write, length of what follows.
_CHECKSUM_BYTES: Final = 32
_HEAD: Final = struct.Struct(">QI")
# Epoch, size and root before, size and root after.
_BATCH: Final = struct.Struct(">QQ32sQ32s")


class SetBack(Exception):  # noqa: N818  (says what it is)
    """The database has less, or other, than what was signed from it: it must be looked at, and nothing be signed."""


class Overtaken(Exception):  # noqa: N818  (says what it is)
    """Another process, which was given the same file, wrote to it since it was read: nothing was written."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A batch on its way: the leader's epoch, `size` and `root` before it and after it, the entries in their order."""

    epoch: int
    size_before: int
    root_before: bytes
    size: int
    root: bytes
    entries: tuple[bytes, ...]

    def dump(self) -> bytes:
        """As bytes."""
        batch = _BATCH.pack(self.epoch, self.size_before, self.root_before, self.size, self.root)
        return batch + b"".join(self.entries)

    @classmethod
    def load(cls, raw: bytes) -> Signed:
        """Reads what `dump` wrote."""
        epoch, size_before, root_before, size, root = _BATCH.unpack_from(raw)
        ids = range(_BATCH.size, len(raw), _ID_BYTES)
        return cls(epoch, size_before, root_before, size, root, tuple(raw[at : at + _ID_BYTES] for at in ids))


class Memory:
    """The file of one log. Each process that may lead is to have its own; of two with one file the later is told."""

    def __init__(self, path: Path, log: str) -> None:
        self.path = path
        self._log_name = log.encode()
        # Number of the next write; known once the file was read.
        self._next: int | None = None

    def write(self, signed: Signed) -> None:
        """Durable when this returns. Raises ValueError for too large a batch, Overtaken, SetBack, OSError."""
        if len(signed.entries) > ENTRIES_MAX:
            raise ValueError(f"a batch of {len(signed.entries)}")
        if self._next is None:
            self.read()
        number = self._next or 1
        raw = signed.dump()
        rest = _HEAD.pack(number, len(raw)) + raw
        place = self._checksum(rest) + rest
        descriptor = os.open(self.path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._newest(os.pread(descriptor, 2 * PLACE_BYTES, 0))[0] + 1 != number:
                raise Overtaken(f"{self.path} was written by another process")
            if os.pwrite(descriptor, place, number % 2 * PLACE_BYTES) != len(place):
                raise OSError(f"{self.path} was not written whole")
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        self._next = number + 1

    def read(self) -> Signed | None:
        """What was signed last; None where nothing was yet: then there is a file from now on.

        Raises SetBack for a file of another log, one that cannot be read, or one that is gone: nobody knows what was
        signed then.
        """
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            if self._next is not None:
                raise SetBack(f"{self.path} is gone") from None
            self._create()
            raw = bytes(2 * PLACE_BYTES)
        except OSError as error:
            raise SetBack(f"{self.path} cannot be read: {error}") from error
        number, signed = self._newest(raw)
        self._next = number + 1
        return signed

    def _newest(self, raw: bytes) -> tuple[int, Signed | None]:
        """The last write and its number; 0 of a file that is empty yet. Raises SetBack."""
        places = [raw[:PLACE_BYTES], raw[PLACE_BYTES:]]
        found = [one for one in map(self._read_place, places) if one is not None]
        if not found and any(raw):
            raise SetBack(f"{self.path} holds nothing of {self._log_name.decode()}, or is damaged")
        return max(found, key=lambda one: one[0], default=(0, None))

    def _read_place(self, place: bytes) -> tuple[int, Signed] | None:
        rest = place[_CHECKSUM_BYTES:]
        if len(rest) < _HEAD.size:
            return None
        number, length = _HEAD.unpack_from(rest)
        rest = rest[: _HEAD.size + length]
        if number == 0 or place[:_CHECKSUM_BYTES] != self._checksum(rest):
            return None
        return number, Signed.load(rest[_HEAD.size :])

    def _checksum(self, rest: bytes) -> bytes:
        return sha256(self._log_name + b"\0" + rest).digest()

    def _create(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(bytes(2 * PLACE_BYTES))
            file.flush()
            os.fsync(file.fileno())
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@dataclass(frozen=True, slots=True)
class Stored:
    """How the database has the log: its size, and the epoch that published last; `root_at` gives earlier roots."""

    size: int
    epoch: int
    root_at: Callable[[int], Awaitable[bytes]]


async def unfinished(signed: Signed, stored: Stored) -> tuple[bytes, ...]:
    """Compares what was signed last with what the database has; gives the entries of a batch that was signed, and
    perhaps not published: the next batch is to be those, in that order, and has the same root then.

    Raises SetBack when the database was set back.
    """
    if stored.size < signed.size_before:
        raise SetBack(f"the database has {stored.size} entries; {signed.size_before} were published")
    if await stored.root_at(signed.size_before) != signed.root_before:
        raise SetBack(f"the database has other entries than the {signed.size_before} that were published")
    if stored.size >= signed.size and await stored.root_at(signed.size) == signed.root:
        return ()
    if stored.size == signed.size_before:
        return signed.entries
    # Somebody went on from the same size with other entries: another leader, who was faster, under a later epoch.
    if stored.epoch <= signed.epoch:
        raise SetBack(f"the database has other entries than the {signed.size} that were signed")
    return ()
