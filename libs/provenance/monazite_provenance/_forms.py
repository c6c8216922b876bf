"""Regular expressions that match exactly the deterministic encodings (RFC 8949 section 4.2.1) of values of one type.

Why they exist: a statement or a lot costs a multiple of its signature's arithmetic to read when a decoder first builds
values and a reader then asks each of them what it is. Nearly all of them have one of few forms, and a form is a regular
language: one match in C says that the bytes are of the form, in shortest encodings, every part typed and in bounds.

The rule for whoever reads with them: what matches is read at once, what does not is left to the general reader, which
alone refuses and says why. A form may therefore be narrower than the format and never wider;
tests/unit/provenance/test_forms.py holds both readers against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from struct import Struct
from typing import Any, Final, TypeVar

import cbor2

from monazite_provenance import _cbor

_Named = TypeVar("_Named", bound=tuple[Any, ...])
_NEW_TUPLE: Final[Any] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - generic

_TEXT_BYTES_WRITTEN_MAX: Final = 512
_BYTES, _TEXT, _ARRAY, _MAP = 2, 3, 4, 5
ASKED_BEFORE_COMPILING: Final = 24
"""Times that a form is asked for in vain."""
_BREAK: Final = b"\xff"
_INDEFINITE_ARRAY: Final = b"\x9f"


def literal(value: _cbor.Encodable) -> bytes:
    """Exactly this value."""
    return re.escape(_cbor.encode(value))


def one_of(values: Iterable[int]) -> bytes:
    """One of these integers."""
    # Those that differ in their last byte alone share a character class, which is matched in one step.
    endings: dict[bytes, bytes] = {}
    for encoded in map(_cbor.encode, values):
        endings[encoded[:-1]] = endings.get(encoded[:-1], b"") + encoded[-1:]
    return b"(?:%b)" % b"|".join(b"%b[%b]" % (re.escape(start), re.escape(ends)) for start, ends in endings.items())


def byte_string(size: int) -> bytes:
    """A byte string of this size."""
    return b"%b.{%d}" % (re.escape(_cbor.head(_BYTES, size)), size)


def content_of(size: int) -> bytes:
    """A byte string of this size; its content is a group."""
    return b"%b(.{%d})" % (re.escape(_cbor.head(_BYTES, size)), size)


def group(*parts: bytes) -> bytes:
    """What these match one after the other, as a group."""
    return b"(%b)" % b"".join(parts)


def optional(*parts: bytes) -> bytes:
    """These one after the other, or nothing."""
    return b"(?:%b)?" % b"".join(parts)


def list_of(member: bytes) -> bytes:
    """A list of such members, in two groups: its head, to be compared with `array_head`, and the members."""
    return group(COUNT) + group(b"(?:%b)++" % member)


def array(size: int) -> bytes:
    """The head of an array of this size."""
    return re.escape(_cbor.head(_ARRAY, size))


def compiled(*parts: bytes) -> re.Pattern[bytes]:
    """The expression over these parts; a dot is any byte."""
    return re.compile(b"".join(parts), re.DOTALL)


class Form:
    """An expression that is compiled once it was asked often enough; until then nothing is of that form.

    To compile the longest takes as long as reading a hundred lots without it: whoever looks at one small bundle is
    spared that, and who reads many has it soon.
    """

    __slots__ = ("_asked", "_parts", "fullmatch")

    def __init__(self, *parts: bytes) -> None:
        """`parts` stand one after the other; a dot is any byte."""
        self._parts = parts
        self._asked = 0
        self.fullmatch: Callable[[bytes], re.Match[bytes] | None] = self._not_yet

    def _not_yet(self, data: bytes) -> re.Match[bytes] | None:
        self._asked += 1
        if self._asked <= ASKED_BEFORE_COMPILING:
            return None
        self.fullmatch = compiled(*self._parts).fullmatch
        return self.fullmatch(data)


UINT: Final = rb"(?:\x1a(?!\x00\x00)....|[\x00-\x17]|\x18[\x18-\xff]|\x19[^\x00].|\x1b(?!\x00{4})[\x00-\x7f].......)"
"""An integer from 0 to 2^63 - 1."""

PRINTABLE: Final = rb"[ -~\x80-\xf4]++"
"""Content of a text: neither control characters nor bytes that no UTF-8 has."""


def text(content: bytes = PRINTABLE) -> bytes:
    """A text of 1 to 255 bytes, in two groups: its head, to be compared with `text_heads`, and its content.

    A regular expression cannot count, so that where the text ends is for `content` to say: what comes next in the form
    begins with a byte that `content` does not take, as the small keys of a map do. That the content is UTF-8, unless it
    is ASCII, is for `texts_of` to say.
    """
    return rb"([\x61-\x77]|\x78[\x18-\xff])(%b)" % content


COUNT: Final = rb"(?:[\x81-\x97]|\x98[\x18-\xff])"
"""The head of an array of 1 to 255 members, of whatever number."""

ENTRIES: Final = rb"[\xa1-\xb7]"
"""The head of a map of 1 to 23 entries; to be compared, with `map_head`."""


def array_head(size: int) -> bytes:
    """What COUNT must have matched, for so many members."""
    return _cbor.head(_ARRAY, size)


def map_head(size: int) -> bytes:
    """What ENTRIES must have matched, for so many entries."""
    return _cbor.head(_MAP, size)


def text_heads(contents: Iterable[bytes]) -> list[bytes]:
    """What the first groups of texts must have matched. Raises IndexError beyond 512 bytes."""
    return [_TEXT_HEADS[len(content)] for content in contents]


def texts_of(contents: Iterable[bytes]) -> list[str]:
    """The texts of these contents. Raises UnicodeDecodeError."""
    return [content.decode() for content in contents]


def text_at(data: bytes, at: int) -> tuple[str, int]:
    """The text of 1 to 255 bytes whose head is at `at`, and where the next item begins; it may begin beyond `data`.

    Raises IndexError, UnicodeDecodeError, and ValueError where no such text is.
    """
    size, start = data[at] - _TEXT_OF_NONE, at + 1
    if size == _INLINE:
        size, start = data[start], at + 2
        if size < _INLINE:
            raise ValueError("not in shortest form")
    elif not 0 < size < _INLINE:
        raise ValueError("not a short text")
    end = start + size
    return data[start:end].decode(), end


def integer_of(encoded: bytes) -> int:
    """The integer that UINT matched."""
    return encoded[0] if len(encoded) == 1 else int.from_bytes(encoded[1:], "big")


def integers_of(encoded: bytes) -> tuple[Any, ...]:
    """The integers, and arrays of integers as tuples, that stand one after the other, however many they are."""
    # To the decoder they are an array without a count: all that it is here to do is make integers of bytes.
    values: tuple[Any, ...] = cbor2.loads(_INDEFINITE_ARRAY + encoded + _BREAK, immutable=True)
    return values


def retyped(kind: type[_Named]) -> Callable[[tuple[Any, ...]], _Named]:
    """Makes a named tuple of a tuple of as many members, whose types an expression has vouched for."""
    return partial(_NEW_TUPLE, kind)


_TEXT_OF_NONE: Final = _cbor.head(_TEXT, 0)[0]
# An argument below this stands in the initial byte itself; this one says that a byte follows.
_INLINE: Final = 24
# Of integers of one byte: elements, and uncertainties of grams.
_SMALL: Final = tuple(map(_cbor.encode, range(1 << 8)))
_PACK_2: Final[Callable[[int], bytes]] = partial(Struct(">BH").pack, 0x19)
_PACK_4: Final[Callable[[int], bytes]] = partial(Struct(">BI").pack, 0x1A)
_PACK_8: Final[Callable[[int], bytes]] = partial(Struct(">BQ").pack, 0x1B)
# By bit length; of those of one byte only the negative ones come here, to be refused.
_PACK: Final[tuple[Callable[[int], bytes], ...]] = (_PACK_2,) * 17 + (_PACK_4,) * 16 + (_PACK_8,) * 32
_TEXT_HEADS: Final = [_cbor.head(_TEXT, size) for size in range(_TEXT_BYTES_WRITTEN_MAX + 1)]


def uints(values: Iterable[int]) -> list[bytes]:
    """Encodings of integers. Raises IndexError or struct.error below 0 and beyond 64 bits."""
    return [_SMALL[value] if 0 <= value < 256 else _PACK[value.bit_length()](value) for value in values]  # noqa: PLR2004


def texts(values: Iterable[str]) -> list[bytes]:
    """Encodings of texts. Raises IndexError beyond 512 bytes, TypeError, UnicodeEncodeError."""
    return [_TEXT_HEADS[len(value)] + value for value in map(str.encode, values)]
