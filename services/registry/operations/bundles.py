"""The bundle of one head: keys, rights, the lots' statements parents first with cuts and with licences and intents of
exports among them, then what speaks about them (assays, holds with their releases, locks for export with their voids,
closings and settlements of rights, changes of licences); one receipt for all that stand in our log, and last the head's
status.

It is full or begins at the last cuts (`Extent`), and its status' digest is of just what it holds.
Statements, receipts and status are read in one snapshot, so that they speak of one moment.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from monazite_provenance.bundle import PAGE_BYTES_MAX, PAGE_STATEMENTS_MAX, Listing, write
from monazite_provenance.errors import TooLarge, TooManyParents
from monazite_provenance.statement import Outpoint

from services.chassis import errors
from services.chassis.database import Connection, Database
from services.chassis.errors import not_found
from services.chassis.identity import Principal
from services.chassis.log.heads import Published
from services.chassis.log.order import order
from services.chassis.log.receipts import Receipts, multi_receipt, published
from services.registry.domain import refusals
from services.registry.domain.records import HeadRow
from services.registry.domain.visibility import Extent, extent_for, is_party, may_see_lot
from services.registry.operations.statuses import Found, Statuses, newest_heads
from services.registry.storage import bundles as rows
from services.registry.storage import lots as stored

CHUNK_BYTES_MAX: Final = 64 * 1024
PAGE_ITEMS: Final = 200
LOOKS_MAX: Final = 3
# One for the statement itself, one for those beside it; a third in case a hold was placed meanwhile.


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks about which head; the enterprise `visible_to`, where one is named, must hold it or be to receive it.
    `extent`: None for as far back as the caller may see.
    """

    principal: Principal
    target: Outpoint
    visible_to: str = ""
    extent: Extent | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What goes into a bundle: ids in its order, and which of them stand in peers' logs."""

    ids: Sequence[bytes]
    peers: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Gathered:
    """A bundle without its status, and what that is to say."""

    items: Sequence[bytes]
    listing: Listing
    found: Found

    @property
    def checkpoint(self) -> bytes:
        """The head of our log that its receipts are under (COSE)."""
        return self.found.checkpoints[0]


class _NotIntegrated(Exception):  # noqa: N818  (says what it is)
    """A statement of the bundle has no place in our log yet."""

    def __init__(self, statement_id: bytes) -> None:
        self.statement_id = statement_id


@dataclass(frozen=True, slots=True)
class Bundles:
    """Streams bundles, and signs how their heads stand."""

    database: Database
    log_name: str
    receipts: Receipts
    statuses: Statuses
    licensing: str

    async def stream(self, asked: Asked, *, with_status: bool) -> AsyncGenerator[bytes]:
        """The bundle in pieces of at most 64 KiB.

        Raises NOT_FOUND, also for a lot that the caller may not see; UNAVAILABLE for one that was changed this moment
        and is not in the log yet; TooLarge, TooManyParents. It is gathered before the first piece leaves: bounded by
        the format, and no connection waits for a slow caller.
        """
        gathered = await self.gather(asked)
        buffer = bytearray()
        for piece in self.pieces(gathered, with_status=with_status):
            buffer += piece
            while len(buffer) >= CHUNK_BYTES_MAX:
                yield bytes(buffer[:CHUNK_BYTES_MAX])
                del buffer[:CHUNK_BYTES_MAX]
        yield bytes(buffer)

    async def status(self, asked: Asked) -> bytes:
        """The signed status of a head, an encoded item. Raises as `stream`."""
        return self.statuses.sign((await self.gather(asked)).found)

    def pieces(self, gathered: Gathered, *, with_status: bool) -> Iterator[bytes]:
        """A bundle as its format has it, one piece an item. Raises TooLarge, TooManyParents."""
        items = [*gathered.items, self.statuses.sign(gathered.found)] if with_status else gathered.items
        return write(gathered.found.head.outpoint, items, [gathered.listing])

    async def gather(self, asked: Asked) -> Gathered:
        """What a bundle consists of, read in one snapshot. Raises as `stream`."""
        for _ in range(LOOKS_MAX):
            try:
                async with self.database.snapshot() as connection:
                    return await self._read(connection, asked)
            except _NotIntegrated as missing:
                if await self.receipts.obtain(missing.statement_id) is None:
                    break
        raise errors.unavailable("the lot was changed this moment and is not in the log yet; ask again")

    async def _read(self, connection: Connection, asked: Asked) -> Gathered:
        head = await self._head(connection, asked)
        target = asked.target
        if extent_for(asked.principal, asked.extent) is Extent.FULL:
            graph = await rows.ancestors(connection, target.statement_id, PAGE_STATEMENTS_MAX + 1)
        else:
            graph = await rows.ancestors_from_cuts(connection, target, PAGE_STATEMENTS_MAX + 1)
        if len(graph) > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements behind this lot", limit=PAGE_STATEMENTS_MAX)
        ordered = [one.statement_id for one in order(graph)]
        plan = await _collect(connection, target, ordered, sorted({each for one in graph for each in one.parents}))
        # One place is the status's.
        if len(plan.ids) >= PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        log_head, listing = await self._listing(connection, plan)
        items = await _items(connection, plan.ids)
        theirs = [item for each, item in zip(plan.ids, items, strict=True) if each in plan.peers]
        found = Found(
            head,
            await rows.open_holds(connection, target),
            plan.ids,
            newest_heads(self.statuses.heads, log_head.checkpoint, await rows.peer_checkpoints(connection), theirs),
        )
        return Gathered(items, listing, found)

    async def _head(self, connection: Connection, asked: Asked) -> HeadRow:
        found = (await stored.heads(connection, [asked.target])).get(asked.target)
        if found is None or not (
            may_see_lot(
                asked.principal,
                holder=found.row.holder,
                receiver=found.row.receiver,
                state=found.row.state,
                licensing=self.licensing,
            )
            and (not asked.visible_to or is_party(asked.visible_to, found.row.holder, found.row.receiver))
        ):
            raise not_found("lot", refusals.outpoint_name(asked.target))
        return found.row

    async def _listing(self, connection: Connection, plan: _Plan) -> tuple[Published, Listing]:
        """The head of our log, and the receipt under it of all that stands there. Raises _NotIntegrated."""
        places = await rows.indexes(connection, [each for each in plan.ids if each not in plan.peers])
        head = await published(connection, self.log_name)
        ordinals: dict[int, int] = {}
        for ordinal, statement_id in enumerate(plan.ids):
            if statement_id in plan.peers:
                continue
            index = places[statement_id]
            if index is None or head is None or index >= head.size:
                raise _NotIntegrated(statement_id)
            ordinals[index] = ordinal
        assert head is not None  # noqa: S101 - the target's statement, or its cut, is one of ours
        indexes = sorted(ordinals)
        receipt = await multi_receipt(connection, head, indexes)
        return head, Listing(receipt, tuple(ordinals[index] for index in indexes))


async def _items(connection: Connection, ids: Sequence[bytes]) -> list[bytes]:
    items: list[bytes] = []
    total = 0
    for start in range(0, len(ids), PAGE_ITEMS):
        page = await rows.items(connection, ids[start : start + PAGE_ITEMS])
        total += sum(map(len, page))
        if total > PAGE_BYTES_MAX:
            raise TooLarge("bundle too long", limit=PAGE_BYTES_MAX)
        items += page
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
