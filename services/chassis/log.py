"""The published log of a service: what `ListEntries` of each LogService answers with."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Final

from monazite.type.v1.statement_pb2 import Admission, Entry, ListEntriesRequest, ListEntriesResponse, StatementItem

from services.chassis import errors
from services.chassis.call import current_call_or_none
from services.chassis.database import Connection, Database
from services.chassis.errors import Violation
from services.chassis.fields import timestamp
from services.chassis.wakeup import Wakeup

PAGE_SIZE_DEFAULT: Final = 200
PAGE_SIZE_MAX: Final = 1000
WAIT_MS_MAX: Final = 20_000
EVENT_KINDS_MAX: Final = 64
# So many indexes are looked at for one page, however few of the wanted kinds are among them.
WINDOW_ENTRIES: Final = 10_000
# Items in one page; below the 4 MiB that a gRPC client accepts unless told otherwise.
PAGE_BYTES_MAX: Final = 3 * 1024 * 1024
# Other processes publish too, and ring no bell here.
LOOK_AGAIN_S: Final = 0.5
# Left of the caller's deadline for the answer itself.
ANSWER_S: Final = 0.2

_PAGE = """
    SELECT idx, statement_id, kind, item, committed_at FROM (
        SELECT e.idx, e.statement_id, e.kind, s.item, e.committed_at,
            sum(octet_length(s.item)) OVER (ORDER BY e.idx) - octet_length(s.item) AS bytes_before
        FROM entry e JOIN statement s USING (statement_id)
        WHERE e.idx >= $1 AND e.idx < $2 AND (cardinality($3::smallint[]) = 0 OR e.kind = ANY($3::smallint[]))
        ORDER BY e.idx LIMIT $4
    ) AS page WHERE bytes_before < $5 ORDER BY idx
"""


class Log:
    """Reads one service's log. `published` is the sequencer's bell. A composition root names `drain` among what is
    told when the server drains: who waits for an entry then gets its empty page, and goes on at the same index
    elsewhere or later."""

    def __init__(self, database: Database, name: str, published: Wakeup | None = None) -> None:
        self._database = database
        self.name = name
        self._published = published or Wakeup()
        self._draining = False

    def drain(self) -> None:
        """From now on nobody is kept waiting for an entry."""
        self._draining = True
        self._published.ring()

    async def list_entries(self, request: ListEntriesRequest) -> ListEntriesResponse:
        """One page from `from_index` on, of published entries only. Waits for a first entry as long as asked and the
        deadline allows.

        Raises INVALID_FIELDS.
        """
        _check(request)
        until = time.monotonic() + _wait_s(request.wait_ms)
        position = request.from_index
        while True:
            seen = self._published.rings
            response = await self._page(request, position)
            remaining = until - time.monotonic()
            if response.entries or remaining <= 0 or self._draining:
                return response
            # What was left out for its kind need not be looked at again, nor by the caller.
            position = response.next_index
            if position >= response.size:
                await self._published.wait(seen, min(remaining, LOOK_AGAIN_S))

    async def _page(self, request: ListEntriesRequest, position: int) -> ListEntriesResponse:
        page_size = min(request.page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
        async with self._database.connection() as connection:
            size = await self.size(connection)
            end = min(size, position + WINDOW_ENTRIES)
            kinds = list(request.event_kinds)
            rows = (
                await connection.fetch(_PAGE, position, end, kinds, page_size, PAGE_BYTES_MAX) if end > position else []
            )
        entries = [_entry(*row) for row in rows]
        carried = sum(len(entry.item.item) for entry in entries)
        full = len(entries) == page_size or carried >= PAGE_BYTES_MAX
        next_index = entries[-1].index + 1 if full else max(position, end)
        return ListEntriesResponse(log=self.name, entries=entries, next_index=next_index, size=size)

    async def size(self, connection: Connection) -> int:
        """Number of published entries."""
        size: int | None = await connection.fetchval("SELECT size FROM log_head WHERE log = $1", self.name)
        if size is None:
            raise RuntimeError(f"this database has no log {self.name}")
        return size

    def admission(self, statement_id: bytes, index: int | None, committed_at: datetime) -> Admission:
        """The proof of having been taken in, as far as it exists today: `receipt_pending` until there is an index."""
        admission = Admission(statement_id=statement_id, log=self.name, receipt_pending=index is None)
        if index is not None:
            admission.index = index
        admission.committed_at.CopyFrom(timestamp(committed_at))
        return admission


class LogServing:
    """ListEntries as every service serves it. The other base of a service's LogServicer is its own generated one."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def ListEntries(self, request: ListEntriesRequest, context: object) -> ListEntriesResponse:  # noqa: N802, ARG002 - the generated stubs name them
        """A page of published entries."""
        return await self._log.list_entries(request)


def _check(request: ListEntriesRequest) -> None:
    violations: list[Violation] = []
    if request.from_index < 0:
        violations.append(Violation("from_index", "must not be negative"))
    if request.page_size < 0:
        violations.append(Violation("page_size", "must not be negative"))
    if not 0 <= request.wait_ms <= WAIT_MS_MAX:
        violations.append(Violation("wait_ms", f"must be from 0 to {WAIT_MS_MAX}"))
    if len(request.event_kinds) > EVENT_KINDS_MAX or any(kind > 0x7FFF for kind in request.event_kinds):  # noqa: PLR2004  (smallint)
        violations.append(Violation("event_kinds", "names kinds that do not exist"))
    if violations:
        raise errors.invalid(violations)


def _wait_s(wait_ms: int) -> float:
    call = current_call_or_none()
    wanted = wait_ms / 1000
    return wanted if call is None else min(wanted, call.deadline_remaining() - ANSWER_S)


def _entry(index: int, statement_id: bytes, kind: int, item: bytes, committed_at: datetime) -> Entry:
    return Entry(
        index=index,
        statement_id=statement_id,
        event_kind=kind,
        item=StatementItem(item=item),
        committed_at=timestamp(committed_at),
    )
