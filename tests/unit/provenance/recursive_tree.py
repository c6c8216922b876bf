"""The tree of RFC 9162 section 2.1 as the text defines it: recursive and slow, and written without looking at ours.

Leaves are leaf hashes. The oracle of the tests, and what the published vectors of this project are made with.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]), section 2.1.1."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]), section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root(leaves[k:])]
    return [*path(index - k, leaves[k:]), root(leaves[:k])]


def proof(old_size: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n]), section 2.1.4.1; 0 < m < n."""
    return _subproof(old_size, leaves, complete=True)


def _subproof(old_size: int, leaves: Sequence[bytes], *, complete: bool) -> list[bytes]:
    if old_size == len(leaves):
        return [] if complete else [root(leaves)]
    k = split(len(leaves))
    if old_size <= k:
        return [*_subproof(old_size, leaves[:k], complete=complete), root(leaves[k:])]
    return [*_subproof(old_size - k, leaves[k:], complete=False), root(leaves[:k])]


def undisclosed(leaves: Sequence[bytes], known: Collection[int], low: int = 0) -> list[bytes]:
    """The nodes of docs/STATEMENTS.md, 1.5: roots of the largest subtrees without a known leaf, left to right."""
    if not leaves:
        return []
    if not any(low <= index < low + len(leaves) for index in known):
        return [root(leaves)]
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    return undisclosed(leaves[:k], known, low) + undisclosed(leaves[k:], known, low + k)


def split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k
