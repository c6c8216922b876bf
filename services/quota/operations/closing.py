"""Ending rights. Lapse, release, revocation and being drawn out all go one way: marked CLOSING here and committed, then
the registry's CloseRight, then the registry's word applied. Each step can be repeated, so that a crash between any two
costs nothing but time.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from monazite_provenance import EventKind, KeyRing, Verifier
from monazite_provenance.contents import RightClosedDetails, decode_details
from monazite_provenance.errors import IssuerMismatch, ProvenanceError, Undisclosed

from services.chassis import store
from services.chassis.call import current_call_or_none
from services.chassis.crash import crash_point
from services.chassis.database import SERIALIZATION, Connection, Database
from services.chassis.errors import Error
from services.chassis.wakeup import Wakeup
from services.quota.domain.right import CloseReason, Contradiction, Right, State, ask_close, note_closed
from services.quota.storage import posting
from services.quota.storage import right as right_rows

ASK_TIMEOUT_S: Final = 3.0
"""How long the registry may take to end a right."""
EXPIRE: Final = "expire"
"""Stands in audit and request rows of expired rights where a call's method would."""
SWEEP_RIGHTS_MAX: Final = 200
"""Rights marked, and asked for, in one round."""

_log = logging.getLogger(__name__)

CloseRight = Callable[[str, bytes, str, float], Awaitable[bytes]]
"""The registry's CloseRight: request id, right id, reason, seconds it may take; gives the item of the right-closed."""


@dataclass(slots=True)
class Closing:
    """Ends rights through the registry. `keys` are the services' keys, `registry` is who must have signed its answers,
    `uri` is ourselves.
    """

    database: Database
    uri: str
    close_right: CloseRight
    keys: KeyRing
    registry: str
    poll_s: float
    bell: Wakeup = field(default_factory=Wakeup)

    async def run(self) -> None:
        """Mark what has expired and ask for what is closing, until cancelled."""
        while True:
            seen = self.bell.rings
            try:
                await self.sweep()
                await self.resume()
            except (Error, *SERIALIZATION) as error:
                _log.warning("closing rights pauses: %s", error)
            except Exception:
                _log.exception("closing rights failed")
            await self.bell.wait(seen, self.poll_s)

    async def sweep(self) -> int:
        """Mark open rights whose time is over; gives how many. The registry decides what was drawn in time."""
        count = SWEEP_RIGHTS_MAX
        total = 0
        while count == SWEEP_RIGHTS_MAX:
            count = await self.database.run(self._mark_expired)
            total += count
        if total:
            crash_point("quota.close.marked")
        return total

    async def resume(self) -> int:
        """Ask the registry for every right that is closing and that it has not ended yet; gives how many it ended.

        A right that it will not end keeps nobody else waiting. Raises the Error when it is away.
        """
        after = b""
        ended = 0
        while True:
            async with self.database.connection() as connection:
                rights = await right_rows.rights_to_close(connection, after, SWEEP_RIGHTS_MAX)
            for right in rights:
                try:
                    await self._ask(right, ASK_TIMEOUT_S)
                except Error as error:
                    if error.reason in {"PEER_UNAVAILABLE", "UNAVAILABLE"}:
                        raise
                    _log.error("the registry does not end right %s: %s", right.right_id.hex(), error)
                else:
                    ended += 1
            if len(rights) < SWEEP_RIGHTS_MAX:
                return ended
            after = rights[-1].right_id

    async def ask_now(self, right_id: bytes) -> None:
        """Ask for one right within half of what the caller leaves. A failure is left to the background worker."""
        async with self.database.connection() as connection:
            right = (await right_rows.load_rights(connection, [right_id])).get(right_id)
        if right is None or right.state is not State.CLOSING or right.drawn_mg is not None:
            return
        call = current_call_or_none()
        timeout_s = ASK_TIMEOUT_S if call is None else min(ASK_TIMEOUT_S, call.deadline_remaining() / 2)
        try:
            await self._ask(right, timeout_s)
        except Error as error:
            _log.warning("right %s stays closing: %s", right_id.hex(), error)
            self.bell.ring()

    async def _mark_expired(self, connection: Connection) -> int:
        expired = await right_rows.lock_expired(connection, SWEEP_RIGHTS_MAX)
        await right_rows.update_rights(
            connection, [ask_close(right, CloseReason.EXPIRED) for right in expired.values()]
        )
        audit = store.Audit.of_service(self.uri)
        # Nobody asked for it: the right itself identifies what was done, once.
        keys = [
            store.RequestKey(scope=self.uri, method=EXPIRE, request_id=right_id, digest=right_id)
            for right_id in expired
        ]
        await store.append(connection, [store.Write(request=key, audit=audit) for key in keys])
        return len(expired)

    async def _ask(self, right: Right, timeout_s: float) -> None:
        reason = right.close_reason or str(CloseReason.RELEASED)
        item = await self.close_right(_request_id(right.right_id, reason), right.right_id, reason, timeout_s)
        crash_point("quota.close.asked")
        try:
            closed = await asyncio.to_thread(self._read, item)
        except ProvenanceError as error:
            _log.error("the registry answered for right %s with a bad statement: %s", right.right_id.hex(), error.code)
            return
        if closed.right_id != right.right_id:
            _log.error("the registry answered for right %s with another right", right.right_id.hex())
            return
        await self.database.run(lambda connection: _apply(connection, right, closed))
        crash_point("quota.close.applied")

    def _read(self, item: bytes) -> RightClosedDetails:
        statement = Verifier(self.keys).verify(item)
        if statement.claims.issuer != self.registry or statement.claims.kind is not EventKind.RIGHT_CLOSED:
            raise IssuerMismatch("not a right-closed of the registry")
        if statement.details is None:
            raise Undisclosed("details of a right-closed")
        details = decode_details(EventKind.RIGHT_CLOSED, statement.details)
        assert isinstance(details, RightClosedDetails)  # noqa: S101 - decode_details was told the kind
        return details


async def _apply(connection: Connection, known: Right, closed: RightClosedDetails) -> None:
    sheet = await posting.lock_accounts(connection, [known.key])
    right = (await right_rows.lock_rights(connection, [known.right_id]))[known.right_id]
    try:
        step = note_closed(right, closed.total_drawn_mg, closed.reason_code)
    except Contradiction as error:
        # The same statement comes by the log as well, and is kept there as evidence.
        _log.error("right %s: %s", known.right_id.hex(), error.code)
        return
    if step.right == right:
        return
    sheet.post(step.postings)
    await posting.store_sheet(connection, sheet)
    await right_rows.update_rights(connection, [step.right])


def _request_id(right_id: bytes, reason: str) -> str:
    """The same for the same right and reason, however often and by whichever process it is asked."""
    return str(uuid.UUID(bytes=hashlib.sha256(b"close right\0" + right_id + reason.encode()).digest()[:16]))
