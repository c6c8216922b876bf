"""The 17 rare earths and their oxide (REO) factors, read from a package table with status and source of every row."""

from __future__ import annotations

import csv
import math
import pkgutil
from typing import Final

from monazite_provenance._frozen import dataclass

FACTOR_TABLE: Final = "reo-factors-2025-1"
"""Version of the factor table in `data/reo_factors.csv`; every lot names the one it was written with."""

FACTOR_SCALE: Final = 100_000
"""Factors are integers over this."""


@dataclass(frozen=True, slots=True)
class Element:
    """One rare earth. `factor` is oxide mass over element mass, as an integer over FACTOR_SCALE."""

    number: int
    symbol: str
    oxide: str
    factor: int
    group: str
    control_prefix: str
    status: str
    source: str


def table(name: str) -> list[dict[str, str]]:
    """Rows of a CSV of the package's data."""
    # As `importlib.resources` would, whose import costs a tenth of the offline tool's start.
    data = pkgutil.get_data("monazite_provenance", f"data/{name}")
    if data is None:
        raise FileNotFoundError(name)
    return list(csv.DictReader(data.decode().splitlines()))


def scaled(decimal: str, scale: int) -> int:
    """A decimal of the tables as an exact integer over a scale; no binary fraction on the way."""
    whole, _, fraction = decimal.partition(".")
    digits = len(str(scale)) - 1
    return int(whole) * scale + int(fraction.ljust(digits, "0")[:digits] or "0")


def _load() -> dict[int, Element]:
    rows = table("reo_factors.csv")
    elements = [
        Element(
            number=int(row["Z"]),
            symbol=row["element"],
            oxide=row["oxide"],
            factor=scaled(row["element_to_oxide"], FACTOR_SCALE),
            group=row["group_common_usage"],
            control_prefix=row["mofcom_control_prefix"],
            status=row["status"],
            source=row["source"],
        )
        for row in rows
    ]
    return {element.number: element for element in sorted(elements, key=lambda each: each.number)}


ELEMENTS: Final = _load()
"""By atomic number, ascending."""
ATOMIC_NUMBERS: Final = frozenset(ELEMENTS)
BY_SYMBOL: Final = {element.symbol: element for element in ELEMENTS.values()}

# Element mass = REO mass * FACTOR_SCALE / factor. Over the common multiple of all factors it is an integer weight.
ELEMENT_MASS_SCALE: Final = math.lcm(*(element.factor for element in ELEMENTS.values()))
"""Sums of weighted REO masses are element masses times this."""
ELEMENT_MASS_WEIGHTS: Final = {
    number: FACTOR_SCALE * (ELEMENT_MASS_SCALE // element.factor) for number, element in ELEMENTS.items()
}


def symbol(number: int) -> str:
    """Symbol of an element, e.g. `Dy`."""
    return ELEMENTS[number].symbol
