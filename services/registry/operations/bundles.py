"""The bundle of one head: keys, rights, licences and intents, the lots' statements parents first, then holds with their
releases and quota's settlements.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final

from monazite_provenance.bundle import PAGE_BYTES_MAX, PAGE_STATEMENTS_MAX, write
from monazite_provenance.errors import TooLarge, TooManyParents
from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection, Database
from services.chassis.errors import not_found
from services.chassis.identity import Principal
from services.chassis.sequencer import order
from services.registry.domain import refusals
from services.registry.domain.visibility import is_party, may_see_lot
from services.registry.storage import bundles as rows
from services.registry.storage import lots as stored

CHUNK_BYTES_MAX: Final = 64 * 1024
PAGE_ITEMS: Final = 200


@dataclass(frozen=True, slots=True)
class _Plan:
    """What goes into a bundle, by id, in order."""

    keys: Sequence[bytes]
    peers: Sequence[bytes]
    lots: Sequence[bytes]
    holds: Sequence[bytes]
    settled: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Bundles:
    """Streams bundles."""

    database: Database
    licensing: str

    async def stream(self, principal: Principal, target: Outpoint, visible_to: str = "") -> AsyncGenerator[bytes]:
        """The bundle in pieces of at most 64 KiB. Raises NOT_FOUND, also for a lot that the caller may not see, or that
        the enterprise `visible_to` neither holds nor is to receive; TooLarge.

        It is gathered before the first piece leaves: bounded by the format, and no connection waits for a slow caller.
        """
        plan = await self._plan(principal, target, visible_to)
        items = await self._items(plan)
        buffer = bytearray()
        for piece in write(target, items):
            buffer += piece
            while len(buffer) >= CHUNK_BYTES_MAX:
                yield bytes(buffer[:CHUNK_BYTES_MAX])
                del buffer[:CHUNK_BYTES_MAX]
        yield bytes(buffer)

    async def _plan(self, principal: Principal, target: Outpoint, visible_to: str) -> _Plan:
        async with self.database.connection() as connection:
            found = (await stored.heads(connection, [target])).get(target)
            if found is None or not (
                may_see_lot(
                    principal,
                    holder=found.row.holder,
                    receiver=found.row.receiver,
                    state=found.row.state,
                    licensing=self.licensing,
                )
                and (not visible_to or is_party(visible_to, found.row.holder, found.row.receiver))
            ):
                raise not_found("lot", refusals.outpoint_name(target))
            graph = await rows.ancestors(connection, target.statement_id, PAGE_STATEMENTS_MAX + 1)
            if len(graph) > PAGE_STATEMENTS_MAX:
                raise TooManyParents("too many statements behind this lot", limit=PAGE_STATEMENTS_MAX)
            return await _collect(
                connection, target, order(graph), sorted({each for one in graph for each in one.parents})
            )

    async def _items(self, plan: _Plan) -> list[bytes]:
        sections = (
            (rows.own_items, plan.keys),
            (rows.peer_items, plan.peers),
            (rows.own_items, plan.lots),
            (rows.own_items, plan.holds),
            (rows.peer_items, plan.settled),
        )
        if sum(len(ids) for _, ids in sections) > PAGE_STATEMENTS_MAX:
            raise TooManyParents("too many statements in a bundle", limit=PAGE_STATEMENTS_MAX)
        items: list[bytes] = []
        total = 0
        async with self.database.connection() as connection:
            for read, ids in sections:
                for start in range(0, len(ids), PAGE_ITEMS):
                    page = await read(connection, ids[start : start + PAGE_ITEMS])
                    total += sum(map(len, page))
                    if total > PAGE_BYTES_MAX:
                        raise TooLarge("bundle too long", limit=PAGE_BYTES_MAX)
                    items += page
        return items


async def _collect(connection: Connection, target: Outpoint, lots: Sequence[bytes], parents: Sequence[bytes]) -> _Plan:
    rights = await rows.right_ids(connection, lots)
    exports = await rows.export_ids(connection, lots)
    return _Plan(
        keys=await rows.key_statements(connection, parents),
        peers=[*rights, *exports],
        lots=lots,
        holds=await rows.hold_ids(connection, lots, target),
        settled=await rows.settled_ids(connection, lots),
    )
