"""Who may give quota to whom: the nation to groups, a group to its own subsidiaries, nobody else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error, Kind
from services.quota.domain.allocation import Give, give
from services.quota.domain.batches import Batches, BatchKey, Share
from services.quota.domain.books import Books
from services.quota.domain.givers import Givers, Member
from services.quota.domain.ledger import NATIONAL, AccountKey, Balance
from tests.unit.quota.giving import books

ROCK = QuotaKind.MINING_ROCK
NAMES = ("a", "b", "c", "d")


def rich(givers: dict[Member, str] | None = None) -> Books:
    """Books in which everybody has quota to give of batches 1 and 2: only the rule of who may is tested."""
    names = (NATIONAL, "northern", "southern", "mine", "other", *NAMES)
    keys = [AccountKey(name, year, ROCK) for name in names for year in (2024, 2025)]
    shares = {BatchKey(*key[:2], batch, ROCK): Share(10**6) for key in keys for batch in (1, 2)}
    found = books({key: Balance(available_mg=10**6) for key in keys}, givers)
    return found._replace(batches=Batches(shares))


def two_groups() -> dict[Member, str]:
    """Two groups of 2024, each with a subsidiary."""
    return {
        Member("northern", 2024): NATIONAL,
        Member("southern", 2024): NATIONAL,
        Member("mine", 2024): "northern",
        Member("other", 2024): "southern",
    }


@pytest.mark.parametrize(
    ("giver", "receiver", "message"),
    [
        ("mine", "southern", "mine is a subsidiary of northern in 2024: only a group breaks down"),
        ("mine", "sister", "mine is a subsidiary of northern in 2024: only a group breaks down"),
        ("mine", "northern", "mine is a subsidiary of northern in 2024: only a group breaks down"),
        ("nobody", "mine", "nobody was allocated no quota of 2024: only a group breaks down"),
        ("northern", "southern", "southern is a group in 2024, with an allocation of its own: no group's subsidiary"),
        (
            "northern",
            "other",
            "other is a subsidiary of southern in 2024 and has its quota of that year from nobody else",
        ),
        (
            NATIONAL,
            "other",
            "other is a subsidiary of southern in 2024 and has its quota of that year from nobody else",
        ),
    ],
)
def test_a_give_that_the_law_does_not_know_is_refused_and_moves_nothing(
    giver: str, receiver: str, message: str
) -> None:
    found = rich(two_groups())
    with pytest.raises(Error) as caught:
        give(Give(2024, 1, giver, receiver, {ROCK: 1}), found, b"1")
    error = caught.value
    assert (error.kind, error.reason, error.message) == (Kind.PRECONDITION, "NOT_YOUR_SUBSIDIARY", message)
    assert (error.metadata["year"], error.metadata["giver"], error.metadata["receiver"]) == ("2024", giver, receiver)
    assert error.metadata.get("receiver_from") == found.givers.giver(Member(receiver, 2024))
    assert error.metadata.get("giver_from") == found.givers.giver(Member(giver, 2024))
    assert (found.sheet.posted, found.givers.changed(), found.batches.changed()) == ([], [], [])


def test_a_group_gives_again_and_to_new_subsidiaries_and_is_given_again() -> None:
    found = rich(two_groups())
    for giver, receiver in (("northern", "mine"), ("northern", "new"), (NATIONAL, "northern"), (NATIONAL, "third")):
        give(Give(2024, 2, giver, receiver, {ROCK: 1}), found, receiver.encode())
    assert found.givers.changed() == [(Member("new", 2024), "northern"), (Member("third", 2024), NATIONAL)]


def test_every_year_begins_anew() -> None:
    found = rich(two_groups())
    give(Give(2025, 1, NATIONAL, "mine", {ROCK: 1}), found, b"1")
    give(Give(2025, 1, "mine", "northern", {ROCK: 1}), found, b"2")
    assert found.givers.giver(Member("mine", 2024)) == "northern"
    assert found.givers.giver(Member("northern", 2025)) == "mine"


def test_the_second_give_of_a_batch_sees_the_first() -> None:
    found = rich({Member("northern", 2024): NATIONAL, Member("southern", 2024): NATIONAL})
    give(Give(2024, 1, "northern", "mine", {ROCK: 1}), found, b"1")
    for giver in ("southern", NATIONAL):
        with pytest.raises(Error, match="mine is a subsidiary of northern"):
            give(Give(2024, 1, giver, "mine", {ROCK: 1}), found, b"2")


def test_a_give_that_is_over_the_total_binds_nobody() -> None:
    found = rich(two_groups())
    with pytest.raises(Error, match="ALLOCATION_OVER_TOTAL"):
        give(Give(2024, 1, "northern", "new", {ROCK: 10**6 + 1}), found, b"1")
    give(Give(2024, 1, "southern", "new", {ROCK: 1}), found, b"2")
    assert found.givers.changed() == [(Member("new", 2024), "southern")]


@given(st.lists(st.tuples(st.sampled_from((NATIONAL, *NAMES)), st.sampled_from(NAMES)), max_size=25))
def test_whatever_is_tried_quota_is_two_steps_from_the_nation_and_has_one_giver(tried: list[tuple[str, str]]) -> None:
    found = rich()
    made: list[tuple[str, str]] = []
    for number, (giver, receiver) in enumerate(tried):
        with contextlib.suppress(Error):
            give(Give(2024, 1, giver, receiver, {ROCK: 1}), found, number.to_bytes(16, "big"))
            made.append((giver, receiver))
    groups = {receiver for giver, receiver in made if giver == NATIONAL}
    assert all(giver == NATIONAL or giver in groups for giver, _ in made)
    assert all(len({giver for giver, receiver in made if receiver == name}) <= 1 for name in NAMES)
    assert {member.enterprise_id: giver for member, giver in found.givers.changed()} == {
        name: giver for giver, name in made
    }


def test_who_is_left_with_nothing_may_be_given_to_by_anybody() -> None:
    givers = Givers(two_groups())
    mine = Member("mine", 2024)
    givers.unbind(mine)
    assert (givers.changed(), givers.left()) == ([(mine, None)], [mine])
    givers.bind(2024, "southern", "mine")
    assert (givers.changed(), givers.left()) == ([(mine, "southern")], [mine])
    givers.unbind(mine)
    givers.bind(2024, "northern", "mine")
    assert (givers.changed(), givers.left()) == ([], []), "as it was loaded"
