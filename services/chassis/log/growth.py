"""A tree that grows by a batch: its new root, its new nodes, and the paths of the new leaves. Pure.

The batch is folded level by level, as the whole tree of RFC 9162 section 2.1.1 would be; what lies to its left comes
from the frontier, one hash for each bit of the size before. So n leaves cost n hashes and the height of the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from monazite_provenance import tree
from monazite_provenance.tree import Frontier, Node

# Of the inner nodes only those on every fourth level are stored: a fifteenth of them all. What lies between is at most
# eight hashes away from the next stored level below.
STORED_LEVELS: Final = 4


class Row(NamedTuple):
    """The nodes of one level from place `start` to the right edge; the last may be of an imperfect subtree."""

    start: int
    hashes: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Growth:
    """A tree before and after a batch. `rows` hold, by level, what is right of the frontier before."""

    before: Frontier
    after: Frontier
    root: bytes
    rows: tuple[Row, ...]

    @property
    def leaves(self) -> Sequence[bytes]:
        """The leaf hashes of the batch."""
        start, hashes = self.rows[0]
        return hashes[self.before.size - start :]

    def path(self, index: int) -> list[bytes]:
        """The inclusion path of a leaf of the batch in the tree after it, from the leaf upwards."""
        path: list[bytes] = []
        place = index
        for start, hashes in self.rows:
            sibling = (place ^ 1) - start
            if sibling < len(hashes):
                path.append(hashes[sibling])
            place >>= 1
        return path

    def stored(self) -> Iterator[tuple[Node, bytes]]:
        """The nodes that the batch completed, of those that are stored."""
        size = self.after.size
        for level in range(STORED_LEVELS, len(self.rows), STORED_LEVELS):
            start, hashes = self.rows[level]
            for place in range(self.before.size >> level, size >> level):
                yield Node(level, place), hashes[place - start]


def grow(before: Frontier, leaves: Sequence[bytes]) -> Growth:
    """The tree with these leaf hashes appended, at least one; `before` stays as it is."""
    covering = tree.covering(0, before.size)
    left = {node.level: value for node, value in zip(covering, before.hashes, strict=True)}
    rows: list[Row] = []
    row: Sequence[bytes] = leaves
    start, level = before.size, 0
    while True:
        if start & 1:
            # The place to the left was complete before.
            row = [left[level], *row]
            start -= 1
        rows.append(Row(start, row))
        if start == 0 and len(row) == 1:
            break
        pairs = [sha256(b"\x01" + one + other).digest() for one, other in zip(row[::2], row[1::2], strict=False)]
        row = [*pairs, row[-1]] if len(row) & 1 else pairs
        start >>= 1
        level += 1
    size = before.size + len(leaves)
    return Growth(before, Frontier(size, _covering(size, left, rows)), rows[-1].hashes[0], tuple(rows))


def _covering(size: int, left: Mapping[int, bytes], rows: Sequence[Row]) -> Iterator[bytes]:
    for level, place in tree.covering(0, size):
        start, hashes = rows[level]
        yield left[level] if place < start else hashes[place - start]
