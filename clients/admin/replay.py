"""A log rebuilt from its pages, compared with what it signed. Pure: pages come in, the first entry that does not fit
goes out; who fetches them is the command's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from monazite.transparency.v1.transparency_pb2 import Entry, StreamEntriesResponse
from monazite_provenance.errors import ProofMismatch, ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.monitor import Replay
from monazite_provenance.receipts import Head
from monazite_provenance.statement import log_leaf, parse
from monazite_provenance.tree import Frontier

Paths: TypeAlias = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""Asks the log for the consistency path from one size to another."""


class Diverged(Exception):  # noqa: N818 - says what happened
    """Entry `index` is not the one that the log signed, or none that can be read. `checkpoint`: what it signed."""

    def __init__(self, index: int, why: str, checkpoint: bytes) -> None:
        super().__init__(f"entry {index}: {why}")
        self.index = index
        self.why = why
        self.checkpoint = checkpoint


async def take(replay: Replay, page: StreamEntriesResponse, head: Head, path: Paths) -> None:
    """The entries of one page, under its verified head, onto those before. Raises Diverged."""
    before = replay.frontier
    leaves = [_leaf(index, entry, page) for index, entry in enumerate(page.entries, before.size)]
    start = _copy(before)
    replay.append_leaves(leaves)
    if not _begins(replay, head, page.consistency):
        raise await _first_divergent(start, leaves, page.checkpoint.checkpoint, head, path)


def _leaf(index: int, entry: Entry, page: StreamEntriesResponse) -> bytes:
    try:
        statement = Item.decode(entry.item.item).statement
        if entry.index == index and parse(statement).statement_id == entry.statement_id:
            return log_leaf(statement)
        why = "it stands at another index, or under another statement's id"
    except ProvenanceError as error:
        why = f"it cannot be read: {error.code}"
    raise Diverged(index, why, page.checkpoint.checkpoint)


def _begins(replay: Replay, head: Head, path: Sequence[bytes]) -> bool:
    try:
        replay.check_begins(head, path)
    except ProofMismatch:
        return False
    return True


async def _first_divergent(
    before: Frontier, leaves: Sequence[bytes], checkpoint: bytes, head: Head, path: Paths
) -> Diverged:
    """By halves: what stands before the first divergent entry is consistent with the head, and nothing behind it is."""
    good, bad = 0, len(leaves)
    while bad - good > 1:
        middle = (good + bad) // 2
        part = Replay(_copy(before))
        part.append_leaves(leaves[:middle])
        if _begins(part, head, await path(part.frontier.size, head.size)):
            good = middle
        else:
            bad = middle
    return Diverged(before.size + good, "it is not the one that was signed", checkpoint)


def _copy(frontier: Frontier) -> Frontier:
    return Frontier(frontier.size, frontier.hashes)
