"""For the sender of a bundle: one receipt for all of its statements that stand in one log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from monazite_provenance import tree
from monazite_provenance.bundle import Listing
from monazite_provenance.receipts import SignedHead

__all__ = ["listing", "nodes_needed"]


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
