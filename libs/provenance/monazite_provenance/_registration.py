"""Where the statements of a bundle are registered: the receipts of its head, and those that statements carry.

A receipt of the head is a claim until the last of its statements has been seen: its proof needs all their leaves. So
what is concluded from a place that is only claimed counts once `settle` has passed, and not before. Of several pages
each has its own receipts, which are proven when it has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from monazite_provenance import _cose
from monazite_provenance.bundle import Listing
from monazite_provenance.errors import LogForked, NoTrustedReceipt, ProvenanceError
from monazite_provenance.key_book import HOME_SERVICES
from monazite_provenance.names import parse_log
from monazite_provenance.places import Place
from monazite_provenance.receipts import Head, HeadVerifier, UnverifiedHead, parse_multi_receipt, parse_receipt
from monazite_provenance.verifier import Statement


class _Listing:
    """A receipt of the head whose key would be believed.

    `first` is the first statement that rests on it alone; `doubtful` one that it places elsewhere than a verified
    receipt of its own does.
    """

    __slots__ = ("doubtful", "first", "head", "leaves", "ordinals", "receipt", "service")

    def __init__(self, receipt: bytes, head: UnverifiedHead, service: str, ordinals: tuple[int, ...]) -> None:
        self.receipt = receipt
        self.head = head
        self.service = service
        self.ordinals = ordinals
        self.leaves: dict[int, bytes] = {}
        self.first: bytes | None = None
        self.doubtful: bytes | None = None


class _Claim(NamedTuple):
    """What a receipt of the head says of one item."""

    listing: _Listing
    place: Place


class Heads:
    """The verified heads of one verification. Two of one log and size with different roots convict the log."""

    def __init__(self, known: Heads | None = None) -> None:
        """`known`: heads verified before, which none of these may contradict."""
        self._found: dict[tuple[str, int], tuple[Head, bytes]] = {} if known is None else dict(known._found)
        self._used: set[tuple[str, int]] = set()

    @property
    def used(self) -> tuple[Head, ...]:
        """The heads by whose receipts statements stand where they do, by log and size."""
        return tuple(self._found[each][0] for each in sorted(self._used))

    def signed(self, log: str, size: int) -> tuple[Head, bytes] | None:
        """The verified head of this log and size, and its checkpoint."""
        return self._found.get((log, size))

    def rest_on(self, head: Head) -> None:
        """Something stands where it does by a receipt under this head, which was compared."""
        self._used.add((head.log, head.size))

    def compare(self, head: Head, signed: UnverifiedHead) -> None:
        """Remember a verified head, whatever it stands in. Raises LogForked with the two that contradict each other."""
        checkpoint = _cose.encode_sign1(signed.protected, head.root, signed.signature)
        known, earlier = self._found.setdefault((head.log, head.size), (head, checkpoint))
        if known.root != head.root:
            raise LogForked("two roots of one log and size", earlier=earlier, later=checkpoint, size=head.size)


class Registration:
    """Gives each verified statement of a bundle its place in a log of the service that owns its kind."""

    def __init__(self, listings: Sequence[Listing], verifier: HeadVerifier, known: Heads | None = None) -> None:
        self._verifier = verifier
        self.heads = Heads(known)
        self._listings: list[_Listing] = []
        self._claims: dict[int, _Claim] = {}
        self._leaves: dict[Place, bytes] = {}
        self.blamed: bytes | None = None
        self.turn(listings)

    def turn(self, listings: Sequence[Listing]) -> None:
        """A page begins, the one before has passed `settle`. What stands where is remembered, its receipts are not."""
        self._listings.clear()
        self._claims.clear()
        for listing in listings:
            self._open(listing)

    def _open(self, listing: Listing) -> None:
        """Take a receipt of the head as a claim; one that cannot be read or believed counts for nothing."""
        try:
            found = parse_multi_receipt(listing.receipt)
            service, _shard = parse_log(found.head.log)
            self._verifier.check_key(found.head)
        except ProvenanceError:
            return
        if len(found.indexes) != len(listing.ordinals):
            return
        opened = _Listing(listing.receipt, found.head, service, listing.ordinals)
        self._listings.append(opened)
        self._claims |= {
            ordinal: _Claim(opened, Place(found.head.log, index))
            for ordinal, index in zip(listing.ordinals, found.indexes, strict=True)
        }

    def see(self, ordinal: int, leaf: bytes) -> None:
        """The leaf of the item at this place of the page, whatever is thought of it."""
        claim = self._claims.get(ordinal)
        if claim is not None:
            claim.listing.leaves[ordinal] = leaf

    def take(self, ordinal: int, statement: Statement) -> Place:
        """Where a statement is registered. Raises NoTrustedReceipt, LogForked."""
        leaf = statement.leaf
        self.see(ordinal, leaf)
        service = HOME_SERVICES[statement.claims.kind]
        place = self._carried(statement, leaf, service)
        claim = self._claims.get(ordinal)
        if claim is not None and claim.listing.service == service:
            place = self._claimed(claim, statement.id, place)
        if place is None:
            raise NoTrustedReceipt("no receipt of a trusted log in which such a statement is registered")
        if self._leaves.setdefault(place, leaf) != leaf:
            raise LogForked("two statements at one place of a log", index=place.index)
        return place

    def _carried(self, statement: Statement, leaf: bytes, service: str) -> Place | None:
        """The place that its own receipts show; one that fails, or is of another log, counts for nothing."""
        place: Place | None = None
        for receipt in statement.receipts:
            try:
                found = self._verifier.verify_receipt(receipt, leaf)
                at_home = parse_log(found.head.log)[0] == service
            except ProvenanceError:
                continue
            self.heads.compare(found.head, parse_receipt(receipt).head)
            if not at_home:
                continue
            shown = Place(found.head.log, found.index)
            if place is None:
                place = shown
                self.heads.rest_on(found.head)
            elif place.log == shown.log and place != shown:
                raise LogForked("one statement at two places of a log", index=shown.index)
        return place

    @staticmethod
    def _claimed(claim: _Claim, statement_id: bytes, carried: Place | None) -> Place:
        """The place that the head claims, unless a receipt that was verified shows one."""
        claimed = claim.place
        if carried is None:
            claim.listing.first = claim.listing.first or statement_id
        elif carried.log == claimed.log and carried != claimed:
            claim.listing.doubtful = statement_id
        return carried or claimed

    def settle(self) -> None:
        """The page has ended: what its head claims is proven, or `blamed` is the statement that lacks a receipt.

        Raises NoTrustedReceipt, LogForked.
        """
        for listing in self._listings:
            if self._holds(listing):
                self.blamed = listing.doubtful
                if listing.doubtful is not None:
                    raise LogForked("one statement at two places of a log")
            elif listing.first is not None:
                self.blamed = listing.first
                raise NoTrustedReceipt("a receipt in the head of the bundle does not hold", size=listing.head.size)

    def _holds(self, listing: _Listing) -> bool:
        leaves = [leaf for ordinal in listing.ordinals if (leaf := listing.leaves.get(ordinal)) is not None]
        try:
            proven = self._verifier.verify_multi_receipt(listing.receipt, leaves)
        except ProvenanceError:
            return False
        self.heads.compare(proven.head, listing.head)
        if listing.first is not None:
            self.heads.rest_on(proven.head)
        return True
