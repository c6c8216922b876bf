"""Quota goes to enterprises on the registry's register only; the registry is asked before anything is written."""

# ruff: noqa: S608 - what is put together here are our own table names

from __future__ import annotations

import asyncio

from monazite.quota.v1 import quota_pb2

from tests.fakes.registry import FakeRegistry
from tests.service.calling import new_id
from tests.service.quota.api import TONNE, Api, faults, fetch, masses, refusal
from tests.service.quota.conftest import Quota

WRITTEN = ("allocation", "quota_giver", "batch_share", "account", "posting", "request", "audit")


async def written(quota: Quota) -> list[int]:
    """How many rows each table has that a give writes."""
    url = quota.settings.database_url
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in WRITTEN)
    return list((await fetch(url, f"SELECT {counts}"))[0])


async def test_an_unlisted_enterprise_is_given_nothing(
    quota: Quota, officer: Api, northern: Api, registry: FakeRegistry
) -> None:
    await officer.enter_indicator(2024, 1, rock_t=1000)
    await officer.allocate(2024, 1, "northern", rock_t=500)
    registry.unlisted |= {"nobody", "no-mine"}
    before = await written(quota)
    reason, metadata, fields = await refusal(officer.allocate(2024, 1, "nobody", rock_t=1))
    assert (reason, metadata, fields) == ("RECEIVER_NOT_LISTED", {"receivers": "nobody"}, ["enterprise_id"])
    reason, metadata, fields = await refusal(northern.break_down(2024, 1, "no-mine", rock_t=1))
    assert (reason, metadata, fields) == ("RECEIVER_NOT_LISTED", {"receivers": "no-mine"}, ["subsidiary_id"])
    assert (await refusal(northern.break_down(2024, 9, "no-mine", rock_t=1)))[0] == "RECEIVER_NOT_LISTED"
    assert await written(quota) == before, "a refusal changes nothing"
    registry.unlisted.clear()
    await officer.allocate(2024, 1, "nobody", rock_t=1)
    assert await faults(quota.settings.database_url) == []


async def test_while_the_registry_is_away_nothing_is_given_and_what_was_given_is_still_answered(
    quota: Quota, officer: Api, registry: FakeRegistry
) -> None:
    await officer.enter_indicator(2024, 1, rock_t=1000)
    request_id = new_id()
    first = await officer.allocate(2024, 1, "northern", rock_t=500, request_id=request_id)
    before = await written(quota)
    registry.away = True
    reason, metadata, _ = await refusal(officer.allocate(2024, 1, "other", rock_t=1))
    assert (reason, metadata) == ("PEER_UNAVAILABLE", {"peer": "registry"})
    assert await officer.allocate(2024, 1, "northern", rock_t=500, request_id=request_id) == first
    assert (await refusal(officer.allocate(2024, 1, "northern", rock_t=7, request_id=request_id)))[0] == (
        "REQUEST_ID_REUSED"
    )
    assert await written(quota) == before
    registry.away = False
    await officer.allocate(2024, 1, "other", rock_t=1)
    assert (await refusal(officer.allocate(2024, 9, "northern", rock_t=500, request_id=request_id)))[0] == (
        "REQUEST_ID_REUSED"
    ), "before what the other content would be refused with"


async def test_a_registry_that_does_not_answer_costs_half_of_the_callers_time_at_most(
    quota: Quota, officer: Api, registry: FakeRegistry
) -> None:
    await officer.enter_indicator(2024, 1, rock_t=1000)
    registry.answering.clear()
    request = quota_pb2.AllocateRequest(
        request_id=new_id(), year=2024, batch=1, enterprise_id="northern", masses=masses(rock_t=1)
    )
    reason, metadata, _ = await refusal(officer.call(officer.allocation.Allocate, request, 2))
    assert (reason, metadata) == ("PEER_UNAVAILABLE", {"peer": "registry"})
    waiting = asyncio.create_task(officer.allocate(2024, 1, "northern", rock_t=1))
    registry.answering.set()
    assert (await waiting).enterprise_id == "northern"
    assert (await officer.balance("northern")).granted_mg == TONNE
