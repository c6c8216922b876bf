"""Deterministic CBOR, the profile of RFC 8949 section 4.2.1 that statements use.

Allowed: integers of 64 bits, byte strings, text strings, arrays, maps with integer keys, false, true, null. Definite
lengths, shortest forms, keys in bytewise order of their encoding, nesting of at most `NESTING_MAX` containers, nothing
after the item. Refused: every tag, float, other simple value. (cbor2's `canonical=True` sorts keys length-first, which
is RFC 7049.)

How the check works: cbor2 decodes (refusing tags before it looks inside them, indefinite lengths and repeated keys);
then one walk over the values adds up the *shortest* length that each could have. No encoding of a value is shorter than
its shortest form, so the sum equals the length of the input only if every part was in its shortest form and nothing
followed. Comparing with a second encoding says the same and costs four times as much.
"""
# What cbor2 gives is unknown until the walk has been through it.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from typing import Final, NoReturn, TypeAlias, cast

import cbor2

from monazite_provenance.errors import BadField, Malformed, NotDeterministic, TooDeep, TrailingBytes

CborValue: TypeAlias = "int | bytes | str | bool | list[CborValue] | dict[int, CborValue] | None"
Encodable: TypeAlias = "int | bytes | str | bool | Sequence[Encodable] | Mapping[int, Encodable] | None"

NESTING_MAX: Final = 8
INTEGER_BITS_MAX: Final = 64
# A little more than the profile's bound, so that our own walk finds what is too deep and can say so.
_DECODER_NESTING_MAX: Final = 64


class _TagRefusedError(Exception):
    """Raised inside the decoder, which wraps it."""


def _refuse_tag(*_: object) -> object:
    raise _TagRefusedError


# Every tag that cbor2 gives a meaning, so that none of its decoders (regular expressions, big numbers, shared
# references) ever runs.
_SEMANTIC_TAGS: Final = (
    0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799,
)  # fmt: skip
_REFUSALS: Final[dict[int, Callable[..., object]]] = dict.fromkeys(_SEMANTIC_TAGS, _refuse_tag)
_DECODER_ERRORS: Final = (
    cbor2.CBORError, _TagRefusedError, ValueError, TypeError, OverflowError, RecursionError, MemoryError,
)  # fmt: skip

