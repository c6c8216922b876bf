"""Standard uncertainties from a dated table by method, element and range: they are not what the declarant likes.

The table in this package has status R, demonstration: an authority brings its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

from monazite_provenance import _forms
from monazite_provenance.contents.lot import ElementRow, LotContent, MassSource
from monazite_provenance.elements import ATOMIC_NUMBERS, BY_SYMBOL, table
from monazite_provenance.errors import BadField, StepNotAllowed

PPM: Final = 1_000_000
_row = _forms.retyped(ElementRow)


class Range(NamedTuple):
    """What holds from a mass on: relative uncertainties in millionths, and a floor in milligrams."""

    from_mg: int
    u_random_ppm: int
    u_common_ppm: int
    floor_mg: int
    min_ppm: int
    max_ppm: int


@cache
def _table() -> dict[str, dict[int, list[Range]]]:
    """By method and atomic number: the ranges, that of the largest masses first."""
    ranges: dict[str, dict[int, list[Range]]] = {}
    generic: dict[str, list[Range]] = {}
    for row in table("uncertainty.csv"):
        entry = Range(*(int(row[name]) for name in Range._fields))
        method = ranges.setdefault(row["method"], {})
        if row["element"] == "*":
            generic.setdefault(row["method"], []).append(entry)
        else:
            method.setdefault(BY_SYMBOL[row["element"]].number, []).append(entry)
    for name, entries in generic.items():
        for number in ATOMIC_NUMBERS:
            ranges[name].setdefault(number, entries)
    return {
        name: {number: sorted(entries, reverse=True) for number, entries in method.items()}
        for name, method in ranges.items()
    }


def methods() -> tuple[str, ...]:
    """Every method that the table knows, sorted."""
    return tuple(sorted(_table()))


def assessed(rows: Iterable[ElementRow], sources: Sequence[MassSource]) -> tuple[ElementRow, ...]:
    """The rows, those whose two uncertainties are 0 with the table's: rounded up, at least the floor.

    Raises BadField for a method or an element that the table does not know.
    """
    tables = _tables(sources)
    done: list[ElementRow] = []
    # One loop without calls, as in `check_lots`: the rows are most of a lot.
    for row in rows:
        element, reo_mg, u_random_mg, u_common_mg, source_index = row
        if u_random_mg or u_common_mg:
            done.append(row)
            continue
        for held in tables[source_index].get(element, ()):
            if reo_mg >= held[0]:
                break
        else:
            raise _unknown()
        _, random_ppm, common_ppm, floor_mg, _, _ = held
        random_mg, common_mg = -(-reo_mg * random_ppm // PPM), -(-reo_mg * common_ppm // PPM)
        done.append(
            _row(
                (
                    element,
                    reo_mg,
                    random_mg if random_mg > floor_mg else floor_mg,
                    common_mg if common_mg > floor_mg else floor_mg,
                    source_index,
                )
            )
        )
    return tuple(done)


def check_lots(lots: Iterable[LotContent]) -> None:
    """Check both uncertainties of every row of freshly measured lots against the least and the most of the table.

    The floor widens both bounds: below a few grams it is rounding that decides. Raises BadField for an unknown method
    or element, StepNotAllowed for an uncertainty out of bounds.
    """
    for lot in lots:
        tables = _tables(lot.sources)
        for element, reo_mg, u_random_mg, u_common_mg, source_index in lot.rows:
            for held in tables[source_index].get(element, ()):
                if reo_mg >= held[0]:
                    break
            else:
                raise _unknown()
            _, _, _, floor_mg, min_ppm, max_ppm = held
            least, most = reo_mg * min_ppm // PPM, -(-reo_mg * max_ppm // PPM)
            most = max(most, floor_mg)
            if not (least <= u_random_mg <= most and least <= u_common_mg <= most):
                raise StepNotAllowed(
                    "uncertainty outside the table's bounds",
                    element=element,
                    u_random_mg=u_random_mg,
                    u_common_mg=u_common_mg,
                    least_mg=least,
                    most_mg=most,
                )


def _tables(sources: Iterable[MassSource]) -> list[Mapping[int, Sequence[Range]]]:
    """The ranges by element of each source; none of a method that the table does not know."""
    known = _table()
    return [known.get(source.method, {}) for source in sources]


def _unknown() -> BadField:
    return BadField("method or element not in the uncertainty table", field="method")
