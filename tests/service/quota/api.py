"""Quota's API in a test's words. Refusals come as the suite's Error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import grpc
from monazite.quota.v1 import quota_pb2, quota_pb2_grpc
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite.type.v1 import material_pb2

from services.chassis.errors import Error
from services.quota.storage.checks import ledger_faults
from tests.service.calling import Calls, new_id

ROCK = material_pb2.QUOTA_KIND_MINING_ROCK
IONIC = material_pb2.QUOTA_KIND_MINING_IONIC
SEPARATION = material_pb2.QUOTA_KIND_SMELTING_SEPARATION
TONNE = 10**9


def masses(*, rock_t: int = 0, ionic_t: int = 0, separation_t: int = 0) -> list[quota_pb2.KindMass]:
    """Tonnes as the API has them; zero is left out."""
    given = ((ROCK, rock_t), (IONIC, ionic_t), (SEPARATION, separation_t))
    return [quota_pb2.KindMass(kind=kind, reo_mg=tonnes * TONNE) for kind, tonnes in given if tonnes]


class Api(Calls):
    """One principal's view."""

    peer = "quota"

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.allocation = quota_pb2_grpc.AllocationServiceStub(channel)
        self.ledger = quota_pb2_grpc.LedgerServiceStub(channel)
        self.right = quota_pb2_grpc.RightServiceStub(channel)
        self.log = TransparencyServiceStub(channel)

    async def enter_indicator(
        self,
        year: int,
        batch: int,
        *,
        cumulative: bool = False,
        request_id: str = "",
        document: str = "MIIT notice",
        rock_t: int = 0,
        ionic_t: int = 0,
        separation_t: int = 0,
    ) -> quota_pb2.Indicator:
        """EnterIndicator, tonnes."""
        request = quota_pb2.EnterIndicatorRequest(
            request_id=request_id or new_id(),
            year=year,
            batch=batch,
            cumulative=cumulative,
            masses=masses(rock_t=rock_t, ionic_t=ionic_t, separation_t=separation_t),
            document=document,
        )
        return await self.call(self.allocation.EnterIndicator, request)

    async def allocate(
        self,
        year: int,
        batch: int,
        enterprise_id: str,
        *,
        request_id: str = "",
        rock_t: int = 0,
        ionic_t: int = 0,
        separation_t: int = 0,
    ) -> quota_pb2.Allocation:
        """Allocate, tonnes."""
        request = quota_pb2.AllocateRequest(
            request_id=request_id or new_id(),
            year=year,
            batch=batch,
            enterprise_id=enterprise_id,
            masses=masses(rock_t=rock_t, ionic_t=ionic_t, separation_t=separation_t),
        )
        return await self.call(self.allocation.Allocate, request)

    async def break_down(
        self,
        year: int,
        batch: int,
        subsidiary_id: str,
        *,
        rock_t: int = 0,
        ionic_t: int = 0,
        separation_t: int = 0,
    ) -> quota_pb2.Allocation:
        """BreakDown, tonnes."""
        request = quota_pb2.BreakDownRequest(
            request_id=new_id(),
            year=year,
            batch=batch,
            subsidiary_id=subsidiary_id,
            masses=masses(rock_t=rock_t, ionic_t=ionic_t, separation_t=separation_t),
        )
        return await self.call(self.allocation.BreakDown, request)

    async def reduce(
        self,
        allocation_id: str,
        *,
        request_id: str = "",
        reason: str = "entered for the wrong group",
        rock_t: int = 0,
        ionic_t: int = 0,
        separation_t: int = 0,
    ) -> quota_pb2.Allocation:
        """ReduceAllocation, tonnes."""
        request = quota_pb2.ReduceAllocationRequest(
            request_id=request_id or new_id(),
            allocation_id=allocation_id,
            masses=masses(rock_t=rock_t, ionic_t=ionic_t, separation_t=separation_t),
            reason=reason,
        )
        return await self.call(self.allocation.ReduceAllocation, request)

    async def reserve(
        self,
        reo_mg: int,
        *,
        year: int = 2024,
        kind: material_pb2.QuotaKind.ValueType = ROCK,
        site: str = "bayan-obo",
        request_id: str = "",
        expires: datetime | None = None,
        timeout_s: float = 20,
    ) -> quota_pb2.ReserveResponse:
        """Reserve, milligrams; for a month unless told otherwise."""
        request = quota_pb2.ReserveRequest(
            request_id=request_id or new_id(), year=year, kind=kind, reo_mg=reo_mg, site=site
        )
        request.expire_time.FromDatetime(expires or datetime.now(UTC) + timedelta(days=30))
        return await self.call(self.right.Reserve, request, timeout_s)

    async def release(self, right_id: bytes, *, request_id: str = "", timeout_s: float = 20) -> quota_pb2.Right:
        """ReleaseRight."""
        request = quota_pb2.ReleaseRightRequest(request_id=request_id or new_id(), right_id=right_id)
        return await self.call(self.right.ReleaseRight, request, timeout_s)

    async def revoke(self, right_id: bytes, reason: str = "over quota, art. 21") -> quota_pb2.Right:
        """RevokeRight."""
        request = quota_pb2.RevokeRightRequest(request_id=new_id(), right_id=right_id, reason=reason)
        return await self.call(self.right.RevokeRight, request)

    async def get_right(self, right_id: bytes) -> quota_pb2.Right:
        """GetRight."""
        return await self.call(self.right.GetRight, quota_pb2.GetRightRequest(right_id=right_id))

    async def balance(
        self, enterprise_id: str, kind: material_pb2.QuotaKind.ValueType = ROCK, year: int = 2024
    ) -> quota_pb2.Balance:
        """GetBalance."""
        request = quota_pb2.GetBalanceRequest(enterprise_id=enterprise_id, year=year, kind=kind)
        return await self.call(self.ledger.GetBalance, request)

    async def until(
        self, right_id: bytes, done: Callable[[quota_pb2.Right], bool], timeout_s: float = 15
    ) -> quota_pb2.Right:
        """The right once `done` holds; fails with what it is otherwise. Each read gives the server its turn."""
        deadline = datetime.now(UTC) + timedelta(seconds=timeout_s)
        while True:
            right = await self.get_right(right_id)
            if done(right):
                return right
            assert datetime.now(UTC) < deadline, f"still {right}"


async def faults(url: str) -> list[str]:
    """What is wrong with the ledger in this database; nothing, one hopes."""
    connection = await asyncpg.connect(url)
    try:
        return await ledger_faults(connection)
    finally:
        await connection.close()


async def fetch(url: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    """Rows as they are stored."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


async def refusal(act: Awaitable[object]) -> tuple[str, dict[str, str], list[str]]:
    """Reason, metadata and bad fields of what a call is refused with."""
    try:
        await act
    except Error as error:
        return error.reason, error.metadata, [one.field for one in error.violations]
    raise AssertionError("was not refused")
