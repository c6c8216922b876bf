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
# The head of a small tag (to 23), which is in one byte with its number.
_TAG: Final = 6 << 5
_SIMPLE: Final = 7
_SIMPLE_ARGUMENTS: Final = (20, 21, 22)
_INLINE_MAX: Final = 23


class EndsWithin(BadField):
    """The sequence ends within an item."""


class Bounds:
    """Of the next item and of the whole, bytes. Who reads may set others between two items."""

    __slots__ = ("item_bytes_max", "total_bytes_max")

    def __init__(self, item_bytes_max: int, total_bytes_max: int) -> None:
        self.item_bytes_max = item_bytes_max
        self.total_bytes_max = total_bytes_max


def cut(chunks: Iterable[bytes], bounds: Bounds, *, tag: int | None = None) -> Iterator[bytes]:
    """The encoded items of a sequence, one by one, holding no more than one item and one chunk.

    Items may bear `tag`. Raises TooLarge past a bound, BadField for what is no CBOR of the profile, EndsWithin. The
    bound of the whole is of the items: in how large chunks they come, and so how far ahead, does not count.
    """
    buffer = bytearray()
    total, bytes_max = 0, bounds.item_bytes_max
    # Of the item that is not all there yet: up to where its heads were read, and how many members are still to come.
    place, left = 0, 1
    for chunk in chunks:
        buffer += chunk
        start = 0
        while True:
            if tag is not None and place == start:
                place += buffer.startswith(bytes((_TAG | tag,)), start)
            place, left = _walk(buffer, start, place, left, bytes_max)
            if left or place > len(buffer):
                break
            total += place - start
            if total > bounds.total_bytes_max:
                raise TooLarge("sequence too long", limit=bounds.total_bytes_max)
            yield bytes(buffer[start:place])
            start, left, bytes_max = place, 1, bounds.item_bytes_max
        del buffer[:start]
        place -= start
        if len(buffer) > bytes_max:
            raise TooLarge("item too long", limit=bytes_max)
    if buffer:
        raise EndsWithin("it ends within an item: a part of it is missing", field="sequence")


def _walk(buffer: bytearray, start: int, place: int, left: int, item_bytes_max: int) -> tuple[int, int]:
    """Read heads of the item at `start` from `place` on, as far as they are all there: where the next is (it may be
    beyond the buffer), and how many members are to come. So an item that comes in many pieces is read once.
    """
    there = len(buffer)
    while left and place < there:
        after = place + 1
        major, argument = buffer[place] >> 5, buffer[place] & 31
        if major > _MAP and not (major == _SIMPLE and argument in _SIMPLE_ARGUMENTS):
            raise BadField("a tag, a float or a simple value outside the profile", field="sequence")
        if argument > _INLINE_MAX:
            argument, after = _argument(buffer, after, argument)
            if after > there:
                break
        place = after
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
    return place, left


def _argument(buffer: bytearray, place: int, info: int) -> tuple[int, int]:
    """An argument that stands after its head, and where it ends, which may be beyond the buffer."""
    size = _ARGUMENT_BYTES.get(info, 0)
    if not size:
        raise BadField("an indefinite length or a reserved head", field="sequence")
    return int.from_bytes(buffer[place : place + size], "big"), place + size
