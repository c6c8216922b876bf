"""Reserve, draw, settle, close: either side may be killed between any two steps, and no gram is lost or used twice."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.quota.v1.quota_pb2 import (
    AllocateRequest,
    EnterIndicatorRequest,
    GetBalanceRequest,
    GetRightRequest,
    KindMass,
    ListPostingsRequest,
    ReleaseRightRequest,
    ReserveRequest,
    Right,
)
from monazite.registry.v1 import registry_pb2
from monazite.registry.v1.registry_pb2 import (
    Draw,
    IssueLotIdsRequest,
    ListLotsRequest,
    Mined,
    NewLot,
    Origin,
    RegisterEnterpriseRequest,
    RegisterLotRequest,
)
from monazite.type.v1.material_pb2 import DEPOSIT_TYPE_ROCK, QUOTA_KIND_MINING_ROCK
from monazite_provenance.item import Item
from monazite_provenance.statement import parse

from clients.demo import tables
from clients.demo.chapters.c2_mine_and_import import concentrate
from clients.masses import MG_PER_TONNE
from tests.system.crash_points import crash_points
from tests.system.crashing import Caller, Saboteur, assert_verified, callers, kill, request_id, until
from tools.local.deployment import Deployment
from tools.local.suite import Suite

YEAR = 2031
GRANTED_MG = 100 * MG_PER_TONNE
RESERVED_MG = 60 * MG_PER_TONNE
LOTS_GROSS_G = (20_000_000, 30_000_000)
STEPS = ("reserved", "drawn once", "drawn twice", "settled", "closing")
# Of the registry's steps, those on this path; the others go through the same lines (test_crash_points.py).
REGISTRY_STEPS = ("issue_lot_ids", "register", "close_right")
POINTS = [
    point
    for point in crash_points()
    if point.service == "quota"
    or (point.service == "registry" and not point.name.startswith("registry."))
    or point.name.startswith(("registry.flush.", *(f"registry.{step}." for step in REGISTRY_STEPS)))
]

_numbers = itertools.count()
Between = Callable[[str], Awaitable[None]]


@pytest.fixture(scope="session")
async def national(suite: Suite) -> None:
    """The year's indicator, enough for every case."""
    async with callers(suite.deployment, "officer/quota/li") as (officer,):
        masses = [KindMass(kind=QUOTA_KIND_MINING_ROCK, reo_mg=1000 * GRANTED_MG)]
        request = EnterIndicatorRequest(request_id=request_id(), year=YEAR, batch=1, masses=masses, document="test")
        await officer.ask(officer.allocations.EnterIndicator, request)


async def a_mine(deployment: Deployment) -> str:
    """The path of a fresh mine with quota."""
    path = f"enterprise/crash-mine-{next(_numbers)}"
    enterprise = path.rpartition("/")[2]
    async with callers(deployment, "officer/registrar/zhao", "officer/quota/li") as (registrar, officer):
        await registrar.ask(
            registrar.enterprises.RegisterEnterprise,
            RegisterEnterpriseRequest(
                request_id=request_id(), enterprise_id=enterprise, display_name=enterprise, activities=["MINE"]
            ),
        )
        masses = [KindMass(kind=QUOTA_KIND_MINING_ROCK, reo_mg=GRANTED_MG)]
        request = AllocateRequest(request_id=request_id(), year=YEAR, batch=1, enterprise_id=enterprise, masses=masses)
        await officer.ask(officer.allocations.Allocate, request)
    return path


async def nothing(_step: str) -> None:
    """Between two steps of an undisturbed run."""


async def reserve_draw_settle_close(mine: Caller, between: Between) -> tuple[bytes, int]:
    """The whole life of a right, with two draws; gives its id and what was drawn."""
    expires = Timestamp()
    expires.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    reserve = ReserveRequest(
        request_id=request_id(),
        year=YEAR,
        kind=QUOTA_KIND_MINING_ROCK,
        reo_mg=RESERVED_MG,
        site="pit",
        expire_time=expires,
    )
    reserved = (await mine.ask(mine.rights.Reserve, reserve)).right

    async def seen() -> Right:
        return await mine.ask(mine.rights.GetRight, GetRightRequest(right_id=reserved.right_id))

    # The reply may have come without the receipt, when quota died before it gave the right a place in its log.
    right = await until(seen, lambda each: _has_receipt(each.statement.item))
    await between("reserved")
    drawn_mg = 0
    for gross_g, step in zip(LOTS_GROSS_G, ("drawn once", "drawn twice"), strict=True):
        drawn_mg += await _draw(mine, right, gross_g)
        await between(step)

    await until(seen, lambda each: each.settled_mg == drawn_mg)
    await between("settled")
    release = ReleaseRightRequest(request_id=request_id(), right_id=right.right_id)
    await mine.ask(mine.rights.ReleaseRight, release)
    await between("closing")
    await until(seen, lambda each: each.state == Right.STATE_CLOSED)
    return right.right_id, drawn_mg


