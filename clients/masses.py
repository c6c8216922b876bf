"""Masses as people write them, exact: tonnes with a decimal point on screen, integers everywhere else."""

from __future__ import annotations

import re

MG_PER_TONNE = 1_000_000_000
G_PER_TONNE = 1_000_000
INT64_MAX = 2**63 - 1

# A comma is a decimal point to one half of the world and nothing to the other: it is refused, not guessed.
_TONNES = re.compile(r"(?P<whole>[0-9]{1,3}(?:[ _][0-9]{3})+|[0-9]+)(?:\.(?P<fraction>[0-9]+))?")


def tonnes(mg: int) -> str:
    """Milligrams as tonnes, every digit that is not a trailing zero: 94_580_000_000_001 -> "94 580.000000001"."""
    return _scaled(mg, MG_PER_TONNE)


def gross_tonnes(grams: int) -> str:
    """Grams as tonnes, exact."""
    return _scaled(grams, G_PER_TONNE)


def kilograms(mg: int) -> str:
    """Milligrams as kilograms, exact."""
    return _scaled(mg, 1_000_000)


def _scaled(amount: int, unit: int) -> str:
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), unit)
    digits = len(str(unit)) - 1
    fraction = f"{rest:0{digits}d}".rstrip("0")
    return f"{sign}{whole:,}".replace(",", " ") + (f".{fraction}" if fraction else "")


def parse_tonnes(text: str) -> int:
    """Milligrams from tonnes as written: "124860", "124 860", "0.000000001".

    Raises:
        ValueError: not a number of tonnes, finer than a milligram, or over 64 bits.
    """
    return _parsed(text, MG_PER_TONNE, "milligram")


def parse_gross_tonnes(text: str) -> int:
    """Grams from tonnes as written. Raises ValueError as above, for what is finer than a gram."""
    return _parsed(text, G_PER_TONNE, "gram")


def _parsed(text: str, unit: int, name: str) -> int:
    match = _TONNES.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a number of tonnes")
    whole = int(re.sub(r"[ _]", "", match["whole"]))
    fraction = (match["fraction"] or "").rstrip("0")
    digits = len(str(unit)) - 1
    if len(fraction) > digits:
        raise ValueError(f"{text!r} is finer than a {name}")
    amount = whole * unit + int(fraction.ljust(digits, "0"))
    if amount > INT64_MAX:
        raise ValueError(f"{text!r} tonnes do not fit into 64 bits of {name}s")
    return amount
