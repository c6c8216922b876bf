"""ReduceAllocation: an officer corrects a wrong allocation; the ledger gets a reversing posting, nothing is edited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from monazite.quota.v1 import quota_pb2

from services.chassis.errors import Error
from tests.service.calling import new_id
from tests.service.quota.api import IONIC, ROCK, TONNE, Api, faults, fetch, refusal
from tests.service.quota.conftest import OFFICER, Quota


@pytest.fixture
async def given(officer: Api, northern: Api) -> quota_pb2.Allocation:
    """Northern's 700 t of rock quota, of which it handed on 100 t and reserved 50 t."""
    await officer.enter_indicator(2024, 1, rock_t=1000, ionic_t=100)
    allocation = await officer.allocate(2024, 1, "northern", rock_t=700, ionic_t=30)
    await northern.break_down(2024, 1, "mine-1", rock_t=100)
    await northern.reserve(50 * TONNE)
    return allocation


async def test_a_wrong_allocation_is_taken_back(quota: Quota, officer: Api, given: quota_pb2.Allocation) -> None:
    request_id = new_id()
    reduced = await officer.reduce(given.allocation_id, rock_t=150, ionic_t=30, request_id=request_id)
    assert reduced.masses == given.masses, "what was given stays on record"
    (reduction,) = reduced.reductions
    assert [(mass.kind, mass.reo_mg) for mass in reduction.masses] == [(ROCK, 150 * TONNE), (IONIC, 30 * TONNE)]
    assert reduction.reason == "entered for the wrong group"
    assert reduction.reduced_by == "spiffe://monazite.example/officer/quota/wang"
    own = await officer.balance("northern")
    assert (own.granted_mg, own.available_mg) == (550 * TONNE, 400 * TONNE)
    national = await officer.balance("national")
    assert (national.given_on_mg, national.available_mg) == (550 * TONNE, 450 * TONNE)
    assert (await officer.balance("northern", IONIC)).granted_mg == 0
    postings = await officer.call(officer.ledger.ListPostings, quota_pb2.ListPostingsRequest(enterprise_id="northern"))
    reversing = [one for one in postings.postings if one.code == "REDUCE"]
    assert {(one.debit_account, one.credit_account, one.reo_mg) for one in reversing} == {
        ("northern/2024/MINING_ROCK/available", "northern/2024/MINING_ROCK/granted", 150 * TONNE),
        ("northern/2024/MINING_IONIC/available", "northern/2024/MINING_IONIC/granted", 30 * TONNE),
    }
    # Again with the same id, and then on from there.
    assert await officer.reduce(given.allocation_id, rock_t=150, ionic_t=30, request_id=request_id) == reduced
    await officer.reduce(given.allocation_id, rock_t=1)
    listed = await officer.call(officer.allocation.ListAllocations, quota_pb2.ListAllocationsRequest(year=2024))
    assert [len(one.reductions) for one in listed.allocations] == [2, 0]
    assert listed.allocations[0].reductions[0] == reduction
    # The batch has it again.
    await officer.allocate(2024, 1, "other", rock_t=451)
    assert await faults(quota.settings.database_url) == []
    audited = await fetch(
        quota.settings.database_url, "SELECT count(*) FROM audit WHERE method LIKE '%/ReduceAllocation'"
    )
    assert audited[0][0] == 2


async def test_what_was_handed_on_or_reserved_is_not_taken_back(
    quota: Quota, officer: Api, northern: Api, given: quota_pb2.Allocation
) -> None:
    reason, metadata, _ = await refusal(officer.reduce(given.allocation_id, rock_t=551, ionic_t=1))
    assert reason == "ALLOCATION_IN_USE"
    names = ("asked", "free", "standing", "available", "reserved", "used", "given_on", "batch_remaining")
    assert [metadata[f"mining_rock_{name}_t"] for name in names] == [
        "551",
        "550",
        "700",
        "550",
        "50",
        "0",
        "100",
        "600",
    ]
    assert (metadata["kinds"], metadata["receiver"]) == ("MINING_ROCK", "northern")
    assert (await officer.balance("northern", IONIC)).granted_mg == 30 * TONNE, "all kinds or none"
    # First what the group handed on, by the officer too; then the rest of its own.
    listed = await officer.call(officer.allocation.ListAllocations, quota_pb2.ListAllocationsRequest(year=2024))
    await officer.reduce(listed.allocations[1].allocation_id, rock_t=100)
    await officer.reduce(given.allocation_id, rock_t=650)
    assert (await officer.balance("mine-1")).granted_mg == 0
    left = await officer.balance("northern")
    assert (left.granted_mg, left.reserved_mg, left.available_mg) == (50 * TONNE, 50 * TONNE, 0)
    assert await faults(quota.settings.database_url) == []


