"""What licensing says of one licence stands in its log in the order in which it was decided."""

from __future__ import annotations

import asyncio
from datetime import datetime

import asyncpg
from monazite_provenance.kinds import EventKind

from tests.service.export_license.api import new_act
from tests.service.export_license.conftest import Licensing, Office


async def waits_for_a_lock(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Until some transaction waits for another's."""
    async with asyncio.timeout(10):
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            pass


async def stored_at(connection: asyncpg.Connection[asyncpg.Record], kind: EventKind) -> datetime:
    """When the last statement of a kind was put behind the others, by the database's clock."""
    at = await connection.fetchval("SELECT max(committed_at) FROM entry WHERE kind = $1", int(kind))
    assert isinstance(at, datetime)
    return at


async def test_who_waits_for_a_licence_is_put_behind_whom_it_waited_for(
    office: Office, licensing: Licensing, database: str
) -> None:
    made, licence_id = await office.offered()
    act_id = new_act()
    await office.customs.declare(act_id, licence_id, (made, 5_000))
    connection = await asyncpg.connect(database)
    try:
        for kind, waiting in (
            (EventKind.EXPORT_INTENT, lambda: office.customs.write_off(act_id, (made, 5_000))),
            (EventKind.LICENCE_CHANGE, lambda: office.li.suspend(licence_id)),
        ):
            async with connection.transaction():
                await connection.execute("SELECT 1 FROM licence WHERE licence_id = $1 FOR UPDATE", licence_id)
                asked = asyncio.create_task(waiting())
                await waits_for_a_lock(connection)
                # Whatever holds the licence until now is decided, and stored, before.
                until = await connection.fetchval("SELECT clock_timestamp()")
            await asked
            assert await stored_at(connection, kind) > until
    finally:
        await connection.close()
