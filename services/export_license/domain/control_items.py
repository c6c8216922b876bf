"""Control items: which codes of the control lists a lot falls under on a given day.

The rules are data (`../data/control_items.csv`, `../data/classification.csv`): announcements with the intervals in
which they are effective and in which they are suspended (Decree 792 art. 12). A rule set is known by the hash of its
tables, so that a decision can be replayed from the hash, the day and the facts of the lots.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

ANY_ELEMENT = "-"
PPM = 1_000_000
MG_PER_G = 1_000
FORMS = (
    "ORE_CONCENTRATE",
    "MIXED_COMPOUND",
    "SEPARATED_COMPOUND",
    "METAL",
    "ALLOY",
    "MAGNET",
    "SECONDARY_MATERIAL",
    "RESIDUE",
)
_HASH_DOMAIN = b"monazite control rules v1\0"


class RuleTableError(ValueError):
    """A rule table that cannot be read; the service does not start with it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Days from `first` to `last`, both included; an open end has no `last`."""

    first: date
    last: date | None

    def holds(self, day: date) -> bool:
        """Tell whether the day lies inside."""
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class ControlItem:
    """One row of a control list: an item with its code and the days on which it binds."""

    announcement: str
    element: str
    code: str
    item: str
    effective: tuple[Interval, ...]
    suspended: tuple[Interval, ...]
    status: str
    source: str

    def in_force(self, day: date) -> bool:
        """Effective on that day and not suspended."""
        effective = any(interval.holds(day) for interval in self.effective)
        return effective and not any(interval.holds(day) for interval in self.suspended)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a lot meets an item: its form, one element, and how much of that element it takes."""

    element: str
    form: str
    code: str
    # REO of the element against net mass, parts per million; 0 means any trace.
    reo_ppm_min: int


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What classification looks at: form, net mass in grams, REO per element symbol in milligrams."""

    form: str
    net_g: int
    elements: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Control items and their reading, as of one state of the tables."""

    items: tuple[ControlItem, ...]
    readings: tuple[Reading, ...]
    tables: tuple[tuple[str, bytes], ...]
    digest: bytes

    def codes_in_force(self, day: date) -> frozenset[str]:
        """Control codes that bind on that day."""
        return frozenset(item.code for item in self.items if item.in_force(day))

    def classify(self, lot: LotFacts, day: date) -> tuple[str, ...]:
        """Control codes the lot falls under on that day, ascending; empty for a lot that needs no licence."""
        in_force = self.codes_in_force(day)
        return tuple(sorted({r.code for r in self.readings if r.code in in_force and _meets(lot, r)}))


def _meets(lot: LotFacts, reading: Reading) -> bool:
    if reading.form != lot.form:
        return False
    if reading.element == ANY_ELEMENT:
        return True
    reo_mg = lot.elements.get(reading.element, 0)
    # reo / net >= ppm / 1e6, in integers.
    return reo_mg > 0 and reo_mg * PPM >= reading.reo_ppm_min * lot.net_g * MG_PER_G


def load(tables: Mapping[str, bytes]) -> RuleSet:
    """Read a rule set from its tables, `control_items.csv` and `classification.csv`.

    Raises:
        RuleTableError: a table is missing, or a row of it cannot be read.
    """
    ordered = tuple(sorted(tables.items()))
    try:
        items = tuple(_item(row) for row in _rows(tables["control_items.csv"]))
        readings = tuple(_reading(row) for row in _rows(tables["classification.csv"]))
    except (KeyError, ValueError, UnicodeDecodeError) as error:
        raise RuleTableError(f"control tables: {error}") from error
    unknown = sorted({r.code for r in readings} - {i.code for i in items})
    if unknown:
        raise RuleTableError(f"classification names control codes that no item has: {', '.join(unknown)}")
    return RuleSet(items, readings, ordered, _digest(ordered))


def _digest(tables: Iterable[tuple[str, bytes]]) -> bytes:
    digest = hashlib.sha256(_HASH_DOMAIN)
    for name, content in tables:
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.digest()


def _rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode("utf-8"), newline="")))


def _item(row: Mapping[str, str]) -> ControlItem:
    return ControlItem(
        announcement=row["announcement_2025"],
        element=row["element"],
        code=row["control_code"],
        item=row["item"],
        effective=_intervals(row["effective"]),
        suspended=_intervals(row["suspended"]),
        status=row["status_item"],
        source=row["source"],
    )


def _reading(row: Mapping[str, str]) -> Reading:
    if row["form"] not in FORMS:
        raise ValueError(f"unknown form {row['form']}")
    return Reading(row["element"], row["form"], row["control_code"], int(row["reo_ppm_min"]))


def _intervals(text: str) -> tuple[Interval, ...]:
    """Read `2025-11-07/2026-11-10; 2027-01-01/`: ISO 8601 intervals, ends included."""
    return tuple(_interval(part.strip()) for part in text.split(";") if part.strip())


def _interval(text: str) -> Interval:
    first, slash, last = text.partition("/")
    if not slash:
        raise ValueError(f"not an interval: {text}")
    return Interval(date.fromisoformat(first), date.fromisoformat(last) if last else None)
