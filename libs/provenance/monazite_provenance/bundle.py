"""Bundles: what travels with a lot. A CBOR sequence: a head `[1, target outpoint]`, then items, parents first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from monazite_provenance import _cbor
from monazite_provenance._sequence import cut
from monazite_provenance.errors import BadField, TooLarge, TooManyParents, UnsupportedVersion
from monazite_provenance.item import ITEM_BYTES_MAX, Item
from monazite_provenance.statement import OUTPOINT_BYTES, Outpoint

BUNDLE_VERSION: Final = 1
PAGE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Largest page of a bundle, bytes."""
PAGE_STATEMENTS_MAX: Final = 10_000
"""Most statements in a page of a bundle."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The outpoint a bundle speaks for, and its items as they come; the iterator raises as `read` does."""

    target: Outpoint
    items: Iterator[Item]


def write(target: Outpoint, items: Iterable[Item | bytes]) -> Iterator[bytes]:
    """The encoded pieces of a bundle, one an item. Raises TooLarge, TooManyParents past the bounds of a page."""
    head = _cbor.encode([BUNDLE_VERSION, target.encode()])
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
    """Read a bundle from pieces cut anywhere, as a stream.

    Raises the Malformed family, UnsupportedVersion, TooManyParents: here for the head, while iterating for the items.
    """
    pieces = cut(chunks, item_bytes_max=ITEM_BYTES_MAX, total_bytes_max=PAGE_BYTES_MAX)
    first = next(pieces, None)
    if first is None:
        raise BadField("an empty bundle", field="bundle")
    return Bundle(_head(_cbor.decode(first)), _items(pieces))


def _head(value: _cbor.CborValue) -> Outpoint:
    match value:
        case [int(version), bytes(target)] if type(version) is int and len(target) == OUTPOINT_BYTES:
            if version != BUNDLE_VERSION:
                raise UnsupportedVersion("bundle of another version")
            return Outpoint.decode(target)
        case _:
            raise BadField("the head of a bundle", field="bundle")


def _items(pieces: Iterator[bytes]) -> Iterator[Item]:
    for count, piece in enumerate(pieces, start=1):
        if count > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        yield Item.decode(piece)
