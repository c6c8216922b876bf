"""Gives entries their index: one leader at a time, by a lease row with a fencing epoch on the database's clock.

An index is given here and never at insert, since transactions commit in another order than they begin, and a
follower would skip. A leader that was
paused and wakes up late cannot do harm: it publishes by compare-and-set on (log, epoch, size), which its successor
has moved on.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

import asyncpg

from services.chassis import errors, telemetry
from services.chassis.crash import crash_point
from services.chassis.database import SERIALIZATION, Connection, Database
from services.chassis.wakeup import Wakeup

ENTRIES_MAX: Final = 1000
LEASE_S: Final = 5.0
POLL_S: Final = 0.25
FAILED_POLL_S: Final = 1.0
# From the beginning of one round to that of the next, at the least. It costs much the same to publish one entry as to
# publish a thousand, and no call waits for it; the first entry after a pause does not wait either.
ROUND_S: Final = 0.1
# For giving the lease back when the process stops: where that takes longer, it ends by itself.
RELEASE_S: Final = 1.0

_log = logging.getLogger(__name__)

_LEASE = """
    INSERT INTO lease AS held (name, holder, epoch, expires_at)
    VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
    ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder,
        epoch = held.epoch + CASE
            WHEN held.holder = excluded.holder AND held.expires_at > clock_timestamp() THEN 0 ELSE 1 END,
        expires_at = excluded.expires_at
    WHERE held.holder = excluded.holder OR held.expires_at <= clock_timestamp()
    RETURNING epoch
"""
_SELECT = "SELECT statement_id, parents, committed_at FROM entry WHERE idx IS NULL"
_PENDING = _SELECT + " ORDER BY committed_at, statement_id LIMIT $1"
_PENDING_AMONG = _SELECT + " AND statement_id = ANY($1::bytea[])"
_PUBLISH = "UPDATE log_head SET size = size + $3, epoch = $2 WHERE log = $1 AND size = $4 AND epoch <= $2"
_INDEX = """
    UPDATE entry SET idx = given.idx FROM unnest($1::bytea[], $2::bigint[]) AS given (statement_id, idx)
    WHERE entry.statement_id = given.statement_id AND entry.idx IS NULL
"""
# Whatever a clock says later, it is over.
_RELEASE = "UPDATE lease SET expires_at = '-infinity' WHERE name = $1 AND holder = $2 AND epoch = $3"


class LostLead(Exception):  # noqa: N818  (says what it is)
    """Another process publishes now; this one must begin again with the lease."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry without an index."""

    statement_id: bytes
    parents: tuple[bytes, ...]
    committed_at: datetime


def order(pending: Sequence[Pending]) -> list[bytes]:
    """Parents before children, otherwise in the order given; parents that are not among them are settled already.

    Raises ValueError on a circle (which no set of hashes can form).
    """
    place = {entry.statement_id: number for number, entry in enumerate(pending)}
    waits = [0] * len(pending)
    children: dict[int, list[int]] = {}
    for number, entry in enumerate(pending):
        for parent in set(entry.parents) & place.keys():
            waits[number] += 1
            children.setdefault(place[parent], []).append(number)
    ready = [number for number, count in enumerate(waits) if count == 0]
    ordered: list[bytes] = []
    while ready:
        number = heapq.heappop(ready)
        ordered.append(pending[number].statement_id)
        for child in children.get(number, ()):
            waits[child] -= 1
            if waits[child] == 0:
                heapq.heappush(ready, child)
    if len(ordered) != len(pending):
        raise ValueError("entries are each other's parents")
    return ordered


