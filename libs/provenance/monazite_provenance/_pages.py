"""Reading the pages of a bundle that has several, as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from monazite_provenance._bundle_head import (
    PAGE_BYTES_MAX,
    PAGE_HEAD_BYTE,
    Cosigned,
    Head,
    Listing,
    PagePlace,
    decode_head,
)
from monazite_provenance._frozen import dataclass
from monazite_provenance._sequence import EndsWithin
from monazite_provenance.errors import ForeignPage, PageOutOfOrder, PagesIncomplete, TooLarge


@dataclass(frozen=True, slots=True)
class Page:
    """Page `number` `of` so many as it comes: its receipts, its encoded items, raising as `read`, and what witnesses
    co-signed.
    """

    listings: tuple[Listing, ...]
    pieces: Iterator[bytes]
    cosigned: tuple[Cosigned, ...] = ()
    number: int = 1
    of: int = 1


class PageReader:
    """Reads the pages of a bundle, and that each continues the one before it."""

    def __init__(self, first: Head, pieces: Iterator[bytes]) -> None:
        assert first.place is not None  # noqa: S101 - of a bundle of one page nothing is asked
        self._target = first.target
        self._of = first.place.of
        self._pieces = pieces
        self._before: bytes | None = None

    def read(self, raw: bytes, head: Head) -> Iterator[Page]:
        """All of them; `raw` is the first head."""
        for number in range(1, self._of + 1):
            place = self._place(head, number)
            items = self._items(raw, place)
            yield Page(head.listings, items, head.cosigned, number, self._of)
            for _ in items:
                # What the reader did not want counts for the digest all the same.
                pass
            behind = next(self._pieces, None) if number == self._of else self._next(self._of - number)
            if behind is None:
                return
            raw, head = behind, decode_head(behind)
        raise PageOutOfOrder("a page behind the last", page=self._of)

    def _place(self, head: Head, number: int) -> PagePlace:
        place = head.place
        if place is None or place.of != self._of or head.target != self._target:
            raise ForeignPage("a page of another bundle", page=number)
        if place.number != number:
            raise PageOutOfOrder("another page than the next one", page=place.number, expected=number)
        if place.before != self._before:
            raise ForeignPage("a page that continues another than the one before it", page=number)
        return place

    def _items(self, raw: bytes, place: PagePlace) -> Iterator[bytes]:
        digest, total = sha256(raw), len(raw)
        for _ in range(place.items):
            piece = self._next(place.of - place.number)
            if piece.startswith(PAGE_HEAD_BYTE):
                raise PagesIncomplete("a page ends before all its items have come", page=place.number)
            total += len(piece)
            if total > PAGE_BYTES_MAX:
                raise TooLarge("page of a bundle too long", limit=PAGE_BYTES_MAX)
            digest.update(piece)
            yield piece
        self._before = digest.digest()

    def _next(self, missing: int) -> bytes:
        try:
            piece = next(self._pieces, None)
        except EndsWithin:
            piece = None
        if piece is None:
            raise PagesIncomplete("the bundle ends before its last page does", missing=missing)
        return piece
