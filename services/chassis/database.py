"""PostgreSQL, two ways: a raw asyncpg pool for hot, set-based SQL, and SQLModel sessions for everything that is read
one by one.

Nothing here holds a transaction while something else is waited for: no signing, no RPC, no sleep inside a
transaction.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeAlias, TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis import errors

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Row: TypeAlias = asyncpg.Record
else:  # asyncpg's classes take no parameters at run time
    Connection: TypeAlias = asyncpg.Connection
    Pool: TypeAlias = asyncpg.Pool
    Row: TypeAlias = asyncpg.Record

Result = TypeVar("Result")

ATTEMPTS_MAX: Final = 5
BACKOFF_S: Final = 0.005
CONNECT_TIMEOUT_S: Final = 5.0
STATEMENT_TIMEOUT_MS: Final = 10_000
# Less than a statement waits for a lock: what a paused process holds is free before those who want it give up.
IDLE_TIMEOUT_MS: Final = 5_000
_SERVER_SETTINGS: Final = {
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": str(IDLE_TIMEOUT_MS),
    "timezone": "UTC",
    "jit": "off",
}
# The transaction may be tried again as it is: PostgreSQL undid it because of another one.
SERIALIZATION: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)


class Database:
    """One service's database. Open it with `async with`, or `open` and `close`."""

    def __init__(self, url: str, *, connections_max: int = 10) -> None:
        self._url = url
        self._connections_max = connections_max
        self._pool: Pool | None = None
        self._engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Connects; raises UNAVAILABLE when the database cannot be reached."""
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=self._connections_max,
                timeout=CONNECT_TIMEOUT_S,
                server_settings=_SERVER_SETTINGS,
                reset=_nothing_to_reset,
            )
        except _AWAY as error:
            raise errors.unavailable() from error
        self._engine = create_async_engine(
            sqlalchemy_url(self._url),
            pool_size=max(1, self._connections_max // 2),
            max_overflow=self._connections_max // 2,
            connect_args={"server_settings": _SERVER_SETTINGS, "timeout": CONNECT_TIMEOUT_S},
        )

    async def close(self) -> None:
        """Closes every connection; those in use are waited for."""
        if self._engine is not None:
            await self._engine.dispose()
        if self._pool is not None:
            await self._pool.close()
        self._engine = self._pool = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pool(self) -> Pool:
        """The raw pool; raises UNAVAILABLE when not open."""
        if self._pool is None:
            raise errors.unavailable("the database is not open")
        return self._pool

    async def connect(self) -> Connection:
        """A connection beside the pool, for who must not wait for a free one; the caller ends it. Raises what asyncpg
        raises."""
        return await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT_S, server_settings=_SERVER_SETTINGS)

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """A raw connection without a transaction: for single reads. Raises UNAVAILABLE when the database is away."""
        try:
            async with self.pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                yield connection
        except Exception as error:
            if is_away(error):
                raise errors.unavailable() from error
            raise

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """A raw connection in one read-committed transaction: committed at the end, undone by any exception and by
        cancellation. Raises UNAVAILABLE when the database is away (it may or may not be committed then)."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncGenerator[Connection]:
        """A raw connection whose reads all see the database as it is now; writes are refused. Raises UNAVAILABLE when
        the database is away."""
        async with (
            self.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def run(self, work: Callable[[Connection], Awaitable[Result]], *, attempts_max: int = ATTEMPTS_MAX) -> Result:
        """Runs `work` in one transaction, again when PostgreSQL undid it for another's sake; `work` must have no
        other effects.

        Raises CONFLICT when that happened `attempts_max` times, UNAVAILABLE when the database is away, and whatever
        `work` raises.
        """
        for attempt in range(attempts_max):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except SERIALIZATION:
                await asyncio.sleep(backoff_s(attempt))
        raise errors.conflict("too many others change the same thing at once; try again")

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncSession]:
        """A SQLModel session, `expire_on_commit=False`: for reads and for writes that are not hot. Commits at the end,
        undone by any exception. Raises UNAVAILABLE when the database is away."""
        if self._engine is None:
            raise errors.unavailable("the database is not open")
        try:
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
        except Exception as error:
            if is_away(error):
                raise errors.unavailable() from error
            raise


def is_away(error: BaseException) -> bool:
    """Whether the database is away, or went away: what was sent may or may not have been committed."""
    if isinstance(error, DBAPIError):
        # SQLAlchemy wraps the driver's error twice; the driver's own is the cause of the adapter's.
        inner = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or (inner is not None and is_away(inner))
    if isinstance(error, asyncpg.InterfaceError):
        # Also what asyncpg raises for wrong arguments, which is a fault of ours.
        return "clos" in str(error)
    return isinstance(error, _AWAY)


async def _nothing_to_reset(_connection: Connection) -> None:
    """In place of asyncpg's RESET ALL at each release, a round trip: nobody here sets anything for a session. An open
    transaction is rolled back all the same."""


def backoff_s(attempt: int) -> float:
    """Seconds to wait before try number `attempt` + 2, with jitter so that two rivals do not meet again."""
    return BACKOFF_S * (1 << attempt) * (0.5 + random.random())  # noqa: S311  (jitter, no secret)


def sqlalchemy_url(url: str) -> str:
    """The same database for SQLAlchemy: postgresql://... to postgresql+asyncpg://..."""
    return "postgresql+asyncpg://" + url.removeprefix("postgresql://")
