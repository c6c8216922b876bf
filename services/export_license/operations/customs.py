"""Use cases of customs: declare, write off, cancel, read; and the drive that takes an act to its end with the registry.

Between any two steps the process may die (crash points); a worker then asks the registry again, under the same act id.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from monazite_provenance.names import parse_spiffe
from monazite_provenance.statement import OnBehalf, Outpoint

from services.chassis import errors
from services.chassis.crash import crash_point
from services.chassis.database import Connection
from services.chassis.errors import Error, Kind
from services.chassis.identity import CallerKind, Principal
from services.chassis.log.receipts import carrying
from services.chassis.store import Audit, RequestKey, SignedStatement, Write
from services.export_license import refusals, storage
from services.export_license.domain import customs as domain
from services.export_license.domain import lots as evidence
from services.export_license.domain.customs import Act, DeclaredLot, State
from services.export_license.domain.licences import Licence, check_usable, visible_to
from services.export_license.domain.lots import Evidence
from services.export_license.operations import ATTEMPTS_MAX, Asked, Site
from services.export_license.operations.commands import (
    ActView,
    CancelExport,
    DeclareExport,
    ListExports,
    LotToDeclare,
    WriteOffExport,
)
from services.export_license.registry_client import Answered
from services.export_license.storage import customs, licences

# What the registry refuses with for good; anything else may be otherwise the next time.
_FINAL_KINDS = frozenset({Kind.INVALID, Kind.NOT_FOUND, Kind.PRECONDITION})
_FINAL_REASONS = frozenset({"STALE", "NOT_HOLDER"})
# Names of the crash points, by the state the act was in.
_STEP = {State.DECLARING: "declare", State.WRITING_OFF: "writeoff", State.VOIDING: "cancel"}
_DONE = {State.LOCKED: "locked", State.EXPORTED: "exported", State.VOID: "voided"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Customs:
    """Takes acts of export to their end."""

    site: Site

    async def declare(self, command: DeclareExport, asked: Asked) -> ActView:
        """Reserve the lines, then lock the lots at the registry; all lots or none.

        Raises LICENCE_NOT_USABLE; LICENCE_MISMATCH, LICENCE_EXCEEDED, NOT_IN_TRANSIT, PROVENANCE_REFUSED, NOT_FOUND,
        the first of all that is wrong with the declaration, with all of it as violations; REQUEST_ID_REUSED,
        PEER_UNAVAILABLE, and what the registry refuses the lock with.
        """
        act = await self._find(command.act_id)
        if act is None:
            act = await self._reserve(command, asked)
        # An act's destination is its licence's, which never changes, and is not stored a second time.
        destination = (await self._licence(act.licence_id)).destination
        if command.destination != destination or not _same_declaration(act, command, asked.principal):
            shown = act.declaration_number if _may_see(act, asked.principal) else ""
            raise refusals.act_reused(act.act_id, act.state.name, shown)
        driven = await self.drive(act, asked.audit)
        # A declaration that never took hold is refused whenever it is given again.
        return await self._view(driven if driven.lock_id else domain.check_not_void(driven))

    async def _reserve(self, command: DeclareExport, asked: Asked) -> Act:
        licence = await self._licence(command.licence_id)
        check_usable(licence, now=self.site.clock.now())
        declared = await self._checked(licence, command)
        act = Act(
            act_id=command.act_id,
            state=State.DECLARING,
            licence_id=command.licence_id,
            customs=asked.principal.uri,
            certificate_sha256=asked.principal.certificate_sha256,
            port=asked.principal.port,
            declaration_number=command.declaration_number,
            declared=declared,
        )
        now = self.site.clock.now()

        async def change(connection: Connection) -> None:
            locked = await licences.lock(connection, act.licence_id)
            await licences.update(connection, domain.declare(locked, act, now=now))
            if not await customs.insert(connection, act, grace=self._grace()):
                raise storage.Moved

        try:
            await storage.commit(self.site.database, Write(request=asked.request, audit=asked.audit), change)
        except storage.Moved:
            # The same act id, declared by somebody else at this very moment.
            other = await self._find(command.act_id)
            if other is None:
                raise errors.conflict("the act is being declared; try again") from None
            return other
        crash_point("export_license.declare.reserved")
        return act

    async def _checked(self, licence: Licence, command: DeclareExport) -> tuple[DeclaredLot, ...]:
        """The lots as they really are. Raises the first of all that is wrong with the declaration, with all of it."""
        found = [("destination", each) for each in domain.destination_misfits(licence, command.destination)]
        declared: list[DeclaredLot] = []
        for number, lot in enumerate(command.lots):
            try:
                one, misfits = await self._declared(licence, command.act_id, lot)
            except Error as refusal:
                if refusal.kind not in _FINAL_KINDS:
                    raise
                misfits = [refusal, *domain.code_misfits(licence, lot.control_code)]
            else:
                if one.outpoint in {each.outpoint for each in declared}:
                    misfits = [refusals.invalid([(f"lots[{number}]", "is named a second time")])]
                declared.append(one)
            found += [(f"lots[{number}]{domain.field_of(each)}", each) for each in misfits]
        if found:
            raise refusals.together(found)
        return tuple(declared)

    async def _declared(self, licence: Licence, act_id: bytes, lot: LotToDeclare) -> tuple[DeclaredLot, list[Error]]:
        """The lot as it really is, from its bundle with its status, verified here; and what does not fit the licence.

        Raises PROVENANCE_REFUSED; NOT_FOUND, also for a lot that is neither the licensee's nor leaving.
        """
        seen = await self._evidence(licence, lot)
        content = evidence.verified(seen)
        evidence.check_unlocked(seen, await self.site.registry.locked_by(content.lot_id), act_id=act_id)
        codes = self.site.rules.classify(evidence.facts(content), self.site.today())
        declared = DeclaredLot(seen.outpoint, content.lot_id, lot.control_code, codes, lot.gross_g)
        return declared, domain.lot_misfits(licence, declared, content, receiver=self.site.signer.issuer)

    async def _evidence(self, licence: Licence, lot: LotToDeclare) -> Evidence:
        """The bundle of a lot of the licensee, or of one that is leaving; any other is to customs as if there were
        none. Raises NOT_FOUND.
        """
        registry, named = self.site.registry, lot.named
        unknown = errors.not_found("lot", named if isinstance(named, str) else refusals.outpoint_text(named))
        try:
            outpoint = await registry.head_of(named) if isinstance(named, str) else named
            licensee = parse_spiffe(licence.licensee).segments[1]
            return await registry.evidence(outpoint, visible_to=licensee, or_leaving=True)
        except Error as refusal:
            # In the same words whether there is none or it is somebody's: without the head of what was named by id.
            raise unknown if refusal.kind is Kind.NOT_FOUND else refusal from None

    async def write_off(self, command: WriteOffExport, asked: Asked) -> ActView:
        """Authorise and export what really left; this is where a suspension takes effect.

        Raises NOT_FOUND, ACT_STATE, INVALID_FIELDS, LICENCE_NOT_USABLE, LICENCE_EXCEEDED, REQUEST_ID_REUSED,
        PEER_UNAVAILABLE; LOT_HELD, or what else the registry voids the act for instead.
        """
        for _ in range(ATTEMPTS_MAX):
            act = await self._visible(command.act_id, asked.principal)
            if act.written_off:
                if act.written_off != tuple(sorted(command.lots)):
                    raise refusals.act_reused(act.act_id, act.state.name, act.declaration_number)
                return await self._export(act, asked)
            try:
                authorised = await self._authorise(act, command, asked)
            except storage.Moved:
                continue
            self.site.log.sequencer.wake()
            crash_point("export_license.writeoff.committed")
            return await self._export(authorised, asked)
        raise errors.conflict("the act is being moved on; try again")

    async def _export(self, act: Act, asked: Asked) -> ActView:
        """Take an authorised act to its end. The registry may end it void, signed as duly as an export: to who writes
        off, now or again, that is a refusal.
        """
        return await self._view(domain.check_not_void(await self.drive(act, asked.audit)))

    async def _authorise(self, act: Act, command: WriteOffExport, asked: Asked) -> Act:
        licence = await self._licence(act.licence_id)
        now = self.site.clock.now()
        after = domain.begin_write_off(licence, act, command.lots, now=now)
        principal = asked.principal
        signed = self.site.signer.export_intent(
            licence,
            after,
            command=OnBehalf(principal.uri, principal.certificate_sha256, act.act_id),
            now=now,
        )
        crash_point("export_license.writeoff.signed")
        after = replace(after, intent_id=signed.statement_id)

        async def lock(connection: Connection) -> None:
            await licences.lock(connection, act.licence_id)

        async def change(connection: Connection) -> None:
            # Again, on the locked row: a suspension committed by now stops the intent.
            domain.begin_write_off(await licences.lock(connection, act.licence_id), act, command.lots, now=now)
            await customs.update(connection, act, after, grace=self._grace())

        write = self._write(asked.audit, asked.request.method, signed.statement_id, (signed,))
        # A verifier judges the intent by where it stands among the changes of its licence.
        await storage.commit(self.site.database, write, change, first=lock)
        return after

    async def cancel(self, command: CancelExport, asked: Asked) -> ActView:
        """End an act without export; the line is released only on the registry's signed export-void.

        Raises NOT_FOUND, ACT_STATE, PEER_UNAVAILABLE.
        """
        for _ in range(ATTEMPTS_MAX):
            act = await self._visible(command.act_id, asked.principal)
            if act.state in {State.VOIDING, State.VOID}:
                return await self._view(await self.drive(act, asked.audit))
            try:
                voiding = await self._mark(act, domain.begin_cancel(act, command.reason_code), asked.audit)
            except storage.Moved:
                continue
            return await self._view(await self.drive(voiding, asked.audit))
        raise errors.conflict("the act is being moved on; try again")

    async def get(self, act_id: bytes, caller: Principal) -> ActView:
        """One act. Raises NOT_FOUND, also for an act of another port or under another's licence."""
        return await self._view(await self._visible(act_id, caller))

    async def page(self, command: ListExports, caller: Principal) -> tuple[list[Act], datetime]:
        """A page of the acts that the caller may see, newest first, and the instant it shows."""
        wanted = customs.Wanted(state=command.state, licence_id=command.licence_id)
        match caller.kind:
            case CallerKind.CUSTOMS:
                wanted = replace(wanted, port=caller.port, domain=caller.domain)
            case CallerKind.ENTERPRISE:
                wanted = replace(wanted, licensee=caller.enterprise_uri)
            case CallerKind.OFFICER | CallerKind.SERVICE:
                pass
            case CallerKind.WITNESS:
                raise errors.access_denied("ListExports", caller.uri)
        async with storage.snapshot(self.site.database) as session:
            return await customs.page(session, command.page, wanted), await storage.as_of(session)

    async def drive(self, act: Act, audit: Audit) -> Act:
        """Ask the registry what the act waits for, and settle on its signed answer; nothing for an act that waits not.

        An act that the registry will not take is voided, and the refusal raised. Raises PEER_UNAVAILABLE while the
        registry is away: the act stays as it is and a worker goes on with it.
        """
        if act.state not in domain.PENDING:
            return act
        try:
            answered = await self._ask(act)
        except Error as refusal:
            if not _is_final(refusal):
                raise _pending(refusal, act, self.site.registry.name) from refusal
            if act.state is State.VOIDING:
                raise refusals.incident(f"the registry refuses to void: {refusal.reason}", act.act_id) from refusal
            given_up = await self._give_up(act, refusal, audit)
            if act.state is State.WRITING_OFF:
                # In the words in which it is told from then on.
                domain.check_not_void(given_up)
            raise
        crash_point(f"export_license.{_STEP[act.state]}.answered")
        settled = await self._settle(act, answered, audit)
        crash_point(f"export_license.{_STEP[act.state]}.{_DONE.get(settled.state, 'left')}")
        return settled

    async def _ask(self, act: Act) -> Answered:
        if act.state is State.DECLARING:
            return await self.site.registry.lock(act)
        if act.state is State.VOIDING:
            return await self.site.registry.void(act)
        async with storage.snapshot(self.site.database) as session:
            items = await customs.statement_items(session, (act.intent_id, act.licence_id))
        intent, licence = [await self._registered(each, items[each]) for each in (act.intent_id, act.licence_id)]
        return await self.site.registry.complete(act, intent, licence)

    async def _registered(self, statement_id: bytes, item: bytes) -> bytes:
        """A statement of ours with its receipt, without which the registry believes it not. Waits for it as long as for
        the registry's answer: a sequencer that was killed holds its lease for some seconds.

        Raises UNAVAILABLE while it has none: a worker goes on with the act.
        """
        wait_s = self.site.settings.customs.registry_timeout_ms / 1000
        registered = await self.site.log.receipts.obtain(statement_id, wait_s=wait_s)
        if registered is None:
            raise errors.unavailable("the statement has no receipt yet")
        return carrying(item, registered)

    async def _give_up(self, act: Act, refusal: Error, audit: Audit) -> Act:
        """Void what the registry refused. If the registry is gone by now, the worker does it."""
        voiding = domain.give_up(act, refusal.reason)
        try:
            return await self.drive(await self._mark(act, voiding, audit), audit)
        except (Error, storage.Moved):
            _log.warning("act %s was refused with %s and is not void yet", act.act_id.hex(), refusal.reason)
            return voiding

    async def _mark(self, act: Act, voiding: Act, audit: Audit) -> Act:
        async def change(connection: Connection) -> None:
            await customs.update(connection, act, voiding, grace=self._grace())

        mark_id = sha256(b"export_license.void\0" + act.act_id).digest()
        await storage.commit(self.site.database, self._write(audit, "void", mark_id), change)
        crash_point("export_license.cancel.marked")
        return voiding

    async def _settle(self, act: Act, answered: Answered, audit: Audit) -> Act:
        """Store the registry's statement with what it does to act and licence, in one transaction."""
        after = domain.settle(
            act, answered.answer, answered.statement_id, answered.accepted, void_reason=answered.void_reason
        )

        async def change(connection: Connection) -> None:
            locked = await licences.lock(connection, act.licence_id)
            await customs.put_peer_statement(connection, answered.statement_id, answered.kind, answered.item)
            await customs.update(connection, act, after, grace=self._grace())
            settled = domain.settle_licence(locked, act, after)
            if settled is not locked:
                await licences.update(connection, settled)

        settle_id = sha256(b"export_license.settle\0" + act.act_id + answered.statement_id).digest()
        try:
            await storage.commit(self.site.database, self._write(audit, "settle", settle_id), change)
        except storage.Moved:
            # Somebody else settled it, or marked it to be voided, while the registry answered.
            return await self._find(act.act_id) or act
        return after

    def _write(
        self, audit: Audit, method: str, request_id: bytes, statements: tuple[SignedStatement, ...] = ()
    ) -> Write:
        """A write of the act's own steps: its id is derived from the act, so that a step is stored once."""
        key = RequestKey(
            scope=self.site.signer.issuer, method=method, request_id=request_id, digest=sha256(request_id).digest()
        )
        return Write(request=key, audit=audit, statements=statements)

    def _grace(self) -> timedelta:
        return timedelta(milliseconds=self.site.settings.customs.grace_ms)

    async def _find(self, act_id: bytes) -> Act | None:
        async with storage.snapshot(self.site.database) as session:
            return await customs.get(session, act_id)

    async def _visible(self, act_id: bytes, caller: Principal) -> Act:
        act = await self._find(act_id)
        if act is None or not _may_see(act, caller):
            raise errors.not_found("export act", act_id.hex())
        if caller.kind is CallerKind.ENTERPRISE:
            # Whose lots an act takes out is whose licence it is under: a declaration of others' is not taken.
            licence = await self._licence(act.licence_id)
            if not visible_to(licence, caller.enterprise_uri):
                raise errors.not_found("export act", act_id.hex())
        return act

    async def _licence(self, licence_id: bytes) -> Licence:
        async with storage.snapshot(self.site.database) as session:
            licence = await licences.get(session, licence_id)
        if licence is None:
            raise errors.not_found("licence", licence_id.hex())
        return licence

    async def _view(self, act: Act) -> ActView:
        async with storage.snapshot(self.site.database) as session:
            items = await customs.items(session, act)
            return ActView(act, tuple(items), await storage.as_of(session))


