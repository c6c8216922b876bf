"""Follows a peer's log, each entry exactly once: the cursor moves in the transaction that applies what it passes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from monazite.type.v1.statement_pb2 import ListEntriesRequest, ListEntriesResponse
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.statement import STATEMENT_ID_BYTES

from services.chassis import errors, telemetry
from services.chassis.crash import crash_point
from services.chassis.database import SERIALIZATION, Connection, Database
from services.chassis.wakeup import Wakeup

Prepared = TypeVar("Prepared")

PAGE_SIZE: Final = 500
WAIT_MS: Final = 5_000
BACKOFF_S_MIN: Final = 0.1
BACKOFF_S_MAX: Final = 5.0

_log = logging.getLogger(__name__)

# Failures that asking again may cure; any other refusal is about what was read.
_PASSING: Final = frozenset(
    {errors.Kind.UNAVAILABLE, errors.Kind.DEADLINE, errors.Kind.CONFLICT, errors.Kind.EXHAUSTED, errors.Kind.INTERNAL}
)

_MOVE = """
    UPDATE follower_cursor
    SET next_index = $3, last_index = coalesce($4, last_index), last_statement_id = coalesce($5, last_statement_id)
    WHERE log = $1 AND next_index = $2
"""


class LogProblem(Exception):  # noqa: N818  (says what it is)
    """The peer's log contradicts itself, what we saw of it before, or its own signatures: it must be looked at, not
    followed. Asking again would not help, and going on would build on what may be forged."""


@dataclass(frozen=True, slots=True)
class FollowedEntry:
    """One published entry of a peer's log. `item` is the encoded Item, not verified yet."""

    index: int
    statement_id: bytes
    kind: int
    item: bytes


