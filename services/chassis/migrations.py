"""Alembic, run by the program itself, and the tables that every service's first migration creates.

A service has `services/<name>/migrations/` with three things:

`env.py`, two statements:

    from services.chassis.migrations import run_environment
    run_environment()

`script.py.mako`: a copy of another service's (it imports sqlmodel, else the first generated migration fails).

`versions/0001_<what>.py`, whose `upgrade` begins with the shared tables:

    from alembic import op
    from services.chassis.migrations import create_tables

    revision = "0001"
    down_revision = None

    def upgrade() -> None:
        create_tables(op.execute, log_name="urn:monazite:log:quota:0")
        op.execute("CREATE TABLE account (...)")

A migration changes in place until there are data to carry over; so a database remembers, beside its revision, by what
SQL it came there, and one that came by other is refused.

`append_only(table)` gives the SQL that forbids changing and removing rows, for the service's own tables too.
The service calls `await migrate(settings.database_url, Path(__file__).parent / "migrations")` before it opens its
database (`server.run` does).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.chassis import errors
from services.chassis.database import is_away, sqlalchemy_url
from services.chassis.settings import BadSettings

_CONNECTION: Final = "connection"
# The fingerprint of what made the tables is the comment of Alembic's own.
_MADE_BY: Final = text("SELECT obj_description('alembic_version'::regclass, 'pg_class')")

TABLES: Final = (
    """
    CREATE TABLE statement (
        statement_id bytea PRIMARY KEY CHECK (octet_length(statement_id) = 32),
        kind smallint NOT NULL CHECK (kind > 0),
        issuer text NOT NULL,
        subject text NOT NULL,
        item bytea NOT NULL,
        committed_at timestamptz NOT NULL DEFAULT now()
    )""",
    """
    CREATE TABLE entry (
        statement_id bytea PRIMARY KEY REFERENCES statement (statement_id),
        kind smallint NOT NULL,
        idx bigint UNIQUE CHECK (idx >= 0),
        leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
        parents bytea[] NOT NULL,
        committed_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )""",
    "CREATE INDEX entry_pending ON entry (committed_at, statement_id) WHERE idx IS NULL",
    """
    CREATE TABLE log_head (
        log text PRIMARY KEY,
        size bigint NOT NULL CHECK (size >= 0),
        epoch bigint NOT NULL CHECK (epoch >= 0),
        checkpoint bytea NOT NULL,
        note text NOT NULL,
        cosigned bytea NOT NULL
    )""",
    """
    CREATE TABLE log_node (
        level smallint NOT NULL CHECK (level > 0),
        place bigint NOT NULL CHECK (place >= 0),
        hash bytea NOT NULL CHECK (octet_length(hash) = 32),
        PRIMARY KEY (level, place)
    )""",
    """
    CREATE TABLE lease (
        name text PRIMARY KEY,
        holder text NOT NULL,
        epoch bigint NOT NULL CHECK (epoch > 0),
        expires_at timestamptz NOT NULL
    )""",
    """
    CREATE TABLE request (
        scope text NOT NULL,
        request_id bytea NOT NULL CHECK (octet_length(request_id) BETWEEN 16 AND 32),
        method text NOT NULL,
        digest bytea NOT NULL CHECK (octet_length(digest) = 32),
        reply bytea NOT NULL,
        statement_id bytea,
        at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (scope, request_id)
    )""",
    """
    CREATE TABLE audit (
        audit_id uuid PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        principal text NOT NULL,
        certificate_sha256 bytea NOT NULL,
        method text NOT NULL,
        request_id bytea NOT NULL,
        statement_id bytea,
        trace_id text NOT NULL,
        outcome text NOT NULL
    )""",
    """
    CREATE TABLE certified_key (
        kid bytea PRIMARY KEY CHECK (octet_length(kid) = 16),
        thumbprint bytea NOT NULL UNIQUE CHECK (octet_length(thumbprint) = 32),
        cose_key bytea NOT NULL,
        issuer text NOT NULL,
        kinds smallint[],
        certified_by bytea NOT NULL,
        retired_by bytea,
        compromised_by bytea,
        own_signature_only boolean NOT NULL DEFAULT false
    )""",
    "CREATE INDEX certified_key_issuer ON certified_key (issuer)",
    """
    CREATE TABLE follower_cursor (
        log text PRIMARY KEY,
        next_index bigint NOT NULL CHECK (next_index >= 0),
        edge bytea NOT NULL CHECK (octet_length(edge) % 32 = 0)
    )""",
    """
    CREATE TABLE peer_checkpoint (
        log text PRIMARY KEY,
        size bigint NOT NULL CHECK (size >= 0),
        root bytea NOT NULL CHECK (octet_length(root) = 32),
        signed_at bigint NOT NULL,
        checkpoint bytea NOT NULL,
        note text NOT NULL,
        cosigned bytea NOT NULL,
        taken_at timestamptz NOT NULL
    )""",
    # The trees of peers' logs that are followed with theirs: leaves at level 0, above them every fourth level.
    """
    CREATE TABLE peer_node (
        log text NOT NULL,
        level smallint NOT NULL CHECK (level >= 0),
        place bigint NOT NULL CHECK (place >= 0),
        hash bytea NOT NULL CHECK (octet_length(hash) = 32),
        PRIMARY KEY (log, level, place)
    )""",
    # The newest that each witness co-signed of our log and of peers'; `thumbprint` is of the key that did.
    """
    CREATE TABLE cosignature (
        log text NOT NULL,
        witness text NOT NULL,
        thumbprint bytea NOT NULL CHECK (octet_length(thumbprint) = 32),
        size bigint NOT NULL CHECK (size > 0),
        cosigned_at bigint NOT NULL CHECK (cosigned_at >= 0),
        checkpoint bytea NOT NULL,
        note text NOT NULL,
        taken_at timestamptz NOT NULL,
        PRIMARY KEY (log, witness)
    )""",
    """
    CREATE TABLE peer_statement (
        statement_id bytea PRIMARY KEY CHECK (octet_length(statement_id) = 32),
        log text,
        idx bigint CHECK (idx >= 0),
        kind smallint NOT NULL,
        item bytea NOT NULL,
        taken_at timestamptz NOT NULL DEFAULT now()
    )""",
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END $$""",
    # An entry changes once, from no index to one; anything else would rewrite history.
    """
    CREATE FUNCTION entry_keeps_its_index() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.idx IS NOT NULL OR NEW.idx IS NULL
            OR (NEW.statement_id, NEW.kind, NEW.leaf, NEW.parents, NEW.committed_at)
            IS DISTINCT FROM (OLD.statement_id, OLD.kind, OLD.leaf, OLD.parents, OLD.committed_at) THEN
            RAISE EXCEPTION 'an entry only ever receives its index' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END $$""",
    """
    CREATE TRIGGER entry_keeps_its_index BEFORE UPDATE ON entry
    FOR EACH ROW EXECUTE FUNCTION entry_keeps_its_index()""",
    """
    CREATE TRIGGER entry_stays BEFORE DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
)


def append_only(table: str) -> str:
    """SQL of the trigger that forbids UPDATE, DELETE and TRUNCATE on a table. `table` is a name from our own code."""
    return (
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def create_tables(execute: Callable[[str], object], *, log_name: str) -> None:
    """Creates the shared tables and the row of the log, whose first head its sequencer signs. `execute` is Alembic's
    `op.execute`."""
    for statement in TABLES:
        execute(statement)
    for table in ("statement", "log_node", "audit", "peer_node", "peer_statement"):
        execute(append_only(table))
    quoted = log_name.replace("'", "''")
    execute(f"INSERT INTO log_head VALUES ('{quoted}', 0, 0, '', '', '')")  # noqa: S608  (a name of our own)


def run_environment() -> None:
    """What a service's `migrations/env.py` does: run the migrations on the connection that `migrate` handed over."""
    connection: Connection = context.config.attributes[_CONNECTION]
    context.configure(connection=connection, transactional_ddl=True)
    context.run_migrations()


