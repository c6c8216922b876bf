"""Cuts: the registry vouches for all that a head rests on, so that bundles may begin there.

It verifies the lot's whole bundle as any auditor would, with the same library, and signs nothing over a gap: a cut
hides what is behind it, and must not hide that something there was never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from monazite_provenance.chain import verify_bundle
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import CutDetails, ElementOrigins, LotContent, OriginMass, decode_details, encode
from monazite_provenance.contents.vouching import ORIGINS_MAX
from monazite_provenance.errors import ChainTooLong, TooLarge, TooManyParents
from monazite_provenance.item import OPENINGS_BYTES_MAX, Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.report import LotReport
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint
from monazite_provenance.trust import TrustFile

from services.chassis.clock import Clock
from services.chassis.database import Connection, Database
from services.chassis.errors import not_found
from services.chassis.spool import Spool
from services.chassis.turns import Turns
from services.registry.domain import refusals
from services.registry.domain.change import PlaceCut
from services.registry.domain.commands import CutLot
from services.registry.domain.records import HeadRow
from services.registry.domain.visibility import Extent
from services.registry.operations import bundles
from services.registry.operations.answers import Given, HeadMade, StepDone
from services.registry.operations.pipeline import Built, Pipeline, Standing
from services.registry.operations.requests import Asked
from services.registry.operations.signing import Signer
from services.registry.storage import lots as stored
from services.registry.storage.cuts import find_cut

# A cut says itself that it names no origins; every other gap it would hide.
_SAID: Final = frozenset({"ORIGINS_NOT_TRACED"})
DETAILS_BYTES_MAX: Final = OPENINGS_BYTES_MAX - 1024
"""Of a cut's details, so that they and their salt can be opened."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What verifying came to: the report, the codes of what was found, and the head that the receipts are under."""

    report: LotReport
    lot: LotContent
    codes: tuple[str, ...]
    checkpoint: bytes

    def findings(self) -> tuple[Finding, ...]:
        """One a code, with how often it was met; of what an earlier cut says, the code alone."""
        told: dict[str, Finding] = {}
        for code in self.codes:
            met = [each.finding for each in self.report.findings if each.finding.code == code]
            message = met[0].message if met else "said by an earlier cut"
            told[code] = Finding(code, message, {"count": str(len(met))})
        return tuple(told.values())


