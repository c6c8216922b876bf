"""The logs of a world of bundles: every statement is registered when it is made, in the order of making."""

from __future__ import annotations

from collections.abc import Sequence

from monazite_provenance import tree
from monazite_provenance.bundle import Listing
from monazite_provenance.item import Item
from monazite_provenance.key_book import HOME_SERVICES
from monazite_provenance.keys import SigningKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.listings import listing, nodes_needed
from monazite_provenance.names import log_urn
from monazite_provenance.places import Place
from monazite_provenance.receipts import Head, SignedHead, sign_head
from monazite_provenance.statement import log_leaf, parse


class Register:
    """One log, its key, and the service that keeps it."""

    def __init__(self, name: str, issuer: str, key: SigningKey) -> None:
        self.name = name
        self.issuer = issuer
        self.key = key
        self._nodes: dict[tree.Node, bytes] = {}
        self._frontier = tree.Frontier()

    @property
    def size(self) -> int:
        """Entries so far."""
        return self._frontier.size

    def append(self, leaf: bytes) -> int:
        """Register one leaf; gives its index."""
        self._nodes.update(self._frontier.append(leaf))
        return self.size - 1

    def leaf(self, index: int) -> bytes:
        """The leaf hash at an index."""
        return self._nodes[tree.Node(0, index)]

    def head(self, signed_at: int, size: int | None = None) -> SignedHead:
        """A signed head over all entries, or over the first of them."""
        size = self.size if size is None else size
        root = tree.range_hash(tree.Range(0, size), self._nodes.__getitem__) if size else tree.EMPTY_ROOT
        return sign_head(Head(self.name, size, root, self.issuer, signed_at), self.key)

    def receipt(self, index: int, signed_at: int, size: int | None = None) -> bytes:
        """The receipt of one entry."""
        head = self.head(signed_at, size)
        ranges = tree.inclusion_ranges(index, head.head.size)
        return head.receipt(index, [tree.range_hash(part, self._nodes.__getitem__) for part in ranges])

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """The consistency path between two sizes."""
        ranges = tree.consistency_ranges(old_size, size)
        return [tree.range_hash(part, self._nodes.__getitem__) for part in ranges]

    def listing(self, indexes: dict[int, int], signed_at: int, size: int | None = None) -> Listing:
        """The receipt of many entries, for the head of a bundle."""
        head = self.head(signed_at, size)
        nodes = {node: self._nodes[node] for node in nodes_needed(head.head.size, indexes.values())}
        return listing(head, indexes, nodes.__getitem__)


class Registers:
    """All logs of a world, and where each statement stands."""

    def __init__(self) -> None:
        self.logs: dict[str, Register] = {}
        self.places: dict[bytes, Place] = {}

    def add(self, item: Item, log: str | None = None) -> bytes:
        """Register an item, in the log of its kind unless another is named; gives its id."""
        unverified = parse(item.statement)
        kind = unverified.claims.kind
        if kind is EventKind.STATUS:
            return unverified.statement_id
        home = log_urn(HOME_SERVICES[kind])
        name = log if log in self.logs and self.logs[log].issuer == self.logs[home].issuer else home
        self.places[unverified.statement_id] = Place(name, self.logs[name].append(log_leaf(item.statement)))
        return unverified.statement_id

    def listings(self, items: Sequence[Item], signed_at: int) -> list[Listing]:
        """One receipt a log for those of these items that are registered."""
        found: dict[str, dict[int, int]] = {}
        for ordinal, item in enumerate(items):
            place = self.places.get(parse(item.statement).statement_id)
            if place is not None and place.index not in found.setdefault(place.log, {}).values():
                found[place.log][ordinal] = place.index
        return [self.logs[log].listing(indexes, signed_at) for log, indexes in sorted(found.items())]
