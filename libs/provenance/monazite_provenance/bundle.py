"""Bundles: what travels with a lot. A CBOR sequence: a head, then items, parents first.

The head is `[1, target outpoint, [[receipt, [place of an item, ...]], ...]]`: one receipt of many entries for all
statements of a log, and which items of the bundle, counted from 0, its indexes are of. So a reader knows where an item
claims to be registered before it meets it, and needs the receipt's proof only at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from monazite_provenance import _cbor
from monazite_provenance._frozen import dataclass
from monazite_provenance._sequence import cut
from monazite_provenance.errors import BadField, TooLarge, TooManyParents, UnsupportedVersion
from monazite_provenance.item import ITEM_BYTES_MAX, Item
from monazite_provenance.receipts import MULTI_RECEIPT_BYTES_MAX
from monazite_provenance.statement import OUTPOINT_BYTES, Outpoint

BUNDLE_VERSION: Final = 1
PAGE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest page of a bundle, bytes."""
PAGE_STATEMENTS_MAX: Final = 10_000
"""Most statements in a page of a bundle."""
LISTINGS_MAX: Final = 64
"""Most receipts in the head of a bundle: one a log."""
HEAD_BYTES_MAX: Final = MULTI_RECEIPT_BYTES_MAX + 256 * 1024
"""Largest head of a bundle, bytes: its receipts, and five bytes for each item that they are of."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A receipt of many entries (`receipts`), and the places in the bundle of the items that its indexes are of."""

    receipt: bytes
    ordinals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The outpoint a bundle speaks for, its receipts, and its encoded items as they come, raising as `read`."""

    target: Outpoint
    listings: tuple[Listing, ...]
    pieces: Iterator[bytes]

    @property
    def items(self) -> Iterator[Item]:
        """What is left of the pieces, decoded as they come. Raises the Malformed family."""
        return map(Item.decode, self.pieces)


def write(target: Outpoint, items: Iterable[Item | bytes], listings: Sequence[Listing] = ()) -> Iterator[bytes]:
    """The encoded pieces of a bundle, one an item. Raises TooLarge, TooManyParents past the bounds of a page."""
    receipts: list[_cbor.Encodable] = [[each.receipt, list(each.ordinals)] for each in listings]
    head = _cbor.encode([BUNDLE_VERSION, target.encode(), receipts])
    if len(listings) > LISTINGS_MAX or len(head) > HEAD_BYTES_MAX:
        raise TooLarge("head of a bundle too long", limit=HEAD_BYTES_MAX)
    total = len(head)
    yield head
    for count, item in enumerate(items, start=1):
        piece = item if isinstance(item, bytes) else item.encode()
        total += len(piece)
        if total > PAGE_BYTES_MAX:
            raise TooLarge("bundle too long", limit=PAGE_BYTES_MAX)
        if count > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        yield piece


def read(chunks: Iterable[bytes]) -> Bundle:
    """Read a bundle from pieces cut anywhere, as a stream; its items are encoded and still to be decoded.

    Raises the Malformed family, UnsupportedVersion, TooManyParents: here for the head, while iterating for the items.
    """
    pieces = cut(chunks, first_bytes_max=HEAD_BYTES_MAX, item_bytes_max=ITEM_BYTES_MAX, total_bytes_max=PAGE_BYTES_MAX)
    first = next(pieces, None)
    if first is None:
        raise BadField("an empty bundle", field="bundle")
    target, listings = _head(_cbor.decode(first))
    return Bundle(target, listings, _items(pieces))


def _head(value: _cbor.CborValue) -> tuple[Outpoint, tuple[Listing, ...]]:
    match value:
        case [int(version), bytes(target), list(receipts)] if type(version) is int and len(target) == OUTPOINT_BYTES:
            if version != BUNDLE_VERSION:
                raise UnsupportedVersion("bundle of another version")
        case _:
            raise BadField("the head of a bundle", field="bundle")
    if len(receipts) > LISTINGS_MAX:
        raise TooLarge("too many receipts in the head of a bundle", limit=LISTINGS_MAX)
    listings = tuple(_listing(member) for member in receipts)
    named = [ordinal for listing in listings for ordinal in listing.ordinals]
    if len(named) > PAGE_STATEMENTS_MAX or len(set(named)) != len(named):
        raise BadField("an item that stands in two receipts of the head", field="bundle")
    return Outpoint.decode(target), listings


def _listing(value: _cbor.CborValue) -> Listing:
    match value:
        case [bytes(receipt), list(ordinals)] if ordinals:
            listed = tuple(ordinal for ordinal in ordinals if type(ordinal) is int)
            if len(listed) == len(ordinals) and 0 <= min(listed) <= max(listed) < PAGE_STATEMENTS_MAX:
                return Listing(receipt, listed)
        case _:
            pass
    raise BadField("a receipt in the head of a bundle", field="bundle")


def _items(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for count, piece in enumerate(pieces, start=1):
        if count > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        yield piece
