"""Where statements stand in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.chassis.database import Connection
from services.chassis.log.receipts import Registered
from services.chassis.store import RequestKey


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands in our log; not registered until a head covers it."""

    statement_id: bytes
    log: str
    committed_at: datetime
    registered: Registered | None


async def statement_of(connection: Connection, key: RequestKey) -> bytes | None:
    """The statement that a request led to."""
    found: bytes | None = await connection.fetchval(
        "SELECT statement_id FROM request WHERE scope = $1 AND request_id = $2", key.scope, key.request_id
    )
    return found


async def committed_at(connection: Connection, statement_id: bytes) -> datetime | None:
    """When a statement of our log was committed; None of one that it does not hold."""
    found: datetime | None = await connection.fetchval(
        "SELECT committed_at FROM entry WHERE statement_id = $1", statement_id
    )
    return found
