"""The same rows sent straight to PostgreSQL: what RegisterLot stores, without anybody in between.

The rows of one RegisterLot are read back as the registry stored them and sent again under fresh ids: statement, entry,
request, audit, output, and the lot's new head. One SQL statement with arrays does it, in its own transaction: one round
trip. It goes to a database with the registry's own schema, so every key, index, trigger and foreign key is paid for.
What the registry does beside is left out: looking the request id up, locking and reading what it decides on, giving
entries their index afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

import asyncpg
from monazite_provenance import lot_ids

from benchmarks.load import CALLS_AT_ONCE, Call

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:  # asyncpg's classes take no parameters at run time
    Connection: TypeAlias = asyncpg.Connection

ENTERPRISE: Final = "straight"
Column: TypeAlias = "list[bytes] | list[str] | list[UUID]"

_TEMPLATE: Final = """
    SELECT s.kind, s.issuer, s.subject, s.item, r.scope, r.method, r.digest, r.reply, a.principal,
        a.certificate_sha256, a.trace_id, a.outcome, o.holder, o.custody_state, o.gross_g, o.reo_mg, o.content
    FROM output o JOIN statement s USING (statement_id) JOIN request r USING (statement_id)
        JOIN audit a USING (statement_id)
    WHERE o.born ORDER BY s.committed_at DESC LIMIT 1
"""
_STORE: Final = """
    WITH fresh AS (
        SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::text[], $4::uuid[])
            AS fresh (statement_id, request_id, lot_id, audit_id)
    ), s AS (
        INSERT INTO statement (statement_id, kind, issuer, subject, item)
        SELECT statement_id, $5::smallint, $6, $7, $8 FROM fresh
    ), e AS (
        INSERT INTO entry (statement_id, kind, parents, leaf)
        SELECT statement_id, $5::smallint, '{}', statement_id FROM fresh
    ), r AS (
        INSERT INTO request (scope, request_id, method, digest, reply, statement_id)
        SELECT $9, request_id, $10, $11, $12, statement_id FROM fresh
    ), a AS (
        INSERT INTO audit
            (audit_id, principal, certificate_sha256, method, request_id, statement_id, trace_id, outcome)
        SELECT audit_id, $13, $14, $10, request_id, statement_id, $15, $16 FROM fresh
    ), o AS (
        INSERT INTO output
            (statement_id, output_index, lot_id, born, holder, custody_state, gross_g, reo_mg, content)
        SELECT statement_id, 0, lot_id, true, $17, $18::smallint, $19, $20, $21 FROM fresh
    )
    UPDATE lot SET state = 3, statement_id = fresh.statement_id, output_index = 0
    FROM fresh WHERE lot.lot_id = fresh.lot_id
"""


@dataclass(frozen=True, slots=True)
class Straight:
    """Connections to a database with the registry's schema, and the row set to repeat."""

    connections: list[Connection]
    template: Sequence[object]

    @classmethod
    async def open(cls, url: str, registry_url: str) -> Straight:
        """Take the newest registration of the registry as the row set; connect as often as there are callers."""
        source = await asyncpg.connect(registry_url)
        row = await source.fetchrow(_TEMPLATE)
        await source.close()
        if row is None:
            raise LookupError("no lot is registered yet")
        connections = [await asyncpg.connect(url, server_settings={"jit": "off"}) for _ in range(CALLS_AT_ONCE)]
        await connections[0].execute(
            "INSERT INTO enterprise (enterprise_id, uri, display_name, activities, registered_by) "
            "VALUES ($1, $1, $1, '{}', $1)",
            ENTERPRISE,
        )
        return cls(connections, tuple(row))

    async def close(self) -> None:
        """Close the connections."""
        for connection in self.connections:
            await connection.close()

    async def calls(self, count: int, together: int) -> Sequence[Call]:
        """`count` transactions of `together` row sets each; their lots are issued here."""
        names = [lot_ids.new() for _ in range(count * together)]
        await self.connections[0].execute(
            "INSERT INTO lot (lot_id, enterprise_id, state) SELECT unnest($1::text[]), $2, 1", names, ENTERPRISE
        )
        parts = [names[start : start + together] for start in range(0, len(names), together)]
        return [partial(self._store, part) for part in parts]

    async def _store(self, names: list[str]) -> None:
        connection = self.connections.pop()
        try:
            done = await connection.execute(_STORE, *_fresh(names), *self.template)
        finally:
            self.connections.append(connection)
        if done != f"UPDATE {len(names)}":
            raise RuntimeError(f"{done} of {len(names)} row sets")


def _fresh(names: list[str]) -> tuple[Column, ...]:
    """Ids of one transaction's row sets: statements, requests, lots, audits."""
    draw: Callable[[int], list[bytes]] = lambda size: [os.urandom(size) for _ in names]  # noqa: E731
    return draw(32), draw(16), names, [UUID(bytes=drawn) for drawn in draw(16)]
