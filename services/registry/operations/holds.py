"""Holds: an inspector stops a lot from being spent, and lets it go again."""

from __future__ import annotations

from dataclasses import dataclass

from monazite_provenance.contents import HoldDetails, ReleaseDetails
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn

from services.chassis.database import Database
from services.chassis.errors import not_found
from services.registry.domain import refusals
from services.registry.domain.admission import Terms, admit
from services.registry.domain.change import PlaceHold, ReleaseHold
from services.registry.domain.commands import HoldLot
from services.registry.domain.records import Rows
from services.registry.operations.answers import Given, HeadMade, StepDone
from services.registry.operations.pipeline import Built, Pipeline
from services.registry.operations.requests import Asked
from services.registry.operations.signing import Signer
from services.registry.storage import lots as stored


@dataclass(frozen=True, slots=True)
class Holds:
    """Commands of inspectors."""

    pipeline: Pipeline
    database: Database
    signer: Signer
    home_log: str

    async def place(self, asked: Asked, hold: HoldLot) -> Given:
        """Hold the newest head of a lot, by a signed statement."""

        async def build() -> Built:
            return await self._build(asked, hold, release=False)

        return await self.pipeline.run("place_hold", asked, build)

    async def release(self, asked: Asked, hold: HoldLot) -> Given:
        """End the hold of this reason on the newest head of a lot, by a signed statement."""

        async def build() -> Built:
            return await self._build(asked, hold, release=True)

        return await self.pipeline.run("release_hold", asked, build)

    async def _build(self, asked: Asked, hold: HoldLot, *, release: bool) -> Built:
        async with self.database.connection() as connection:
            found = await stored.newest(connection, hold.lot_id)
        if found is None:
            raise not_found("lot", hold.lot_id)
        head = found.row
        if head.spent_by is not None:
            raise refusals.stale(head.outpoint, head.spent_by)
        change_type, details_type = (ReleaseHold, ReleaseDetails) if release else (PlaceHold, HoldDetails)
        change = change_type(hold.lot_id, head.outpoint, hold.reason_code)
        rows = Rows(heads={head.outpoint: head})
        after = admit(change, rows, bytes(32), Terms(self.home_log, self.signer.now()))
        statement = self.signer.sign(
            EventKind.RELEASE if release else EventKind.HOLD,
            lot_urn(hold.lot_id),
            details_type(head.outpoint, hold.lot_id, hold.reason_code),
            refs=(head.outpoint.statement_id,),
            on_behalf=asked.on_behalf,
            parents=(head.outpoint.statement_id,),
        )
        made = HeadMade.of(after.heads[head.outpoint])
        return Built(change, StepDone(statement.item, (made,)), (statement,))