def _has_receipt(item: bytes) -> bool:
    return bool(parse(Item.decode(item).statement).receipts)


async def _draw(mine: Caller, right: Right, gross_g: int) -> int:
    issued = await mine.ask(mine.lots.IssueLotIds, IssueLotIdsRequest(request_id=request_id(), count=1))
    material = concentrate(gross_g, tables.BAYAN_OBO, "pit-laboratory")
    reo_mg = sum(each.reo_mg for each in material.elements)
    request = RegisterLotRequest(
        request_id=request_id(),
        origin=Origin(mined=Mined(mine="pit", mining_licence="L-1", deposit_type=DEPOSIT_TYPE_ROCK)),
        lots=[NewLot(lot_id=issued.lot_ids[0], site="pit", material=material)],
        draws=[Draw(right=right.statement, right_id=right.right_id, reo_mg=reo_mg)],
    )
    first = await mine.ask(mine.lots.RegisterLot, request)
    # The same again is the same statement, whichever process answers.
    assert (await mine.ask(mine.lots.RegisterLot, request)).admission.statement_id == first.admission.statement_id
    return reo_mg


async def assert_no_gram_lost(deployment: Deployment, mine: Caller, right_id: bytes, drawn_mg: int) -> None:
    """Ledger, right at quota, right at the registry, and the lots say the same; each lot's bundle verifies."""
    asked = GetBalanceRequest(enterprise_id=mine.id, year=YEAR, kind=QUOTA_KIND_MINING_ROCK)
    balance = await mine.ask(mine.ledger.GetBalance, asked)
    assert (balance.granted_mg, balance.given_on_mg, balance.reserved_mg) == (GRANTED_MG, 0, 0)
    assert balance.used_mg == drawn_mg
    assert balance.available_mg == GRANTED_MG - drawn_mg
    right = await mine.ask(mine.rights.GetRight, GetRightRequest(right_id=right_id))
    assert (right.settled_mg, right.freed_mg) == (drawn_mg, RESERVED_MG - drawn_mg)
    seen = await mine.ask(mine.registry_rights.GetRight, registry_pb2.GetRightRequest(right_id=right_id))
    assert (seen.state, seen.drawn_mg) == (registry_pb2.Right.STATE_CLOSED, drawn_mg)
    lots = (await mine.ask(mine.lots.ListLots, ListLotsRequest(page_size=100, enterprise_id=mine.id))).lots
    assert len(lots) == len(LOTS_GROSS_G)
    assert sum(mass.reo_mg for lot in lots for mass in lot.material.elements) == drawn_mg
    postings = await mine.ask(
        mine.ledger.ListPostings, ListPostingsRequest(page_size=100, year=YEAR, enterprise_id=mine.id)
    )
    settled = [each for each in postings.postings if each.code == "SETTLE"]
    assert sum(each.reo_mg for each in settled) == drawn_mg
    assert len({each.drawing_id for each in settled}) == len(LOTS_GROSS_G)
    await assert_verified(deployment, mine, [lot.head for lot in lots])


@pytest.mark.parametrize("service", ["quota", "registry"])
async def test_crash_at_every_point(suite: Suite, national: None, service: str) -> None:
    points = [point for point in POINTS if point.service == service]
    async with Saboteur(suite, points) as saboteur:

        async def two_mines() -> None:
            paths = [await a_mine(suite.deployment) for _ in range(2)]
            async with callers(suite.deployment, *paths) as mines:
                ends = await asyncio.gather(*(reserve_draw_settle_close(mine, nothing) for mine in mines))
                for mine, end in zip(mines, ends, strict=True):
                    await assert_no_gram_lost(suite.deployment, mine, *end)

        await saboteur.all_points(two_mines)
    assert saboteur.passed == [point.name for point in points]


@pytest.mark.parametrize("service", ["quota", "registry"])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_between(suite: Suite, national: None, service: str, step: str) -> None:
    killed: list[str] = []

    async def between(passed: str) -> None:
        if passed == step:
            await kill(suite, service)
            killed.append(passed)

    async with callers(suite.deployment, await a_mine(suite.deployment)) as (mine,):
        await assert_no_gram_lost(suite.deployment, mine, *await reserve_draw_settle_close(mine, between))
    assert killed == [step]
