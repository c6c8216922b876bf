"""Rights: reserve, release, revoke, read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from services.chassis.call import current_call
from services.chassis.clock import Clock
from services.chassis.committer import Committer
from services.chassis.crash import crash_point
from services.chassis.database import Database
from services.chassis.errors import Error, not_found
from services.chassis.identity import Principal
from services.chassis.log.receipts import Receipts, carrying
from services.chassis.store import Audit, RequestKey, find_reply
from services.quota.domain.ownership import own_enterprise, sees
from services.quota.domain.right import CloseReason, Reserve, Right, check_expiry
from services.quota.operations.closing import Closing
from services.quota.operations.commit import AnyWrite, CloseWrite, ReserveWrite
from services.quota.operations.requests import request_key
from services.quota.operations.signing import Signer
from services.quota.storage import right as right_rows

RightRead: TypeAlias = tuple[Right, bytes, datetime]
"""A right, its signed statement (an encoded item; with its receipt where there is one yet), and the time of reading."""


@dataclass(frozen=True, slots=True)
class Rights:
    """A holder's and an officer's use of rights."""

    database: Database
    committer: Committer[AnyWrite]
    signer: Signer
    closing: Closing
    clock: Clock
    lifetime_max: timedelta
    receipts: Receipts

    async def reserve(self, caller: Principal, request_id: bytes, command: Reserve) -> bytes:
        """Reserve the caller's own quota; gives the stored reply with the signed right, which has no receipt yet.

        Raises QUOTA_EXCEEDED, INVALID_FIELDS for an expiry out of bounds. What is signed and then refused is dropped.
        """
        enterprise_id = own_enterprise(caller)
        expires_s = int(command.expires_at.timestamp())
        key = request_key(
            caller,
            current_call().method,
            request_id,
            command.year,
            int(command.kind),
            command.reo_mg,
            command.site,
            expires_s,
        )
        now = self.clock.now()
        try:
            check_expiry(command.expires_at, now=now, lifetime_max=self.lifetime_max)
        except Error:
            # A request that was done keeps its answer, however late it is asked for again.
            reply = await self._known(key)
            if reply is None:
                raise
            return reply
        right, statement = self.signer.right(command, enterprise_id, caller.enterprise_uri, now)
        crash_point("quota.reserve.signed")
        reply = await self.committer.submit(
            ReserveWrite(request=key, audit=Audit.current(), statements=(statement,), right=right)
        )
        crash_point("quota.flush.after_commit")
        return reply

    async def release(self, caller: Principal, request_id: bytes, right_id: bytes) -> RightRead:
        """Give back what the caller's right leaves undrawn. Raises RIGHT_STATE, NOT_FOUND for a right that is not his.

        The mark is committed before the registry is asked; when it is away the right comes back CLOSING, and the
        background worker goes on asking.
        """
        own_enterprise(caller)
        key = request_key(caller, current_call().method, request_id, right_id)
        return await self._end(key, caller, right_id, CloseReason.RELEASED, "")

    async def revoke(self, caller: Principal, request_id: bytes, right_id: bytes, remark: str) -> RightRead:
        """End a right by an officer's decision, recorded with its reason. Raises NOT_FOUND, RIGHT_STATE."""
        key = request_key(caller, current_call().method, request_id, right_id, remark)
        return await self._end(key, caller, right_id, CloseReason.REVOKED, remark)

    async def get(self, caller: Principal, right_id: bytes) -> RightRead:
        """A right as it stands. Raises NOT_FOUND, also for another enterprise's: the two look the same."""
        async with self.database.connection() as connection:
            found = await right_rows.right_with_item(connection, right_id)
        if found is None or not sees(caller, found[0].key.enterprise_id):
            raise not_found("right", right_id.hex())
        registered = await self.receipts.find([right_id])
        return found[0], carrying(found[1], registered.get(right_id)), found[2]

    async def _end(
        self, key: RequestKey, caller: Principal, right_id: bytes, reason: CloseReason, remark: str
    ) -> RightRead:
        write = CloseWrite(
            request=key, audit=Audit.current(), caller=caller, right_id=right_id, reason=reason, remark=remark
        )
        await self.committer.submit(write)
        crash_point("quota.close.marked")
        await self.closing.ask_now(right_id)
        return await self.get(caller, right_id)

    async def _known(self, key: RequestKey) -> bytes | None:
        async with self.database.connection() as connection:
            return await find_reply(connection, key)
