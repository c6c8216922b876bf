"""Steps that an enterprise built and signed itself: verified, then decided and committed like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monazite_provenance.contents import Details, LotContent, decode_details, decode_lot
from monazite_provenance.errors import EventNotAllowed, IssuerMismatch, ProvenanceError, Undisclosed
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import same_owner
from monazite_provenance.statement import Unverified, parse
from monazite_provenance.steps import subject
from monazite_provenance.verifier import Statement, Verifier

from services.chassis.errors import Error
from services.chassis.keyring import DatabaseKeyRing
from services.chassis.store import SignedStatement
from services.registry.domain import refusals
from services.registry.domain.commands import PrepareStatement, SubmitStatement
from services.registry.domain.deciding import Actor
from services.registry.domain.drafting import DraftedStep
from services.registry.domain.restating import command_of
from services.registry.domain.submitting import check_issued_at
from services.registry.operations.answers import Given
from services.registry.operations.lots import Steps
from services.registry.operations.pipeline import Built, Pipeline
from services.registry.operations.prepared import Preparation
from services.registry.operations.requests import Asked, asked

SUBMITTED_KINDS: Final = frozenset(
    {
        EventKind.REGISTER,
        EventKind.SPLIT,
        EventKind.MERGE,
        EventKind.TRANSFORM,
        EventKind.OFFER,
        EventKind.CANCEL,
        EventKind.ACCEPT,
    }
)


@dataclass(frozen=True, slots=True)
class Submissions:
    """Statements of enterprises."""

    pipeline: Pipeline
    steps: Steps
    keys: DatabaseKeyRing
    preparation: Preparation

    async def submit(self, request_id: bytes | None, command: SubmitStatement) -> Given:
        """Take in one statement. Its content is its id; a spent head answers STALE with the spender and, where the step
        can still be done, with the statement to sign instead.
        """
        item = Item.decode(command.item)
        unverified = parse(item.statement)
        submitted = asked(unverified.statement_id, request_id or unverified.statement_id)

        async def build() -> Built:
            return await self._build(submitted, command, item, unverified)

        try:
            return await self.pipeline.run("submit", submitted, build)
        except Error as refusal:
            if refusal.reason != refusals.STALE:
                raise
            raise await self._restated(refusal, submitted, command, item, unverified) from refusal

    async def _restated(
        self, stale: Error, asked: Asked, command: SubmitStatement, item: Item, unverified: Unverified
    ) -> Error:
        if stale.metadata["spent_by"] == unverified.statement_id.hex():
            # It is done, under another request id: there is nothing to do again.
            return stale
        try:
            statement = await self._verified(asked, item, unverified)
            outputs, details = _contents(statement)
            rights = {self.steps.presented.right(right).right_id: right for right in command.rights}
        except (Error, ProvenanceError):
            return stale
        step = command_of(statement.claims.spends, outputs, details, rights)
        if step is None:
            return stale
        return await self.preparation.restated(stale, asked.principal, PrepareStatement(unverified.kid, step))

    async def _verified(self, asked: Asked, item: Item, unverified: Unverified) -> Statement:
        async with self.steps.database.connection() as connection:
            ring = await self.keys.snapshot(connection, [unverified.kid])
        statement = Verifier(ring).verify(item)
        claims = statement.claims
        if not same_owner(claims.issuer, asked.principal.enterprise_uri):
            raise IssuerMismatch("the submitter is not the issuer")
        if claims.kind not in SUBMITTED_KINDS:
            raise EventNotAllowed("not a kind of statement that is submitted", kind=int(claims.kind))
        return statement

    async def _build(self, asked: Asked, command: SubmitStatement, item: Item, unverified: Unverified) -> Built:
        steps = self.steps
        holder = asked.principal.enterprise_uri
        statement = await self._verified(asked, item, unverified)
        claims = statement.claims
        check_issued_at(claims.issued_at, steps.signer.now())
        lots = await steps.inputs(holder, claims.spends)
        drafted = _drafted(statement, tuple(lots[spend] for spend in claims.spends))
        rights = steps.rights(command.rights)
        decided = steps.decide(drafted, Actor(asked.principal.id, holder, holder, on_behalf=False), rights)
        await steps.admit(decided.step)
        parents = {spend.statement_id for spend in claims.spends}
        if statement.key.certified_by is not None:
            parents.add(statement.key.certified_by)
        main = SignedStatement.of(claims, statement.id, item, sorted(parents))
        return steps.built(main, decided, rights, decided.verdict.findings, unverified.kid)


def _drafted(statement: Statement, inputs: tuple[LotContent, ...]) -> DraftedStep:
    claims = statement.claims
    outputs, details = _contents(statement)
    if claims.subject != subject(inputs, outputs):
        raise refusals.step_not_allowed("the subject is not the lot of the first output, else of the first spend")
    return DraftedStep(claims.kind, claims.spends, inputs, outputs, details, claims.refs)


def _contents(statement: Statement) -> tuple[tuple[LotContent, ...], Details]:
    if len(statement.outputs) != statement.outputs_count or statement.details is None:
        raise Undisclosed("an output or the details of a submitted step")
    outputs = tuple(decode_lot(statement.outputs[index]) for index in range(statement.outputs_count))
    return outputs, decode_details(statement.claims.kind, statement.details)
