"""The published log: heads, proofs, entries."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from math import inf
from typing import Final

import asyncpg
from monazite.transparency.v1 import transparency_pb2 as pb
from monazite.type.v1.statement_pb2 import Admission, StatementItem
from monazite_provenance import tree

from services.chassis import errors
from services.chassis.call import current_call_or_none
from services.chassis.database import Connection, Database
from services.chassis.errors import Violation
from services.chassis.fields import timestamp
from services.chassis.log import nodes
from services.chassis.log.heads import Published
from services.chassis.log.receipts import published, receipts
from services.chassis.wakeup import Wakeup

PAGE_SIZE_DEFAULT: Final = 200
PAGE_SIZE_MAX: Final = 1000
EVENT_KINDS_MAX: Final = 64
# Of one page; below the 4 MiB that a gRPC client accepts unless told otherwise.
PAGE_BYTES_MAX: Final = 3 * 1024 * 1024
# Beside its item an entry has ids and times, or its leaf; and, where it is asked for, a receipt: header, ML-DSA-65
# signature, and the path in a log of 2^40.
ENTRY_BYTES: Final = 128
RECEIPT_BYTES: Final = 5 * 1024
# Other processes publish too, and ring no bell here.
LOOK_AGAIN_S: Final = 0.5
# From one page to the next at the least where entries come all the time: a page costs both sides much the same however
# much is in it, and nobody's reply waits for it. What comes after a pause goes out at once.
GATHER_S: Final = 0.2
# Left of the caller's deadline for the answer itself.
ANSWER_S: Final = 0.2

_PAGE = """
    SELECT idx, leaf, statement_id, kind, item, committed_at FROM (
        SELECT e.idx, e.leaf, e.statement_id, e.kind, s.item, e.committed_at,
            sum($5::int + coalesce(octet_length(s.item), 0)) OVER (ORDER BY e.idx)
                - $5 - coalesce(octet_length(s.item), 0) AS bytes_before
        FROM entry e LEFT JOIN statement s ON s.statement_id = e.statement_id
            AND (cardinality($3::smallint[]) = 0 OR e.kind = ANY($3::smallint[]))
        WHERE e.idx >= $1 AND e.idx < $2
    ) AS page WHERE bytes_before < $4 ORDER BY idx
