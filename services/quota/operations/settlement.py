"""Settling: what the registry's log says was drawn is posted here, once, and said so in a signed `settled`.

The follower calls `prepare` with no transaction open (verify, decide, sign) and `apply` in the transaction that also
moves its cursor; there everything is decided again on locked rows, and must come to what was signed.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from monazite_provenance import KeyRing
from monazite_provenance.key_book import KeyBook

from services.chassis import store
from services.chassis.clock import Clock
from services.chassis.crash import crash_point
from services.chassis.database import Connection, Database
from services.chassis.errors import conflict
from services.chassis.follower import FollowedEntry
from services.chassis.keyring import DatabaseKeyRing
from services.chassis.store import Audit, RequestKey, SignedStatement
from services.quota.domain.settlement import Drawn, Outcome, Refusal, Settlement, apply_facts
from services.quota.operations.evidence import Evidence, Reader, Stretch, open_entries
from services.quota.operations.signing import Signer
from services.quota.storage import keys as key_rows
from services.quota.storage import posting
from services.quota.storage import right as right_rows

_METHOD = "settle"
"""Stands in audit and request rows where a call's method would."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page of the log, verified, decided on rights as read, and the statements signed for it."""

    evidence: Evidence
    settlements: tuple[Settlement, ...]
    statements: tuple[SignedStatement, ...]


@dataclass(frozen=True, slots=True)
class Settling:
    """Takes in pages of the registry's log."""

    database: Database
    signer: Signer
    clock: Clock
    root: KeyRing
    # URI of the registry service.
    registry: str

    async def prepare(self, entries: Sequence[FollowedEntry]) -> Prepared:
        """Verify the entries, decide, and sign what is to be said. Of most pages nothing is posted."""
        stretch = await asyncio.to_thread(open_entries, entries)
        if not stretch.entries:
            return Prepared(Evidence(), (), ())
        reader = await self._reader(stretch)
        evidence = await asyncio.to_thread(reader.read, stretch.entries)
        async with self.database.connection() as connection:
            outcome = await self._decide(connection, evidence, lock=False)
        statements = await asyncio.to_thread(self._sign, outcome.settlements)
        crash_point("quota.settle.signed")
        return Prepared(evidence, outcome.settlements, statements)

    async def apply(self, connection: Connection, _entries: Sequence[FollowedEntry], prepared: Prepared) -> None:
        """Post, store and log what was prepared. Raises CONFLICT when rights moved meanwhile: the page comes again."""
        evidence = prepared.evidence
        outcome = await self._decide(connection, evidence, lock=True)
        if outcome.settlements != prepared.settlements:
            raise conflict("rights moved while their settlement was signed")
        await right_rows.update_rights(connection, outcome.rights.values())
        await store.append(connection, self._writes(prepared))
        ids = [statement.statement_id for statement in prepared.statements]
        await right_rows.add_settlements(connection, dict(zip(prepared.settlements, ids, strict=True)))
        refusals = [*evidence.refusals, *outcome.refusals]
        await right_rows.add_refusals(connection, refusals)
        if evidence.keys:
            await key_rows.store_keys(connection, evidence.keys)
        _report(refusals)
        crash_point("quota.settle.before_commit")

    async def _reader(self, stretch: Stretch) -> Reader:
        async with self.database.connection() as connection:
            ring = await DatabaseKeyRing(self.root).snapshot(connection, stretch.kids)
            own_signature = await key_rows.own_signature_only(connection, stretch.actors)
        known = [key for key in map(ring.find, stretch.kids) if key is not None]
        return Reader(KeyBook(self.signer.domain, known), own_signature, self.registry)

    async def _decide(self, connection: Connection, evidence: Evidence, *, lock: bool) -> Outcome:
        """Decide on rights as they stand; with `lock`, on locked rows, and post."""
        right_ids = {fact.right_id for fact in evidence.facts}
        pairs = {(fact.right_id, fact.statement_id) for fact in evidence.facts if isinstance(fact, Drawn)}
        rights = await right_rows.load_rights(connection, right_ids) if right_ids else {}
        sheet = None
        if lock:
            # Accounts before rights, as every writer does; which account a right is of never changes.
            sheet = await posting.lock_accounts(connection, {right.key for right in rights.values()})
            rights = await right_rows.lock_rights(connection, list(rights)) if rights else {}
        settled = await right_rows.settled_among(connection, pairs) if pairs else {}
        outcome = apply_facts(evidence.facts, rights, settled, self.signer.registry_log)
        if sheet is not None:
            for one in outcome.postings:
                sheet.post((one,))
            await posting.store_sheet(connection, sheet)
        return outcome

    def _sign(self, settlements: Sequence[Settlement]) -> tuple[SignedStatement, ...]:
        now = self.clock.now()
        return tuple(self.signer.settled(settlement, now) for settlement in settlements)

    def _writes(self, prepared: Prepared) -> list[store.Write]:
        """One request and audit row a settlement: it is done once, like any other request."""
        writes: list[store.Write] = []
        for settlement, statement in zip(prepared.settlements, prepared.statements, strict=True):
            cause = hashlib.sha256(settlement.right_id + settlement.drawing_id).digest()
            key = RequestKey(scope=self.signer.uri, method=_METHOD, request_id=cause, digest=cause)
            writes.append(store.Write(request=key, audit=Audit.of_service(self.signer.uri), statements=(statement,)))
        return writes


def _report(refusals: Sequence[Refusal]) -> None:
    for refusal in refusals:
        _log.error(
            "entry %d of the registry's log was not settled: %s (statement %s, right %s)",
            refusal.index,
            refusal.code,
            refusal.statement_id.hex(),
            refusal.right_id.hex(),
        )
