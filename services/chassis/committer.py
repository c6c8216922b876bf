"""Group commit: one task per process takes whatever writes are waiting and commits them in one transaction.

While one batch commits the next one gathers, so a lone write waits for nobody and sixty-four share one fdatasync.
Callers who are about to submit may do so first: a transaction costs much the same however many share it. Every write
gets its own outcome.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import asyncpg

from services.chassis import errors, telemetry
from services.chassis.crash import crash_point
from services.chassis.database import SERIALIZATION, Connection, Database, backoff_s
from services.chassis.store import Outcome, Write

W = TypeVar("W", bound=Write)

ATTEMPTS_MAX: Final = 5
# Turns of the event loop without a further write before a batch starts: microseconds for a lone write. In one turn a
# call is received, in the next read and built.
QUIET_TURNS: Final = 3
# So many writes wait for nobody: the database commits them while further calls are still read and built here, where
# else each would do nothing while the other works. Of few writes a transaction is mostly its round trips.
GATHERED_MAX: Final = 32
# What may go well the second time: another process was first with the same request or statement (a unique
# constraint), or PostgreSQL chose us as victim.
_AGAIN: Final = (*SERIALIZATION, asyncpg.UniqueViolationError)

_log = logging.getLogger(__name__)


class _Waiting(Generic[W]):
    __slots__ = ("done", "write")

    def __init__(self, write: W, done: asyncio.Future[bytes]) -> None:
        self.write = write
        self.done = done


class Committer(Generic[W]):
    """Commits writes for many callers.

    `flush(connection, writes)` runs inside the transaction and answers for each write with its reply or with the
    Error that refuses it; a refused write
    must have changed nothing. It may run several times for the same writes and must have no effect outside the
    transaction. A batch never holds two
    writes with the same request.
    """

    def __init__(
        self,
        database: Database,
        flush: Callable[[Connection, Sequence[W]], Awaitable[Sequence[Outcome]]],
        *,
        on_commit: Callable[[], None] = lambda: None,
        writes_max: int = 256,
        queued_max: int = 4096,
    ) -> None:
        self._database = database
        self._flush = flush
        self._on_commit = on_commit
        self._writes_max = writes_max
        self._queued_max = queued_max
        self._queue: deque[_Waiting[W]] = deque()
        self._filled = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Starts the flusher task."""
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="committer")

    async def close(self) -> None:
        """Commits what is waiting, then ends. Writes submitted from now on are refused with UNAVAILABLE."""
        self._closing = True
        self._filled.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def submit(self, write: W) -> bytes:
        """Returns the reply once the write is committed, or the reply of the first time if it was done before.

        Raises the Error that refused it, OVERLOADED when too many wait, UNAVAILABLE when the database is away (it
        may or may not be done then: the
        request id tells). If the caller stops waiting before its batch starts, the write is dropped; after that it
        is committed.
        """
        if self._closing or self._task is None:
            raise errors.unavailable("the service is shutting down")
        if len(self._queue) >= self._queued_max:
            raise errors.overloaded(len(self._queue))
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(write, done))
        self._filled.set()
        return await done

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._filled.clear()
                await self._filled.wait()
                continue
            await self._gather()
            batch = self._take()
            if batch:
                telemetry.batch_writes.record(len(batch))
                await self._commit(batch)

    async def _gather(self) -> None:
        """Returns when nobody else is about to submit, or enough writes wait."""
        waiting = len(self._queue)
        quiet = 0
        while quiet < QUIET_TURNS and waiting < min(GATHERED_MAX, self._writes_max):
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._queue) <= waiting else 0
            waiting = len(self._queue)

    def _take(self) -> list[_Waiting[W]]:
        batch: list[_Waiting[W]] = []
        later: list[_Waiting[W]] = []
        keys: set[tuple[str, bytes]] = set()
        while self._queue and len(batch) < self._writes_max:
            waiting = self._queue.popleft()
            if waiting.done.done():  # its caller has gone
                continue
            key = (waiting.write.request.scope, waiting.write.request.request_id)
            if key in keys:
                later.append(waiting)
                continue
            keys.add(key)
            batch.append(waiting)
        self._queue.extendleft(reversed(later))
        return batch

    async def _commit(self, batch: Sequence[_Waiting[W]]) -> None:
        try:
            outcomes = await self._attempt([waiting.write for waiting in batch])
        except Exception as error:
            if len(batch) == 1:
                _settle(batch[0], error)
                return
            if isinstance(error, errors.Error) and error.kind is errors.Kind.UNAVAILABLE:
                for waiting in batch:
                    _settle(waiting, error)
                return
            _log.warning(
                "batch of %d failed with %s, its writes are tried one by one", len(batch), type(error).__name__
            )
            for waiting in batch:
                await self._commit([waiting])
            return
        for waiting, outcome in zip(batch, outcomes, strict=True):
            _settle(waiting, outcome)
        self._on_commit()

    async def _attempt(self, writes: Sequence[W]) -> Sequence[Outcome]:
        for attempt in range(ATTEMPTS_MAX):
            try:
                async with self._database.transaction() as connection:
                    outcomes = await self._flush(connection, writes)
                    if len(outcomes) != len(writes):
                        raise RuntimeError(f"flush answered {len(outcomes)} of {len(writes)} writes")
                    crash_point("committer.flushed")
            except _AGAIN as error:
                # A write that breaks one of the service's own constraints would fail for ever: alone it gets the
                # error itself.
                if isinstance(error, asyncpg.UniqueViolationError) and attempt > 0:
                    raise
                await asyncio.sleep(backoff_s(attempt))
            else:
                crash_point("committer.committed")
                return outcomes
        raise errors.conflict("too many others change the same thing at once; try again")


def _settle(waiting: _Waiting[W], outcome: bytes | Exception) -> None:
    if waiting.done.done():
        return
    if isinstance(outcome, bytes):
        waiting.done.set_result(outcome)
    else:
        waiting.done.set_exception(outcome)
