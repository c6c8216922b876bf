"""Standard uncertainties from a dated table by method, element and range: they are not what the declarant likes.

The table in this package has status R, demonstration: an authority brings its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from monazite_provenance.contents.lot import LotContent
from monazite_provenance.elements import ATOMIC_NUMBERS, BY_SYMBOL, table
from monazite_provenance.errors import BadField, StepNotAllowed

PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Range:
    """One row of the table: from a mass on, relative uncertainties in millionths, and a floor in milligrams."""

    version: str
    valid_from: str
    from_mg: int
    u_random_ppm: int
    u_common_ppm: int
    floor_mg: int
    min_ppm: int
    max_ppm: int
    status: str
    source: str


@cache
def _table() -> dict[tuple[str, int], tuple[Range, ...]]:
    ranges: dict[tuple[str, int], list[Range]] = {}
    generic: dict[str, list[Range]] = {}
    for row in table("uncertainty.csv"):
        entry = Range(
            version=row["version"],
            valid_from=row["valid_from"],
            from_mg=int(row["from_mg"]),
            u_random_ppm=int(row["u_random_ppm"]),
            u_common_ppm=int(row["u_common_ppm"]),
            floor_mg=int(row["floor_mg"]),
            min_ppm=int(row["min_ppm"]),
            max_ppm=int(row["max_ppm"]),
            status=row["status"],
            source=row["source"],
        )
        if row["element"] == "*":
            generic.setdefault(row["method"], []).append(entry)
        else:
            ranges.setdefault((row["method"], BY_SYMBOL[row["element"]].number), []).append(entry)
    for method, entries in generic.items():
        for number in ATOMIC_NUMBERS:
            ranges.setdefault((method, number), entries)
    return {key: tuple(sorted(entries, key=lambda entry: -entry.from_mg)) for key, entries in ranges.items()}


def methods() -> tuple[str, ...]:
    """Every method that the table knows, sorted."""
    return tuple(sorted({method for method, _ in _table()}))


def row_for(method: str, element: int, reo_mg: int) -> Range:
    """The row that holds for a mass. Raises BadField for a method or an element that the table does not know."""
    for entry in _table().get((method, element), ()):
        if reo_mg >= entry.from_mg:
            return entry
    raise BadField("method or element not in the uncertainty table", field="method")


def assess(method: str, element: int, reo_mg: int) -> tuple[int, int]:
    """Standard uncertainty of a mass, milligrams: (random, common), rounded up, at least the floor. Raises BadField."""
    entry = row_for(method, element, reo_mg)
    random, common = -(-reo_mg * entry.u_random_ppm // PPM), -(-reo_mg * entry.u_common_ppm // PPM)
    floor = entry.floor_mg
    return random if random > floor else floor, common if common > floor else floor


def check(method: str, element: int, reo_mg: int, u_random_mg: int, u_common_mg: int) -> None:
    """Check each part against the least and the most of the table.

    The floor widens both bounds: below a few grams it is rounding that decides. Raises BadField for an unknown method,
    StepNotAllowed for an uncertainty out of bounds.
    """
    entry = row_for(method, element, reo_mg)
    least = reo_mg * entry.min_ppm // PPM
    most = max(entry.floor_mg, -(-reo_mg * entry.max_ppm // PPM))
    if not (least <= u_random_mg <= most and least <= u_common_mg <= most):
        raise StepNotAllowed(
            "uncertainty outside the table's bounds",
            element=element,
            u_random_mg=u_random_mg,
            u_common_mg=u_common_mg,
            least_mg=least,
            most_mg=most,
        )


def check_lots(lots: Iterable[LotContent]) -> None:
    """Check every row of freshly measured lots. Raises as `check`."""
    for lot in lots:
        methods_used = [source.method for source in lot.sources]
        for element, reo_mg, u_random_mg, u_common_mg, source_index in lot.rows:
            check(methods_used[source_index], element, reo_mg, u_random_mg, u_common_mg)
