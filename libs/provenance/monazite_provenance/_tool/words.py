"""Masses, shares, times and ids as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from monazite_provenance._claims import ISSUED_AT_MAX_S
from monazite_provenance._digits import grouped
from monazite_provenance.elements import symbol

_ID_SHOWN: Final = 12
_MILLIGRAMS_PER_KILOGRAM: Final = 1_000_000
_PARTS: Final = 10_000


def kilograms(reo_mg: int) -> str:
    """Milligrams as kilograms, exact."""
    return f"{grouped(reo_mg // _MILLIGRAMS_PER_KILOGRAM)}.{reo_mg % _MILLIGRAMS_PER_KILOGRAM:06d}"


def percentages(masses: Sequence[int]) -> list[str]:
    """The share of each in their sum, over 0, in percent with two digits; together they are 100.00 (largest remainder),
    and so no share is off by as much as its last digit. Integers to the end.
    """
    whole = sum(masses)
    shares = [divmod(mass * _PARTS, whole) for mass in masses]
    missing = _PARTS - sum(cut for cut, _ in shares)
    # Of equal remainders the first comes first: sorting keeps their order.
    larger = {*sorted(range(len(shares)), key=lambda each: -shares[each][1])[:missing]}
    parts = [cut + (each in larger) for each, (cut, _) in enumerate(shares)]
    return [f"{part // 100}.{part % 100:02d} %" for part in parts]


def short(statement_id: bytes) -> str:
    """The beginning of an id, as lines show it."""
    return statement_id.hex()[:_ID_SHOWN]


def moment(unix_s: int) -> str:
    """A time in UTC; as seconds beyond the last that a calendar has, which a witness may write all the same."""
    if unix_s > ISSUED_AT_MAX_S:
        return f"{unix_s} s"
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def custody(state: str) -> str:
    """A state of custody by its name: a lot that its holder has is in custody, which says nothing of holds."""
    return {"HELD": "in custody"}.get(state, state.lower().replace("_", " "))


def lot_line(lot_id: str, form: str, gross_g: int, elements: Mapping[int, int]) -> str:
    """A lot in one line; `elements` are milligrams REO by atomic number."""
    masses = " ".join(f"{symbol(element)} {kilograms(mass)}" for element, mass in elements.items())
    return f"{lot_id} {form} {grouped(gross_g)} g  {masses}"
