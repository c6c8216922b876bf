"""Cuts a stream of bytes into the items of a CBOR sequence (RFC 8742) without decoding them.

Only what the profile allows is cut: definite lengths, no tags, no floats. Whether the forms are the shortest is for the
decoder of each item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from monazite_provenance.errors import BadField, TooLarge

_ARGUMENT_BYTES: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_STRINGS: Final = (2, 3)
_ARRAY: Final = 4
_MAP: Final = 5
_SIMPLE: Final = 7
_SIMPLE_ARGUMENTS: Final = (20, 21, 22)
_INLINE_MAX: Final = 23


def cut(chunks: Iterable[bytes], *, item_bytes_max: int, total_bytes_max: int) -> Iterator[bytes]:
    """The encoded items of a sequence, one by one, holding no more than one item and one chunk.

    Raises TooLarge past a bound, BadField for what is no CBOR of the profile or ends within an item.
    """
    buffer = bytearray()
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > total_bytes_max:
            raise TooLarge("sequence too long", limit=total_bytes_max)
        buffer += chunk
        start = 0
        while (end := _end_of_item(buffer, start, item_bytes_max)) is not None:
            yield bytes(buffer[start:end])
            start = end
        del buffer[:start]
        if len(buffer) > item_bytes_max:
            raise TooLarge("item too long", limit=item_bytes_max)
    if buffer:
        raise BadField("the sequence ends within an item", field="bundle")


def _end_of_item(buffer: bytearray, start: int, item_bytes_max: int) -> int | None:
    """Where the item that starts here ends, or None when it is not all there yet."""
    place, left = start, 1
    while left:
        if place >= len(buffer):
            return None
        major, info = buffer[place] >> 5, buffer[place] & 31
        place += 1
        size = _ARGUMENT_BYTES.get(info, 0)
        if info > _INLINE_MAX and not size:
            raise BadField("an indefinite length or a reserved head", field="bundle")
        if major > _MAP and not (major == _SIMPLE and info in _SIMPLE_ARGUMENTS):
            raise BadField("a tag, a float or a simple value outside the profile", field="bundle")
        if place + size > len(buffer):
            return None
        argument = int.from_bytes(buffer[place : place + size], "big") if size else info
        place += size
        left -= 1
        if major in _STRINGS:
            place += argument
        elif major == _ARRAY:
            left += argument
        elif major == _MAP:
            left += 2 * argument
        # Every member has at least a byte: no count can promise more than an item may hold.
        if place - start + left > item_bytes_max:
            raise TooLarge("item too long", limit=item_bytes_max)
    return place if place <= len(buffer) else None
