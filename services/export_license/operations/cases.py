"""Use cases of a case: submit, propose, countersign, reject, read."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from monazite_provenance.names import parse_spiffe
from monazite_provenance.statement import OnBehalf, Outpoint

from services.chassis import errors
from services.chassis.crash import crash_point
from services.chassis.database import Connection
from services.chassis.identity import CallerKind, Principal
from services.chassis.pagination import PageRequest
from services.chassis.store import SignedStatement, Write, uuid7
from services.export_license import refusals, storage
from services.export_license.domain import cases as domain
from services.export_license.domain import lots as evidence
from services.export_license.domain.cases import Case, CaseLot, State
from services.export_license.domain.licences import Licence, Line
from services.export_license.domain.licences import State as LicenceState
from services.export_license.operations import Asked, Site
from services.export_license.operations.commands import (
    CaseView,
    CountersignDecision,
    LicenceView,
    ProposeDecision,
    RejectProposal,
    RenderCase,
    SubmitCase,
)
from services.export_license.storage import cases, customs, licences

# Milliseconds and 28 random bits: cases sort by the time they were opened.
_CASE_ID_DIGITS = 20
_NUMBER_BYTES = 5


@dataclass(frozen=True, slots=True)
class Cases:
    """Takes applications to their decision."""

    site: Site

    async def submit(self, command: SubmitCase, asked: Asked, render: RenderCase) -> bytes:
        """Verify the lots ourselves and open the case.

        Raises PROVENANCE_REFUSED, APPLICANT_NOT_HOLDER, INVALID_FIELDS, NOT_FOUND, PEER_UNAVAILABLE.
        """
        replay = await storage.find_reply(self.site.database, asked.request)
        if replay is not None:
            return replay
        day, now = self.site.today(), self.site.clock.now()
        admitted = await self._admit(command.lots, asked.principal.enterprise_uri)
        found = domain.reclassify(admitted, self.site.rules, day)
        domain.check_lines(command.lines, found)
        case = Case(
            case_id=f"case-{uuid7().hex[:_CASE_ID_DIGITS]}",
            applicant=asked.principal.enterprise_uri,
            state=State.IN_REVIEW,
            lots=found,
            end_user=command.end_user,
            consignee=command.consignee,
            end_use=command.end_use,
            destination=command.destination,
            lines=command.lines,
            rule_set_hash=self.site.rules.digest,
            rules_day=day,
            submitted_at=now,
            verified_at=now,
        )

        async def change(connection: Connection) -> None:
            await cases.put_rule_set(connection, self.site.rules)
            await cases.insert(connection, case)

        return await self._commit(asked, render(CaseView(case, None)), change=change)

    async def _admit(self, lots: Iterable[Outpoint], applicant: str) -> tuple[CaseLot, ...]:
        """The gate, for an application and for its grant: every lot verified here, with the registry's word of now.
        Raises PROVENANCE_REFUSED, APPLICANT_NOT_HOLDER, NOT_FOUND, PEER_UNAVAILABLE.
        """
        return tuple([await self._admit_lot(outpoint, applicant) for outpoint in lots])

    async def _admit_lot(self, outpoint: Outpoint, applicant: str) -> CaseLot:
        # What verifying finds in a lot, and that there is one, is nobody's but its holder's or receiver's.
        seen = await self.site.registry.evidence(outpoint, visible_to=parse_spiffe(applicant).segments[1])
        content = evidence.verified(seen)
        evidence.check_applicant(seen, content, applicant)
        evidence.check_unlocked(seen, await self.site.registry.locked_by(content.lot_id))
        return CaseLot(
            outpoint=outpoint,
            lot_id=content.lot_id,
            gross_g=content.gross_g,
            facts=evidence.facts(content),
            verdict=seen.verdict,
            findings=seen.findings,
            statements=seen.statements,
            control_codes=(),
        )

    async def propose(self, command: ProposeDecision, asked: Asked, render: RenderCase) -> bytes:
        """One officer's half of the decision. Raises NOT_FOUND, ETAG_MISMATCH, CASE_STATE."""
        replay = await storage.find_reply(self.site.database, asked.request)
        if replay is not None:
            return replay
        before = await self._load(command.case_id)
        after = domain.propose(
            before,
            command.outcome,
            command.reason,
            officer=asked.principal.uri,
            etag=command.etag,
            rules=self.site.rules,
            now=self.site.clock.now(),
            day=self.site.today(),
        )

        async def change(connection: Connection) -> None:
            await cases.put_rule_set(connection, self.site.rules)
            await cases.update(connection, before, after, actor=asked.principal.uri, reason=command.reason)

        return await self._commit(asked, render(CaseView(after, None)), change=change, case=before)

    async def reject(self, command: RejectProposal, asked: Asked, render: RenderCase) -> bytes:
        """Send a proposal back to review. Raises NOT_FOUND, ETAG_MISMATCH, CASE_STATE."""
        replay = await storage.find_reply(self.site.database, asked.request)
        if replay is not None:
            return replay
        before = await self._load(command.case_id)
        after = domain.reject_proposal(before, etag=command.etag)

        async def change(connection: Connection) -> None:
            await cases.update(connection, before, after, actor=asked.principal.uri, reason=command.reason)

        return await self._commit(asked, render(CaseView(after, None)), change=change, case=before)

    async def countersign(self, command: CountersignDecision, asked: Asked, render: RenderCase) -> bytes:
        """The other officer's half; a grant looks at the lots anew, signs the licence and commits it with the case.

        Raises NOT_FOUND, ETAG_MISMATCH, CASE_STATE, SAME_OFFICER, INVALID_FIELDS; of a grant also PROVENANCE_REFUSED,
        APPLICANT_NOT_HOLDER, PEER_UNAVAILABLE: the case stays as it was.
        """
        replay = await storage.find_reply(self.site.database, asked.request)
        if replay is not None:
            return replay
        before = await self._load(command.case_id)
        now = self.site.clock.now()
        after = domain.countersign(
            before,
            officer=asked.principal.uri,
            etag=command.etag,
            now=now,
            expires_at=command.expires_at,
            days_max=self.site.settings.rules.licence_days_max,
        )
        if after.state is not State.GRANTED or command.expires_at is None:

            async def refuse(connection: Connection) -> None:
                await cases.update(connection, before, after, actor=asked.principal.uri, reason="")

            return await self._commit(asked, render(CaseView(after, None)), change=refuse, case=before)
        lots = await self._admit([lot.outpoint for lot in before.lots], before.applicant)
        decided = domain.verified_anew(after, lots, at=now)
        return await self._grant(before, decided, command.expires_at, asked, render, now=now)

    async def _grant(
        self, before: Case, decided: Case, expires_at: datetime, asked: Asked, render: RenderCase, *, now: datetime
    ) -> bytes:
        expires_at = expires_at.replace(microsecond=0)
        number = f"EL-{now.year}-{secrets.token_hex(_NUMBER_BYTES).upper()}"
        signed = self.site.signer.licence(
            decided,
            number=number,
            proposer=decided.proposed.proposed_by if decided.proposed else "",
            expires_at=expires_at,
            command=OnBehalf(asked.principal.uri, asked.principal.certificate_sha256, asked.request.request_id),
            now=now,
        )
        crash_point("export_license.countersign.signed")
        after = replace(decided, licence_id=signed.statement_id)
        granted = _licence_of(after, number, expires_at)

        async def change(connection: Connection) -> None:
            await licences.insert(connection, granted)
            await cases.update(connection, before, after, actor=asked.principal.uri, reason=number)

        reply = render(CaseView(after, LicenceView(granted, signed.item, now)))
        return await self._commit(asked, reply, change=change, case=before, statements=(signed,))

    async def _commit(
        self,
        asked: Asked,
        reply: bytes,
        *,
        change: storage.Change,
        case: Case | None = None,
        statements: tuple[SignedStatement, ...] = (),
    ) -> bytes:
        write = Write(request=asked.request, audit=asked.audit, statements=statements, reply=reply)
        try:
            answer = await storage.commit(self.site.database, write, change)
        except storage.Moved:
            if case is None:
                raise errors.conflict("another request took the name of this case; send it again") from None
            raise refusals.etag_mismatch(case.case_id, "") from None
        if statements:
            self.site.log.sequencer.wake()
            crash_point("export_license.countersign.committed")
        return answer

    async def _load(self, case_id: str) -> Case:
        async with storage.snapshot(self.site.database) as session:
            case = await cases.get(session, case_id)
        if case is None:
            raise errors.not_found("case", case_id)
        return case

    async def get(self, case_id: str, caller: Principal) -> CaseView:
        """One case. Raises NOT_FOUND, also for what is not the caller's."""
        async with storage.snapshot(self.site.database) as session:
            case = await cases.get(session, case_id)
            if case is None or not _may_see(case, caller):
                raise errors.not_found("case", case_id)
            # Who deliberated what is the office's, not the applicant's.
            history = await cases.history(session, case_id) if caller.kind is CallerKind.OFFICER else []
            stored = await licences.get(session, case.licence_id) if case.licence_id else None
            if stored is None:
                return CaseView(case, None, history)
            item = await customs.statement_item(session, case.licence_id)
            return CaseView(case, LicenceView(stored, item, await storage.as_of(session)), history)

    async def page(
        self, request: PageRequest, state: State | None, caller: Principal
    ) -> tuple[list[CaseView], datetime]:
        """A page of the caller's cases, of all for an officer, and the instant it shows."""
        applicant = caller.enterprise_uri if caller.kind is CallerKind.ENTERPRISE else None
        async with storage.snapshot(self.site.database) as session:
            as_of = await storage.as_of(session)
            found = await cases.page(session, request, applicant, state)
            granted = await licences.of_cases(session, [case.case_id for case in found if case.licence_id])
            items = await customs.statement_items(session, [one.licence_id for one in granted.values()])
        views: list[CaseView] = []
        for case in found:
            stored = granted.get(case.case_id)
            licence = LicenceView(stored, items[stored.licence_id], as_of) if stored else None
            views.append(CaseView(case, licence))
        return views, as_of


def _may_see(case: Case, caller: Principal) -> bool:
    return caller.kind is not CallerKind.ENTERPRISE or domain.visible_to(case, caller.enterprise_uri)


def _licence_of(case: Case, number: str, expires_at: datetime) -> Licence:
    return Licence(
        licence_id=case.licence_id,
        number=number,
        case_id=case.case_id,
        licensee=case.applicant,
        stored_state=LicenceState.ACTIVE,
        end_user=case.end_user,
        destination=case.destination,
        expires_at=expires_at,
        lines=tuple(Line(line.control_code, line.hs_code, line.gross_g) for line in case.lines),
    )
