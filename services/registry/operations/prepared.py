"""Statements that the registry writes for an enterprise to sign: decided on the heads as they are, and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from google.protobuf.message import Message
from monazite_provenance.contents import encode
from monazite_provenance.draft import draft as draft_statement
from monazite_provenance.errors import EventNotAllowed, IssuerMismatch, ProvenanceError, UnknownKey
from monazite_provenance.keys import PublicKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import same_owner
from monazite_provenance.prepared import unsigned
from monazite_provenance.statement import Claims, Outpoint
from monazite_provenance.steps import subject

from services.chassis.errors import Error
from services.chassis.identity import Principal
from services.chassis.keyring import DatabaseKeyRing
from services.registry.domain import refusals
from services.registry.domain.commands import PrepareStatement, spends_of
from services.registry.domain.deciding import Actor
from services.registry.domain.drafting import draft
from services.registry.domain.restating import respend
from services.registry.domain.submitting import ISSUED_AT_AGE_MAX_S
from services.registry.operations.answers import Prepared, heads_made
from services.registry.operations.lots import Steps, resolve
from services.registry.storage import lots as stored

# Where the statement of a step on the present heads is, in the metadata of STALE.
ATTACHED: Final = "ATTACHED"
PREPARE: Final = "PREPARE"


@dataclass(frozen=True, slots=True)
class Preparation:
    """Writes statements for enterprises that sign for themselves. `render`: the form in which a refusal brings one
    along.
    """

    steps: Steps
    keys: DatabaseKeyRing
    render: Callable[[Prepared], Message]

    async def prepare(self, principal: Principal, asked: PrepareStatement) -> Prepared:
        """The statement of a step, for `asked.kid` to sign. Writes nothing.

        Raises what would refuse the step, the key problems, and STALE as `restated` makes it: of a step on the present
        heads where a lot has ended or changed hands, or where a head was spent at this very moment.
        """
        try:
            return await self._prepare(
                principal, await self._moved(principal, asked) if asked.on_present_heads else asked
            )
        except Error as refusal:
            if refusal.reason != refusals.STALE:
                raise
            raise await self.restated(refusal, principal, asked) from refusal

    async def restated(self, stale: Error, principal: Principal, asked: PrepareStatement) -> Error:
        """`stale`, which refused this step, with the step prepared on the present heads of its lots, if it can be.

        Its metadata say `fresh`: ATTACHED, or PREPARE for one that the status of a refusal does not hold, which is to
        be asked for. Neither where the step cannot be done any more.
        """
        try:
            fresh = await self._prepare(principal, await self._moved(principal, asked))
        except (Error, ProvenanceError):
            # A lot has ended or is somebody else's by now, or does not bear this step any more.
            return stale
        attached = stale.with_attached(self.render(fresh), fresh=ATTACHED)
        return attached if attached.has_room() else stale.with_attached(fresh=PREPARE)

    async def _moved(self, principal: Principal, asked: PrepareStatement) -> PrepareStatement:
        present = await self._present(principal.enterprise_uri, spends_of(asked.step))
        return replace(asked, step=respend(asked.step, present))

    async def _prepare(self, principal: Principal, asked: PrepareStatement) -> Prepared:
        steps = self.steps
        holder = principal.enterprise_uri
        command, rights = resolve(asked.step, steps)
        lots = await steps.inputs(holder, spends_of(command))
        drafted = draft(command, lots, holder=holder, home_log=steps.home_log)
        key = await self._key(asked.kid, holder, drafted.kind)
        decided = steps.decide(drafted, Actor(principal.id, holder, holder, on_behalf=False), rights)
        await steps.admit(decided.step)
        claims = Claims(
            issuer=holder,
            subject=subject(drafted.inputs, drafted.outputs),
            issued_at=steps.signer.now(),
            kind=drafted.kind,
            spends=drafted.spends,
            refs=drafted.refs,
        )
        contents = [output.content for output in decided.step.outputs]
        statement = draft_statement(claims, contents, encode(drafted.details), key)
        return Prepared(
            statement_id=statement.statement_id,
            unsigned_item=unsigned(statement).encode(),
            signing_input=statement.signing_input,
            expires_at=datetime.fromtimestamp(claims.issued_at + ISSUED_AT_AGE_MAX_S, UTC),
            heads=heads_made(statement.statement_id, decided.step.outputs),
            findings=decided.verdict.findings,
        )

    async def _key(self, kid: bytes, holder: str, kind: EventKind) -> PublicKey:
        """The key that is to sign, if it may sign this now: nobody is let sign what could not be submitted."""
        async with self.steps.database.connection() as connection:
            ring = await self.keys.snapshot(connection, [kid])
        key = ring.find(kid)
        if key is None:
            raise UnknownKey("no certified key has this kid")
        if not same_owner(key.issuer, holder):
            raise IssuerMismatch("the caller does not own this key")
        key.check(None)
        if key.kinds is not None and kind not in key.kinds:
            raise EventNotAllowed("the key is not certified for this kind of event", kind=int(kind))
        return key.public

    async def _present(self, party: str, spends: Sequence[Outpoint]) -> dict[Outpoint, Outpoint]:
        """The newest head of the lot of each, where `party` holds it or is offered it.

        Of anything else itself: where a lot went that is somebody else's by now is not told, not by a refusal either.
        """
        present = {spend: spend for spend in spends}
        async with self.steps.database.connection() as connection:
            for spend, head in (await stored.heads(connection, spends)).items():
                newest = await stored.newest(connection, head.row.lot_id)
                if newest is not None and party in {newest.row.holder, newest.row.receiver}:
                    present[spend] = newest.row.outpoint
        return present
