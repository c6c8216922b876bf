"""One transaction for a whole batch of writes: claim, lock, decide each again on the locked rows, store.

Of two writes of one batch that want the same head the second is decided on what the first left, and loses. A refused
write leaves nothing behind but the statements of peers that it showed; the others commit without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from monazite_provenance.errors import Retired, UnknownKey

from services.chassis import store
from services.chassis.clock import Clock
from services.chassis.crash import crash_point
from services.chassis.database import Connection
from services.chassis.errors import Error, from_provenance, not_found
from services.chassis.store import Outcome
from services.registry.domain import refusals
from services.registry.domain.admission import Terms, admit
from services.registry.domain.change import CertifyKey, RetireKey, Step
from services.registry.domain.records import Rows
from services.registry.storage.loading import Needs, lock
from services.registry.storage.saving import save, save_peers
from services.registry.storage.writes import RegistryWrite

_KEYS = """
    SELECT kid, thumbprint, issuer, retired_by IS NOT NULL OR compromised_by IS NOT NULL AS ended FROM certified_key
    WHERE kid = ANY($1::bytea[]) OR thumbprint = ANY($2::bytea[]) ORDER BY kid FOR UPDATE
"""
# What the sequencer has not placed yet: of one issuer, or (NULL) of everybody.
_UNPLACED = """
    SELECT e.statement_id FROM entry e JOIN statement s USING (statement_id)
    WHERE e.idx IS NULL AND ($1::text IS NULL OR s.issuer = $1) ORDER BY e.statement_id
"""


class Flush:
    """The committer's flush. `home_log`: this registry's log."""

    def __init__(self, home_log: str, clock: Clock) -> None:
        self._home_log = home_log
        self._clock = clock

    async def __call__(self, connection: Connection, writes: Sequence[RegistryWrite]) -> Sequence[Outcome]:
        """Outcomes in order of the writes: their replies, or the errors that refuse them."""
        outcomes = list(await store.claim(connection, writes))
        fresh = [number for number, outcome in enumerate(outcomes) if outcome is None]
        rows = await lock(connection, Needs.of(writes[number].change for number in fresh))
        # Also of writes that are refused below: the rows of their rights stand from `lock` on, so that another may draw
        # on one by its id alone, and its bundle needs the right.
        await save_peers(connection, [peer for number in fresh for peer in writes[number].peers])
        keys = await _lock_keys(connection, [writes[number] for number in fresh])
        terms = Terms(self._home_log, int(self._clock.now().timestamp()))
        changed = Rows()
        done: list[RegistryWrite] = []
        for number in fresh:
            write = writes[number]
            try:
                keys.check(write)
                delta = admit(write.change, rows, write.statement_id, terms)
            except Error as refusal:
                outcomes[number] = refusal
                continue
            rows.merge(delta)
            changed.merge(delta)
            keys.take(write)
            done.append(await _behind_signed(connection, write, done))
        if done:
            await store.append(connection, done)
            await save(connection, done, changed)
            crash_point("registry.flush.before_commit")
        return [write.reply if outcome is None else outcome for write, outcome in zip(writes, outcomes, strict=True)]


class _Keys:
    """Keys that the batch touches, by kid and by thumbprint, as locked."""

    def __init__(self) -> None:
        self.issuers: dict[bytes, str] = {}
        self.ended: set[bytes] = set()

    def check(self, write: RegistryWrite) -> None:
        """Raises what a key refuses: UNKNOWN_KEY or KEY_RETIRED of a signer, a thumbprint bound twice, a key not
        there.
        """
        match write.change:
            case CertifyKey(kid=kid):
                if kid in self.issuers:
                    raise refusals.exists("key", write.change.thumbprint.hex())
            case RetireKey(kid=kid):
                if kid not in self.issuers or kid in self.ended:
                    raise not_found("key", write.change.thumbprint.hex())
            case Step() if write.signer_kid is not None:
                if write.signer_kid not in self.issuers:
                    raise from_provenance(UnknownKey("no certified key has this kid"))
                if write.signer_kid in self.ended:
                    raise from_provenance(Retired("the key was retired before this statement"))
            case _:
                pass

    def take(self, write: RegistryWrite) -> None:
        """What an admitted write makes of them."""
        if isinstance(write.change, CertifyKey):
            self.issuers[write.change.kid] = write.change.issuer
        elif isinstance(write.change, RetireKey):
            self.ended.add(write.change.kid)


async def _lock_keys(connection: Connection, writes: Sequence[RegistryWrite]) -> _Keys:
    kids = {write.signer_kid for write in writes if write.signer_kid is not None}
    thumbprints: set[bytes] = set()
    for write in writes:
        if isinstance(write.change, CertifyKey | RetireKey):
            kids.add(write.change.kid)
            thumbprints.add(write.change.thumbprint)
    keys = _Keys()
    if kids or thumbprints:
        for row in await connection.fetch(_KEYS, sorted(kids), sorted(thumbprints)):
            keys.issuers[row["kid"]] = row["issuer"]
            if row["ended"]:
                keys.ended.add(row["kid"])
    return keys


async def _behind_signed(
    connection: Connection, write: RegistryWrite, earlier: Sequence[RegistryWrite]
) -> RegistryWrite:
    """A statement after which a signature counts no more, made a child of what was taken in before and has no index.

    Followers judge signatures by position: a draw placed behind the retirement of its key, or behind its enterprise's
    "own signature only", would never be settled. `earlier`: of this batch, whose entries do not stand yet.
    """
    match write.change:
        case RetireKey(issuer=issuer):
            rows = await connection.fetch(_UNPLACED, issuer)
        case CertifyKey(own_signature_only=True):
            # What was signed on its behalf bears the registry's name, so all of it.
            rows = await connection.fetch(_UNPLACED, None)
        case _:
            return write
    unplaced = {row["statement_id"] for row in rows}
    unplaced.update(statement.statement_id for before in earlier for statement in before.statements)
    first, *others = write.statements
    first = replace(first, parents=tuple({*first.parents, *unplaced}))
    return replace(write, statements=(first, *others))
