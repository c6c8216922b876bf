"""Indicators and allocations: batches, cumulative figures, and the numbers in a refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error
from services.quota.domain.allocation import (
    EnterIndicator,
    Give,
    Indicator,
    check_issued,
    enter_indicator,
    give,
    issue,
)
from services.quota.domain.batches import Batches, BatchKey, Share
from services.quota.domain.books import Books
from services.quota.domain.givers import Member
from services.quota.domain.ledger import MG_PER_TONNE, NATIONAL, AccountKey, Balance, Code
from tests.unit.quota.giving import books

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
    nation = books({AccountKey(NATIONAL, 2024, kind): Balance(available_mg=mass) for kind, mass in total.items()})
    give(Give(2024, 1, NATIONAL, "a", {ROCK: 90 * MG_PER_TONNE, IONIC: 10 * MG_PER_TONNE}), nation, b"1")
    asked = {ROCK: 11 * MG_PER_TONNE, IONIC: 1, SEPARATION: 50 * MG_PER_TONNE}
    with pytest.raises(Error) as caught:
        give(Give(2024, 1, NATIONAL, "b", asked), nation, b"2")
    error = caught.value
    assert error.reason == "ALLOCATION_OVER_TOTAL"
    assert error.metadata["kinds"] == "MINING_ROCK,MINING_IONIC"
    rock = {name: error.metadata[f"mining_rock_{name}_t"] for name in ("total", "allocated", "asked", "remaining")}
    assert rock == {"total": "100", "allocated": "90", "asked": "11", "remaining": "10"}
    assert error.metadata["mining_ionic_asked_mg"] == "1"
    assert error.metadata["mining_ionic_remaining_mg"] == "0"
    assert "asked 11 t; of a total of 100 t 90 t are allocated, 10 t remain" in error.message
    left = nation.sheet.balance(AccountKey(NATIONAL, 2024, SEPARATION))
    assert left.given_on_mg == 0, "kinds of one command move together"


def test_what_no_notice_issued_is_not_given() -> None:
    command = Give(2024, 3, NATIONAL, "a", {ROCK: 1})
    check_issued(command, [1, 2, 3])
    for batches, said in (([1, 2], "those of 2024 are 1, 2"), ([], "none of 2024 has been")):
        with pytest.raises(Error) as caught:
            check_issued(command, batches)
        assert caught.value.reason == "NO_INDICATOR"
        assert caught.value.message == f"no indicator of batch 3 of 2024 has been entered; {said}"
        with pytest.raises(Error) as caught:
            check_issued(replace(command, giver="g"), batches)
        assert caught.value.message == "no indicator of batch 3 of 2024 has been entered"
        assert caught.value.metadata == {"year": "2024", "batch": "3"}


def two_batches() -> Books:
    """The nation of 2024 with 60 t of rock in batch 1 and 40 t in batch 2."""
    nation = books({AccountKey(NATIONAL, 2024, ROCK): Balance(available_mg=100 * MG_PER_TONNE)})
    shares = {BatchKey(NATIONAL, 2024, 1, ROCK): Share(60 * MG_PER_TONNE)}
    shares[BatchKey(NATIONAL, 2024, 2, ROCK)] = Share(40 * MG_PER_TONNE)
    return nation._replace(batches=Batches(shares))


def test_an_allocation_over_its_batch_is_refused_though_the_year_has_enough() -> None:
    nation = two_batches()
    give(Give(2024, 1, NATIONAL, "a", {ROCK: 50 * MG_PER_TONNE}), nation, b"1")
    before = nation.sheet.changed(), nation.batches.changed(), nation.givers.changed()
    with pytest.raises(Error) as caught:
        give(Give(2024, 1, NATIONAL, "b", {ROCK: 11 * MG_PER_TONNE}), nation, b"2")
    error = caught.value
    assert error.reason == "ALLOCATION_OVER_BATCH"
    assert (error.metadata["batch"], error.metadata["kinds"]) == ("1", "MINING_ROCK")
    rock = {name: error.metadata[f"mining_rock_{name}_t"] for name in ("total", "allocated", "asked", "remaining")}
    assert rock == {"total": "60", "allocated": "50", "asked": "11", "remaining": "10"}
    assert "asked 11 t; of batch 1's 60 t 50 t are allocated, 10 t remain" in error.message
    assert before == (nation.sheet.changed(), nation.batches.changed(), nation.givers.changed())
    with pytest.raises(Error, match="of batch 3's 0 t 0 t are allocated, 0 t remain"):
        give(Give(2024, 3, NATIONAL, "b", {ROCK: 1}), nation, b"3")
    give(Give(2024, 2, NATIONAL, "b", {ROCK: 11 * MG_PER_TONNE}), nation, b"4")
    give(Give(2024, 1, NATIONAL, "b", {ROCK: 10 * MG_PER_TONNE}), nation, b"5")


def test_a_group_breaks_down_each_batch_that_it_was_allocated_of() -> None:
    nation = two_batches()
    give(Give(2024, 1, NATIONAL, "group", {ROCK: 30}), nation, b"1")
    give(Give(2024, 2, NATIONAL, "group", {ROCK: 20}), nation, b"2")
    give(Give(2024, 1, "group", "mine", {ROCK: 30}), nation, b"3")
    with pytest.raises(Error, match="ALLOCATION_OVER_BATCH"):
        give(Give(2024, 1, "group", "mine", {ROCK: 1}), nation, b"4")
    give(Give(2024, 2, "group", "mine", {ROCK: 20}), nation, b"5")
    assert nation.batches.share(BatchKey("mine", 2024, 2, ROCK)) == Share(20)
    assert nation.batches.share(BatchKey("group", 2024, 2, ROCK)) == Share(20, 20)


def test_what_a_batch_restates_brings_only_the_difference() -> None:
    earlier: list[Indicator] = []
    batches = Batches({})
    issue(enter(earlier, 1, {ROCK: 56, IONIC: 9}), batches)
    issue(enter(earlier, 2, {ROCK: 120, IONIC: 9}, cumulative=True), batches)
    assert batches.changed() == [
        (BatchKey(NATIONAL, 2020, 1, ROCK), Share(56)),
        (BatchKey(NATIONAL, 2020, 1, IONIC), Share(9)),
        (BatchKey(NATIONAL, 2020, 2, ROCK), Share(64)),
    ]


def test_no_share_is_ever_overdrawn() -> None:
    key = BatchKey("group", 2024, 1, ROCK)
    batches = Batches({key: Share(10, 4)})
    for move, mass in ((batches.pass_on, 7), (batches.receive, -7), (batches.pass_on, -5)):
        with pytest.raises(ValueError, match="more is passed on"):
            move(key, mass)
    assert (batches.share(key), batches.changed()) == (Share(10, 4), [])


def test_a_break_down_moves_what_the_group_has_left() -> None:
    group = AccountKey("group", 2024, ROCK)
    found = books({group: Balance(available_mg=10, reserved_mg=90)}, {Member("group", 2024): NATIONAL})
    with pytest.raises(Error) as caught:
        give(Give(2024, 1, "group", "mine", {ROCK: 11}), found, b"1")
    assert caught.value.reason == "ALLOCATION_OVER_TOTAL", "of the batch enough is left; reserved is of no batch"
    assert caught.value.metadata["mining_rock_remaining_mg"] == "10"
    assert caught.value.metadata["mining_rock_reserved_mg"] == "90"
    legs = give(Give(2024, 1, "group", "mine", {ROCK: 10, IONIC: 0}), found, b"1")
    assert [leg.code for leg in legs] == [Code.BREAK_DOWN, Code.BREAK_DOWN]
    assert found.sheet.balance(group) == Balance(given_on_mg=10, reserved_mg=90)
    assert found.sheet.balance(AccountKey("mine", 2024, ROCK)) == Balance(available_mg=10)


def test_nobody_gives_to_himself() -> None:
    found = books({AccountKey("group", 2024, ROCK): Balance(available_mg=10)}, {Member("group", 2024): NATIONAL})
    with pytest.raises(Error) as caught:
        give(Give(2024, 1, "group", "group", {ROCK: 1}), found, b"1")
    assert caught.value.reason == "INVALID_FIELDS"
    assert [one.field for one in caught.value.violations] == ["subsidiary_id"]
