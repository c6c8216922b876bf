"""Rights at the registry: read, and ended for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monazite_provenance.contents import RightClosedDetails
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import right_urn

from services.chassis.clock import Clock
from services.chassis.crash import crash_point
from services.chassis.database import Database
from services.chassis.errors import not_found
from services.chassis.identity import Principal
from services.registry.domain.admission import Terms
from services.registry.domain.change import CloseRight
from services.registry.domain.commands import EndRight
from services.registry.domain.records import RightRow, RightState
from services.registry.domain.visibility import may_see_right
from services.registry.operations.answers import Given, RightEnded
from services.registry.operations.pipeline import Built, Pipeline, Standing
from services.registry.operations.requests import Asked
from services.registry.operations.signing import Signer
from services.registry.storage import lots as stored
from services.registry.storage import rights as rows


@dataclass(frozen=True, slots=True)
class RightView:
    """A right as it stands here; `row` is None while it was never drawn on. `closed`: the encoded `right-closed`."""

    right_id: bytes
    row: RightRow | None
    closed: bytes | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Rights:
    """Reads of rights, and quota's command to end one."""

    pipeline: Pipeline
    database: Database
    signer: Signer
    home_log: str
    clock: Clock

    async def get(self, principal: Principal, right_id: bytes) -> RightView:
        """A right as it stands here. One that is another's looks as if nobody had ever drawn on it."""
        as_of = self.clock.now()
        async with self.database.connection() as connection:
            row = await rows.find(connection, right_id)
            holder = row.terms.holder if row is not None and row.terms is not None else None
            if row is None or not may_see_right(principal, holder):
                return RightView(right_id, None, None, as_of)
            closed = None if row.closed_by is None else await stored.item(connection, row.closed_by)
        return RightView(right_id, row, closed, as_of)

    async def close(self, asked: Asked, close: EndRight) -> Given:
        """End a right and say what was drawn in all; one that was never seen gets a tombstone.

        Draws are stopped in a transaction of their own before the total is signed, so that no stream of draws can
        keep the
        total moving. If we die between the two, nothing is drawn any more and the next call ends it.
        """

        async def build() -> Built | Standing:
            return await self._build(asked, close)

        return await self.pipeline.run("close_right", asked, build)

    async def _build(self, asked: Asked, close: EndRight) -> Built | Standing:
        terms = Terms(self.home_log, self.signer.now())
        frozen = await self.database.run(lambda connection: rows.freeze(connection, close.right_id, terms))
        if frozen.state is RightState.CLOSED:
            return await self._ended(frozen)
        crash_point("registry.close_right.frozen")
        async with self.database.connection() as connection:
            draws = await rows.unplaced_draws(connection, close.right_id)
        statement = self.signer.sign(
            EventKind.RIGHT_CLOSED,
            right_urn(close.right_id),
            RightClosedDetails(close.right_id, frozen.drawn_mg, close.reason_code),
            refs=(close.right_id,),
            on_behalf=asked.on_behalf,
            parents=draws,
        )
        ended = RightEnded(statement.item, frozen.drawn_mg)
        return Built(CloseRight(close.right_id, frozen.drawn_mg), ended, (statement,))

    async def _ended(self, right: RightRow) -> Standing:
        """The answer that was given when it ended, whoever asked then."""
        if right.closed_by is None:
            raise not_found("right", right.right_id.hex())
        async with self.database.connection() as connection:
            item = await stored.item(connection, right.closed_by)
        return Standing(RightEnded(item or b"", right.drawn_mg), right.closed_by)