"""
_PEERS = "SELECT log, checkpoint, note, cosigned, taken_at FROM peer_checkpoint ORDER BY log"


class Log:
    """Reads one service's log. `published` is the sequencer's bell. A composition root names `drain` among what is told
    when the server drains: who follows then goes on at the same index elsewhere or later."""

    def __init__(
        self, database: Database, name: str, published: Wakeup | None = None, *, heartbeat_s: float = 10.0
    ) -> None:
        self._database = database
        self.name = name
        self._published = published or Wakeup()
        self._heartbeat_s = heartbeat_s
        self._draining = False

    def drain(self) -> None:
        """From now on nobody is kept waiting for an entry."""
        self._draining = True
        self._published.ring()

    async def head(self) -> Published:
        """The latest head. Raises UNAVAILABLE before the first is signed, moments after the very first start."""
        async with self._database.connection() as connection:
            return await self._head(connection)

    async def inclusion(self, request: pb.GetInclusionRequest) -> pb.Inclusion:
        """The path of an entry. Raises INVALID_FIELDS."""
        async with self._database.connection() as connection:
            size = request.size or (await self._head(connection)).size
            if not 0 <= request.index < size <= await self.size(connection):
                raise errors.invalid([Violation("index", "no entry of a tree that was published")])
            leaf: bytes = await connection.fetchval("SELECT leaf FROM entry WHERE idx = $1", request.index)
            path = await nodes.range_hashes(connection, tree.inclusion_ranges(request.index, size))
        return pb.Inclusion(index=request.index, size=size, leaf=leaf, path=path)

    async def consistency(self, request: pb.GetConsistencyRequest) -> pb.Consistency:
        """The path between two sizes. Raises INVALID_FIELDS."""
        async with self._database.connection() as connection:
            size = request.size or (await self._head(connection)).size
            if not 0 <= request.old_size <= size <= await self.size(connection):
                raise errors.invalid([Violation("old_size", "not the sizes of trees that were published, in order")])
            path = await nodes.range_hashes(connection, tree.consistency_ranges(request.old_size, size))
        return pb.Consistency(old_size=request.old_size, size=size, path=path)

    async def stream(self, request: pb.StreamEntriesRequest) -> AsyncGenerator[pb.StreamEntriesResponse]:
        """Pages from `from_index` on. Raises INVALID_FIELDS."""
        _check(request)
        async with self._database.connection() as connection:
            end = (await self._head(connection)).size
        position, call = request.from_index, current_call_or_none()
        while True:
            seen, began = self._published.rings, time.monotonic()
            async with self._database.connection() as connection:
                page = await self._page(connection, request, position)
            yield page
            position, size = page.next_index, Published.stored(page.checkpoint.checkpoint, "", b"").size
            # Who stands behind the end has seen more than there is: the head tells him.
            if self._draining or position > size or (not request.follow and position >= end):
                return
            if position < size:
                continue
            await self._gather(began + GATHER_S)
            # Nothing more for now: until there is, or a heartbeat is due.
            if not await self._grown(position, seen, inf if call is None else call.deadline_remaining()):
                return

    async def _gather(self, until: float) -> None:
        """Waits until then (time.monotonic()), unless the server drains."""
        while not self._draining and (left_s := until - time.monotonic()) > 0:
            await self._published.wait(self._published.rings, left_s)

    async def _grown(self, position: int, seen: int, remaining_s: float) -> bool:
        """True when there is more to say: an entry, or that there is none. False when who asks has no time left."""
        now = time.monotonic()
        until, end = now + self._heartbeat_s, now + remaining_s - ANSWER_S
        while not self._draining and (now := time.monotonic()) < min(until, end):
            await self._published.wait(seen, min(until - now, end - now, LOOK_AGAIN_S))
            seen = self._published.rings
            async with self._database.connection() as connection:
                if await self.size(connection) > position:
                    return True
        return not self._draining and time.monotonic() < end

    async def _page(
        self, connection: Connection, request: pb.StreamEntriesRequest, position: int
    ) -> pb.StreamEntriesResponse:
        head = await self._head(connection)
        rows: list[asyncpg.Record] = []
        if head.size > position:
            limit = min(request.page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
            kinds = list(request.event_kinds)
            beside = ENTRY_BYTES + (RECEIPT_BYTES if request.with_receipts else 0)
            # There is an entry at every index, so that this is what limits them: no plan reads all that follow.
            end = min(head.size, position + limit)
            rows = await connection.fetch(_PAGE, position, end, kinds, PAGE_BYTES_MAX, beside)
        next_index = position + len(rows)
        ranges = tree.consistency_ranges(next_index, head.size) if next_index <= head.size else []
        path = await nodes.range_hashes(connection, ranges)
        entries = [_entry(row) for row in rows]
        if request.with_receipts:
            whole = [entry for entry in entries if entry.statement_id]
            made = await receipts(connection, head, [entry.index for entry in whole])
            for entry, receipt in zip(whole, made, strict=True):
                entry.receipt = receipt
        return pb.StreamEntriesResponse(
            entries=entries,
            next_index=next_index,
            checkpoint=checkpoint(self.name, head),
            consistency=path,
        )

    async def peers(self) -> pb.ListPeerCheckpointsResponse:
        """Heads of other logs that were taken in."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_PEERS)
        taken = [
            pb.PeerCheckpoint(
                checkpoint=pb.Checkpoint(log=row[0], checkpoint=row[1], note=row[2], cosigned=row[3]),
                taken_at=timestamp(row[4]),
            )
            for row in rows
        ]
        return pb.ListPeerCheckpointsResponse(checkpoints=taken)

    async def admission(self, statement_id: bytes) -> Admission | None:
        """That a statement was taken in and when, without its place; None for one that was not."""
        async with self._database.connection() as connection:
            at = await connection.fetchval("SELECT committed_at FROM entry WHERE statement_id = $1", statement_id)
        if at is None:
            return None
        return Admission(statement_id=statement_id, log=self.name, receipt_pending=True, committed_at=timestamp(at))

    async def size(self, connection: Connection) -> int:
        """Number of published entries."""
        size: int | None = await connection.fetchval("SELECT size FROM log_head WHERE log = $1", self.name)
        if size is None:
            raise RuntimeError(f"this database has no log {self.name}")
        return size

    async def _head(self, connection: Connection) -> Published:
        head = await published(connection, self.name)
        if head is None:
            raise errors.unavailable("the log has no head yet")
        return head


def checkpoint(log: str, head: Published) -> pb.Checkpoint:
    """A head as it travels."""
    return pb.Checkpoint(log=log, checkpoint=head.checkpoint, note=head.note, cosigned=head.cosigned)


def _check(request: pb.StreamEntriesRequest) -> None:
    violations: list[Violation] = []
    if request.from_index < 0:
        violations.append(Violation("from_index", "must not be negative"))
    if request.page_size < 0:
        violations.append(Violation("page_size", "must not be negative"))
    if len(request.event_kinds) > EVENT_KINDS_MAX or any(kind > 0x7FFF for kind in request.event_kinds):  # noqa: PLR2004  (smallint)
        violations.append(Violation("event_kinds", "names kinds that do not exist"))
    if violations:
        raise errors.invalid(violations)


def _entry(row: asyncpg.Record) -> pb.Entry:
    if row["item"] is None:
        return pb.Entry(index=row["idx"], leaf=row["leaf"])
    return pb.Entry(
        index=row["idx"],
        statement_id=row["statement_id"],
        event_kind=row["kind"],
        item=StatementItem(item=row["item"]),
        committed_at=timestamp(row["committed_at"]),
    )
