"""Transactions: undone by whatever ends them, tried again when PostgreSQL asks for it, UNAVAILABLE when it is away."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from sqlmodel import col, select

from services.chassis import store
from services.chassis.database import IDLE_TIMEOUT_MS, Connection, Database
from services.chassis.errors import Error
from services.chassis.migrations import migrate
from services.chassis.settings import BadSettings
from services.chassis.tables import LogHeadRow
from tests.conftest import Migrate
from tests.service.chassis.till import LOG, MIGRATIONS, take


async def left(database: Database) -> int:
    async with database.connection() as connection:
        mass: int = await connection.fetchval("SELECT mass_mg FROM till WHERE account = 'a'")
        return mass


async def test_an_exception_undoes(database: Database) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with database.transaction() as connection:
            await connection.execute("UPDATE till SET mass_mg = 0; SELECT 1 / 0")
    assert await left(database) == 1000


async def test_cancellation_undoes(database: Database) -> None:
    updated = asyncio.Event()

    async def stay() -> None:
        async with database.transaction() as connection:
            await connection.execute("UPDATE till SET mass_mg = 0")
            updated.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stay())
    await updated.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await left(database) == 1000


async def test_what_a_paused_process_holds_is_let_go(database: Database) -> None:
    """As of one that is stopped in the middle of a transaction: PostgreSQL hears nothing more of it."""

    async def pause() -> None:
        async with database.transaction() as connection:
            set_to = await connection.fetchval("SHOW idle_in_transaction_session_timeout")
            assert set_to == f"{IDLE_TIMEOUT_MS // 1000}s"
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 20")
            await connection.execute("UPDATE till SET mass_mg = 0")
            async with database.transaction() as other:
                # Waits for the rows, until they are free again.
                await other.execute("UPDATE till SET mass_mg = mass_mg - 1 WHERE account = 'a'")
            await connection.execute("SELECT 1")

    with pytest.raises(Error) as refusal:
        await pause()
    assert refusal.value.reason == "UNAVAILABLE"
    assert await left(database) == 999


async def test_a_deadlock_victim_is_tried_again(database: Database) -> None:
    first_locks: set[str] = set()
    both = asyncio.Event()

    async def cross(connection: Connection, mine: str, other: str) -> None:
        await connection.execute("UPDATE till SET mass_mg = mass_mg - 1 WHERE account = $1", mine)
        first_locks.add(mine)
        if len(first_locks) == 2:
            both.set()
        await both.wait()
        await connection.execute("UPDATE till SET mass_mg = mass_mg - 1 WHERE account = $1", other)

    await asyncio.gather(
        database.run(lambda connection: cross(connection, "a", "b")),
        database.run(lambda connection: cross(connection, "b", "a")),
    )
    assert await left(database) == 998


async def test_trying_again_is_bounded(database: Database) -> None:
    tries = 0

    async def lose(_: Connection) -> None:
        nonlocal tries
        tries += 1
        raise asyncpg.SerializationError("could not serialize access")

    with pytest.raises(Error, match="CONFLICT"):
        await database.run(lose, attempts_max=3)
    assert tries == 3


async def test_a_session_reads_what_the_pool_wrote(database: Database) -> None:
    async with database.session() as session:
        head = (await session.exec(select(LogHeadRow).where(col(LogHeadRow.log) == LOG))).one()
    assert (head.log, head.size) == (LOG, 0)


async def test_a_cut_connection_is_unavailable_both_ways_and_the_next_call_works(database: Database) -> None:
    with pytest.raises(Error, match="UNAVAILABLE"):
        async with database.transaction() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(Error, match="UNAVAILABLE"):
        async with database.session() as session:
            await (await session.connection()).exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await left(database) == 1000


async def test_a_fault_of_ours_is_not_taken_for_an_absent_database(database: Database) -> None:
    with pytest.raises(asyncpg.DataError):
        async with database.connection() as connection:
            await connection.fetchval("SELECT $1::int", "not a number")
    with pytest.raises(asyncpg.InterfaceError):
        async with database.connection() as connection:
            await connection.fetchval("SELECT $1::int", 1, 2)


async def test_a_database_that_is_not_there(url: str) -> None:
    nowhere = url.rsplit(":", 1)[0] + ":1/none"
    with pytest.raises(Error, match="UNAVAILABLE"):
        await Database(nowhere).open()
    with pytest.raises(Error, match="UNAVAILABLE"):
        _ = Database(nowhere).pool


async def test_processes_that_start_together_migrate_once(cluster_url: str) -> None:
    await asyncio.gather(*(migrate(cluster_url, MIGRATIONS) for _ in range(4)))
    connection = await asyncpg.connect(cluster_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM log_head") == 1
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == "0001"
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "change",
    [
        # As by a version that kept no fingerprint, by one whose first migration was another, and by a newer one.
        "COMMENT ON TABLE alembic_version IS NULL",
        f"COMMENT ON TABLE alembic_version IS '{'0' * 64}'",
        "UPDATE alembic_version SET version_num = '0002'",
    ],
)
async def test_data_of_another_version_are_refused(database: Database, url: str, change: str) -> None:
    await database.pool.execute(change)
    before = await dump(url)
    with pytest.raises(BadSettings, match=r"another version of this software.*make clean-data"):
        await migrate(url, MIGRATIONS)
    assert await dump(url) == before


async def test_a_migration_that_was_changed_in_place_is_another(cluster_url: str, tmp_path: Path) -> None:
    changed = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, changed)
    (first,) = (changed / "versions").glob("*.py")
    first.write_text(f"# Only said otherwise.\n{first.read_text()}")
    await migrate(cluster_url, changed)
    first.write_text(first.read_text().replace("mass_mg >= 0", "mass_mg >= 0 AND mass_mg < 9"))
    with pytest.raises(BadSettings, match="another version"):
        await migrate(cluster_url, changed)


async def test_a_later_migration_goes_on_from_an_earlier(cluster_url: str, tmp_path: Path) -> None:
    changed = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, changed)
    (changed / "versions" / "0002_more.py").write_text(
        "from alembic import op\nrevision = '0002'\ndown_revision = '0001'\n"
        "def upgrade():\n    op.execute('CREATE TABLE more (id int)')\n"
    )
    await migrate(cluster_url, changed)
    schema, rows = await dump(cluster_url)
    assert rows["more"] == []
    await migrate(cluster_url, changed)
    assert await dump(cluster_url) == (schema, rows)
    with pytest.raises(BadSettings, match="another version"):
        await migrate(cluster_url, MIGRATIONS)


def no_tables(_: str) -> None:
    """The migration of an empty database."""


@pytest.fixture
def cluster_url(database_from: Callable[[Migrate], str]) -> str:
    return database_from(no_tables)


# Everything that a migration makes, in words: what is compared is what PostgreSQL itself knows.
SCHEMA = """
    SELECT 'column', table_name || '.' || column_name,
        concat_ws(' ', ordinal_position, data_type, udt_name, is_nullable, column_default, is_generated, identity_start)
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'trigger', tgrelid::regclass || '.' || tgname, concat_ws(' ', pg_get_triggerdef(oid), tgenabled)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'relation', oid::regclass::text, concat_ws(' ', relkind, relowner::regrole, relacl::text, reloptions::text)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""


