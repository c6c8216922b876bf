"""Indicators, allocations, break-downs, and taking them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from services.chassis.call import current_call
from services.chassis.committer import Committer
from services.chassis.crash import crash_point
from services.chassis.database import Database
from services.chassis.errors import Error, Kind, Violation, not_found
from services.chassis.identity import Principal
from services.chassis.store import Audit, find_reply, uuid7
from services.quota.domain.allocation import BreakDown, EnterIndicator, Give, check_issued
from services.quota.domain.ownership import own_enterprise
from services.quota.domain.reduction import Reduce
from services.quota.operations.commit import AnyWrite, GiveWrite, IndicatorWrite, ReduceWrite
from services.quota.operations.requests import in_order, request_key
from services.quota.storage.allocation import issued_batches, load_allocations

ASK_TIMEOUT_S: Final = 3.0
"""How long the registry may take to say whether an enterprise is on its register."""

IsListed = Callable[[str, float], Awaitable[bool]]
"""Whether the registry lists an enterprise: its id, seconds it may take. Raises PEER_UNAVAILABLE."""


@dataclass(frozen=True, slots=True)
class Allocations:
    """Commands that bring quota into being, pass it on and take it back."""

    database: Database
    committer: Committer[AnyWrite]
    is_listed: IsListed

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

        Raises RECEIVER_NOT_LISTED, PEER_UNAVAILABLE when the registry cannot be asked, NO_INDICATOR,
        ALLOCATION_OVER_TOTAL, ALLOCATION_OVER_BATCH, and NOT_YOUR_SUBSIDIARY for what a group has given to in that
        year.
        """
        return await self._give(caller, request_id, command, "enterprise_id")

    async def break_down(self, caller: Principal, request_id: bytes, command: BreakDown) -> bytes:
        """From the caller's own account to its subsidiary; gives the stored reply.

        Raises what `allocate` does, and ACCESS_DENIED.
        """
        return await self._give(caller, request_id, command.by(own_enterprise(caller)), "subsidiary_id")

    async def reduce(self, caller: Principal, request_id: bytes, command: Reduce) -> bytes:
        """Take back a part of an allocation or break-down, or all of it; gives the stored reply.

        Raises NOT_FOUND, ALLOCATION_IN_USE.
        """
        key = request_key(
            caller,
            current_call().method,
            request_id,
            command.allocation_id,
            in_order(command.masses),
            command.reason,
        )
        async with self.database.connection() as connection:
            found = await load_allocations(connection, [command.allocation_id])
        allocation = found.get(command.allocation_id)
        if allocation is None:
            raise not_found("allocation", command.allocation_id.hex())
        return await self._submit(
            ReduceWrite(
                request=key,
                audit=Audit.current(),
                command=command,
                allocation=allocation,
                reduction_id=uuid7().bytes,
            )
        )

    async def _give(self, caller: Principal, request_id: bytes, command: Give, field: str) -> bytes:
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
        try:
            await self._check_listed(command.receiver, field)
            async with self.database.connection() as connection:
                check_issued(command, await issued_batches(connection, command.year))
        except Error:
            # A request that was done keeps its answer, also while the registry is away.
            async with self.database.connection() as connection:
                reply = await find_reply(connection, key)
            if reply is None:
                raise
            return reply
        allocation_id = uuid7().bytes
        return await self._submit(
            GiveWrite(request=key, audit=Audit.current(), command=command, allocation_id=allocation_id)
        )

    async def _check_listed(self, enterprise_id: str, field: str) -> None:
        """Raises RECEIVER_NOT_LISTED, PEER_UNAVAILABLE. The registry has at most half of what the caller leaves."""
        timeout_s = min(ASK_TIMEOUT_S, current_call().deadline_remaining() / 2)
        if not await self.is_listed(enterprise_id, timeout_s):
            raise Error(
                Kind.PRECONDITION,
                "RECEIVER_NOT_LISTED",
                "quota is given to an enterprise that is not on the register",
                metadata={"receivers": enterprise_id},
                violations=[Violation(field, "is not an enterprise on the register")],
            )

    async def _submit(self, write: AnyWrite) -> bytes:
        reply = await self.committer.submit(write)
        crash_point("quota.flush.after_commit")
        return reply
