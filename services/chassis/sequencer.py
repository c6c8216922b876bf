"""Integrates entries: one leader at a time, by a lease row with a fencing epoch on the database's clock.

An index is given here and never at insert, since transactions commit in another order than they begin, and a follower
would skip. Each batch has one signed head. It is made and signed with no transaction open, remembered outside of the
database, and only then published, by compare-and-set on (log, epoch, size): a leader that was paused and wakes up late
finds that its successor has moved on, and what it signed never leaves it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import asyncpg
from monazite_provenance.receipts import parse_checkpoint
from monazite_provenance.tree import Frontier

from services.chassis import errors, telemetry
from services.chassis.clock import Clock
from services.chassis.crash import crash_point
from services.chassis.database import SERIALIZATION, Connection, Database
from services.chassis.log import memory, nodes
from services.chassis.log.growth import Growth, grow
from services.chassis.log.heads import HeadSigner, Published
from services.chassis.log.memory import ENTRIES_MAX, Memory, Overtaken, SetBack, Signed
from services.chassis.log.order import Pending, order
from services.chassis.log.receipts import Receipts, Registered
from services.chassis.wakeup import Wakeup

LEASE_S: Final = 5.0
POLL_S: Final = 0.25
FAILED_POLL_S: Final = 1.0
# From the beginning of one batch to that of the next, at the least: it costs much the same to publish one entry as to
# publish a hundred, and calls wait for it. The first entry after a pause does not wait.
ROUND_S: Final = 0.03
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
_SELECT = "SELECT statement_id, parents, committed_at, leaf FROM entry WHERE idx IS NULL"
_PENDING = _SELECT + " ORDER BY committed_at, statement_id LIMIT $1"
_PENDING_AMONG = _SELECT + " AND statement_id = ANY($1::bytea[])"
_HEAD = "SELECT size, epoch, checkpoint FROM log_head WHERE log = $1"
# One statement, so that it happens whole or not at all in one round trip. Nothing moves unless every entry is still
# without an index, so that a head never covers what is not there; nor once the lease went to another, who then builds
# on what it found: what stands beside it in the end was published under a later epoch than its own.
_PUBLISH = """
    WITH held AS (
        SELECT name FROM lease WHERE name = $1 AND epoch = $2 FOR SHARE
    ), moved AS (
        UPDATE log_head SET size = $4, epoch = $2, checkpoint = $5, note = $6, cosigned = $7
        FROM held WHERE log = $1 AND size = $3 AND epoch <= $2 AND $4 - $3 =
            (SELECT count(*) FROM entry WHERE statement_id = ANY($8::bytea[]) AND idx IS NULL)
        RETURNING size
    ), node AS (
        INSERT INTO log_node SELECT given.* FROM moved,
            unnest($9::smallint[], $10::bigint[], $11::bytea[]) AS given (level, place, hash)
    ), placed AS (
        UPDATE entry SET idx = $3 + given.place - 1
        FROM moved, unnest($8::bytea[]) WITH ORDINALITY AS given (statement_id, place)
        WHERE entry.statement_id = given.statement_id
    )
    SELECT size FROM moved
"""
# Whatever a clock says later, it is over.
_RELEASE = "UPDATE lease SET expires_at = '-infinity' WHERE name = $1 AND holder = $2 AND epoch = $3"


class LostLead(Exception):  # noqa: N818  (says what it is)
    """Another process publishes now; this one must begin again with the lease."""


@dataclass(frozen=True, slots=True)
class Base:
    """The published tree that the next batch goes on from."""

    edge: Frontier
    # Entries of a batch that was signed and perhaps not published: the next one is to be the same.
    unfinished: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch with its signed head: entries in order, the tree before and after, receipts for who waits by id."""

    before: Frontier
    after: Frontier
    entries: tuple[Pending, ...]
    # None of a heartbeat.
    growth: Growth | None
    head: Published
    receipts: Mapping[bytes, Registered]


