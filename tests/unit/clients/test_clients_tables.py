"""The copied tables and what is made of them: integers that add up."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.demo import assay, tables


def test_groups_add_up_to_the_national_total() -> None:
    totals = {each.batch: each.masses for each in tables.batches(2024)}
    for batch, total in totals.items():
        groups = [each.masses for each in tables.allocations(2024) if each.batch == batch]
        assert tuple(map(sum, zip(*groups, strict=True))) == total
    assert sum(masses[0] + masses[1] for masses in totals.values()) == 270_000 * 10**9


def test_recalled_rows_are_marked() -> None:
    second = [each for each in tables.allocations(2024) if each.batch == 2]
    assert {each.status for each in second} == {"R"}
    assert tables.demonstration("R").endswith(" demo")
    assert tables.demonstration("C totals; R split").endswith(" demo")
    assert tables.demonstration("C") == "C"


@pytest.mark.parametrize("deposit", [tables.BAYAN_OBO, tables.MOUNTAIN_PASS])
def test_distributions_add_up(deposit: str) -> None:
    masses = assay.mined(147_000_000_000_001, tables.distribution(deposit))
    assert sum(masses.values()) == 147_000_000_000_001
    assert all(mass > 0 for mass in masses.values())


@given(
    st.integers(min_value=0, max_value=10**18),
    st.lists(st.fractions(min_value=Fraction(1, 1000), max_value=100), min_size=1, max_size=17),
)
def test_apportion_is_exact(total: int, weights: list[Fraction]) -> None:
    parts = tables.apportion(total, weights)
    whole = sum(weights)
    assert sum(parts) == total
    assert all(abs(part - total * weight / whole) < 1 for part, weight in zip(parts, weights, strict=True))


def test_product_residue_and_loss_are_the_feed() -> None:
    fed = assay.mined(294_000_000_000_000, tables.distribution(tables.BAYAN_OBO))
    product, lost = assay.part(fed, Fraction(97, 100), ["Nd", "Pr"]), assay.part(fed, Fraction(1, 100))
    assert assay.added(product, lost, assay.without(fed, product, lost)) == fed
