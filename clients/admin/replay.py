"""A log rebuilt from its entries, compared with what it signed. Pure: pages come in, the first entry that does not fit
goes out; who fetches them is the command's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from monazite.transparency.v1.transparency_pb2 import Entry, StreamEntriesResponse
from monazite_provenance import tree
from monazite_provenance.errors import ProofMismatch, ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.receipts import Head, HeadVerifier
from monazite_provenance.statement import log_leaf, parse


class Diverged(Exception):  # noqa: N818 - says what happened
    """Entry `index` is not the one that the log signed, or none that can be read. `checkpoint`: what it signed."""

    def __init__(self, index: int, why: str, checkpoint: bytes) -> None:
        super().__init__(f"entry {index}: {why}")
        self.index = index
        self.why = why
        self.checkpoint = checkpoint


class Replay:
    """Takes pages from index 0 on."""

    def __init__(self, verifier: HeadVerifier, log: str) -> None:
        self._verifier = verifier
        self._log = log
        self._frontier = tree.Frontier()
        self.head: Head | None = None

    @property
    def size(self) -> int:
        """Entries taken so far."""
        return self._frontier.size

    async def take(self, page: StreamEntriesResponse, path: Callable[[int, int], Awaitable[Sequence[bytes]]]) -> Head:
        """One page; `path(old_size, size)` asks the log for a consistency path. Gives its head.

        Raises Diverged; ProvenanceError for a head that does not verify, ProofMismatch for one of another log.
        """
        head = self._verifier.verify_checkpoint(page.checkpoint.checkpoint)
        if head.log != self._log:
            raise ProofMismatch("the head of another log")
        before = tree.Frontier(self.size, self._frontier.hashes)
        leaves = [self._leaf(index, entry, page) for index, entry in enumerate(page.entries, self.size)]
        for leaf in leaves:
            self._frontier.append(leaf)
        if not _goes_on(self._frontier, head, page.consistency):
            raise await _first_divergent(before, leaves, page.checkpoint.checkpoint, head, path)
        self.head = head
        return head

    @staticmethod
    def _leaf(index: int, entry: Entry, page: StreamEntriesResponse) -> bytes:
        try:
            statement = Item.decode(entry.item.item).statement
            if entry.index == index and parse(statement).statement_id == entry.statement_id:
                return log_leaf(statement)
            why = "it stands at another index, or under another statement's id"
        except ProvenanceError as error:
            why = f"it cannot be read: {error.code}"
        raise Diverged(index, why, page.checkpoint.checkpoint)


def _goes_on(frontier: tree.Frontier, head: Head, path: Sequence[bytes]) -> bool:
    """Whether the tree of this head begins with these entries."""
    try:
        tree.check_consistency(frontier.size, frontier.root, head.size, head.root, path)
    except ProofMismatch:
        return False
    return True


async def _first_divergent(
    before: tree.Frontier,
    leaves: Sequence[bytes],
    checkpoint: bytes,
    head: Head,
    path: Callable[[int, int], Awaitable[Sequence[bytes]]],
) -> Diverged:
    """By halves: what stands before the first divergent entry is consistent with the head, and nothing behind it is."""
    good, bad = 0, len(leaves)
    while bad - good > 1:
        middle = (good + bad) // 2
        frontier = tree.Frontier(before.size, before.hashes)
        for leaf in leaves[:middle]:
            frontier.append(leaf)
        if _goes_on(frontier, head, await path(frontier.size, head.size)):
            good = middle
        else:
            bad = middle
    return Diverged(before.size + good, "it is not the one that was signed", checkpoint)