class Sequencer:
    """Integrates the log's entries in the background. Run one in every process: one of them leads."""

    def __init__(
        self,
        database: Database,
        signer: HeadSigner,
        remembered: Memory,
        clock: Clock,
        *,
        lease_s: float = LEASE_S,
        heartbeat_s: float = 10.0,
        receipts: Receipts | None = None,
    ) -> None:
        """`receipts` gets those of this process's batches that somebody waits for."""
        self._database = database
        self._log_name = signer.log
        self._signer = signer
        self._memory = remembered
        self._clock = clock
        # Of this object and no other, or two could renew one lease and publish under one epoch.
        self._holder = str(uuid4())
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._receipts = receipts
        self._committed = Wakeup()
        self._epoch: int | None = None
        # time.monotonic() until which the lease is not asked for again, and of the last head signed here.
        self._led_until = 0.0
        self._signed_at = float("-inf")
        # Of the epoch in which this leads; None before it knows.
        self._base: Base | None = None
        # Rings after each batch published by this process.
        self.published = Wakeup()

    def wake(self) -> None:
        """There may be something to do: to be rung after a commit."""
        self._committed.ring()

    async def run(self) -> None:
        """Leads or waits to lead, until cancelled; then gives the lease back. Failures are logged and tried again.

        Raises SetBack: then nothing may be signed, and nothing built on this database either.
        """
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
            except SetBack:
                raise
            except (errors.Error, LostLead, Overtaken, *SERIALIZATION) as error:
                _log.warning("sequencer of %s pauses: %s", self._log_name, error)
                wait_s = FAILED_POLL_S
            except Exception:
                _log.exception("sequencer of %s failed", self._log_name)
                wait_s = FAILED_POLL_S
            await self._committed.wait(seen, wait_s)
            await asyncio.sleep(began + ROUND_S - time.monotonic())

    async def step(self) -> int:
        """Publishes one batch and returns its size: 0 when there is nothing, or when another process leads.

        Signs a fresh head when there is nothing and none was signed for long. Raises LostLead when another took the
        lead meanwhile: nothing was published then. Raises SetBack.
        """
        async with self._database.connection() as connection:
            pending = await read_pending(connection)
            _report(pending)
            if not pending and time.monotonic() < self._signed_at + self._heartbeat_s:
                return 0
            epoch = await self.lead(connection)
            if epoch is None:
                return 0
            base = self._base or await self.load(connection)
            # Until it is published nobody knows whether it is.
            self._base = None
            if base.unfinished:
                pending = await self._same_again(connection, base.unfinished)
            # No transaction is open while it signs.
            batch = await asyncio.to_thread(self.prepare, epoch, base.edge, pending)
            try:
                await self.publish(connection, epoch, batch)
            except LostLead:
                self._led_until = 0.0
                raise
        self._base = Base(batch.after)
        if self._receipts is not None:
            self._receipts.take(batch.receipts)
        self.published.ring()
        return len(batch.entries)

    async def lead(self, connection: Connection) -> int | None:
        """Takes or renews the lease; its epoch, or None while another holds it.

        Renewed when half of it is over. That it may end meanwhile is harmless: `publish` looks at it again.
        """
        now = time.monotonic()
        if now < self._led_until:
            return self._epoch
        before = self._epoch
        self._epoch = await connection.fetchval(_LEASE, self._log_name, self._holder, self._lease_s)
        self._led_until = now + self._lease_s / 2 if self._epoch is not None else 0.0
        if self._epoch != before:
            self._base = None
        return self._epoch

    async def load(self, connection: Connection) -> Base:
        """The published tree, compared with the head that was signed over it and with what was signed last.

        Raises SetBack when the database has less than was signed, or other entries.
        """
        head = await self._head(connection)
        edge = await nodes.edge(connection, head["size"])

        async def root_at(size: int) -> bytes:
            return edge.root if size == edge.size else (await nodes.edge(connection, size)).root

        if head["checkpoint"] and parse_checkpoint(head["checkpoint"]).root != edge.root:
            raise SetBack(f"{self._log_name}: the stored tree is not the one that was signed")
        signed = self._memory.read()
        if signed is None:
            if edge.size:
                _log.warning("%s: nothing remembers what was signed before; %s", self._log_name, self._memory.path)
            return Base(edge)
        stored = memory.Stored(edge.size, head["epoch"], root_at)
        return Base(edge, await memory.unfinished(signed, stored))

    async def check(self) -> None:
        """Raises SetBack when the database cannot be gone on from: to be called before anything is served."""
        # Another may lead and publish meanwhile.
        async with self._database.snapshot() as connection:
            base = await self.load(connection)
            if base.unfinished:
                await self._same_again(connection, base.unfinished)

    async def _same_again(self, connection: Connection, entries: Sequence[bytes]) -> list[Pending]:
        found = _pending(await connection.fetch(_PENDING_AMONG, list(entries)))
        if found.keys() != set(entries):
            raise SetBack(f"{self._log_name}: entries that were signed are not in the database")
        return [found[entry] for entry in entries]

    async def _head(self, connection: Connection) -> asyncpg.Record:
        head = await connection.fetchrow(_HEAD, self._log_name)
        if head is None:
            raise RuntimeError(f"this database has no log {self._log_name}")
        return head

    def prepare(self, epoch: int, before: Frontier, pending: Sequence[Pending]) -> Batch:
        """Orders, grows the tree, signs once, and remembers. Blocks: to be called in a thread.

        A heartbeat has no entries. What was signed is durable, and known to nobody else, when this returns.
        """
        # Cut off where it is too long: whatever stands before a child are its parents.
        ordered = order(pending)[:ENTRIES_MAX]
        growth = grow(before, [entry.leaf for entry in ordered]) if ordered else None
        after = growth.after if growth else before
        head = self._signer.sign(after.size, after.root, int(self._clock.now().timestamp()))
        self._signed_at = time.monotonic()
        if growth:
            ids = tuple(entry.statement_id for entry in ordered)
            self._memory.write(Signed(epoch, before.size, before.root, after.size, after.root, ids))
        crash_point("sequencer.signed")
        receipts = self._receipts_of(ordered, growth, head) if growth else {}
        return Batch(before, after, tuple(ordered), growth, head, receipts)

    def _receipts_of(self, entries: Sequence[Pending], growth: Growth, head: Published) -> dict[bytes, Registered]:
        if self._receipts is None:
            return {}
        signed = head.signed
        return {
            entry.statement_id: Registered(index, signed.receipt(index, growth.path(index)))
            for index, entry in enumerate(entries, growth.before.size)
            if self._receipts.awaits(entry.statement_id)
        }

    async def publish(self, connection: Connection, epoch: int, batch: Batch) -> None:
        """Gives the entries their indexes and shows the head, as leader of `epoch`; raises LostLead if somebody else
        moved the log, and then changes nothing."""
        head, stored = batch.head, [] if batch.growth is None else list(batch.growth.stored())
        size = await connection.fetchval(
            _PUBLISH,
            self._log_name,
            epoch,
            batch.before.size,
            batch.after.size,
            head.checkpoint,
            head.note,
            head.cosigned,
            [entry.statement_id for entry in batch.entries],
            [node.level for node, _ in stored],
            [node.place for node, _ in stored],
            [value for _, value in stored],
        )
        if size is None:
            raise LostLead("another sequencer moved the log")
        crash_point("sequencer.published")
        telemetry.sequenced_entries.add(len(batch.entries))

    async def release(self) -> None:
        """Ends the lease, if it is still this one's under its epoch, so that a successor need not wait for its end.

        To be called when nothing is being published. What led here leads again under a later epoch only.
        """
        epoch, self._epoch, self._led_until, self._base = self._epoch, None, 0.0, None
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


def _report(pending: Sequence[Pending]) -> None:
    telemetry.pending_entries.set(len(pending))
    # The database's clock against this machine's: good enough for a gauge.
    oldest = min((entry.committed_at.timestamp() for entry in pending), default=time.time())
    telemetry.sequencing_lag_seconds.set(max(0.0, time.time() - oldest))


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
    return {row[0]: Pending(row[0], tuple(row[1]), row[2], row[3]) for row in rows}


def _missing(entries: Iterable[Pending], known: Mapping[bytes, Pending]) -> set[bytes]:
    return {parent for entry in entries for parent in entry.parents if parent not in known}
