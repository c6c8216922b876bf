"""What a file holds: a bundle, an item, or a bare statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from monazite_provenance import bundle
from monazite_provenance.item import ITEM_BYTES_MAX, Item
from monazite_provenance.statement import Outpoint

_SIGN1: Final = b"\xd2"
_ARRAY_OF_FOUR: Final = b"\x84"
_NUMBER_LAST: Final = b"\x1b"


def items(pieces: Iterable[bytes]) -> tuple[Outpoint | None, Iterator[Item]]:
    """The target of a bundle and its items, as a stream; of an item or a bare statement that alone, without a target.

    Raises ProvenanceError, here and while iterating.
    """
    rest = iter(pieces)
    first = next(rest, b"")
    if first.startswith(_SIGN1):
        return None, iter([Item(_whole(first, rest), {}, (), None)])
    # The head of a bundle that witnesses co-signed is an array of four too, but one that begins with a number.
    if first.startswith(_ARRAY_OF_FOUR) and first[1:2] > _NUMBER_LAST:
        return None, iter([Item.decode(_whole(first, rest))])
    opened = bundle.read(chain((first,), rest))
    return opened.target, opened.items


def _whole(first: bytes, rest: Iterator[bytes]) -> bytes:
    """One item or statement; of a file that is longer no more than shows it."""
    whole = bytearray(first)
    for piece in rest:
        whole += piece
        if len(whole) > ITEM_BYTES_MAX:
            break
    return bytes(whole)
