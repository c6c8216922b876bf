"""Typed contents as plain values: what JSON holds, and an outline of it in lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, cast

from monazite_provenance._tool.screen import Json, indented
from monazite_provenance.elements import symbol
from monazite_provenance.statement import Outpoint

_MASSES: Final = ("_mg", "_g")


def plain(value: object) -> Json:
    """A content as plain values: enumerations by name, bytes in hex, elements by symbol, masses as decimal texts."""
    match value:
        case Enum():
            found: Json = value.name
        case None | bool() | int() | str():
            found = value
        case bytes():
            found = value.hex()
        case Outpoint():
            found = value.text
        case Sequence():
            members = cast("Sequence[object]", value)
            found = record(members) if hasattr(members, "_fields") else [plain(each) for each in members]
        case _:
            found = record(value)
    return found


def record(value: Any) -> dict[str, Json]:
    """A dataclass or a named tuple by its fields."""
    names: tuple[str, ...] = value.__match_args__
    return {name: _member(name, getattr(value, name)) for name in names}


def outline(value: Json) -> Iterator[str]:
    """Plain values in lines, nested by indentation; what is absent or empty is left out."""
    match value:
        case Mapping():
            for name, each in value.items():
                if each is None or each in ("", [], {}):
                    continue
                if _is_nested(each):
                    yield name
                    yield from indented(outline(each))
                else:
                    yield f"{name}  {', '.join(map(str, each)) if isinstance(each, list) else each}"
        case list():
            for each in value:
                first, *more = outline(each)
                yield f"- {first}"
                yield from indented(more)
        case _:
            yield str(value)


def _is_nested(value: Json) -> bool:
    """Whether it takes more than a line: all but single values and lists of numbers."""
    return isinstance(value, Mapping) or (isinstance(value, list) and not all(type(each) is int for each in value))


def _member(name: str, value: object) -> Json:
    if type(value) is int and name.endswith(_MASSES):
        return str(value)
    return symbol(value) if name == "element" and type(value) is int else plain(value)
