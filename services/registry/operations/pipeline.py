"""The one way in which anything is written: build and sign with no transaction open, then commit with many others.

`build` reads, decides and signs. If a flush finds that what was signed no longer says what is (`Moved`), it is built
again,
a bounded number of times. Signed bytes that did not commit are dropped here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from monazite_provenance.errors import ProvenanceError

from services.chassis import store
from services.chassis.clock import Clock
from services.chassis.committer import Committer
from services.chassis.crash import crash_point
from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.log.receipts import Receipts
from services.chassis.store import SignedStatement
from services.registry.domain.change import Change
from services.registry.domain.refusals import Moved
from services.registry.operations.answers import Answer, Given, Render
from services.registry.operations.requests import Asked
from services.registry.storage.places import Place, committed_at, statement_of
from services.registry.storage.writes import HoldPlaced, PeerStatement, RegistryWrite

BUILDS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Built:
    """What is to be committed."""

    change: Change
    answer: Answer
    statements: tuple[SignedStatement, ...] = ()
    holds: tuple[HoldPlaced, ...] = ()
    peers: tuple[PeerStatement, ...] = ()
    signer_kid: bytes | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """There is nothing to write: this is how it stands. `statement_id`: of the statement that says so."""

    answer: Answer
    statement_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commits what is built. `render` gives answers the form in which they are stored and given again."""

    database: Database
    committer: Committer[RegistryWrite]
    log_name: str
    receipts: Receipts
    clock: Clock
    render: Render

    async def run(
        self, name: str, asked: Asked, build: Callable[[], Awaitable[Built | Standing]], *, replayed: bool = True
    ) -> Given:
        """The answer once committed, or the first one if the request was done before. `name`: of the crash points.

        With `replayed` off the errors of `build` stand, also for a request that was done. Raises what refuses it,
        CONFLICT
        when it moved at every try.
        """
        for attempt in range(1, BUILDS_MAX + 1):
            try:
                built = await build()
            except (Error, ProvenanceError):
                stored = await self.stored(asked) if replayed else None
                if stored is None:
                    raise
                return stored
            if isinstance(built, Standing):
                return await self._given(self.render(built.answer), built.statement_id)
            crash_point(f"registry.{name}.signed")
            try:
                return await self._commit(name, asked, built)
            except Moved:
                if attempt == BUILDS_MAX:
                    raise
        raise Moved

    async def _commit(self, name: str, asked: Asked, built: Built) -> Given:
        reply = self.render(built.answer)
        write = RegistryWrite(
            request=asked.key,
            audit=asked.audit,
            statements=built.statements,
            reply=reply,
            change=built.change,
            holds=built.holds,
            peers=built.peers,
            signer_kid=built.signer_kid,
        )
        stored = await self.committer.submit(write)
        crash_point("registry.flush.after_commit")
        crash_point(f"registry.{name}.after_commit")
        if stored is not reply:
            return await self._again(asked, stored)
        if not built.statements:
            return Given(reply, None)
        now = self.clock.now()
        registered = await self.receipts.wait(write.statement_id)
        return Given(reply, Place(write.statement_id, self.log_name, now, registered))

    async def stored(self, asked: Asked) -> Given | None:
        """The answer to a request that was done. Raises REQUEST_ID_REUSED, which says more than why a new one fails."""
        async with self.database.connection() as connection:
            reply = await store.find_reply(connection, asked.key)
        return None if reply is None else await self._again(asked, reply)

    async def _again(self, asked: Asked, reply: bytes) -> Given:
        async with self.database.connection() as connection:
            statement_id = await statement_of(connection, asked.key)
        return await self._given(reply, statement_id)

    async def _given(self, reply: bytes, statement_id: bytes | None) -> Given:
        if statement_id is None:
            return Given(reply, None)
        async with self.database.connection() as connection:
            at = await committed_at(connection, statement_id)
        if at is None:
            return Given(reply, None)
        return Given(reply, Place(statement_id, self.log_name, at, await self.receipts.obtain(statement_id)))
