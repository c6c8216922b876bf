"""The bundle of one head: keys, rights, the lots' statements parents first with cuts and with licences and intents of
exports among them, then what speaks about them (assays, holds with their releases, locks for export with their voids,
closings and settlements of rights, changes of licences); one receipt for all that stand in our log, and last the head's
status.

It is full or begins at the last cuts (`Extent`), and its status' digest is of just what it holds.
What it consists of, places and status are read in one snapshot, so that they speak of one moment. Of what is over a
page the items of each are read when the page before has left: a statement never changes, and under a head that was
published a receipt can be made at any time. That snapshot takes seconds of a core and of a connection, and therefore
turns: else a handful of callers would leave nothing of either to all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from monazite_provenance.bundle import (
    COSIGNED_MAX,
    HEAD_BYTES_MAX,
    PAGE_BYTES_MAX,
    Cosigned,
    Listing,
    PageWriter,
    Sheet,
)
from monazite_provenance.errors import TooLarge, TooManyParents
from monazite_provenance.listings import split
from monazite_provenance.statement import Outpoint

from services.chassis import errors
from services.chassis.database import Connection, Database
from services.chassis.errors import not_found
from services.chassis.identity import Principal
from services.chassis.log.heads import Published
from services.chassis.log.order import order
from services.chassis.log.receipts import Receipts, multi_receipt, published
from services.chassis.log.resting import PeerHeads, Resting, Witnesses
from services.chassis.turns import Turns
from services.registry.domain import refusals
from services.registry.domain.records import HeadRow
from services.registry.domain.visibility import Extent, extent_for, is_leaving, is_party, may_see_lot
from services.registry.operations.statuses import Carried, Found, Statuses, carry, newest_heads
from services.registry.storage import bundles as rows
from services.registry.storage import lots as stored

CHUNK_BYTES_MAX: Final = 64 * 1024
# In one query.
ITEMS_READ: Final = 200
# So many bytes of items fit into a page whatever their receipt is.
SURELY_FIT_BYTES: Final = PAGE_BYTES_MAX - HEAD_BYTES_MAX
# More than a receipt takes that a peer's statement is given in the place of its own.
RESTATED_BYTES: Final = 3 * 1024
LOOKS_MAX: Final = 3
# One for the statement itself, one for those beside it; a third in case a hold was placed meanwhile.


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks about which head; the enterprise `visible_to`, where one is named, must hold it or be to receive it, or
    with `or_leaving` it must be on its way out of the country or have left. `extent`: None for as far back as the
    caller may see.
    """

    principal: Principal
    target: Outpoint
    visible_to: str = ""
    extent: Extent | None = None
    or_leaving: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    """What goes into a bundle: ids in its order, and which of them stand in peers' logs."""

    ids: Sequence[bytes]
    peers: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a bundle consists of, without its status, and what that is to say.

    `indexes`: where those stand in our log, under `log_head`, that are ours, by their places in the bundle. `pages`:
    the places that each page is of; the last one is the status's. `only`: what the one page holds, where there is one.
    """

    ids: Sequence[bytes]
    indexes: Mapping[int, int]
    log_head: Published
    found: Found
    pages: Sequence[range]
    only: Sheet | None
    # Peers' statements, and the heads that these are put under.
    peers: frozenset[bytes]
    heads: PeerHeads
    # What witnesses said of the heads that it rests on.
    cosigned: tuple[Cosigned, ...] = ()

    @property
    def checkpoint(self) -> bytes:
        """The head of our log that its receipts are under (COSE)."""
        return self.found.checkpoints[0]


class SignedStatus(NamedTuple):
    """A status as an encoded item, and what witnesses said of the head of our log that it names."""

    item: bytes
    cosigned: tuple[Cosigned, ...]


class _NotIntegrated(Exception):  # noqa: N818  (says what it is)
    """A statement of the bundle has no place in our log yet."""

    def __init__(self, statement_id: bytes) -> None:
        self.statement_id = statement_id


class _OverAPage(Exception):  # noqa: N818  (says what it is)
    """There are more statements than are gathered without a turn."""


@dataclass(frozen=True, slots=True)
class Bundles:
    """Streams bundles, in so many pages of so many statements at most, and signs how their heads stand. `turns`: how
    many are gathered at once of those that have more statements than a page. `readers`: how many connections all of
    them have at once, so that some are left for everything else.
    """

    database: Database
    log_name: str
    receipts: Receipts
    statuses: Statuses
    licensing: str
    witnesses: Witnesses
    turns: Turns
    readers: asyncio.Semaphore
    page_statements_max: int
    pages_max: int

    @property
    def statements_max(self) -> int:
        """In a bundle."""
        return self.pages_max * self.page_statements_max

    async def stream(self, asked: Asked, *, with_status: bool) -> AsyncGenerator[bytes]:
        """The bundle in pieces of at most 64 KiB.

        Raises NOT_FOUND, also for a lot that the caller may not see; UNAVAILABLE for one that was changed this moment
        and is not in the log yet; OVERLOADED; TooLarge, TooManyParents. A page is gathered before its first piece
        leaves: bounded by the format, and no connection waits for a slow caller.
        """
        gathered = await self.gather(asked)
        buffer = bytearray()
        async for piece in self.pieces(gathered, with_status=with_status):
            buffer += piece
            while len(buffer) >= CHUNK_BYTES_MAX:
                yield bytes(buffer[:CHUNK_BYTES_MAX])
                del buffer[:CHUNK_BYTES_MAX]
        yield bytes(buffer)

    async def status(self, asked: Asked) -> SignedStatus:
        """The signed status of a head. Raises as `stream`."""
        gathered = await self.gather(asked)
        ours = tuple(one for one in gathered.cosigned if one.checkpoint.startswith(f"{self.log_name}\n"))
        return SignedStatus(self.statuses.sign(gathered.found), ours)

    async def pieces(self, gathered: Gathered, *, with_status: bool) -> AsyncGenerator[bytes]:
        """A bundle as its format has it, one piece an item or a page's head. Raises TooLarge, TooManyParents."""
        status = [self.statuses.sign(gathered.found)] if with_status else []
        count = len(gathered.ids)
        pages = [page for page in gathered.pages if with_status or page.start < count]
        writer = PageWriter(gathered.found.head.outpoint, len(pages), gathered.cosigned)
        for page in pages:
            sheet = gathered.only or await self._sheet(gathered, page)
            last = status if page.stop > count else []
            for piece in writer.page(Sheet([*sheet.pieces, *last], sheet.listings)):
                yield piece

    async def _sheet(self, gathered: Gathered, page: range) -> Sheet:
        async with self.readers, self.database.connection() as connection:
            pieces = await self._items(connection, gathered.ids[page.start : page.stop], gathered.peers, gathered.heads)
            assert pieces is not None  # noqa: S101 - the split was made by their sizes, which never change
            here = {place - page.start: gathered.indexes[place] for place in page if place in gathered.indexes}
            return Sheet(pieces, await _listings(connection, gathered.log_head, here))

    async def gather(self, asked: Asked) -> Gathered:
        """What a bundle consists of, read in one snapshot. Raises as `stream`."""
        for _ in range(LOOKS_MAX):
            try:
                return await self._look(asked)
            except _NotIntegrated as missing:
                if await self.receipts.obtain(missing.statement_id) is None:
                    break
        raise errors.unavailable("the lot was changed this moment and is not in the log yet; ask again")

    async def _look(self, asked: Asked) -> Gathered:
        """What is over a page waits for its turn, without a connection. Raises _NotIntegrated."""
        with suppress(_OverAPage):
            async with self.readers, self.database.snapshot() as connection:
                return await self._read(connection, asked, self.page_statements_max)
        async with await self.turns.take(), self.readers, self.database.snapshot() as connection:
            return await self._read(connection, asked, self.statements_max)

    async def _read(self, connection: Connection, asked: Asked, most: int) -> Gathered:
        """Of at most so many statements; one place is the status's. Raises _OverAPage, _NotIntegrated."""
        head = await self._head(connection, asked)
        target = asked.target
        if extent_for(asked.principal, asked.extent) is Extent.FULL:
            graph = await rows.ancestors(connection, target.statement_id, most + 1)
        else:
            graph = await rows.ancestors_from_cuts(connection, target, most + 1)
        self._check_count(len(graph), most)
        graph = order(graph) if len(graph) <= self.page_statements_max else await asyncio.to_thread(order, graph)
        ordered = [one.statement_id for one in graph]
        plan = await _collect(connection, target, ordered, sorted({each for one in graph for each in one.parents}))
        self._check_count(len(plan.ids) + 1, most)
        resting, indexes = await self._places(connection, plan, spent=head.spent_by is not None)
        heads = await self.witnesses.peers(connection)
        only = await self._only_page(connection, plan, resting.head, indexes, heads)
        carried: Carried = {}
        if only is None:
            pages = await self._split(connection, plan, resting.head, indexes)
            theirs = [each for each in plan.ids if each in plan.peers]
            for start in range(0, len(theirs), ITEMS_READ):
                # As they came: under which heads they are put is known.
                carry(carried, await rows.items(connection, theirs[start : start + ITEMS_READ]))
        else:
            pages = [range(len(plan.ids) + 1)]
            carry(carried, (item for each, item in zip(plan.ids, only.pieces, strict=True) if each in plan.peers))
        # What is restated stands under a witnessed head, which may be newer than the one that was taken in last.
        taken = [each.checkpoint for each in heads.reached.values()] + await rows.peer_checkpoints(connection)
        found = Found(
            head,
            await rows.open_holds(connection, target),
            plan.ids,
            newest_heads(self.statuses.heads, resting.head.checkpoint, taken, carried),
        )
        cosigned = (*resting.cosigned, *heads.cosigned)[:COSIGNED_MAX]
        return Gathered(plan.ids, indexes, resting.head, found, pages, only, plan.peers, heads, cosigned)

    def _check_count(self, count: int, most: int) -> None:
        if count > self.statements_max:
            raise TooManyParents("too many statements behind this lot", limit=self.statements_max)
        if count > most:
            raise _OverAPage

    async def _only_page(
        self,
        connection: Connection,
        plan: _Plan,
        log_head: Published,
        indexes: Mapping[int, int],
        heads: PeerHeads,
    ) -> Sheet | None:
        """All of it and a status, if that fits into one page."""
        if len(plan.ids) >= self.page_statements_max:
            return None
        items = await self._items(connection, plan.ids, plan.peers, heads)
        if items is None:
            return None
        sizes = [len(item) for item in items]
        if sum(sizes) > SURELY_FIT_BYTES and len(self._pages(sizes, indexes, log_head)) > 1:
            return None
        return Sheet(items, await _listings(connection, log_head, indexes))

    async def _split(
        self, connection: Connection, plan: _Plan, log_head: Published, indexes: Mapping[int, int]
    ) -> list[range]:
        """Which places go into which page. Raises TooLarge for more pages than a bundle is to have."""
        stored = await rows.item_sizes(connection, plan.ids)
        sizes = [size + RESTATED_BYTES * (each in plan.peers) for each, size in zip(plan.ids, stored, strict=True)]
        pages = await asyncio.to_thread(self._pages, sizes, indexes, log_head)
        if len(pages) > self.pages_max:
            raise TooLarge("too many pages", limit=self.pages_max)
        return pages

    def _pages(self, sizes: Sequence[int], indexes: Mapping[int, int], log_head: Published) -> list[range]:
        # For the status there is room enough where what witnesses co-signed has room too.
        return split(
            [*sizes, 0],
            indexes,
            log_head.size,
            statements_max=self.page_statements_max,
            bytes_max=PAGE_BYTES_MAX,
        )

    async def _items(
        self, connection: Connection, ids: Sequence[bytes], peers: frozenset[bytes], heads: PeerHeads
    ) -> list[bytes] | None:
        """Encoded items, those of peers with receipts under these heads; None for more than a page holds."""
        items = await _items(connection, ids)
        if items is None:
            return None
        numbers = [number for number, each in enumerate(ids) if each in peers]
        theirs = await self.witnesses.restate(connection, [items[number] for number in numbers], heads)
        for number, item in zip(numbers, theirs, strict=True):
            items[number] = item
        return items

    async def _head(self, connection: Connection, asked: Asked) -> HeadRow:
        found = (await stored.heads(connection, [asked.target])).get(asked.target)
        if found is None or not self._may_have(asked, found.row):
            raise not_found("lot", refusals.outpoint_name(asked.target))
        return found.row

    def _may_have(self, asked: Asked, row: HeadRow) -> bool:
        if not may_see_lot(
            asked.principal, holder=row.holder, receiver=row.receiver, state=row.state, licensing=self.licensing
        ):
            return False
        if not asked.visible_to or is_party(asked.visible_to, row.holder, row.receiver):
            return True
        return asked.or_leaving and is_leaving(row.receiver, row.state, licensing=self.licensing)

    async def _places(self, connection: Connection, plan: _Plan, *, spent: bool) -> tuple[Resting, dict[int, int]]:
        """The head of our log to rest on, and where under it all stand that are there, by their places in the bundle.
        Raises _NotIntegrated.

        What spent the target is in no bundle of it: then it is the newest head, which has that too.
        """
        found = await rows.indexes(connection, [each for each in plan.ids if each not in plan.peers])
        head = await published(connection, self.log_name)
        indexes: dict[int, int] = {}
        for place, statement_id in enumerate(plan.ids):
            if statement_id in plan.peers:
                continue
            index = found[statement_id]
            if index is None or head is None or index >= head.size:
                raise _NotIntegrated(statement_id)
            indexes[place] = index
        assert head is not None  # noqa: S101 - the target's statement, or its cut, is one of ours
        entries = head.size if spent else max(indexes.values()) + 1
        return await self.witnesses.rest(connection, head, entries), indexes


