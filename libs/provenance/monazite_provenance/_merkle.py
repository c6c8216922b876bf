"""The Merkle tree of RFC 9162 section 2.1 over a statement's outputs, with parts of it left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from monazite_provenance.errors import OpeningMismatch

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf, SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node, SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; over none it is SHA-256 of nothing."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        # What has no neighbour rises as it is: splitting at the largest power of two comes to the same.
        odd = level[len(level) & ~1 :]
        level = [*map(node_hash, level[::2], level[1::2]), *odd]
    return level[0]


def partial_root(count: int, known: Mapping[int, bytes], nodes: Sequence[bytes]) -> bytes:
    """Root of a tree of `count` leaves of which the `known` hashes are given by index.

    `nodes` are the roots of the largest subtrees without a known leaf, left to right. Raises `OpeningMismatch` when
    there are too few or too many of them, or an index beyond the tree.
    """
    if not nodes and list(known) == list(range(count)):
        return root(list(known.values()))
    return Disclosure(count, known, nodes).root


def split_point(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 9162 section 2.1.1); `size` is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


class Disclosure:
    """A tree of which some leaves are known and the rest is given by subtree roots."""

    def __init__(self, count: int, known: Mapping[int, bytes], nodes: Sequence[bytes]) -> None:
        if any(not 0 <= index < count for index in known):
            raise OpeningMismatch("an opened output beyond the outputs there are")
        self._count = count
        self._known = known
        self._rest = iter(nodes)
        self._hashes: dict[tuple[int, int], bytes] = {}
        self.root = self._fold(0, count, sorted(known)) if count else EMPTY_ROOT
        if next(self._rest, None) is not None:
            raise OpeningMismatch("more subtree roots than undisclosed subtrees")

    def without(self, keep: Collection[int]) -> tuple[bytes, ...]:
        """The subtree roots that stand for everything but the leaves in `keep`, each of which must be known."""
        if not set(keep) <= self._known.keys():
            raise OpeningMismatch("an output to be kept is not disclosed")
        if not self._count:
            return ()
        hidden: list[bytes] = []
        self._collect(0, self._count, sorted(keep), hidden)
        return tuple(hidden)

    def _fold(self, low: int, high: int, opened: Sequence[int]) -> bytes:
        if not opened:
            value = next(self._rest, None)
            if value is None:
                raise OpeningMismatch("fewer subtree roots than undisclosed subtrees")
        elif high - low == 1:
            value = self._known[low]
        else:
            middle = low + split_point(high - low)
            left = self._fold(low, middle, [index for index in opened if index < middle])
            value = node_hash(left, self._fold(middle, high, [index for index in opened if index >= middle]))
        self._hashes[low, high] = value
        return value

    def _collect(self, low: int, high: int, keep: Sequence[int], hidden: list[bytes]) -> None:
        if not keep:
            hidden.append(self._hashes[low, high])
        elif high - low > 1:
            middle = low + split_point(high - low)
            self._collect(low, middle, [index for index in keep if index < middle], hidden)
            self._collect(middle, high, [index for index in keep if index >= middle], hidden)
