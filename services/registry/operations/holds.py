"""Holds: an inspector stops a lot from being spent, and lets it go again."""

from __future__ import annotations

from dataclasses import dataclass

from monazite_provenance.contents import HoldDetails, ReleaseDetails
from monazite_provenance.names import lot_urn

from services.chassis.database import Database
from services.chassis.errors import not_found
from services.registry.domain import refusals
from services.registry.domain.admission import Terms, admit
from services.registry.domain.change import PlaceHold, ReleaseHold
from services.registry.domain.commands import HoldLot
from services.registry.domain.records import HeadRow, Rows
from services.registry.operations.answers import Given, HeadMade, StepDone
from services.registry.operations.pipeline import Built, Pipeline
from services.registry.operations.requests import Asked
from services.registry.operations.signing import Signer
from services.registry.storage import lots as stored
from services.registry.storage.holds import find_open


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
            head = await self._head(hold.lot_id)
            details = HoldDetails(head.outpoint, hold.lot_id, hold.reason_code)
            change = PlaceHold(hold.lot_id, head.outpoint, hold.reason_code)
            return self._built(asked, change, details, Rows(heads={head.outpoint: head}))

        return await self.pipeline.run("place_hold", asked, build)

    async def release(self, asked: Asked, hold: HoldLot) -> Given:
        """End the hold of this reason on the newest head of a lot, by a signed statement that refers to the hold."""

        async def build() -> Built:
            head = await self._head(hold.lot_id)
            async with self.database.connection() as connection:
                placed = await find_open(connection, head.outpoint, hold.reason_code)
            if placed is None:
                raise not_found("hold", hold.reason_code)
            details = ReleaseDetails(head.outpoint, hold.lot_id, hold.reason_code, placed.hold_id)
            change = ReleaseHold(hold.lot_id, head.outpoint, hold.reason_code, placed.hold_id)
            rows = Rows(heads={head.outpoint: head}, holds={placed.hold_id: placed})
            return self._built(asked, change, details, rows)

        return await self.pipeline.run("release_hold", asked, build)

    async def _head(self, lot_id: str) -> HeadRow:
        """The unspent head of a lot. Raises NOT_FOUND, STALE."""
        async with self.database.connection() as connection:
            found = await stored.newest(connection, lot_id)
        if found is None:
            raise not_found("lot", lot_id)
        if found.row.spent_by is not None:
            raise refusals.stale(found.row.outpoint, found.row.spent_by)
        return found.row

    def _built(
        self, asked: Asked, change: PlaceHold | ReleaseHold, details: HoldDetails | ReleaseDetails, rows: Rows
    ) -> Built:
        after = admit(change, rows, bytes(32), Terms(self.home_log, self.signer.now()))
        about = [change.outpoint.statement_id]
        if isinstance(change, ReleaseHold):
            about.append(change.hold_id)
        statement = self.signer.sign(
            details.KIND,
            lot_urn(change.lot_id),
            details,
            refs=about,
            on_behalf=asked.on_behalf,
            parents=about,
        )
        made = HeadMade.of(after.heads[change.outpoint])
        return Built(change, StepDone(statement.item, (made,)), (statement,))