async def _listings(connection: Connection, head: Published, indexes: Mapping[int, int]) -> tuple[Listing, ...]:
    """The receipt of those of a page that stand in our log, by their places in the page; none if none does."""
    if not indexes:
        return ()
    places = sorted(indexes, key=indexes.__getitem__)
    return (Listing(await multi_receipt(connection, head, [indexes[place] for place in places]), tuple(places)),)


async def _items(connection: Connection, ids: Sequence[bytes]) -> list[bytes] | None:
    """Encoded items; None for more than a page holds."""
    items: list[bytes] = []
    total = 0
    for start in range(0, len(ids), ITEMS_READ):
        found = await rows.items(connection, ids[start : start + ITEMS_READ])
        total += sum(map(len, found))
        if total > PAGE_BYTES_MAX:
            return None
        items += found
    return items


async def _collect(connection: Connection, target: Outpoint, lots: Sequence[bytes], parents: Sequence[bytes]) -> _Plan:
    rights = await rows.right_ids(connection, lots)
    settled = await rows.settled_ids(connection, lots)
    exports = await rows.exports(connection, lots)
    changes = await rows.change_ids(connection, [each.licence_id for each in exports])
    # Licence and intent refer to lots, and the acceptance to the intent: they stand between. A licence once. A cut
    # stands between what it is of and what spends that.
    before: dict[bytes, list[bytes]] = {each.accepted_by: [*each[:2]] for each in exports}
    spent = frozenset(lots)
    last: list[bytes] = []
    for cut in await rows.cuts(connection, lots, target):
        spender = cut.spent_by
        if spender is not None and spender in spent:
            before.setdefault(spender, []).append(cut.cut_id)
        else:
            last.append(cut.cut_id)
    history = dict.fromkeys(each for lot in lots for each in (*before.get(lot, ()), lot))
    return _Plan(
        ids=[
            *await rows.key_statements(connection, parents),
            *rights,
            *history,
            *last,
            *await rows.attestation_ids(connection, lots, target),
            *await rows.hold_ids(connection, lots, target),
            *await rows.act_ids(connection, lots, target),
            *await rows.closed_ids(connection, rights),
            *settled,
            *changes,
        ],
        peers=frozenset((*rights, *settled, *changes, *(each for export in exports for each in export[:2]))),
    )