async def dump(url: str) -> tuple[set[tuple[str, ...]], dict[str, list[str]]]:
    """The schema, and the rows of every table with the transaction that wrote each."""
    connection = await asyncpg.connect(url)
    try:
        schema = {tuple(row) for row in await connection.fetch(SCHEMA)}
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = {
            name: sorted(
                row[0]
                for row in await connection.fetch(f'SELECT xmin || t::text FROM "{name}" AS t')  # noqa: S608
            )
            for (name,) in tables
        }
    finally:
        await connection.close()
    return schema, rows


async def test_migrating_again_changes_nothing(database: Database, url: str) -> None:
    async with database.transaction() as connection:
        await store.append(connection, [take(), take()])
    schema, rows = await dump(url)
    assert {kind for kind, *_ in schema} == {"column", "constraint", "index", "trigger", "function", "relation"}
    assert len(rows["statement"]) == len(rows["entry"]) == 2
    await migrate(url, MIGRATIONS)
    assert await dump(url) == (schema, rows)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE entry ALTER COLUMN parents DROP NOT NULL",
        "ALTER TABLE log_head DROP CONSTRAINT log_head_size_check",
        "DROP INDEX entry_pending",
        "DROP TRIGGER entry_stays ON entry",
        "ALTER TABLE entry DISABLE TRIGGER entry_keeps_its_index",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "UPDATE log_head SET size = size",
        "GRANT SELECT ON statement TO PUBLIC",
    ],
)
async def test_the_comparison_would_see_a_change(database: Database, url: str, change: str) -> None:
    before = await dump(url)
    await database.pool.execute(change)
    assert await dump(url) != before
