"""What a log remembers of its last batch, and what it concludes from a database that has more, less or other."""

from __future__ import annotations

import fcntl
import os
from hashlib import sha256
from pathlib import Path

import pytest

from services.chassis.log.memory import (
    ENTRIES_MAX,
    PLACE_BYTES,
    Memory,
    Overtaken,
    SetBack,
    Signed,
    Stored,
    unfinished,
)

LOG = "urn:monazite:log:till:0"
IDS = (b"a" * 32, b"b" * 32)


def root(size: int, history: str = "") -> bytes:
    return sha256(f"{history}{size}".encode()).digest()


SIGNED = Signed(7, 10, root(10), 12, root(12), IDS)


def stored(size: int, epoch: int = 7, *, history: str = "", same_until: int = 10) -> Stored:
    """A database with so many entries, which are others from `same_until` on where a history is named."""

    async def root_at(asked: int) -> bytes:
        assert asked <= size
        return root(asked, history if asked > same_until else "")

    return Stored(size, epoch, root_at)


# --- the file -----------------------------------------------------------------------------------------------------


def test_what_was_written_last_is_read_by_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    memory = Memory(path, LOG)
    assert memory.read() is None
    for size in range(12, 17):
        one = Signed(7, 10, root(10), size, root(size), IDS)
        memory.write(one)
        assert Memory(path, LOG).read() == one
    assert path.stat().st_mode & 0o777 == 0o600
    # Another process goes on where this one ended.
    Memory(path, LOG).write(SIGNED)
    assert Memory(path, LOG).read() == SIGNED


def test_a_write_that_was_cut_off_leaves_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    memory = Memory(path, LOG)
    memory.write(SIGNED)
    whole = path.read_bytes()
    memory.write(Signed(7, 12, root(12), 13, root(13), IDS[:1]))
    changed = [at for at in range(len(whole)) if whole[at] != path.read_bytes()[at]]
    descriptor = os.open(path, os.O_WRONLY)
    os.pwrite(descriptor, bytes(1), changed[-1])
    os.close(descriptor)
    assert Memory(path, LOG).read() == SIGNED


@pytest.mark.parametrize("raw", [b"junk", bytes(2 * PLACE_BYTES - 1) + b"x", b"\xff" * 2 * PLACE_BYTES])
def test_a_damaged_file_says_nothing_and_is_no_empty_one(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "signed"
    path.write_bytes(raw)
    with pytest.raises(SetBack, match="damaged"):
        Memory(path, LOG).read()


def test_the_file_of_another_log_is_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    Memory(path, LOG).write(SIGNED)
    with pytest.raises(SetBack, match="holds nothing of urn:monazite:log:other:0"):
        Memory(path, "urn:monazite:log:other:0").read()
    with pytest.raises(SetBack, match="cannot be read"):
        Memory(tmp_path, LOG).read()


def test_a_batch_is_bounded_and_the_largest_fits(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "signed", LOG)
    largest = Signed(7, 0, root(0), ENTRIES_MAX, root(1), IDS[:1] * ENTRIES_MAX)
    memory.write(largest)
    assert memory.read() == largest
    with pytest.raises(ValueError, match="a batch of"):
        memory.write(Signed(7, 0, root(0), 1, root(1), IDS[:1] * (ENTRIES_MAX + 1)))


def test_of_two_processes_with_one_file_the_later_is_told_and_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    paused, successor = Memory(path, LOG), Memory(path, LOG)
    assert paused.read() is None
    successor.write(Signed(8, 10, root(10), 11, root(11), IDS[:1]))
    successor.write(Signed(8, 11, root(11), 14, root(14), IDS))
    with pytest.raises(Overtaken):
        paused.write(SIGNED)
    assert paused.read() == Memory(path, LOG).read() == Signed(8, 11, root(11), 14, root(14), IDS)
    # It has read again, as it does before it leads again.
    paused.write(SIGNED)
    assert Memory(path, LOG).read() == SIGNED


def test_a_file_that_another_writes_this_moment_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "signed"
    memory = Memory(path, LOG)
    memory.write(SIGNED)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            memory.write(Signed(7, 12, root(12), 13, root(13), IDS[:1]))
    assert Memory(path, LOG).read() == SIGNED


def test_half_a_write_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a volume that is full."""
    path = tmp_path / "signed"
    memory = Memory(path, LOG)
    memory.write(SIGNED)
    whole = os.pwrite

    def short(descriptor: int, raw: bytes, at: int) -> int:
        return whole(descriptor, raw[:-1], at)

    monkeypatch.setattr(os, "pwrite", short)
    with pytest.raises(OSError, match="not written whole"):
        memory.write(Signed(7, 12, root(12), 13, root(13), IDS[:1]))
    monkeypatch.undo()
    assert Memory(path, LOG).read() == SIGNED
    memory.write(Signed(7, 12, root(12), 14, root(14), IDS))
    assert Memory(path, LOG).read() == Signed(7, 12, root(12), 14, root(14), IDS)


def test_a_file_that_was_removed_meanwhile_is_not_begun_anew(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "signed", LOG)
    memory.write(SIGNED)
    memory.path.unlink()
    with pytest.raises(FileNotFoundError):
        memory.write(Signed(7, 12, root(12), 13, root(13), IDS[:1]))
    with pytest.raises(SetBack, match="is gone"):
        memory.read()
    assert not memory.path.exists()


# --- what follows from it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [12, 13, 500])
async def test_a_database_that_has_what_was_signed_is_gone_on_from(size: int) -> None:
    assert await unfinished(SIGNED, stored(size)) == ()


async def test_a_batch_that_was_signed_and_not_published_is_to_be_the_next() -> None:
    assert await unfinished(SIGNED, stored(10)) == IDS


@pytest.mark.parametrize("size", [11, 12, 500])
async def test_another_leader_was_faster(size: int) -> None:
    assert await unfinished(SIGNED, stored(size, 8, history="another")) == ()


@pytest.mark.parametrize(
    ("database", "why"),
    [
        (stored(9), "has 9 entries; 10 were published"),
        (stored(0), "has 0 entries"),
        (stored(10, history="another", same_until=5), "other entries than the 10 that were published"),
        (stored(500, history="another", same_until=5), "other entries than the 10 that were published"),
        (stored(12, history="another"), "other entries than the 12 that were signed"),
        (stored(11), "other entries than the 12 that were signed"),
    ],
    ids=["less", "nothing", "other", "other and more", "other under our own epoch", "half"],
)
async def test_a_database_that_was_set_back_is_refused(database: Stored, why: str) -> None:
    with pytest.raises(SetBack, match=why):
        await unfinished(SIGNED, database)