async def migrate(url: str, migrations: Path) -> None:
    """Brings the database to the newest version, in one transaction. Processes that start together wait for one
    another. Raises UNAVAILABLE when the database is away, BadSettings for one that other migrations made."""
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        await _create_version_table(url)
        async with engine.begin() as connection:
            await connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
            await connection.run_sync(_upgrade, migrations)
    except Exception as error:
        if is_away(error):
            raise errors.unavailable() from error
        raise
    finally:
        await engine.dispose()


async def _create_version_table(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for _ in range(3):
            try:
                await connection.execute(
                    "CREATE TABLE IF NOT EXISTS alembic_version "
                    "(version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY)"
                )
            except (asyncpg.UniqueViolationError, asyncpg.DuplicateObjectError):  # another process does it
                await asyncio.sleep(0.05)
            else:
                return
    finally:
        await connection.close()


def _upgrade(connection: Connection, migrations: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes[_CONNECTION] = connection
    scripts = ScriptDirectory.from_config(config)
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and connection.scalar(_MADE_BY) != _fingerprint(scripts, revision):
        raise BadSettings(
            "database_url: the database holds data of another version of this software, which nothing carries over; "
            "`make clean-data` removes those of `make up`"
        )
    command.upgrade(config, "head")
    if scripts.get_current_head() != revision:
        connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{_fingerprint(scripts, 'head')}'"))


def _fingerprint(scripts: ScriptDirectory, revision: str) -> str:
    """SHA-256 in hex of the SQL up to a revision; empty of a revision that is not among `scripts`."""
    sql = StringIO()
    writing = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": sql})
    try:
        steps = list(scripts.walk_revisions("base", revision))
    except CommandError:
        return ""
    with Operations.context(writing):
        for step in reversed(steps):
            step.module.upgrade()
    return sha256(sql.getvalue().encode()).hexdigest()
