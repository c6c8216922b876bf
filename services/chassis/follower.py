"""Follows a peer's log, each entry exactly once: the cursor moves in the transaction that applies what it passes.

The tree is rebuilt from the entries as they come, and every page is checked against a head that the peer signed: what
is applied is what everybody else is shown, or the peer is caught with both its signatures.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from monazite.transparency.v1.transparency_pb2 import Entry, StreamEntriesRequest, StreamEntriesResponse
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite_provenance import tree
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item, encoded_with_receipts
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.receipts import Head, HeadVerifier
from monazite_provenance.statement import log_leaf
from monazite_provenance.tree import Frontier

from services.chassis import errors, telemetry
from services.chassis.client import Peer
from services.chassis.crash import crash_point
from services.chassis.database import SERIALIZATION, Connection, Database
from services.chassis.log import nodes
from services.chassis.log.growth import Growth, grow
from services.chassis.log.peers import LogProblem, Taken, check_newer, load_head, take_head
from services.chassis.wakeup import Wakeup

Prepared = TypeVar("Prepared")

PAGE_SIZE: Final = 500
# After which a stream is taken up anew: a peer that is gone without a word is noticed within this time.
STREAM_S: Final = 30.0
BACKOFF_S_MIN: Final = 0.1
BACKOFF_S_MAX: Final = 5.0

_log = logging.getLogger(__name__)

# Failures that asking again may cure; any other refusal is about what was read.
_PASSING: Final = frozenset(
    {errors.Kind.UNAVAILABLE, errors.Kind.DEADLINE, errors.Kind.CONFLICT, errors.Kind.EXHAUSTED, errors.Kind.INTERNAL}
)

_START = "INSERT INTO follower_cursor (log, next_index, edge) VALUES ($1, 0, '') ON CONFLICT DO NOTHING"
_MOVE = "UPDATE follower_cursor SET next_index = $3, edge = $4 WHERE log = $1 AND next_index = $2"


def entries_of(peer: Peer) -> Callable[[StreamEntriesRequest], AsyncGenerator[StreamEntriesResponse]]:
    """What a `Follower` fetches a peer's entries with."""
    method = TransparencyServiceStub(peer.channel).StreamEntries
    return lambda request: peer.stream(method, request, timeout_s=STREAM_S)


@dataclass(frozen=True, slots=True)
class FollowedEntry:
    """One published entry of a peer's log. `item` is the encoded Item, whose statement is not verified yet; it carries
    its receipt, which is verified, where receipts were asked for."""

    index: int
    statement_id: bytes
    kind: int
    item: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """A page that goes on where we stand, checked against its head."""

    entries: tuple[FollowedEntry, ...]
    after: Frontier
    # None of a page without entries.
    growth: Growth | None
    head: Head
    response: StreamEntriesResponse


