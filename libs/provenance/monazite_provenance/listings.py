"""For the sender of a bundle: which of its statements go into which page, and one receipt for those of a page that
stand in one log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from monazite_provenance import tree
from monazite_provenance.bundle import PAGE_BYTES_MAX, PAGE_STATEMENTS_MAX, Listing
from monazite_provenance.receipts import SignedHead

__all__ = ["listing", "nodes_needed", "split"]

_FREE: Final = 16
"""A sixteenth of a page is kept free for what its head holds beside the proof: what witnesses co-signed, above all."""
_NODE_BYTES: Final = 2 + tree.HASH_BYTES
_INDEX_BYTES: Final = 9 + 3
"""An index in a receipt, and the place of its item in the page."""


def nodes_needed(size: int, indexes: Iterable[int]) -> list[tree.Node]:
    """The nodes of a log of `size` entries that a receipt of these entries is made of: what to fetch before `listing`.

    Raises ProofMismatch for an index beyond the log.
    """
    ranges = tree.undisclosed_ranges(size, set(indexes))
    return [node for part in ranges for node in tree.covering(part.low, part.high)]


def listing(head: SignedHead, indexes: Mapping[int, int], hash_of: Callable[[tree.Node], bytes]) -> Listing:
    """The receipt under `head` of entries of its log, for the head of a bundle.

    `indexes` gives the index in the log by the place of the item in the bundle, from 0; `hash_of` the hashes of the
    log's nodes. Raises ProofMismatch for two items at one index or one beyond the log, TooLarge beyond the bounds of a
    receipt.
    """
    ordinals = sorted(indexes, key=indexes.__getitem__)
    places = [indexes[ordinal] for ordinal in ordinals]
    nodes = [tree.range_hash(part, hash_of) for part in tree.undisclosed_ranges(head.head.size, places)]
    return Listing(head.multi_receipt(places, nodes), tuple(ordinals))


def split(
    sizes: Sequence[int],
    indexes: Mapping[int, int],
    size: int,
    *,
    statements_max: int = PAGE_STATEMENTS_MAX,
    bytes_max: int = PAGE_BYTES_MAX,
) -> list[range]:
    """Which items go into which page, one behind the other, so that none is over its bounds.

    `sizes`: bytes of each encoded item. `indexes`: where those stand that receipts in the heads are for, in one log of
    `size` entries, by their places among the items.
    """
    pages: list[range] = []
    start = 0
    while start < len(sizes):
        end = min(start + statements_max, len(sizes))
        while _bytes(range(start, end), sizes, indexes, size) > bytes_max - bytes_max // _FREE and end - start > 1:
            # A tenth less until it fits: the larger a page, the more its proofs have in common.
            end -= max(1, (end - start) // 10)
        pages.append(range(start, end))
        start = end
    return pages


def _bytes(page: range, sizes: Sequence[int], indexes: Mapping[int, int], size: int) -> int:
    """An upper bound of what these items take with their receipt."""
    proven = sum(ordinal in indexes for ordinal in page)
    return sum(sizes[page.start : page.stop]) + proven * _INDEX_BYTES + _nodes_most(size, proven) * _NODE_BYTES


def _nodes_most(size: int, proven: int) -> int:
    """Most nodes of a proof for so many of `size` entries: on each level no more than there are parents on the paths to
    them, of which there are no more than entries proven, nor than nodes on that level.
    """
    return proven * (size.bit_length() - proven.bit_length() + 2) if proven else 0
