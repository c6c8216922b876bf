"""The only place with SQL: reads through SQLModel sessions, writes as set-based SQL that compares before it sets.

An operation reads, decides and signs without a transaction; its write then names the version it decided on. Where
somebody was faster, the write raises `Moved`, nothing is stored, and the operation starts again from a new read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeAlias

import asyncpg
from sqlalchemy import func
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis import errors, store
from services.chassis.database import Connection, Database
from services.chassis.store import RequestKey, Write

Change: TypeAlias = Callable[[Connection], Awaitable[None]]


class Moved(Exception):  # noqa: N818  (a signal inside the service that never leaves it)
    """What a write rests on changed since it was read."""


@asynccontextmanager
async def snapshot(database: Database) -> AsyncGenerator[AsyncSession]:
    """A read-only session in which several reads see one state."""
    async with database.session() as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


async def as_of(session: AsyncSession) -> datetime:
    """The instant that a snapshot shows, by the database's clock."""
    return (await session.exec(select(func.now()))).one()


async def find_reply(database: Database, request: RequestKey) -> bytes | None:
    """The stored reply of a request that was done; None if it is new. Raises REQUEST_ID_REUSED."""
    async with database.connection() as connection:
        return await store.find_reply(connection, request)


async def commit(database: Database, write: Write, change: Change, *, first: Change | None = None) -> bytes:
    """One change in one transaction: request and reply, statements, log entries, audit, and what `change` stores.

    `first` locks what the statements are decided on, where their order in the log has to be the order of the decisions:
    entries without an index are put in order by when they were stored. A repeated request gets the first reply. Raises
    Moved from `change`, REQUEST_ID_REUSED, and what the database gives.
    """

    async def work(connection: Connection) -> bytes:
        if first is not None:
            await first(connection)
        outcome = (await store.claim(connection, [write]))[0]
        if isinstance(outcome, errors.Error):
            raise outcome
        if outcome is not None:
            return outcome
        await store.append(connection, [write])
        await change(connection)
        return write.reply

    try:
        return await database.run(work)
    except asyncpg.UniqueViolationError as error:
        # The same request, or the same act, committed between our look and our write.
        reply = await find_reply(database, write.request)
        if reply is None:
            raise Moved from error
        return reply
