"""Indicators and allocations: batches, cumulative figures, and the numbers in a refusal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error
from services.quota.domain.allocation import EnterIndicator, Give, Indicator, enter_indicator, give
from services.quota.domain.givers import Givers, Member
from services.quota.domain.ledger import MG_PER_TONNE, NATIONAL, AccountKey, Balance, Code, Sheet

ROCK, IONIC, SEPARATION = QuotaKind
NOW = datetime(2024, 2, 6, tzinfo=UTC)
OFFICER = "spiffe://monazite.example/officer/quota/wang"


def enter(earlier: list[Indicator], batch: int, masses: dict[QuotaKind, int], *, cumulative: bool = False) -> Indicator:
    command = EnterIndicator(2020, batch, cumulative, masses, f"notice {batch}")
    indicator, postings = enter_indicator(command, earlier, officer=OFFICER, now=NOW)
    assert {leg.key.kind: leg.reo_mg for leg in postings} == {k: m for k, m in indicator.increments.items() if m}
    earlier.append(indicator)
    return indicator


def test_a_cumulative_batch_adds_the_difference() -> None:
    """The real batches of 2020: the second restated the year (quota_notice_rules.csv)."""
    earlier: list[Indicator] = []
    enter(earlier, 1, {ROCK: 56_425, IONIC: 9_575, SEPARATION: 63_500})
    second = enter(earlier, 2, {ROCK: 120_850, IONIC: 19_150, SEPARATION: 135_000}, cumulative=True)
    assert second.increments == {ROCK: 64_425, IONIC: 9_575, SEPARATION: 71_500}
    assert second.totals == {ROCK: 120_850, IONIC: 19_150, SEPARATION: 135_000}


def test_a_cumulative_batch_says_nothing_of_the_kinds_it_leaves_out() -> None:
    earlier: list[Indicator] = []
    enter(earlier, 1, {ROCK: 10, IONIC: 20})
    second = enter(earlier, 2, {ROCK: 15}, cumulative=True)
    assert second.increments == {ROCK: 5, IONIC: 0, SEPARATION: 0}
    assert second.totals == {ROCK: 15, IONIC: 20, SEPARATION: 0}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000), st.integers(0, 1000)), max_size=8))
def test_totals_are_the_sum_of_increments_and_never_fall(batches: list[tuple[bool, int, int]]) -> None:
    earlier: list[Indicator] = []
    for cumulative, rock, ionic in batches:
        before = dict(earlier[-1].totals) if earlier else {}
        masses = {ROCK: rock, IONIC: ionic}
        if cumulative and any(masses[kind] < before.get(kind, 0) for kind in masses):
            with pytest.raises(Error, match="INVALID_FIELDS"):
                enter(earlier, len(earlier) + 1, masses, cumulative=True)
        else:
            enter(earlier, len(earlier) + 1, masses, cumulative=cumulative)
    for kind in QuotaKind:
        assert sum(one.increments[kind] for one in earlier) == (earlier[-1].totals[kind] if earlier else 0)
        assert all(one.increments[kind] >= 0 for one in earlier)


def test_a_cumulative_figure_below_what_was_issued_is_refused_for_every_kind_at_once() -> None:
    earlier: list[Indicator] = []
    enter(earlier, 1, {ROCK: 70 * MG_PER_TONNE, SEPARATION: 50 * MG_PER_TONNE})
    with pytest.raises(Error) as caught:
        enter(earlier, 2, {ROCK: 66 * MG_PER_TONNE, SEPARATION: 1}, cumulative=True)
    assert caught.value.reason == "INVALID_FIELDS"
    assert [one.description for one in caught.value.violations] == [
        "mining (rock type): 66 t, below the 70 t already issued",
        "smelting-separation: 0.000000001 t, below the 50 t already issued",
    ]


def test_a_batch_is_entered_once_and_in_order() -> None:
    earlier: list[Indicator] = []
    enter(earlier, 1, {ROCK: 1})
    with pytest.raises(Error) as exists:
        enter(earlier, 1, {ROCK: 2})
    assert exists.value.reason == "INDICATOR_EXISTS"
    assert exists.value.metadata == {"year": "2020", "batch": "1", "document": "notice 1", "entered_by": OFFICER}
    with pytest.raises(Error) as early:
        enter(earlier, 3, {ROCK: 2})
    assert [one.field for one in early.value.violations] == ["batch"]


def test_an_allocation_over_the_total_names_every_number_of_every_kind_that_is_over() -> None:
    total = {ROCK: 100 * MG_PER_TONNE, IONIC: 10 * MG_PER_TONNE, SEPARATION: 50 * MG_PER_TONNE}
    sheet = Sheet({AccountKey(NATIONAL, 2024, kind): Balance(available_mg=mass) for kind, mass in total.items()})
    givers = Givers({})
    give(Give(2024, 1, NATIONAL, "a", {ROCK: 90 * MG_PER_TONNE, IONIC: 10 * MG_PER_TONNE}), sheet, givers, b"1")
    asked = {ROCK: 11 * MG_PER_TONNE, IONIC: 1, SEPARATION: 50 * MG_PER_TONNE}
    with pytest.raises(Error) as caught:
        give(Give(2024, 1, NATIONAL, "b", asked), sheet, givers, b"2")
    error = caught.value
    assert error.reason == "ALLOCATION_OVER_TOTAL"
    assert error.metadata["kinds"] == "MINING_ROCK,MINING_IONIC"
    rock = {name: error.metadata[f"mining_rock_{name}_t"] for name in ("total", "allocated", "asked", "remaining")}
    assert rock == {"total": "100", "allocated": "90", "asked": "11", "remaining": "10"}
    assert error.metadata["mining_ionic_asked_mg"] == "1"
    assert error.metadata["mining_ionic_remaining_mg"] == "0"
    assert "asked 11 t; of a total of 100 t 90 t are allocated, 10 t remain" in error.message
    assert sheet.balance(AccountKey(NATIONAL, 2024, SEPARATION)).given_on_mg == 0, "kinds of one command move together"


def test_a_break_down_moves_what_the_group_has_left() -> None:
    group = AccountKey("group", 2024, ROCK)
    sheet = Sheet({group: Balance(available_mg=10, reserved_mg=90)})
    givers = Givers({Member("group", 2024): NATIONAL})
    with pytest.raises(Error) as caught:
        give(Give(2024, 1, "group", "mine", {ROCK: 11}), sheet, givers, b"1")
    assert caught.value.metadata["mining_rock_remaining_mg"] == "10"
    assert caught.value.metadata["mining_rock_reserved_mg"] == "90"
    legs = give(Give(2024, 1, "group", "mine", {ROCK: 10, IONIC: 0}), sheet, givers, b"1")
    assert [leg.code for leg in legs] == [Code.BREAK_DOWN, Code.BREAK_DOWN]
    assert sheet.balance(group) == Balance(given_on_mg=10, reserved_mg=90)
    assert sheet.balance(AccountKey("mine", 2024, ROCK)) == Balance(available_mg=10)


def test_nobody_gives_to_himself() -> None:
    sheet = Sheet({AccountKey("group", 2024, ROCK): Balance(available_mg=10)})
    givers = Givers({Member("group", 2024): NATIONAL})
    with pytest.raises(Error) as caught:
        give(Give(2024, 1, "group", "group", {ROCK: 1}), sheet, givers, b"1")
    assert caught.value.reason == "INVALID_FIELDS"
    assert [one.field for one in caught.value.violations] == ["subsidiary_id"]
