"""Masses are shown and read exactly, whatever their size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.masses import INT64_MAX, gross_tonnes, kilograms, parse_tonnes, tonnes


@given(st.integers(min_value=0, max_value=INT64_MAX))
def test_tonnes_lose_no_milligram(mg: int) -> None:
    assert parse_tonnes(tonnes(mg)) == mg


@pytest.mark.parametrize(
    ("mg", "shown"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (94_580_000_000_001, "94 580.000000001"),
        (270_000_000_000_000, "270 000"),
        (-1_500_000_000, "-1.5"),
        (INT64_MAX, "9 223 372 036.854775807"),
    ],
)
def test_tonnes(mg: int, shown: str) -> None:
    assert tonnes(mg) == shown


def test_other_units() -> None:
    assert gross_tonnes(12_345_678) == "12.345678"
    assert kilograms(285_180_001) == "285.180001"


@pytest.mark.parametrize(
    "text", ["", "-1", "1.2.3", "1e3", "twelve", "0.0000000001", "9223372037", ".5", "١٢", "1,5", "124,860", "1 5"]
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"tonnes|milligram"):
        parse_tonnes(text)


@pytest.mark.parametrize(
    ("text", "mg"), [("124860", 124_860 * 10**9), ("124 860", 124_860 * 10**9), ("1.50", 15 * 10**8)]
)
def test_parse(text: str, mg: int) -> None:
    assert parse_tonnes(text) == mg
