"""Attestations: an inspector has what was sampled at a head measured, and the registry signs the assay on his behalf.

Nothing of the lot changes by it: it travels in the bundles of what came of that head, where every verifier compares.
Of a head behind a cut those are the full ones, of officers and licensing; buyers' begin at the cut. What stops the lot
for them is a hold on the head that lives.
"""

from __future__ import annotations

from dataclasses import dataclass

from monazite_provenance.contents import AttestDetails
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn

from services.chassis.database import Database
from services.chassis.errors import Violation, invalid, not_found
from services.registry.domain import refusals
from services.registry.domain.change import Attest
from services.registry.domain.commands import AttestLot
from services.registry.domain.submitting import CLOCK_AHEAD_MAX_S
from services.registry.operations.answers import Given, HeadMade, StepDone
from services.registry.operations.pipeline import Built, Pipeline
from services.registry.operations.requests import Asked
from services.registry.operations.signing import Signer
from services.registry.storage import lots as stored


@dataclass(frozen=True, slots=True)
class Attestations:
    """Commands of inspectors."""

    pipeline: Pipeline
    database: Database
    signer: Signer

    async def attest(self, asked: Asked, command: AttestLot) -> Given:
        """Record an assay of a head, spent by now or not: results come later than samples are taken.

        Raises NOT_FOUND; INVALID_FIELDS for a measurement of the future.
        """

        async def build() -> Built:
            return await self._build(asked, command)

        return await self.pipeline.run("attest_lot", asked, build)

    async def _build(self, asked: Asked, command: AttestLot) -> Built:
        if command.measured_at > self.signer.now() + CLOCK_AHEAD_MAX_S:
            raise invalid([Violation("measure_time", "is later than now")])
        async with self.database.connection() as connection:
            found = (await stored.heads(connection, [command.head])).get(command.head)
        if found is None:
            raise not_found("lot", refusals.outpoint_name(command.head))
        details = AttestDetails(
            lot_id=found.row.lot_id,
            laboratory=command.laboratory,
            method=command.method,
            sample=command.sample,
            measured_at=command.measured_at,
            dry_g=command.dry_g,
            rows=command.rows,
            outpoint=command.head,
        )
        about = (command.head.statement_id,)
        statement = self.signer.sign(
            EventKind.ATTEST,
            lot_urn(found.row.lot_id),
            details,
            refs=about,
            on_behalf=asked.on_behalf,
            parents=about,
        )
        answer = StepDone(statement.item, (HeadMade.of(found.row),))
        return Built(Attest(command.head), answer, (statement,))
