"""Indicators, allocations, break-downs."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.call import current_call
from services.chassis.committer import Committer
from services.chassis.crash import crash_point
from services.chassis.identity import Principal
from services.chassis.store import Audit, uuid7
from services.quota.domain.allocation import BreakDown, EnterIndicator, Give
from services.quota.domain.ownership import own_enterprise
from services.quota.operations.commit import AnyWrite, GiveWrite, IndicatorWrite
from services.quota.operations.requests import in_order, request_key


@dataclass(frozen=True, slots=True)
class Allocations:
    """Commands that bring quota into being and pass it on."""

    committer: Committer[AnyWrite]

    async def enter_indicator(self, caller: Principal, request_id: bytes, command: EnterIndicator) -> bytes:
        """Enter a batch; gives the stored reply. Raises INDICATOR_EXISTS, INVALID_FIELDS."""
        key = request_key(
            caller,
            current_call().method,
            request_id,
            command.year,
            command.batch,
            command.cumulative,
            in_order(command.masses),
            command.document,
        )
        return await self._submit(IndicatorWrite(request=key, audit=Audit.current(), command=command))

    async def allocate(self, caller: Principal, request_id: bytes, command: Give) -> bytes:
        """From the national account to a group; gives the stored reply.

        Raises ALLOCATION_OVER_TOTAL, and NOT_YOUR_SUBSIDIARY for what a group has given to in that year.
        """
        return await self._give(caller, request_id, command)

    async def break_down(self, caller: Principal, request_id: bytes, command: BreakDown) -> bytes:
        """From the caller's own account to its subsidiary; gives the stored reply.

        Raises NOT_YOUR_SUBSIDIARY, ALLOCATION_OVER_TOTAL, ACCESS_DENIED.
        """
        return await self._give(caller, request_id, command.by(own_enterprise(caller)))

    async def _give(self, caller: Principal, request_id: bytes, command: Give) -> bytes:
        key = request_key(
            caller,
            current_call().method,
            request_id,
            command.year,
            command.batch,
            command.giver,
            command.receiver,
            in_order(command.masses),
        )
        allocation_id = uuid7().bytes
        return await self._submit(
            GiveWrite(request=key, audit=Audit.current(), command=command, allocation_id=allocation_id)
        )

    async def _submit(self, write: AnyWrite) -> bytes:
        reply = await self.committer.submit(write)
        crash_point("quota.flush.after_commit")
        return reply