class Follower(Generic[Prepared]):
    """Reads pages of the peer's log, prepares, applies.

    `fetch` calls the peer's `StreamEntries`. `prepare(entries)` runs with no transaction open: verify and sign there;
    it raises ProvenanceError, or the Error of a refusal, for an entry that does not verify. `apply(connection, entries,
    prepared)` stores, in the transaction that also moves the cursor. Either may raise: nothing is stored then, and the
    page is tried again from the start after a pause. Several processes may follow at once: one of them applies each
    page. With `keeps_tree` the peer's tree is kept too, so that proofs in it can be made here (`nodes`).
    """

    def __init__(
        self,
        database: Database,
        log: str,
        fetch: Callable[[StreamEntriesRequest], AsyncGenerator[StreamEntriesResponse]],
        keys: LogKeyRing,
        *,
        kinds: Sequence[int],
        prepare: Callable[[Sequence[FollowedEntry]], Awaitable[Prepared]],
        apply: Callable[[Connection, Sequence[FollowedEntry], Prepared], Awaitable[None]],
        on_commit: Callable[[], None] = lambda: None,
        page_size: int = PAGE_SIZE,
        with_receipts: bool = False,
        keeps_tree: bool = False,
    ) -> None:
        self._database = database
        self.log = log
        self._fetch = fetch
        self._verifier = HeadVerifier(keys)
        self._kinds = sorted({int(kind) for kind in kinds})
        self._prepare = prepare
        self._apply = apply
        self._on_commit = on_commit
        self._page_size = page_size
        self._with_receipts = with_receipts
        self._keeps_tree = keeps_tree
        # Rings after each page applied by this process.
        self.applied = Wakeup()

    async def run(self) -> None:
        """Follows until cancelled. Failures are logged and tried again, ever slower. Raises LogProblem: then nothing
        of the page was applied, and following it any further is a decision for people."""
        failures = 0
        while True:
            try:
                async for _ in self._pages(follow=True):
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
                await asyncio.sleep(min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2 ** min(failures, 10)))

    async def step(self) -> int:
        """Everything that is published by now; returns the next index wanted. Raises LogProblem, and whatever fetching,
        preparing or applying raised."""
        async for _ in self._pages(follow=False):
            pass
        return await self.position()

    async def position(self) -> int:
        """The next index wanted: everything below has been applied."""
        async with self._database.connection() as connection:
            return (await self._cursor(connection)).size

    async def _pages(self, *, follow: bool) -> AsyncGenerator[None]:
        """Applies one page after another, and gives way after each. Ends with the peer's stream, or when another
        process has gone on from where we stand."""
        async with self._database.connection() as connection:
            edge = await self._cursor(connection)
            last = await load_head(connection, self.log, self._verifier)
        request = StreamEntriesRequest(
            from_index=edge.size,
            page_size=self._page_size,
            event_kinds=self._kinds,
            follow=follow,
            with_receipts=self._with_receipts,
        )
        async for response in self._fetch(request):
            page = await asyncio.to_thread(self.read, edge, last, response)
            if not await self._take(edge, page):
                return
            edge = page.after
            if page.head.size == edge.size:
                last = Taken(page.head, response.checkpoint.checkpoint)
            yield

    def read(self, edge: Frontier, last: Taken | None, response: StreamEntriesResponse) -> Page:
        """Checks that a page goes on where we stand, and is of the tree that its head signs. Raises LogProblem."""
        checkpoint = response.checkpoint.checkpoint
        try:
            head = self._verifier.verify_checkpoint(checkpoint)
            check_newer(self.log, Taken(head, checkpoint), last)
            if head.size < edge.size:
                raise LogProblem(f"{self.log} has {head.size} entries, {edge.size} were seen before: it shrank")
            leaves = [self._leaf(index, entry) for index, entry in enumerate(response.entries, edge.size)]
            growth = grow(edge, leaves) if leaves else None
            after = edge if growth is None else growth.after
            if response.next_index != after.size:
                raise LogProblem(f"{self.log}: a page of {len(leaves)} entries ends at {response.next_index}")
            tree.check_consistency(after.size, after.root, head.size, head.root, response.consistency)
            entries = [
                self._followed(entry, leaves[entry.index - edge.size]) for entry in response.entries if entry.item.item
            ]
        except ProvenanceError as error:
            raise LogProblem(
                f"{self.log}: the page from {edge.size} is not of the log that was signed: {error}",
                *([] if last is None else [last.checkpoint]),
                checkpoint,
            ) from error
        return Page(tuple(entries), after, growth, head, response)

    def _leaf(self, index: int, entry: Entry) -> bytes:
        if entry.index != index:
            raise LogProblem(f"{self.log}: entry {entry.index} stands where {index} should")
        if not entry.item.item:
            if len(entry.leaf) != tree.HASH_BYTES:
                raise LogProblem(f"{self.log}: entry {index} has neither leaf nor statement")
            return entry.leaf
        if entry.event_kind not in self._kinds:
            raise LogProblem(f"{self.log}: entry {index} was not asked for")
        return log_leaf(Item.decode(entry.item.item).statement)

    def _followed(self, entry: Entry, leaf: bytes) -> FollowedEntry:
        item = entry.item.item
        if self._with_receipts:
            if self._verifier.verify_receipt(entry.receipt, leaf).index != entry.index:
                raise LogProblem(f"{self.log}: the receipt of entry {entry.index} is of another")
            item = encoded_with_receipts(item, [entry.receipt])
        return FollowedEntry(entry.index, entry.statement_id, entry.event_kind, item)

    async def _take(self, edge: Frontier, page: Page) -> bool:
        prepared = await self._prepared(page.entries) if page.entries else None
        crash_point("follower.prepared")
        async with self._database.transaction() as connection:
            if page.after.size != edge.size and not await self._move(connection, edge.size, page.after):
                return False
            if self._keeps_tree and page.growth is not None:
                await nodes.keep(connection, self.log, page.growth)
            if prepared is not None:
                await self._apply(connection, page.entries, prepared)
            if page.head.size == page.after.size:
                # Seen to the end, so that it goes on from every head that was taken before.
                await take_head(connection, page.head, page.response.checkpoint)
            crash_point("follower.applied")
        if page.entries:
            telemetry.followed_entries.add(len(page.entries))
        if page.after.size != edge.size:
            self.applied.ring()
            self._on_commit()
        return True

    async def _prepared(self, entries: Sequence[FollowedEntry]) -> Prepared:
        try:
            return await self._prepare(entries)
        except (ProvenanceError, errors.Error) as error:
            if isinstance(error, errors.Error) and error.kind in _PASSING:
                raise
            first, last = entries[0].index, entries[-1].index
            raise LogProblem(f"{self.log}: an entry from {first} to {last} does not verify: {error}") from error

    async def _cursor(self, connection: Connection) -> Frontier:
        row = await connection.fetchrow("SELECT next_index, edge FROM follower_cursor WHERE log = $1", self.log)
        if row is None:
            return Frontier()
        hashes: bytes = row["edge"]
        parts = (hashes[at : at + tree.HASH_BYTES] for at in range(0, len(hashes), tree.HASH_BYTES))
        return Frontier(row["next_index"], parts)

    async def _move(self, connection: Connection, position: int, after: Frontier) -> bool:
        """Locks and moves the cursor; False if another process moved it since the page was fetched."""
        await connection.execute(_START, self.log)
        moved = await connection.execute(_MOVE, self.log, position, after.size, b"".join(after.hashes))
        return moved == "UPDATE 1"