class Sequencer:
    """Indexes entries of the log in the background. Run one in every process: one of them leads."""

    def __init__(
        self,
        database: Database,
        log: str,
        *,
        published: Wakeup | None = None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._database = database
        self._log_name = log
        # Of this object and no other, or two could renew one lease and publish under one epoch.
        self._holder = str(uuid4())
        self._lease_s = lease_s
        self._committed = Wakeup()
        self._epoch: int | None = None
        # time.monotonic() until which the lease is not asked for again.
        self._led_until = 0.0
        # Rings after each batch published by this process.
        self.published = published or Wakeup()

    def wake(self) -> None:
        """There may be something to do: to be rung after a commit."""
        self._committed.ring()

    async def run(self) -> None:
        """Leads or waits to lead, until cancelled; then gives the lease back. Failures are logged and tried again."""
        try:
            await self._lead_forever()
        finally:
            await self._give_back()

    async def _lead_forever(self) -> None:
        while True:
            seen = self._committed.rings
            began = time.monotonic()
            wait_s = POLL_S
            try:
                while await self.step() >= ENTRIES_MAX:
                    pass
            except (errors.Error, LostLead, *SERIALIZATION) as error:
                _log.warning("sequencer of %s pauses: %s", self._log_name, error)
                wait_s = FAILED_POLL_S
            except Exception:
                _log.exception("sequencer of %s failed", self._log_name)
                wait_s = FAILED_POLL_S
            await self._committed.wait(seen, wait_s)
            await asyncio.sleep(began + ROUND_S - time.monotonic())

    async def step(self) -> int:
        """Publishes one batch and returns its size: 0 when there is nothing, or when another process leads.

        Raises LostLead when another took the lead meanwhile; nothing was published then.
        """
        async with self._database.connection() as connection:
            pending = await read_pending(connection)
        telemetry.pending_entries.set(len(pending))
        # The database's clock against this machine's: good enough for a gauge.
        oldest = min((entry.committed_at.timestamp() for entry in pending), default=time.time())
        telemetry.sequencing_lag_seconds.set(max(0.0, time.time() - oldest))
        if not pending:
            return 0
        epoch = await self.lead()
        if epoch is None:
            return 0
        try:
            count = await self.publish(epoch, pending)
        except LostLead:
            self._led_until = 0.0
            raise
        self.published.ring()
        return count

    async def lead(self) -> int | None:
        """Takes or renews the lease; its epoch, or None while another holds it.

        Renewed when half of it is over. That it may end meanwhile is harmless: `publish` is what fences.
        """
        now = time.monotonic()
        if now < self._led_until:
            return self._epoch
        async with self._database.connection() as connection:
            self._epoch = await connection.fetchval(_LEASE, self._log_name, self._holder, self._lease_s)
        self._led_until = now + self._lease_s / 2 if self._epoch is not None else 0.0
        return self._epoch

    async def release(self) -> None:
        """Ends the lease, if it is still this one's under its epoch, so that a successor need not wait for its end.

        To be called when nothing is being published. What led here leads again under a later epoch only.
        """
        epoch, self._epoch, self._led_until = self._epoch, None, 0.0
        if epoch is None:
            return
        async with self._database.connection() as connection:
            await connection.execute(_RELEASE, self._log_name, self._holder, epoch)

    async def _give_back(self) -> None:
        try:
            async with asyncio.timeout(RELEASE_S):
                await self.release()
        except Exception as error:  # whatever it is: the lease ends by itself, and the stop stays orderly
            _log.warning("sequencer of %s keeps its lease until it ends: %r", self._log_name, error)

    async def publish(self, epoch: int, pending: Sequence[Pending]) -> int:
        """Gives the entries the next indexes, as leader of `epoch`; raises LostLead if somebody else moved the log,
        and then changes nothing."""
        ids = order(pending)
        async with self._database.transaction() as connection:
            size: int | None = await connection.fetchval("SELECT size FROM log_head WHERE log = $1", self._log_name)
            if size is None:
                raise RuntimeError(f"this database has no log {self._log_name}")
            moved = await connection.execute(_PUBLISH, self._log_name, epoch, len(ids), size)
            if moved != "UPDATE 1":
                raise LostLead("another sequencer moved the log")
            crash_point("sequencer.published")
            given = await connection.execute(_INDEX, ids, list(range(size, size + len(ids))))
            if given != f"UPDATE {len(ids)}":
                raise LostLead("another sequencer indexed some of these entries")
        telemetry.sequenced_entries.add(len(ids))
        return len(ids)


async def read_pending(connection: Connection, *, entries_max: int = ENTRIES_MAX) -> list[Pending]:
    """The oldest entries without an index, and all their unindexed ancestors, so that no child can overtake its
    parent."""
    found = _pending(await connection.fetch(_PENDING, entries_max))
    missing = _missing(found.values(), found)
    while missing:
        more = _pending(await connection.fetch(_PENDING_AMONG, list(missing)))
        found.update(more)
        missing = _missing(more.values(), found)
    return list(found.values())


def _pending(rows: Iterable[asyncpg.Record]) -> dict[bytes, Pending]:
    return {row[0]: Pending(row[0], tuple(row[1]), row[2]) for row in rows}


def _missing(entries: Iterable[Pending], known: Mapping[bytes, Pending]) -> set[bytes]:
    return {parent for entry in entries for parent in entry.parents if parent not in known}