class Follower(Generic[Prepared]):
    """Reads pages of the peer's log, prepares, applies.

    `fetch` calls the peer's `ListEntries` (with a deadline longer than the request's `wait_ms`). `prepare(entries)`
    runs with no transaction open: verify and sign there; it raises ProvenanceError, or the Error of a refusal, for an
    entry that does not verify. `apply(connection, entries, prepared)` stores, in the transaction that also moves the
    cursor. Either may raise: nothing is stored then, and the page is tried again from the start after a pause. Several
    processes may follow at once: one of them applies each page.
    """

    def __init__(
        self,
        database: Database,
        log: str,
        fetch: Callable[[ListEntriesRequest], Awaitable[ListEntriesResponse]],
        *,
        kinds: Sequence[int],
        prepare: Callable[[Sequence[FollowedEntry]], Awaitable[Prepared]],
        apply: Callable[[Connection, Sequence[FollowedEntry], Prepared], Awaitable[None]],
        on_commit: Callable[[], None] = lambda: None,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._database = database
        self.log = log
        self._fetch = fetch
        self._kinds = sorted({int(kind) for kind in kinds})
        self._prepare = prepare
        self._apply = apply
        self._on_commit = on_commit
        self._page_size = page_size
        # Rings after each page applied by this process.
        self.applied = Wakeup()

    async def run(self) -> None:
        """Follows until cancelled. Failures are logged and tried again, ever slower. Raises LogProblem: then nothing
        of the page was applied, and following it any further is a decision for people."""
        failures = 0
        remembered = False
        while True:
            try:
                if not remembered:
                    await self.remember()
                    remembered = True
                await self.step(wait_ms=WAIT_MS)
                failures = 0
            except LogProblem:
                raise
            except (errors.Error, *SERIALIZATION) as error:
                failures += 1
                _log.warning("following %s pauses: %s", self.log, error)
            except Exception:
                failures += 1
                _log.exception("following %s failed", self.log)
            if failures:
                # Who was away may have come back with another log.
                remembered = False
                await asyncio.sleep(min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2 ** min(failures, 10)))

    async def remember(self) -> None:
        """Compares the last entry that was applied with what the peer has at its index today. Raises LogProblem: a peer
        that was set back and grew again would go on seamlessly behind our cursor."""
        async with self._database.connection() as connection:
            last = await connection.fetchrow(
                "SELECT last_index, last_statement_id FROM follower_cursor WHERE log = $1", self.log
            )
        if last is None or last["last_index"] is None:
            return
        index: int = last["last_index"]
        response = await self._fetch(ListEntriesRequest(from_index=index, page_size=1))
        entries = read_page(self.log, index, response)
        if not entries or entries[0].index != index or entries[0].statement_id != last["last_statement_id"]:
            raise LogProblem(f"{self.log}: entry {index} is not the one that was applied")

    async def step(self, *, wait_ms: int = 0) -> int:
        """One page; returns the next index wanted. Raises LogProblem, and whatever fetching, preparing or applying
        raised."""
        position = await self.position()
        request = ListEntriesRequest(
            from_index=position, page_size=self._page_size, wait_ms=wait_ms, event_kinds=self._kinds
        )
        response = await self._fetch(request)
        entries = read_page(self.log, position, response)
        if any(entry.kind not in self._kinds for entry in entries):
            raise LogProblem(f"{self.log}: a page from {position} has entries that were not asked for")
        if response.next_index == position:
            return position
        if entries:
            moved = await self._apply_page(position, response.next_index, entries)
        else:
            async with self._database.transaction() as connection:
                moved = await self._move(connection, position, response.next_index, None)
        if not moved:
            return await self.position()
        telemetry.followed_entries.add(len(entries))
        self.applied.ring()
        self._on_commit()
        return response.next_index

    async def _apply_page(self, position: int, next_index: int, entries: Sequence[FollowedEntry]) -> bool:
        try:
            prepared = await self._prepare(entries)
        except (ProvenanceError, errors.Error) as error:
            if isinstance(error, errors.Error) and error.kind in _PASSING:
                raise
            first, last = entries[0].index, entries[-1].index
            raise LogProblem(f"{self.log}: an entry from {first} to {last} does not verify: {error}") from error
        crash_point("follower.prepared")
        async with self._database.transaction() as connection:
            if not await self._move(connection, position, next_index, entries[-1]):
                return False
            await self._apply(connection, entries, prepared)
            crash_point("follower.applied")
        return True

    async def position(self) -> int:
        """The next index wanted: everything below has been applied."""
        async with self._database.connection() as connection:
            found: int | None = await connection.fetchval(
                "SELECT next_index FROM follower_cursor WHERE log = $1", self.log
            )
        return found or 0

    async def _move(self, connection: Connection, position: int, next_index: int, last: FollowedEntry | None) -> bool:
        """Locks and moves the cursor behind `last`; False if another process moved it since the page was fetched."""
        await connection.execute(
            "INSERT INTO follower_cursor (log, next_index) VALUES ($1, 0) ON CONFLICT DO NOTHING", self.log
        )
        moved = await connection.execute(
            _MOVE, self.log, position, next_index, last.index if last else None, last.statement_id if last else None
        )
        return moved == "UPDATE 1"


def read_page(log: str, position: int, response: ListEntriesResponse) -> list[FollowedEntry]:
    """Checks that the page goes on where we stand and raises LogProblem if it cannot be a page of this log."""
    if response.log != log:
        raise LogProblem(f"asked for {log}, got another log")
    if response.size < position:
        raise LogProblem(f"{log} has {response.size} entries, {position} were seen before: it shrank")
    if not position <= response.next_index <= response.size:
        raise LogProblem(f"{log}: page from {position} ends at {response.next_index} of {response.size}")
    entries = [FollowedEntry(one.index, one.statement_id, one.event_kind, one.item.item) for one in response.entries]
    expected = position
    for entry in entries:
        if not expected <= entry.index < response.next_index:
            raise LogProblem(f"{log}: index {entry.index} is out of order")
        if len(entry.statement_id) != STATEMENT_ID_BYTES:
            raise LogProblem(f"{log}: entry {entry.index} has no statement id")
        expected = entry.index + 1
    return entries
