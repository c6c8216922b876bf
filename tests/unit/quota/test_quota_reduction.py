"""Taking an allocation back: what is free of it, and nothing that was handed on, reserved or used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error
from services.quota.domain.allocation import Allocation, Give, Reduction, give
from services.quota.domain.batches import BatchKey, Share
from services.quota.domain.books import Books
from services.quota.domain.givers import Member
from services.quota.domain.ledger import MG_PER_TONNE, NATIONAL, AccountKey, Balance, Bucket, Code, Posting
from services.quota.domain.reduction import REDUCTIONS_MAX, Reduce, reduce
from tests.unit.quota.giving import books

ROCK, IONIC, SEPARATION = QuotaKind
NOW = datetime(2024, 2, 6, tzinfo=UTC)
NATION = AccountKey(NATIONAL, 2024, ROCK)
GROUP = AccountKey("group", 2024, ROCK)
T = MG_PER_TONNE


def nation() -> Books:
    """100 t of rock and of ionic quota in batch 1."""
    return books({key: Balance(available_mg=100 * T) for key in (NATION, NATION._replace(kind=IONIC))})


def allocated(found: Books, masses: dict[QuotaKind, int], receiver: str = "group", giver: str = NATIONAL) -> Allocation:
    allocation_id = f"{giver} to {receiver}"[:16].ljust(16).encode()
    give(Give(2024, 1, giver, receiver, masses), found, allocation_id)
    return Allocation(allocation_id, 2024, 1, giver, receiver, masses, "officer", NOW)


def taken(allocation: Allocation, found: Books, masses: dict[QuotaKind, int], cause: bytes = b"r") -> Allocation:
    reduce(Reduce(allocation.allocation_id, masses, "wrong"), allocation, found, cause)
    reduction = Reduction(cause, masses, "wrong", "officer", NOW)
    return replace(allocation, reductions=(*allocation.reductions, reduction))


def test_what_is_taken_back_returns_to_the_giver_by_a_reversing_posting() -> None:
    found = nation()
    allocation = allocated(found, {ROCK: 70 * T, IONIC: 5 * T})
    legs = reduce(Reduce(allocation.allocation_id, {ROCK: 30 * T, IONIC: 0}, "wrong"), allocation, found, b"r")
    assert [(leg.key, leg.debit, leg.credit, leg.reo_mg, leg.code) for leg in legs] == [
        (GROUP, Bucket.AVAILABLE, Bucket.GRANTED, 30 * T, Code.REDUCE),
        (NATION, Bucket.GIVEN_ON, Bucket.AVAILABLE, 30 * T, Code.REDUCE),
    ]
    assert found.sheet.balance(NATION) == Balance(available_mg=60 * T, given_on_mg=40 * T)
    assert found.sheet.balance(GROUP) == Balance(available_mg=40 * T)
    assert found.batches.share(BatchKey(NATIONAL, 2024, 1, ROCK)) == Share(100 * T, 40 * T)
    assert found.batches.share(BatchKey("group", 2024, 1, ROCK)) == Share(40 * T)
    assert found.givers.giver(Member("group", 2024)) == NATIONAL, "something still stands"


def test_no_more_comes_back_than_stands_of_this_allocation() -> None:
    found = nation()
    first = allocated(found, {ROCK: 10 * T})
    allocated(found, {ROCK: 50 * T})
    first = taken(first, found, {ROCK: 4 * T})
    with pytest.raises(Error) as caught:
        taken(first, found, {ROCK: 6 * T + 1})
    error = caught.value
    assert error.reason == "ALLOCATION_IN_USE"
    assert (error.metadata["kinds"], error.metadata["receiver"]) == ("MINING_ROCK", "group")
    assert error.metadata["allocation_id"] == first.allocation_id.hex()
    names = ("free", "standing", "available", "batch_remaining")
    assert [error.metadata[f"mining_rock_{name}_t"] for name in names] == ["6", "6", "56", "56"]
    assert "asked back 6.000000001 t; of the 6 t that stand 6 t are free" in error.message
    taken(first, found, {ROCK: 6 * T})


def test_what_was_reserved_used_or_handed_on_stays() -> None:
    found = nation()
    allocation = allocated(found, {ROCK: 70 * T, IONIC: 5 * T})
    allocated(found, {ROCK: 20 * T}, "mine", "group")
    found.sheet.post(
        [
            Posting(GROUP, Bucket.AVAILABLE, Bucket.RESERVED, 15 * T, Code.RESERVE, b"1"),
            Posting(GROUP, Bucket.RESERVED, Bucket.USED, 5 * T, Code.SETTLE, b"2"),
        ]
    )
    before = found.sheet.balance(GROUP), found.sheet.balance(NATION), found.batches.changed()
    with pytest.raises(Error) as caught:
        taken(allocation, found, {ROCK: 36 * T, IONIC: 5 * T})
    names = ("asked", "free", "standing", "available", "reserved", "used", "given_on", "batch_remaining")
    figures = [caught.value.metadata[f"mining_rock_{name}_t"] for name in names]
    assert figures == ["36", "35", "70", "35", "10", "5", "20", "50"]
    assert caught.value.metadata["kinds"] == "MINING_ROCK", "of ionic quota enough is free, and nothing of it moved"
    assert before == (found.sheet.balance(GROUP), found.sheet.balance(NATION), found.batches.changed())
    taken(allocation, found, {ROCK: 35 * T})


def test_what_was_handed_on_of_the_batch_stays_though_another_batch_has_enough() -> None:
    found = nation()
    shares = BatchKey(NATIONAL, 2024, 2, ROCK)
    found.batches.receive(shares, 30 * T)
    found.sheet.post([Posting(NATION, Bucket.GRANTED, Bucket.AVAILABLE, 30 * T, Code.INDICATOR, b"i")])
    first = allocated(found, {ROCK: 10 * T})
    give(Give(2024, 2, NATIONAL, "group", {ROCK: 30 * T}), found, b"2")
    allocated(found, {ROCK: 10 * T}, "mine", "group")
    with pytest.raises(Error) as caught:
        taken(first, found, {ROCK: 1})
    names = ("free", "available", "batch_remaining")
    assert [caught.value.metadata[f"mining_rock_{name}_t"] for name in names] == ["0", "30", "0"]


def test_a_kind_that_was_not_allocated_cannot_be_taken_back() -> None:
    found = nation()
    allocation = allocated(found, {ROCK: 10 * T})
    allocated(found, {IONIC: 10 * T})
    with pytest.raises(Error, match="of the 0 t that stand 0 t are free"):
        taken(allocation, found, {IONIC: 1})


def test_who_has_nothing_left_is_free_for_his_real_giver() -> None:
    """An officer who allocated to a subsidiary by mistake had made a group of it."""
    found = nation()
    allocated(found, {ROCK: 50 * T})
    wrong = allocated(found, {ROCK: 10 * T, IONIC: 1 * T}, "mine")
    with pytest.raises(Error, match="NOT_YOUR_SUBSIDIARY"):
        allocated(found, {ROCK: 10 * T}, "mine", "group")
    wrong = taken(wrong, found, {ROCK: 10 * T})
    with pytest.raises(Error, match="NOT_YOUR_SUBSIDIARY"):
        allocated(found, {ROCK: 10 * T}, "mine", "group")
    taken(wrong, found, {IONIC: 1 * T})
    assert found.givers.giver(Member("mine", 2024)) is None
    allocated(found, {ROCK: 10 * T}, "mine", "group")
    assert found.givers.giver(Member("mine", 2024)) == "group"


def test_one_allocation_is_corrected_a_bounded_number_of_times() -> None:
    found = nation()
    allocation = allocated(found, {ROCK: 10 * T})
    for number in range(REDUCTIONS_MAX):
        allocation = taken(allocation, found, {ROCK: 1}, number.to_bytes(16, "big"))
    with pytest.raises(Error) as caught:
        taken(allocation, found, {ROCK: 1}, b"more")
    assert [one.field for one in caught.value.violations] == ["allocation_id"]
    assert found.sheet.balance(GROUP) == Balance(available_mg=10 * T - REDUCTIONS_MAX)
