"""Any content in words: every field of it, whatever its kind, so that none can be added that a signer would not see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Final, cast

from monazite_provenance._claims import ISSUED_AT_MAX_S
from monazite_provenance._digits import grouped
from monazite_provenance.contents import ElementRow
from monazite_provenance.elements import symbol
from monazite_provenance.statement import Outpoint

_INDENT = "  "


def said(name: str, value: object, indent: str = "") -> Iterator[str]:
    """`value` under its name, in lines; of what is None there is nothing to say."""
    members = _members(value)
    if members is not None:
        yield f"{indent}{name}: {type(value).__name__}"
        for field, member in members:
            yield from said(field, member, indent + _INDENT)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes | Outpoint | ElementRow):
        listed = cast("Sequence[object]", value)
        yield f"{indent}{name}: {len(listed)}"
        for number, member in enumerate(listed):
            yield from said(str(number), member, indent + _INDENT)
    elif value is not None:
        yield f"{indent}{name}: {_plain(name, value)}"


def _members(value: object) -> list[tuple[str, object]] | None:
    """The fields of a record; None of what is no record."""
    if isinstance(value, Outpoint | ElementRow):
        # Short enough for one line.
        return None
    # A dataclass and a named tuple both say so; nothing else of ours is matched by place.
    names: tuple[str, ...] | None = getattr(type(value), "__match_args__", None)
    return None if names is None else [(name, getattr(value, name)) for name in names]


def _plain(name: str, value: object) -> str:
    match value:
        case Outpoint() | ElementRow():
            return _line(value)
        case Enum():
            return value.name
        case bytes():
            return value.hex()
        # Before int: every bool is one.
        case bool():
            return str(value)
        case int():
            return _number(name, value)
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def _line(value: Outpoint | ElementRow) -> str:
    if isinstance(value, Outpoint):
        return value.text
    return (
        f"{symbol(value.element)} {grouped(value.reo_mg)} mg REO, u random {grouped(value.u_random_mg)} mg,"
        f" u common {grouped(value.u_common_mg)} mg, source {value.source_index}"
    )


def _number(name: str, value: int) -> str:
    if name == "element":
        return symbol(value)
    if name.endswith("_at") and value <= ISSUED_AT_MAX_S:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"
    unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "")
    return f"{grouped(value)}{unit}"


_UNITS: Final = {"_mg": " mg REO", "_g": " g"}