def _may_see(act: Act, caller: Principal) -> bool:
    return caller.kind is not CallerKind.CUSTOMS or domain.visible_to(act, caller.uri, caller.port)


def _same_declaration(act: Act, command: DeclareExport, caller: Principal) -> bool:
    # Who names a lot by its id again means the head that was declared, though it has another by now: it may be abroad.
    heads: dict[Outpoint | str, Outpoint] = {lot.lot_id: lot.outpoint for lot in act.declared}
    named = {(heads.get(lot.named, lot.named), lot.control_code, lot.gross_g) for lot in command.lots}
    stored = {(lot.outpoint, lot.control_code, lot.gross_g) for lot in act.declared}
    same = act.licence_id == command.licence_id and act.declaration_number == command.declaration_number
    return same and named == stored and _may_see(act, caller)


def _is_final(refusal: Error) -> bool:
    return refusal.kind in _FINAL_KINDS or refusal.reason in _FINAL_REASONS


def _pending(refusal: Error, act: Act, peer: str) -> Error:
    """What to say while the act waits: that the registry is away, or the incident as it is."""
    if refusal.kind in {Kind.UNAVAILABLE, Kind.DEADLINE, Kind.CONFLICT, Kind.EXHAUSTED}:
        return refusals.act_pending(act.act_id, act.state.name, peer)
    return refusal
