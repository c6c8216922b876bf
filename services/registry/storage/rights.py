"""Reads of rights, and the one write that is not a statement: freezing."""

from __future__ import annotations

from services.chassis.database import Connection
from services.registry.domain.admission import Terms, admit
from services.registry.domain.change import FreezeRight
from services.registry.domain.records import RightRow
from services.registry.storage.loading import Needs, load, lock
from services.registry.storage.saving import save


async def find(connection: Connection, right_id: bytes) -> RightRow | None:
    """The right as it stands; None while it was never seen."""
    needs = Needs(rights={right_id})
    return (await load(connection, needs)).rights.get(right_id)


async def freeze(connection: Connection, right_id: bytes, terms: Terms) -> RightRow:
    """Stop draws on a right, in the open transaction. Whoever locks the row first wins: a draw that commits later is
    refused.
    """
    change = FreezeRight(right_id)
    rows = await lock(connection, Needs.of([change]))
    changed = admit(change, rows, bytes(32), terms)
    if changed.rights[right_id] != rows.rights.get(right_id):
        await save(connection, (), changed)
    return changed.rights[right_id]


async def unplaced_draws(connection: Connection, right_id: bytes) -> list[bytes]:
    """Drawing statements that have no index in the log yet."""
    rows = await connection.fetch(
        "SELECT d.statement_id FROM draw d JOIN entry e USING (statement_id) WHERE d.right_id = $1 AND e.idx IS NULL",
        right_id,
    )
    return [row["statement_id"] for row in rows]
