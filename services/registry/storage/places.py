"""Where statements stand in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.chassis.database import Connection
from services.chassis.store import RequestKey


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands in our log; no index until it is sequenced."""

    statement_id: bytes
    log: str
    index: int | None
    committed_at: datetime


async def statement_of(connection: Connection, key: RequestKey) -> bytes | None:
    """The statement that a request led to."""
    found: bytes | None = await connection.fetchval(
        "SELECT statement_id FROM request WHERE scope = $1 AND request_id = $2", key.scope, key.request_id
    )
    return found


async def find_place(connection: Connection, log: str, statement_id: bytes) -> Place | None:
    """The place of a statement of our log; None of one that it does not hold."""
    row = await connection.fetchrow("SELECT idx, committed_at FROM entry WHERE statement_id = $1", statement_id)
    return None if row is None else Place(statement_id, log, row["idx"], row["committed_at"])
