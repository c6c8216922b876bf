"""deploy/README.md: services may start in any order among themselves; without its database one ends, to be tried
again."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.export_license.v1.export_license_pb2 import LicenceLine, Party, SubmitCaseRequest
from monazite.quota.v1.quota_pb2 import (
    AllocateRequest,
    EnterIndicatorRequest,
    GetRightRequest,
    KindMass,
    ReleaseRightRequest,
    ReserveRequest,
    Right,
)
from monazite.registry.v1.registry_pb2 import RegisterEnterpriseRequest
from monazite.type.v1.material_pb2 import QUOTA_KIND_MINING_ROCK
from monazite.type.v1.statement_pb2 import Outpoint

from clients.errors import CallError
from clients.masses import MG_PER_TONNE
from tests.system.crashing import Caller, callers, request_id, until
from tools.local.ports import HeldPorts
from tools.local.suite import SERVICES, Suite

YEAR = 2041
MINE = "enterprise/start-order-mine"


MASS_MG = 10 * MG_PER_TONNE


async def give_quota(registrar: Caller, officer: Caller, mine: Caller) -> None:
    """Ten tonnes for a mine on the register."""
    listed = RegisterEnterpriseRequest(
        request_id=request_id(), enterprise_id=mine.id, display_name=mine.id, activities=["MINE"]
    )
    await registrar.ask(registrar.enterprises.RegisterEnterprise, listed)
    masses = [KindMass(kind=QUOTA_KIND_MINING_ROCK, reo_mg=MASS_MG)]
    entered = EnterIndicatorRequest(request_id=request_id(), year=YEAR, batch=1, masses=masses, document="test")
    await officer.ask(officer.allocations.EnterIndicator, entered)
    given = AllocateRequest(request_id=request_id(), year=YEAR, batch=1, enterprise_id=mine.id, masses=masses)
    await officer.ask(officer.allocations.Allocate, given)


async def a_right(mine: Caller) -> Right:
    """A right of all that it was given."""
    expires = Timestamp()
    expires.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    reserve = ReserveRequest(
        request_id=request_id(),
        year=YEAR,
        kind=QUOTA_KIND_MINING_ROCK,
        reo_mg=MASS_MG,
        site="pit",
        expire_time=expires,
    )
    return (await mine.ask(mine.rights.Reserve, reserve)).right


async def submit(mine: Caller) -> str:
    """What becomes of an application about a lot that nobody knows: only the registry can say so."""
    party = Party(name="Somebody", country="DE")
    request = SubmitCaseRequest(
        request_id=request_id(),
        lots=[Outpoint(statement_id=bytes(32))],
        end_user=party,
        consignee=party,
        end_use="motors",
        destination="DE",
        lines=[LicenceLine(control_code="1C905.a", hs_code="85051110", gross_g=1)],
    )
    with pytest.raises(CallError) as refused:
        await mine.ask(mine.cases.SubmitCase, request)
    return refused.value.reason


async def test_a_registry_that_starts_last_is_found_by_those_that_need_it(suite: Suite) -> None:
    async with callers(suite.deployment, "officer/registrar/zhao", "officer/quota/li", MINE) as everybody:
        await give_quota(*everybody)
    for service in SERVICES:
        await asyncio.to_thread(suite.kill, service)
    for service in ("export_license", "quota"):
        await asyncio.to_thread(suite.restart, service)
    async with callers(suite.deployment, MINE) as (mine,):
        # Quota reserves without the registry.
        right = await a_right(mine)
        release = ReleaseRightRequest(request_id=request_id(), right_id=right.right_id)
        waiting = asyncio.gather(mine.ask(mine.rights.ReleaseRight, release), submit(mine))
        await asyncio.to_thread(suite.restart, "registry")
        _, said = await waiting
        assert said == "NOT_FOUND"

        async def seen() -> Right:
            return await mine.ask(mine.rights.GetRight, GetRightRequest(right_id=right.right_id))

        # Closed by the registry, and quota has followed its log to there.
        await until(seen, lambda each: each.state == Right.STATE_CLOSED)


@pytest.mark.parametrize("service", SERVICES)
async def test_without_its_database_a_service_ends_for_its_supervisor_to_start_it_again(
    suite: Suite, service: str, ports: HeldPorts
) -> None:
    nowhere = {"MONAZITE__DATABASE_URL": f"postgresql://{service}:none@127.0.0.1:{ports.take()}/{service}"}
    await asyncio.to_thread(suite.kill, service)
    await asyncio.to_thread(suite.restart, service, nowhere, wait=False)
    assert await asyncio.to_thread(suite.wait_exit, service) == os.EX_TEMPFAIL
    await asyncio.to_thread(suite.restart, service)
    assert suite.running(service)
