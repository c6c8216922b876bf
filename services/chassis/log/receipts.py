"""Receipts for those who wait: of this process's own batches at once, of another's as soon as the database has them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from monazite_provenance import tree
from monazite_provenance.item import encoded_with_receipts

from services.chassis.call import current_call_or_none
from services.chassis.database import Connection, Database
from services.chassis.log import nodes
from services.chassis.log.heads import Published

# How often the database is asked for what another process may have published, while somebody waits.
LOOK_S: Final = 0.05
# The same while this process itself publishes: what is late then waits for its turn here.
LEADING_LOOK_S: Final = 0.5
# Left of the caller's deadline for the reply itself.
REPLY_S: Final = 0.1

_HEAD = "SELECT checkpoint, note, cosigned FROM log_head WHERE log = $1"
_INDEXES = "SELECT statement_id, idx FROM entry WHERE statement_id = ANY($1::bytea[]) AND idx IS NOT NULL"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Registered:
    """A statement's place in the log, and its receipt (RFC 9942)."""

    index: int
    receipt: bytes


def carrying(item: bytes, registered: Registered | None) -> bytes:
    """The item of a statement of ours, which carries its receipt where there is one: so it is presented elsewhere."""
    return item if registered is None else encoded_with_receipts(item, [registered.receipt])


class _Waiting:
    """Everybody who waits for one receipt, each until a time of his own (time.monotonic())."""

    __slots__ = ("done", "since")

    def __init__(self, since: float) -> None:
        self.done: dict[asyncio.Future[Registered | None], float] = {}
        self.since = since


class Receipts:
    """Hands out receipts. One for each process; the process's sequencer gives it those that it makes."""

    def __init__(self, database: Database, log: str, *, wait_s: float) -> None:
        """`wait_s`: the longest that a reply waits."""
        self._database = database
        self._log_name = log
        self._wait_s = wait_s
        self._waiting: dict[bytes, _Waiting] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._closed = False
        # time.monotonic() when this process published last.
        self._taken_at = float("-inf")

    def awaits(self, statement_id: bytes) -> bool:
        """Whether somebody waits for this receipt. May be asked from any thread."""
        return statement_id in self._waiting

    async def obtain(self, statement_id: bytes, *, wait_s: float | None = None) -> Registered | None:
        """The receipt of a statement that was committed at any time; waits for it where it has no index yet."""
        found = await self.find([statement_id])
        return found.get(statement_id) or await self.wait(statement_id, wait_s=wait_s)

    async def wait(self, statement_id: bytes, *, wait_s: float | None = None) -> Registered | None:
        """The receipt of a statement that was committed just now, or None once the time for it is over: `wait_s`, or
        what is set, and less where the caller's deadline is nearer.

        Several may wait for one statement.
        """
        now = time.monotonic()
        wait_s = self._wait_s if wait_s is None else wait_s
        call = current_call_or_none()
        if call is not None:
            wait_s = min(wait_s, call.deadline_remaining() - REPLY_S)
        if wait_s <= 0 or self._closed:
            return None
        waiting = self._waiting.get(statement_id)
        if waiting is None:
            waiting = self._waiting[statement_id] = _Waiting(now)
            if self._watcher is None:
                self._watcher = asyncio.create_task(self._watch(), name="receipts")
        done: asyncio.Future[Registered | None] = asyncio.get_running_loop().create_future()
        waiting.done[done] = now + wait_s
        try:
            return await done
        except asyncio.CancelledError:
            self._leave(statement_id, done)
            raise

    async def find(self, statement_ids: Collection[bytes]) -> dict[bytes, Registered]:
        """Receipts under the published head, of those among the statements that have an index."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_INDEXES, list(statement_ids))
            # Read after the indexes, so that it covers them.
            head = await published(connection, self._log_name) if rows else None
            if head is None:
                return {}
            made = await receipts(connection, head, [row[1] for row in rows])
        return {row[0]: Registered(row[1], receipt) for row, receipt in zip(rows, made, strict=True)}

    def take(self, made: Mapping[bytes, Registered]) -> None:
        """These were published: answers who waits for them."""
        self._taken_at = time.monotonic()
        for statement_id, registered in made.items():
            self._answer(statement_id, registered)

    def close(self) -> None:
        """Nobody waits any longer: the server drains."""
        self._closed = True
        for statement_id in list(self._waiting):
            self._answer(statement_id, None)

    def _answer(self, statement_id: bytes, registered: Registered | None) -> None:
        waiting = self._waiting.pop(statement_id, None)
        for done in () if waiting is None else waiting.done:
            if not done.done():
                done.set_result(registered)

    def _leave(self, statement_id: bytes, done: asyncio.Future[Registered | None]) -> None:
        waiting = self._waiting.get(statement_id)
        if waiting is not None and waiting.done.pop(done, None) is not None and not waiting.done:
            del self._waiting[statement_id]

    def _end(self, now: float) -> None:
        """Ends the waits that are over."""
        over = [
            (statement_id, done)
            for statement_id, waiting in self._waiting.items()
            for done, until in waiting.done.items()
            if until <= now
        ]
        for statement_id, done in over:
            self._leave(statement_id, done)
            if not done.done():
                done.set_result(None)

    async def _watch(self) -> None:
        """Looks now and then, while anybody waits, for what another process published; and ends waits that are over.

        So no wait has a timer of its own.
        """
        try:
            while self._waiting:
                await asyncio.sleep(LOOK_S)
                now = time.monotonic()
                self._end(now)
                look_s = LEADING_LOOK_S if self._taken_at + LEADING_LOOK_S > now else LOOK_S
                late = [each for each, waiting in self._waiting.items() if waiting.since + look_s <= now]
                if late:
                    await self._look(late)
        finally:
            self._watcher = None

    async def _look(self, statement_ids: Collection[bytes]) -> None:
        try:
            found = await self.find(statement_ids)
        except Exception as error:  # whatever it is, the waits end by themselves
            _log.warning("receipts of %s were not looked up: %r", self._log_name, error)
            return
        for statement_id, registered in found.items():
            self._answer(statement_id, registered)


async def published(connection: Connection, log: str) -> Published | None:
    """The head of the log; None before its first."""
    row = await connection.fetchrow(_HEAD, log)
    return None if row is None or not row[0] else Published.stored(*row)


async def receipts(
    connection: Connection, head: Published, indexes: Sequence[int], *, peer: str | None = None
) -> list[bytes]:
    """Receipts of entries under a published head, from stored nodes: of our own log, or of `peer` (`nodes`)."""
    wanted = [tree.inclusion_ranges(index, head.size) for index in indexes]
    hashes = await nodes.range_hashes(connection, [part for parts in wanted for part in parts], peer=peer)
    signed, at = head.signed, 0
    made: list[bytes] = []
    for index, parts in zip(indexes, wanted, strict=True):
        made.append(signed.receipt(index, hashes[at : at + len(parts)]))
        at += len(parts)
    return made


async def multi_receipt(connection: Connection, head: Published, indexes: Sequence[int]) -> bytes:
    """One receipt of many entries (ascending) under a published head. Raises TooLarge beyond its bound."""
    hashes = await nodes.range_hashes(connection, tree.undisclosed_ranges(head.size, indexes))
    return head.signed.multi_receipt(indexes, hashes)