@dataclass(frozen=True, slots=True)
class Cuts:
    """Commands of registrars. `turns`: how many bundles are verified at once, outside of the event loop."""

    pipeline: Pipeline
    database: Database
    signer: Signer
    bundles: bundles.Bundles
    trust: TrustFile
    turns: Turns
    clock: Clock
    settings: RuleSettings

    async def cut(self, asked: Asked, command: CutLot, *, validate_only: bool) -> Given:
        """Verify and sign; of a head that has a cut, that one.

        Raises NOT_FOUND, STALE, LOT_HELD, PROVENANCE_REFUSED with what is wrong or was not shown, UNAVAILABLE,
        OVERLOADED, TooManyParents, TooLarge.
        """

        async def build() -> Built | Standing:
            return await self._build(asked, command, validate_only=validate_only)

        # First of all: who asks again gets the first answer, and not how the cut stands by now.
        return await self.pipeline.stored(asked) or await self.pipeline.run("cut_lot", asked, build)

    async def _build(self, asked: Asked, command: CutLot, *, validate_only: bool) -> Built | Standing:
        async with self.database.connection() as connection:
            head = await _head(connection, command)
            outpoint = head.outpoint
            cut_id = await find_cut(connection, outpoint)
            item = None if cut_id is None else await stored.item(connection, cut_id)
        if cut_id is not None and item is not None:
            return Standing(StepDone(item, (HeadMade.of(head),), _said_by(item), made_before=True), cut_id)
        if head.spent_by is not None:
            raise refusals.stale(outpoint, head.spent_by)
        if head.holds:
            raise refusals.lot_held(head.lot_id, head.holds)
        judged = await self._judge(asked, outpoint)
        done = StepDone(None, (HeadMade.of(head),), judged.findings())
        if validate_only:
            return Standing(done)
        return self._built(head, judged, done)

    def _built(self, head: HeadRow, judged: Judged, done: StepDone) -> Built:
        about = (head.outpoint.statement_id,)
        details = CutDetails(
            outpoint=head.outpoint,
            lot=judged.lot,
            origins=origins_of(judged.report.origins),
            policy_hash=self.settings.policy_hash,
            checkpoint=judged.checkpoint,
            findings=judged.codes,
        )
        if len(encode(details)) > DETAILS_BYTES_MAX:
            details = replace(details, origins=())
        statement = self.signer.sign(EventKind.CUT, lot_urn(head.lot_id), details, refs=about, parents=about)
        answer = StepDone(statement.item, done.heads, done.findings)
        return Built(PlaceCut(head.lot_id, head.outpoint), answer, (statement,))

    async def _judge(self, asked: Asked, outpoint: Outpoint) -> Judged:
        """All of it, verified. Of a history too long for one bundle, what has come since the last cuts, for which we
        have given our word before.
        """
        try:
            judged = await self._verified(asked, outpoint, Extent.FULL)
        except (TooManyParents, TooLarge):
            return self._standing(outpoint, await self._verified(asked, outpoint, Extent.FROM_CUTS), ours=True)
        failure = judged[0].failure
        if failure is not None and failure.code == ChainTooLong.code:
            return self._standing(outpoint, await self._verified(asked, outpoint, Extent.FROM_CUTS), ours=True)
        return self._standing(outpoint, judged, ours=False)

    async def _verified(self, asked: Asked, outpoint: Outpoint, extent: Extent) -> tuple[LotReport, bytes]:
        async with await self.turns.take() as turn:
            gathered = await self.bundles.gather(bundles.Asked(asked.principal, outpoint, extent=extent))
            spool = await Spool.of(self.bundles.pieces(gathered, with_status=True))
            report = await turn.in_thread(lambda: self._report(spool))
        return report, gathered.checkpoint

    def _report(self, spool: Spool) -> LotReport:
        with spool:
            now = int(self.clock.now().timestamp())
            return verify_bundle(spool.chunks(), self.trust, at=now, settings=self.settings)

    def _standing(self, outpoint: Outpoint, verified: tuple[LotReport, bytes], *, ours: bool) -> Judged:
        """What stands with no gap but those that a cut says itself. `ours`: it may rest on earlier cuts that were
        judged by the same rules.
        """
        report, checkpoint = verified
        allowed = _SAID | {"VOUCHED"} if ours and all(each.same_rules for each in report.vouched) else _SAID
        codes = {each.finding.code for each in report.findings}
        gaps = report.gap_codes() - allowed
        if report.failure is not None:
            codes.add(report.failure.code)
        if report.failure is not None or report.target is None or gaps:
            of_gaps = [gap.metadata for gap in reversed(report.not_checked) if gap.code in gaps]
            numbers = {name: number for each in of_gaps for name, number in each.items()}
            raise refusals.provenance(outpoint, report.verdict.value, sorted(gaps), sorted(codes), numbers)
        codes.update(code for each in report.vouched for code in each.findings)
        return Judged(report, report.target, tuple(sorted(codes)), checkpoint)


async def _head(connection: Connection, command: CutLot) -> HeadRow:
    """The head that is named, or that the lot has now. Raises NOT_FOUND."""
    if command.head is None:
        found = await stored.newest(connection, command.lot_id)
    else:
        found = (await stored.heads(connection, [command.head])).get(command.head)
    if found is None:
        raise not_found("lot", command.lot_id if command.head is None else refusals.outpoint_name(command.head))
    return found.row


def _said_by(item: bytes) -> tuple[Finding, ...]:
    """The findings that a cut of ours names, by their codes."""
    opened = Item.decode(item).details
    details = None if opened is None else decode_details(EventKind.CUT, opened.content)
    codes = details.findings if isinstance(details, CutDetails) else ()
    return tuple(Finding(code, "named by the cut") for code in codes)


def origins_of(origins: Mapping[int, Mapping[str, int]]) -> tuple[ElementOrigins, ...]:
    """The shares of a report as a cut names them, milligrams REO; none where an element has more than it can name."""
    if any(len(shares) > ORIGINS_MAX for shares in origins.values()):
        return ()
    return tuple(
        ElementOrigins(element, tuple(OriginMass(name, shares[name]) for name in sorted(shares) if shares[name]))
        for element, shares in sorted(origins.items())
    )
