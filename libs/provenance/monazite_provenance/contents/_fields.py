"""Strict readers of decoded CBOR maps: every field typed, bounded, and none left over."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from itertools import pairwise
from typing import Final, TypeVar, cast

from monazite_provenance.errors import BadField
from monazite_provenance.statement import OUTPOINT_BYTES, STATEMENT_ID_BYTES, Outpoint

MASS_MAX: Final = (1 << 63) - 1
"""Largest mass, grams or milligrams: what a BIGINT holds."""
TEXT_BYTES_MAX: Final = 512
"""Longest text of one field, bytes of UTF-8."""
LIST_MAX: Final = 256
"""Most members of one list."""

_T = TypeVar("_T")
_Ordered = TypeVar("_Ordered", bytes, str, int)
_E = TypeVar("_E", bound=IntEnum)


def bad(field: str, message: str = "field missing, of the wrong type or out of bounds") -> BadField:
    """The error for one field; says which, never what stood there."""
    return BadField(message, field=field)


def as_uint(value: object, field: str, largest: int = MASS_MAX) -> int:
    if type(value) is not int or not 0 <= value <= largest:
        raise bad(field)
    return value


def as_positive(value: object, field: str) -> int:
    number = as_uint(value, field)
    if not number:
        raise bad(field)
    return number


def as_text(value: object, field: str, *, empty: bool = False, most: int = TEXT_BYTES_MAX) -> str:
    if type(value) is not str or len(value.encode("utf-8", "surrogatepass")) > most:
        raise bad(field)
    if not value.isprintable() or not (value or empty):
        raise bad(field)
    return value


def text_or_empty(value: object, field: str) -> str:
    return as_text(value, field, empty=True)


def as_bytes(value: object, field: str, size: int) -> bytes:
    if type(value) is not bytes or len(value) != size:
        raise bad(field)
    return value


def as_id(value: object, field: str) -> bytes:
    return as_bytes(value, field, STATEMENT_ID_BYTES)


def as_outpoint(value: object, field: str) -> Outpoint:
    return Outpoint.decode(as_bytes(value, field, OUTPOINT_BYTES))


def as_blob(value: object, field: str, size_max: int) -> bytes:
    if type(value) is not bytes or not 0 < len(value) <= size_max:
        raise bad(field)
    return value


def as_bool(value: object, field: str) -> bool:
    if type(value) is not bool:
        raise bad(field)
    return value


def as_list(value: object, field: str, length: int | None = None, *, most: int = LIST_MAX) -> list[object]:
    if type(value) is not list:
        raise bad(field)
    members = cast("list[object]", value)
    if len(members) > most or (length is not None and len(members) != length):
        raise bad(field)
    return members


class Fields:
    """One decoded map with integer keys. `required` and `optional` take fields out; `done` refuses what is left."""

    __slots__ = ("_left", "_name")

    def __init__(self, value: object, name: str) -> None:
        if type(value) is not dict:
            raise bad(name, "content is not a map")
        self._left = dict(cast("dict[object, object]", value))
        self._name = name

    def required(self, key: int, field: str, read: Callable[[object, str], _T]) -> _T:
        if key not in self._left:
            raise bad(f"{self._name}.{field}", "field missing")
        return read(self._left.pop(key), f"{self._name}.{field}")

    def optional(self, key: int, field: str, read: Callable[[object, str], _T]) -> _T | None:
        if key not in self._left:
            return None
        return read(self._left.pop(key), f"{self._name}.{field}")

    def done(self) -> None:
        if self._left:
            raise bad(self._name, "field unknown")


def members(read: Callable[[object, str], _T]) -> Callable[[object, str], tuple[_T, ...]]:
    """Reader of a list from the reader of its members."""

    def read_all(value: object, field: str) -> tuple[_T, ...]:
        return tuple(read(member, field) for member in as_list(value, field))

    return read_all


def ascending(read: Callable[[object, str], _Ordered]) -> Callable[[object, str], tuple[_Ordered, ...]]:
    """Reader of a list whose members ascend strictly, from the reader of its members."""

    def read_all(value: object, field: str) -> tuple[_Ordered, ...]:
        found = tuple(read(member, field) for member in as_list(value, field))
        if any(left >= right for left, right in pairwise(found)):
            raise bad(field, "members do not ascend")
        return found

    return read_all


def one_of(choices: type[_E]) -> Callable[[object, str], _E]:
    """Reader of a member of an enumeration."""
    known = {int(choice): choice for choice in choices}

    def read(value: object, field: str) -> _E:
        choice = known.get(as_uint(value, field))
        if choice is None:
            raise bad(field)
        return choice

    return read
