"""The Merkle tree of RFC 9162 section 2.1: roots, inclusion, consistency, and many leaves proved at once.

Leaves and nodes are 32-byte SHA-256 hashes; sizes and indexes are integers; nothing recurses. A *node* is the root of a
perfect subtree, named by its level and its place on that level: node (level, place) is over the leaves from
place << level up to (place + 1) << level. Nodes never change once complete, so a log stores them and forgets the
frontier; a *range* of leaves [low, high) that is not a perfect subtree is folded from the nodes that cover it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, final

from monazite_provenance.errors import ProofMismatch

HASH_BYTES: Final = 32
_HASH_LENGTHS: Final = frozenset((HASH_BYTES,))
EMPTY_ROOT: Final = sha256(b"").digest()
SIZE_MAX: Final = 2**62
"""Largest tree taken, leaves: what a signed 64-bit integer holds with room to add."""
PATH_NODES_MAX: Final = 63
"""Most hashes of one path."""


class Node(NamedTuple):
    """A perfect subtree: over leaves [place << level, (place + 1) << level)."""

    level: int
    place: int


class Range(NamedTuple):
    """The leaves [low, high) of a tree, as one of the subtrees of RFC 9162 section 2.1.1."""

    low: int
    high: int


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
    if len(leaves) == 2:  # noqa: PLR2004 - what most steps make that make more than one
        return node_hash(*leaves)
    level = leaves
    while len(level) > 1:
        # Pairs from the left; what is left over on the right moves up as it is.
        each = iter(level)
        pairs = [sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=False)]
        if len(level) & 1:
            pairs.append(level[-1])
        level = pairs
    return level[0]


@final
class Frontier:
    """The right edge of a growing tree: all that is needed to append to it and to know its root.

    `hashes` are those of the perfect subtrees that cover the tree, left to right: one for each bit set in `size`.
    """

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """Raises ProofMismatch unless there is one hash of 32 bytes for each bit set in `size`."""
        self.size = size
        self._hashes = list(hashes)
        if not 0 <= size <= SIZE_MAX or len(self._hashes) != size.bit_count():
            raise ProofMismatch("a frontier has one hash for each bit of its size", size=size)
        _check_hashes(self._hashes)

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Hashes of the perfect subtrees, left to right; the largest first."""
        return tuple(self._hashes)

    @property
    def root(self) -> bytes:
        """Root of the tree as it stands."""
        return fold(self._hashes) if self._hashes else EMPTY_ROOT

    def __reduce__(self) -> tuple[type[Frontier], tuple[int, tuple[bytes, ...]]]:
        # Of a compiled class no attributes are found: unasked, a copy would be the empty tree.
        return Frontier, (self.size, self.hashes)

    def append(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """One more leaf hash. Gives the nodes that it completes, itself first, each over the one before."""
        completed = [(Node(0, self.size), leaf)]
        carry, level = leaf, 0
        while self.size >> level & 1:
            carry = node_hash(self._hashes.pop(), carry)
            level += 1
            completed.append((Node(level, self.size >> level), carry))
        self._hashes.append(carry)
        self.size += 1
        return completed


def fold(hashes: Sequence[bytes]) -> bytes:
    """Hash of a range from the hashes of the nodes that cover it, left to right; at least one."""
    *rest, folded = hashes
    for left in reversed(rest):
        folded = node_hash(left, folded)
    return folded


def covering(low: int, high: int) -> list[Node]:
    """The fewest nodes that cover a range, left to right. `low` must be where a subtree of its size can begin."""
    nodes: list[Node] = []
    while low < high:
        level = (high - low).bit_length() - 1
        nodes.append(Node(level, low >> level))
        low += 1 << level
    return nodes


def range_hash(wanted: Range, hash_of: Callable[[Node], bytes]) -> bytes:
    """Hash of a range of a tree whose nodes are at hand."""
    return fold([hash_of(node) for node in covering(wanted.low, wanted.high)])


# Which ranges a proof is made of. The hashes come from wherever the nodes are kept.


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Ranges whose hashes are the inclusion path of leaf `index` in a tree of `size` leaves, from the leaf upwards
    (RFC 9162 section 2.1.3.1). Raises ProofMismatch for a leaf beyond the tree."""
    _check_index(index, size)
    ranges: list[Range] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            ranges.append(Range(middle, high))
            high = middle
        else:
            ranges.append(Range(low, middle))
            low = middle
    ranges.reverse()
    return ranges


def consistency_ranges(old_size: int, size: int) -> list[Range]:
    """Ranges whose hashes are the consistency path from `old_size` to `size` leaves (RFC 9162 section 2.1.4.1).

    Empty for trees of equal size and from the empty tree. Raises ProofMismatch when the tree would shrink.
    """
    _check_sizes(old_size, size)
    if old_size in (0, size):
        return []
    ranges: list[Range] = []
    low, high = 0, size
    # Down to the subtree that ends where the old tree ended.
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            ranges.append(Range(middle, high))
            high = middle
        else:
            ranges.append(Range(low, middle))
            low = middle
    if low:
        ranges.append(Range(low, high))
    ranges.reverse()
    return ranges


def undisclosed_ranges(size: int, known: Collection[int]) -> list[Range]:
    """The largest subtrees without a known leaf, left to right: what a proof of all `known` leaves at once lists.

    Raises ProofMismatch for a leaf beyond the tree.
    """
    return [part for part, is_known in _partition(size, known) if not is_known]


def path_length(index: int, size: int) -> int:
    """How many hashes the inclusion path of this leaf has. Raises ProofMismatch for a leaf beyond the tree."""
    _check_index(index, size)
    # Up to where it meets the tree's last leaf, a leaf has a sibling on each level; above, only to its left.
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()


def consistency_length(old_size: int, size: int) -> int:
    """How many hashes the consistency path between these sizes has. Raises ProofMismatch when the tree would shrink."""
    _check_sizes(old_size, size)
    if old_size in (0, size):
        return 0
    # The old tree's rightmost perfect subtree, where it is not the whole old tree, and that one's inclusion path.
    level = (old_size & -old_size).bit_length() - 1
    return path_length((old_size - 1) >> level, ((size - 1) >> level) + 1) + (old_size & (old_size - 1) != 0)


# Checking proofs.


def root_of_path(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion path leads to (RFC 9162 section 2.1.3.2). Its length is checked before any hashing.

    Raises ProofMismatch.
    """
    if len(path) != path_length(index, size):
        raise ProofMismatch("an inclusion path of the wrong length", nodes=len(path))
    _check_hashes((leaf, *path))
    folded, last = leaf, size - 1
    for sibling in path:
        # The edge of an imperfect tree has levels without a sibling.
        while index == last and not index & 1:
            index >>= 1
            last >>= 1
        pair = b"\x01" + sibling + folded if index & 1 else b"\x01" + folded + sibling
        folded = sha256(pair).digest()
        index >>= 1
        last >>= 1
    return folded


def check_consistency(old_size: int, old_root: bytes, size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Return if the tree of `size` leaves begins with that of `old_size` (RFC 9162 section 2.1.4.2).

    Every tree begins with the empty one. Raises ProofMismatch.
    """
    if old_size == 0 and size > 0 and not path and old_root == EMPTY_ROOT and len(new_root) == HASH_BYTES:
        _check_sizes(old_size, size)
        return
    if root_of_consistency(old_size, old_root, size, path) != new_root:
        raise ProofMismatch("a consistency path that does not lead to the newer root", old_size=old_size, size=size)


def root_of_consistency(old_size: int, old_root: bytes, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves to which a consistency path leads from that of `old_size`.

    Its length is checked before any hashing. Raises ProofMismatch, also where the path does not lead to `old_root`; and
    from the empty tree to any other, which no path leads to.
    """
    if len(path) != consistency_length(old_size, size):
        raise ProofMismatch("a consistency path of the wrong length", nodes=len(path))
    _check_hashes((old_root, *path))
    if not path:
        if old_size != size or (not size and old_root != EMPTY_ROOT):
            raise ProofMismatch("nothing leads from the empty tree", size=size)
        return old_root
    # The path begins with the perfect subtree at the old tree's edge, unless that is the whole old tree.
    first, *siblings = path if old_size & (old_size - 1) else (old_root, *path)
    level = (old_size & -old_size).bit_length() - 1
    place, last = (old_size - 1) >> level, (size - 1) >> level
    old = new = first
    for sibling in siblings:
        while place == last and not place & 1:
            place >>= 1
            last >>= 1
        if place & 1:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
        place >>= 1
        last >>= 1
    if old != old_root:
        raise ProofMismatch("a consistency path that does not begin at the older root", old_size=old_size, size=size)
    return new


def partial_root(size: int, known: Mapping[int, bytes], nodes: Sequence[bytes]) -> bytes:
    """Root of a tree of which some leaves are known: that of the `Disclosure`. Raises ProofMismatch as that does."""
    if not nodes and list(known) == list(range(size)):
        # Most statements disclose all their outputs, and nobody asks for their subtrees.
        return root(list(known.values()))
    return Disclosure(size, known, nodes).root


@final
class Disclosure:
    """A tree of which some leaves are known by index and the rest is given by the roots of the largest subtrees
    without a known leaf, left to right."""

    def __init__(self, size: int, known: Mapping[int, bytes], nodes: Sequence[bytes]) -> None:
        """Folds the tree. Raises ProofMismatch for too few or too many nodes, or a leaf beyond the tree."""
        self._size = size
        self._known = known
        self._hashes = self._fold(nodes)
        self.root = self._hashes.get((0, size), EMPTY_ROOT)

    def without(self, keep: Collection[int]) -> tuple[bytes, ...]:
        """The subtree roots that stand for everything but the leaves in `keep`, each of which must be known.

        Raises ProofMismatch.
        """
        if not set(keep) <= self._known.keys():
            raise ProofMismatch("a leaf to be kept is not known")
        return tuple(self._hashes[part] for part in undisclosed_ranges(self._size, keep))

    def _fold(self, nodes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
        """Hashes of all the subtrees that the known leaves and the nodes give, the whole tree among them."""
        hashes: dict[tuple[int, int], bytes] = {}
        rest = iter(nodes)
        edge: list[tuple[int, int]] = []
        for part, is_known in _partition(self._size, self._known):
            low, high = part
            value = self._known[low] if is_known else next(rest, None)
            if value is None:
                raise ProofMismatch("fewer subtree roots than undisclosed subtrees")
            hashes[low, high] = value
            # Joined with those to its left that it completes.
            while edge and high == min(2 * edge[-1][1] - edge[-1][0], self._size):
                left = edge.pop()
                low, value = left[0], node_hash(hashes[left], value)
                hashes[low, high] = value
            edge.append((low, high))
        if next(rest, None) is not None:
            raise ProofMismatch("more subtree roots than undisclosed subtrees")
        return hashes


def _partition(size: int, known: Collection[int]) -> Iterator[tuple[Range, bool]]:
    """The tree in subtrees, left to right: each known leaf alone (True), and the largest without any (False)."""
    opened = sorted(set(known))
    if opened and not 0 <= opened[0] <= opened[-1] < size:
        raise ProofMismatch("a leaf beyond the tree", size=size)
    stack = [(0, size, 0, len(opened))] if size else []
    while stack:
        low, high, first, last = stack.pop()
        if first == last:
            yield Range(low, high), False
        elif high - low == 1:
            yield Range(low, high), True
        else:
            middle = low + _split(high - low)
            cut = bisect_left(opened, middle, first, last)
            stack += ((middle, high, cut, last), (low, middle, first, cut))


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 9162 section 2.1.1); `size` is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size <= SIZE_MAX:
        raise ProofMismatch("a leaf beyond the tree", index=index, size=size)


def _check_sizes(old_size: int, size: int) -> None:
    if not 0 <= old_size <= size <= SIZE_MAX:
        raise ProofMismatch("a log never shrinks", old_size=old_size, size=size)


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if not set(map(len, hashes)) <= _HASH_LENGTHS:
        raise ProofMismatch("a hash has 32 bytes")