# An argument below this stands in the initial byte itself.
_INLINE: Final = 24
# Length of a head by the bit length of its argument, when it does not stand in the initial byte.
_HEAD_BYTES: Final[tuple[int, ...]] = (2,) * 9 + (3,) * 8 + (5,) * 16 + (9,) * 32
# Additional information of the initial byte by length of the head.
_ADDITIONAL: Final = {2: 24, 3: 25, 5: 26, 9: 27}
# Writes a head of that length: initial byte, then the argument.
_PACK: Final = {2: Struct(">BB").pack, 3: Struct(">BH").pack, 5: Struct(">BI").pack, 9: Struct(">BQ").pack}
# By additional information: bytes that follow the initial byte, and the least argument that needs them. For what is
# reserved or indefinite no bytes follow, so that the least is never reached.
_FOLLOWING: Final = {24: (1, _INLINE), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
_RESERVED: Final = (0, 1)
_SHORT_HEADS: Final = tuple(tuple(bytes((major << 5 | n,)) for n in range(_INLINE)) for major in range(6))
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP = range(6)
# Initial byte of a byte string of 256 to 65 535 bytes.
_TWO_BYTES_FOLLOW: Final = _BYTES << 5 | 25


def decode(data: bytes) -> CborValue:
    """The one value that `data` encodes deterministically. Raises the `Malformed` family."""
    value = _loaded(data)
    shortest = _shortest_of_all((value,), NESTING_MAX)
    if shortest != len(data):
        _refuse_longer(data[:shortest])
    return cast("CborValue", value)


def _loaded(data: bytes) -> object:
    try:
        value: object = cbor2.loads(
            data,
            tag_hook=_refuse_tag,
            semantic_decoders=_REFUSALS,
            max_depth=_DECODER_NESTING_MAX,
            allow_indefinite=False,
            allow_duplicate_keys=False,
        )
    except _DECODER_ERRORS as error:
        raise _refusal(error) from error
    return value


def _refuse_longer(shortest: bytes) -> NoReturn:
    """Of bytes that are more than their value needs, given as many as it needs: are they all of it, or cut short?"""
    try:
        _loaded(shortest)
    except Malformed:
        raise NotDeterministic("not in shortest form") from None
    raise TrailingBytes("bytes after the item")


def _refusal(error: Exception) -> Malformed:
    # The decoder has one error for everything; its text, which the tests pin, is all there is to tell them apart.
    text = str(error)
    if "nesting depth" in text:
        return TooDeep("containers nested too deeply", limit=NESTING_MAX)
    if "indefinite length" in text or "Duplicate map key" in text:
        return NotDeterministic("an indefinite length or a repeated key")
    return BadField("not CBOR of the profile", field="cbor")


def _shortest_of_all(values: Iterable[object], depth_left: int) -> int:
    """Sum of the shortest lengths of `values`, in bytes. One loop, because most of what it meets are integers."""
    if depth_left < 0:
        raise TooDeep("containers nested too deeply", limit=NESTING_MAX)
    total = 0
    for value in values:
        # A bool is an int of one byte here, as it is on the wire.
        if isinstance(value, int):
            argument = value if value >= 0 else -1 - value
        elif isinstance(value, bytes):
            argument = len(value)
            total += argument
        elif isinstance(value, list):
            argument = len(value)
            total += _shortest_of_all(value, depth_left - 1)
        elif isinstance(value, str):
            argument = len(value) if value.isascii() else len(value.encode())
            total += argument
        elif isinstance(value, dict):
            argument = len(value)
            total += _shortest_keys(value) + _shortest_of_all(value.values(), depth_left - 1)
        elif value is None:
            argument = 0
        else:
            raise BadField("a type outside the profile", field="cbor")
        total += 1 if argument < _INLINE else _HEAD_BYTES[argument.bit_length()]
    return total


def _shortest_keys(keys: Iterable[object]) -> int:
    total, previous = 0, -1
    for key in keys:
        if type(key) is not int:
            raise BadField("a map key is not an integer", field="cbor")
        # Negative keys (major type 1) sort after all others, -1 first.
        argument = key if key >= 0 else -1 - key
        rank = argument if key >= 0 else argument + (1 << INTEGER_BITS_MAX)
        if rank <= previous:
            raise NotDeterministic("map keys are not in bytewise order")
        previous = rank
        total += 1 if argument < _INLINE else _HEAD_BYTES[argument.bit_length()]
    return total


def encode(value: Encodable) -> bytes:
    """The deterministic encoding of `value`. Raises `BadField` on a type or integer outside the profile, `TooDeep`."""
    parts: list[bytes] = []
    _append(parts, value, NESTING_MAX)
    return b"".join(parts)


def _append(parts: list[bytes], value: Encodable, depth_left: int) -> None:
    if isinstance(value, bytes):
        parts.append(head(_BYTES, len(value)))
        parts.append(value)
    elif isinstance(value, str):
        text = _utf8(value)
        parts.append(head(_TEXT, len(text)))
        parts.append(text)
    elif isinstance(value, bool):
        parts.append(b"\xf5" if value else b"\xf4")
    elif isinstance(value, int):
        parts.append(head(_UNSIGNED, value) if value >= 0 else head(_NEGATIVE, ~value))
    elif value is None:
        parts.append(b"\xf6")
    else:
        _append_container(parts, value, depth_left)


def _append_container(
    parts: list[bytes], value: Sequence[Encodable] | Mapping[int, Encodable], depth_left: int
) -> None:
    if not depth_left:
        raise TooDeep("containers nested too deeply", limit=NESTING_MAX)
    if isinstance(value, list | tuple):
        parts.append(head(_ARRAY, len(value)))
        for item in value:
            # Most of what contents hold are masses in lists: they are spared a call.
            if type(item) is int and item >= 0:
                parts.append(head(_UNSIGNED, item))
            else:
                _append(parts, item, depth_left - 1)
    elif isinstance(value, dict | Mapping):  # asking an abstract class first costs as much as encoding a small map
        parts.append(head(_MAP, len(value)))
        for key, item in sorted(value.items(), key=_bytewise):
            _append(parts, key, 0)
            _append(parts, item, depth_left - 1)
    else:
        raise BadField("a type outside the profile", field="cbor")


def _bytewise(entry: tuple[object, Encodable]) -> bytes:
    key = entry[0]
    if type(key) is not int:
        raise BadField("a map key is not an integer", field="cbor")
    return head(_UNSIGNED, key) if key >= 0 else head(_NEGATIVE, ~key)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadField("text has no UTF-8 form", field="cbor") from error


def head(major: int, argument: int) -> bytes:
    """The shortest head of an item of major type 0 to 5. Raises `BadField` beyond 64 bits."""
    if argument < _INLINE:
        return _SHORT_HEADS[major][argument]
    if argument >> INTEGER_BITS_MAX:
        raise BadField("an integer beyond 64 bits", field="cbor")
    size = _HEAD_BYTES[argument.bit_length()]
    return _PACK[size](major << 5 | _ADDITIONAL[size], argument)


def read_byte_string(data: bytes, at: int) -> tuple[bytes, int]:
    """The content of the byte string whose head is at `at`, and where the next item begins. Raises as `decode`."""
    initial = data[at] if at < len(data) else 0
    if initial == _TWO_BYTES_FOLLOW and at + 3 <= len(data):
        # Statements and what they carry, mostly.
        start = at + 3
        length = data[at + 1] << 8 | data[at + 2]
        least = 1 << 8
    else:
        start, length, least = _length_at(data, at, initial)
    end = start + length
    if length < least:
        raise NotDeterministic("not in shortest form")
    if end > len(data):
        raise BadField("not CBOR of the profile", field="cbor")
    return data[start:end], end


def _length_at(data: bytes, at: int, initial: int) -> tuple[int, int, int]:
    """Where the content of a byte string begins, its length, and the least that needs a head of that length."""
    if initial >> 5 != _BYTES:
        raise BadField("not a byte string", field="cbor")
    length, start = initial & 31, at + 1
    if length < _INLINE:
        return start, length, 0
    size, least = _FOLLOWING.get(length, _RESERVED)
    if start + size > len(data):
        raise NotDeterministic("not in shortest form")
    return start + size, int.from_bytes(data[start : start + size], "big"), least


def byte_string(content: bytes) -> bytes:
    """`content` as an encoded CBOR byte string."""
    return head(_BYTES, len(content)) + content
