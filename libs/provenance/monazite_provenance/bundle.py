"""Bundles: what travels with a lot. A CBOR sequence: a head, then items, parents first.

The head is `[1, target outpoint, [[receipt, [place of an item, ...]], ...]]`: one receipt of many entries for all
statements of a log, and which items of the bundle, counted from 0, its indexes are of. So a reader knows where an item
claims to be registered before it meets it, and needs the receipt's proof only at the end. Where witnesses co-signed the
logs, a fourth member of the head carries that; it changes nothing in the items, so that anybody may add it later.

What is over a bound of a page is written as several, one behind the other, each with a head of its own and receipts for
its own items: `[2, target, receipts, co-signed, [number, of, items, SHA-256 of the page before]]`. Each can be proven
when it has come; what witnesses co-signed stands in the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain
from typing import Final

from monazite_provenance._bundle_head import (
    BUNDLE_VERSION,
    COSIGNED_MAX,
    HEAD_BYTES_MAX,
    JOINTS_MAX,
    LISTINGS_MAX,
    PAGE_BYTES_MAX,
    PAGE_STATEMENTS_MAX,
    PAGED_VERSION,
    PAGES_MAX,
    Cosigned,
    Head,
    Joint,
    Listing,
    PagePlace,
    decode_head,
    encode_head,
)
from monazite_provenance._frozen import dataclass
from monazite_provenance._pages import Page, PageReader
from monazite_provenance._sequence import Bounds, cut
from monazite_provenance.errors import BadField, NotABundle, TooLarge, TooManyParents
from monazite_provenance.item import ITEM_BYTES_MAX, Item
from monazite_provenance.statement import Outpoint

__all__ = [
    "BUNDLE_VERSION",
    "COSIGNED_MAX",
    "HEAD_BYTES_MAX",
    "JOINTS_MAX",
    "LISTINGS_MAX",
    "PAGED_VERSION",
    "PAGES_MAX",
    "PAGE_BYTES_MAX",
    "PAGE_STATEMENTS_MAX",
    "Bundle",
    "Cosigned",
    "Joint",
    "Listing",
    "Page",
    "PageWriter",
    "Sheet",
    "read",
    "sheets",
    "write",
    "write_pages",
]


# How the head of a bundle begins: an array of three to five, and in it an unsigned integer.
_HEADS: Final = (0x83, 0x84, 0x85)
_NUMBER_LAST: Final = b"\x1b"
_BEGINNING_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Bundle:
    """The outpoint a bundle speaks for, its first page and those behind it, each to be read before the next is asked
    for.
    """

    target: Outpoint
    first: Page
    rest: Iterator[Page]

    @property
    def pages(self) -> Iterator[Page]:
        """The pages that are left, as they come. Raises as `read`."""
        return chain((self.first,), self.rest)

    @property
    def pieces(self) -> Iterator[bytes]:
        """What is left of the encoded items of all pages, as they come. Raises as `read`."""
        return (piece for page in self.pages for piece in page.pieces)

    @property
    def items(self) -> Iterator[Item]:
        """The same, decoded. Raises the Malformed family."""
        return map(Item.decode, self.pieces)

    @property
    def listings(self) -> tuple[Listing, ...]:
        """Of a bundle of one page its receipts. Raises TooLarge for one of more, each of which has its own."""
        return self._only.listings

    @property
    def cosigned(self) -> tuple[Cosigned, ...]:
        """The same, of what witnesses co-signed."""
        return self._only.cosigned

    @property
    def _only(self) -> Page:
        if self.first.of > 1:
            raise TooLarge("a bundle of several pages", limit=1)
        return self.first


@dataclass(frozen=True, slots=True)
class Sheet:
    """What goes into a page: encoded items, and the receipts of these, by their places in this page."""

    pieces: Sequence[bytes]
    listings: Sequence[Listing] = ()


class PageWriter:
    """Writes the pages of a bundle one after the other, a bundle of one page as `write` does."""

    def __init__(self, target: Outpoint, of: int, cosigned: Sequence[Cosigned] = ()) -> None:
        """`cosigned` goes into the last of `of` pages. Raises TooLarge for too many, or none."""
        if not 0 < of <= PAGES_MAX:
            raise TooLarge("too many pages", limit=PAGES_MAX)
        self._target = target
        self._of = of
        self._cosigned = cosigned
        self._number = 0
        self._before: bytes | None = None

    def page(self, sheet: Sheet) -> list[bytes]:
        """The encoded pieces of the next page, its head first.

        Raises TooLarge, TooManyParents past its bounds; BadField for one without items, or behind the last.
        """
        if self._number == self._of:
            raise BadField("a page behind the last", field="bundle")
        self._number += 1
        last = self._number == self._of
        place = None
        if self._of > 1:
            if not sheet.pieces:
                raise BadField("a page without items", field="bundle")
            place = PagePlace(self._number, self._of, len(sheet.pieces), self._before)
        head = Head(self._target, tuple(sheet.listings), tuple(self._cosigned) if last else (), place)
        pieces = list(_written(head, sheet.pieces))
        if not last:
            self._before = sha256(b"".join(pieces)).digest()
        return pieces


def write(
    target: Outpoint,
    items: Iterable[Item | bytes],
    listings: Sequence[Listing] = (),
    cosigned: Sequence[Cosigned] = (),
) -> Iterator[bytes]:
    """The encoded pieces of a bundle of one page, one an item. Raises TooLarge, TooManyParents past its bounds."""
    return _written(Head(target, tuple(listings), tuple(cosigned)), items)


def write_pages(target: Outpoint, pages: Sequence[Sheet], cosigned: Sequence[Cosigned] = ()) -> Iterator[bytes]:
    """The encoded pieces of a bundle of these pages. Raises as `PageWriter.page`."""
    writer = PageWriter(target, len(pages), cosigned)
    return (piece for sheet in pages for piece in writer.page(sheet))


def sheets(bundle: Bundle) -> tuple[list[Sheet], tuple[Cosigned, ...]]:
    """All that is left of a bundle, in memory, page by page, and what witnesses co-signed: what `write_pages` takes.

    Raises as `read`.
    """
    found: list[Sheet] = []
    cosigned: tuple[Cosigned, ...] = ()
    for page in bundle.pages:
        found.append(Sheet(list(page.pieces), page.listings))
        cosigned = page.cosigned
    return found, cosigned


def read(chunks: Iterable[bytes]) -> Bundle:
    """Read a bundle from pieces cut anywhere, as a stream; its items are encoded and still to be decoded.

    Raises the Malformed family (NotABundle for what is another file altogether), UnsupportedVersion, TooManyParents:
    here for the head, while iterating for the items and the pages. Of a bundle of several pages PagesIncomplete,
    PageOutOfOrder, ForeignPage for one that is not whole.
    """
    bounds = Bounds(HEAD_BYTES_MAX, PAGE_BYTES_MAX)
    pieces = cut(_begun(chunks), bounds)
    first = next(pieces, b"")
    head = decode_head(first)
    if head.place is None:
        bounds.item_bytes_max = ITEM_BYTES_MAX
        return Bundle(head.target, Page(head.listings, _items(pieces), head.cosigned), iter(()))
    # The bound of an item stays a head's: what comes too early, an item being left out, is to be told from a long item.
    bounds.total_bytes_max = head.place.of * PAGE_BYTES_MAX
    pages = PageReader(head, pieces).read(first, head)
    return Bundle(head.target, next(pages), pages)


def _begun(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """The same, if they begin as the head of a bundle does, of whatever version: an array of three to five, whose
    first is a number. Raises NotABundle: read as CBOR, a text or a picture would only seem too long.
    """
    rest = iter(chunks)
    start = b""
    for chunk in rest:
        start += chunk
        if len(start) >= _BEGINNING_BYTES:
            break
    if not start:
        raise NotABundle("there is nothing in it")
    if start[0] not in _HEADS or start[1:2] > _NUMBER_LAST:
        raise NotABundle("it does not begin as a bundle does: another kind of file")
    return chain((start,), rest)


def _written(head: Head, items: Iterable[Item | bytes]) -> Iterator[bytes]:
    encoded = encode_head(head)
    total = len(encoded)
    yield encoded
    for count, item in enumerate(items, start=1):
        piece = item if isinstance(item, bytes) else item.encode()
        total += len(piece)
        if total > PAGE_BYTES_MAX:
            raise TooLarge("bundle too long", limit=PAGE_BYTES_MAX)
        if count > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        yield piece


def _items(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for count, piece in enumerate(pieces, start=1):
        if count > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        yield piece