async def test_who_had_it_by_mistake_is_free_for_its_real_giver(
    quota: Quota, officer: Api, northern: Api, given: quota_pb2.Allocation
) -> None:
    wrong = await officer.allocate(2024, 1, "mine-2", rock_t=10)
    assert (await refusal(northern.break_down(2024, 1, "mine-2", rock_t=10)))[0] == "NOT_YOUR_SUBSIDIARY"
    await officer.reduce(wrong.allocation_id, rock_t=10, reason="mine-2 is Northern's")
    await northern.break_down(2024, 1, "mine-2", rock_t=10)
    assert (await refusal(officer.allocate(2024, 1, "mine-2", rock_t=1)))[0] == "NOT_YOUR_SUBSIDIARY"
    assert (await officer.balance("mine-2")).granted_mg == 10 * TONNE
    assert await faults(quota.settings.database_url) == []


async def test_bad_reductions_change_nothing(
    quota: Quota, officer: Api, northern: Api, given: quota_pb2.Allocation
) -> None:
    reason, metadata, _ = await refusal(officer.reduce("0" * 32, rock_t=1))
    assert (reason, metadata["what"]) == ("NOT_FOUND", "allocation")
    empty = quota_pb2.ReduceAllocationRequest(request_id="x", allocation_id="ABCD")
    assert (await refusal(officer.call(officer.allocation.ReduceAllocation, empty)))[2] == [
        "request_id",
        "allocation_id",
        "masses",
        "reason",
    ]
    assert (await refusal(northern.reduce(given.allocation_id, rock_t=1)))[0] == "ACCESS_DENIED"
    request_id = new_id()
    await officer.reduce(given.allocation_id, rock_t=1, request_id=request_id)
    assert (await refusal(officer.reduce(given.allocation_id, rock_t=2, request_id=request_id)))[0] == (
        "REQUEST_ID_REUSED"
    )
    assert (await officer.balance("northern")).granted_mg == 699 * TONNE
    assert await faults(quota.settings.database_url) == []


@pytest.fixture
async def second_officer(stopped: Quota, given: quota_pb2.Allocation) -> AsyncIterator[Api]:
    """An officer at a second process on the same database."""
    async with (
        Quota(stopped.settings, stopped.authority, stopped.clock).running() as two,
        two.caller(OFFICER) as api,
    ):
        yield api


async def test_two_processes_never_take_back_more_than_is_free(
    quota: Quota, officer: Api, second_officer: Api, northern: Api, given: quota_pb2.Allocation
) -> None:
    """Takes back, hands on and reserves at once; 550 t are free."""
    takes = [api.reduce(given.allocation_id, rock_t=60) for api in (officer, second_officer) for _ in range(5)]
    hands = [northern.break_down(2024, 1, f"mine-{number}", rock_t=40) for number in range(5)]
    reserves = [northern.reserve(30 * TONNE) for _ in range(5)]
    answers = await asyncio.gather(*takes, *hands, *reserves, return_exceptions=True)
    refused = {one.reason for one in answers if isinstance(one, Error)}
    assert refused <= {"ALLOCATION_IN_USE", "ALLOCATION_OVER_TOTAL", "QUOTA_EXCEEDED"}
    assert refused, "950 t were asked of 550"
    assert all(isinstance(one, Error) or not isinstance(one, BaseException) for one in answers)
    assert (await officer.balance("northern")).available_mg < 60 * TONNE
    assert await faults(quota.settings.database_url) == []
