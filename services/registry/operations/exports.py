"""The registry's half of an export. Licensing asks; an act ends once, exported or void, and asking again tells how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monazite_provenance.contents import ExportLockDetails, ExportVoidDetails, decode_lot, encode
from monazite_provenance.kinds import EventKind
from monazite_provenance.licensing import check_licensee
from monazite_provenance.names import lot_urn
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import subject

from services.chassis.database import Database
from services.chassis.errors import not_found
from services.registry.domain import exports, refusals
from services.registry.domain.admission import Terms, admit
from services.registry.domain.change import ExportEnd, LockAct, VoidAct
from services.registry.domain.commands import CompleteExport, LockExport, VoidExport
from services.registry.domain.deciding import Actor, decide
from services.registry.domain.drafting import draft_export
from services.registry.domain.records import ActRow, ActState
from services.registry.operations.answers import ActStands, Given, HeadMade, heads_made
from services.registry.operations.pipeline import Built, Pipeline, Standing
from services.registry.operations.presented import Authorisation, Presented
from services.registry.operations.requests import Asked
from services.registry.operations.signing import Signer
from services.registry.storage import lots as stored
from services.registry.storage.loading import Needs, load
from services.registry.storage.lots import StoredHead

LOT_HELD = "LOT_HELD"


@dataclass(frozen=True, slots=True)
class Exports:
    """Commands of export licensing. `licensing`: its URI, which is the receiver of every export."""

    pipeline: Pipeline
    database: Database
    signer: Signer
    presented: Presented
    home_log: str
    licensing: str
    settings: RuleSettings

    async def lock(self, asked: Asked, lock: LockExport) -> Given:
        """Lock heads in transit under a licence, all or none."""

        async def build() -> Built | Standing:
            return await self._lock(asked, lock)

        return await self.pipeline.run("lock_export", asked, build, replayed=False)

    async def complete(self, asked: Asked, complete: CompleteExport) -> Given:
        """Take the lots out on a signed intent; void the act instead if one of them is on hold."""
        authorised = self.presented.authorisation(complete.intent, complete.licence)

        async def build() -> Built | Standing:
            return await self._complete(asked, complete.act_id, authorised)

        return await self.pipeline.run("complete_export", asked, build, replayed=False)

    async def void(self, asked: Asked, void: VoidExport) -> Given:
        """End an act without export; one that was never seen is void from then on."""

        async def build() -> Built | Standing:
            act, heads = await self._act(void.act_id)
            if act is not None and act.state is not ActState.LOCKED:
                return await self._stands(act)
            return self._void(asked, void.act_id, act, heads, void.reason_code)

        return await self.pipeline.run("void_export", asked, build, replayed=False)

    async def _act(self, act_id: bytes) -> tuple[ActRow | None, dict[Outpoint, StoredHead]]:
        async with self.database.connection() as connection:
            act = (await load(connection, Needs(acts={act_id}))).acts.get(act_id)
            heads = await stored.heads(connection, act.heads) if act is not None and act.heads else {}
        return act, heads

    async def _lock(self, asked: Asked, lock: LockExport) -> Built | Standing:
        change = LockAct(lock.act_id, lock.licence_id, lock.heads)
        async with self.database.connection() as connection:
            rows = await load(connection, Needs.of([change]))
            heads = await stored.heads(connection, lock.heads)
        act = rows.acts.get(lock.act_id)
        if act is not None and act.state is ActState.LOCKED:
            if (act.licence_id, act.heads) != (lock.licence_id, lock.heads):
                raise refusals.export_act_differs(lock.act_id)
            return await self._stands(act)
        # An ended act, a spent, held or locked head: known before the licence is compared, which only unspent heads
        # have.
        admit(change, rows, bytes(32), Terms(self.home_log, self.signer.now()))
        lots = [decode_lot(heads[outpoint].content) for outpoint in lock.heads]
        for lot in lots:
            exports.check_offered(lot, licensing=self.licensing, licence_id=lock.licence_id)
        ids = _ids(lock.heads)
        statement = self.signer.sign(
            EventKind.EXPORT_LOCK,
            lot_urn(lots[0].lot_id),
            ExportLockDetails(lock.act_id, lock.licence_id, lock.heads),
            refs=ids,
            on_behalf=asked.on_behalf,
            parents=ids,
        )
        made = tuple(HeadMade.of(heads[each].row) for each in lock.heads)
        return Built(change, ActStands(ActState.LOCKED, statement.item, made), (statement,))

    async def _complete(self, asked: Asked, act_id: bytes, authorised: Authorisation) -> Built | Standing:
        act, heads = await self._act(act_id)
        if act is None:
            raise not_found("export act", act_id.hex())
        if act.state is ActState.EXPORTED and act.intent_id != authorised.intent_id:
            raise refusals.export_act_ended(act_id, act.state)
        if act.state is not ActState.LOCKED:
            return await self._stands(act)
        lots = {outpoint: decode_lot(head.content) for outpoint, head in heads.items()}
        exported = exports.check_intent(authorised.intent, act, lots)
        check_licensee(authorised.licence, lots.values())
        if any(head.row.holds for head in heads.values()):
            return self._void(asked, act_id, act, heads, LOT_HELD)
        return self._export(asked, act, exported, authorised)

    def _export(
        self, asked: Asked, act: ActRow, exported: tuple[exports.ExportedLot, ...], authorised: Authorisation
    ) -> Built:
        drafted = draft_export(exported, authorised.intent_id)
        contents = [encode(output) for output in drafted.outputs]
        actor = Actor("", self.licensing, asked.principal.uri, on_behalf=True)
        decided = decide(
            drafted,
            contents,
            actor,
            {},
            home_log=self.home_log,
            settings=self.settings,
            export=ExportEnd(act.act_id, authorised.intent_id),
        )
        statement = self.signer.sign(
            EventKind.ACCEPT,
            subject(drafted.inputs, drafted.outputs),
            drafted.details,
            spends=drafted.spends,
            refs=drafted.refs,
            outputs=contents,
            on_behalf=asked.on_behalf,
            parents=_known(act.lock_id),
        )
        made = heads_made(statement.statement_id, decided.step.outputs)
        answer = ActStands(ActState.EXPORTED, statement.item, made)
        return Built(decided.step, answer, (statement,), peers=authorised.statements)

    def _void(
        self, asked: Asked, act_id: bytes, act: ActRow | None, heads: dict[Outpoint, StoredHead], reason_code: str
    ) -> Built:
        outpoints = () if act is None else act.heads
        ids = _ids(outpoints)
        name = lot_urn(heads[outpoints[0]].row.lot_id) if outpoints else f"urn:monazite:act:{act_id.hex()}"
        statement = self.signer.sign(
            EventKind.EXPORT_VOID,
            name,
            ExportVoidDetails(act_id, reason_code),
            refs=ids,
            on_behalf=asked.on_behalf,
            parents=[*ids, *_known(None if act is None else act.lock_id)],
        )
        made = tuple(HeadMade.of(heads[each].row) for each in outpoints)
        return Built(VoidAct(act_id, outpoints), ActStands(ActState.VOID, statement.item, made), (statement,))

    async def _stands(self, act: ActRow) -> Standing:
        """The act as it stands: its lock, or what ended it."""
        statement_id = act.ended_by or act.lock_id
        if statement_id is None:
            raise not_found("export act", act.act_id.hex())
        async with self.database.connection() as connection:
            item = await stored.item(connection, statement_id)
            if act.state is ActState.EXPORTED:
                heads = await stored.made_by(connection, statement_id)
            else:
                heads = [head.row for _, head in sorted((await stored.heads(connection, act.heads)).items())]
        return Standing(ActStands(act.state, item or b"", tuple(map(HeadMade.of, heads))), statement_id)


def _ids(outpoints: Sequence[Outpoint]) -> list[bytes]:
    return sorted({outpoint.statement_id for outpoint in outpoints})


def _known(statement_id: bytes | None) -> list[bytes]:
    return [] if statement_id is None else [statement_id]
