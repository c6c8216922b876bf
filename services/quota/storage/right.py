"""Rights and their settlement: set-based SQL over asyncpg. Rights are locked after accounts, in order of id."""

# ruff: noqa: S608 - what is put together here are our own column names

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from monazite_provenance.contents import QuotaKind

from services.chassis.database import Connection, Row
from services.quota.domain.ledger import AccountKey
from services.quota.domain.right import Right, State
from services.quota.domain.settlement import Refusal, Settled, Settlement

_BORN: Final = """right_id, enterprise_id, year, kind, holder, site, registry_log, mass_mg, expires_at, state,
    settled_mg, freed_mg"""
_FIELDS: Final = f"{_BORN}, drawn_mg, close_reason"
_ADD: Final = f"""
    INSERT INTO quota_right ({_BORN})
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::smallint[], $4::smallint[], $5::text[], $6::text[],
        $7::text[], $8::bigint[], $9::timestamptz[], $10::smallint[], $11::bigint[], $12::bigint[])
"""
_LOAD: Final = f"SELECT {_FIELDS} FROM quota_right WHERE right_id = ANY($1::bytea[]) ORDER BY right_id"
_LOCK: Final = f"{_LOAD} FOR NO KEY UPDATE"
_UPDATE: Final = """
    UPDATE quota_right r
    SET state = n.state, settled_mg = n.settled, freed_mg = n.freed, drawn_mg = n.drawn, close_reason = n.reason
    FROM unnest($1::bytea[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
        AS n (right_id, state, settled, freed, drawn, reason)
    WHERE r.right_id = n.right_id
"""
_EXPIRED: Final = f"""
    SELECT {_FIELDS} FROM quota_right
    WHERE state = 1 AND expires_at <= now()
    ORDER BY right_id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""
_TO_CLOSE: Final = f"""
    SELECT {_FIELDS} FROM quota_right
    WHERE state = 2 AND drawn_mg IS NULL AND right_id > $1
    ORDER BY right_id LIMIT $2
"""
_WITH_ITEM: Final = f"""
    SELECT {_FIELDS}, (SELECT item FROM statement WHERE statement_id = right_id) AS item, now() AS now
    FROM quota_right WHERE right_id = $1
"""
_SETTLED: Final = """
    SELECT s.right_id, s.drawing_id, s.reo_mg, s.registry_index
    FROM settlement s JOIN unnest($1::bytea[], $2::bytea[]) AS p (right_id, drawing_id) USING (right_id, drawing_id)
"""
_ADD_SETTLEMENTS: Final = """
    INSERT INTO settlement (right_id, drawing_id, reo_mg, total_mg, registry_index, settled_id)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
"""
_ADD_REFUSALS: Final = """
    INSERT INTO refused_entry (registry_index, right_id, statement_id, code)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[])
"""


async def add_rights(connection: Connection, rights: Sequence[Right]) -> None:
    """Store new rights."""
    if not rights:
        return
    await connection.execute(
        _ADD,
        [right.right_id for right in rights],
        [right.key.enterprise_id for right in rights],
        [right.key.year for right in rights],
        [int(right.key.kind) for right in rights],
        [right.holder for right in rights],
        [right.site for right in rights],
        [right.registry_log for right in rights],
        [right.mass_mg for right in rights],
        [right.expires_at for right in rights],
        [int(right.state) for right in rights],
        [right.settled_mg for right in rights],
        [right.freed_mg for right in rights],
    )


async def load_rights(connection: Connection, right_ids: Collection[bytes]) -> dict[bytes, Right]:
    """Rights as they stand, without locking them; those that are not ours are left out."""
    return _by_id(await connection.fetch(_LOAD, list(right_ids)))


async def lock_rights(connection: Connection, right_ids: Collection[bytes]) -> dict[bytes, Right]:
    """Rights as they stand, locked in order of id."""
    return _by_id(await connection.fetch(_LOCK, list(right_ids)))


async def lock_expired(connection: Connection, count_max: int) -> dict[bytes, Right]:
    """Some open rights whose time is over by the database's clock, locked; what another process holds is left to it."""
    return _by_id(await connection.fetch(_EXPIRED, count_max))


async def rights_to_close(connection: Connection, after: bytes, count_max: int) -> list[Right]:
    """Rights that the registry must still end, in order of id."""
    return [_right(row) for row in await connection.fetch(_TO_CLOSE, after, count_max)]


async def update_rights(connection: Connection, rights: Iterable[Right]) -> None:
    """Store how far rights have come."""
    changed = sorted(rights, key=lambda right: right.right_id)
    if not changed:
        return
    await connection.execute(
        _UPDATE,
        [right.right_id for right in changed],
        [int(right.state) for right in changed],
        [right.settled_mg for right in changed],
        [right.freed_mg for right in changed],
        [right.drawn_mg for right in changed],
        [right.close_reason for right in changed],
    )


async def settled_among(
    connection: Connection, pairs: Collection[tuple[bytes, bytes]]
) -> dict[tuple[bytes, bytes], Settled]:
    """Which of the pairs (right, drawing statement) were posted before, and how."""
    rows = await connection.fetch(_SETTLED, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return {(row[0], row[1]): Settled(row[2], row[3]) for row in rows}


async def add_settlements(connection: Connection, settlements: Mapping[Settlement, bytes]) -> None:
    """Record posted draws with the ids of our `settled` statements."""
    if not settlements:
        return
    rows = list(settlements)
    await connection.execute(
        _ADD_SETTLEMENTS,
        [row.right_id for row in rows],
        [row.drawing_id for row in rows],
        [row.mass_mg for row in rows],
        [row.total_mg for row in rows],
        [row.index for row in rows],
        [settlements[row] for row in rows],
    )


async def add_refusals(connection: Connection, refusals: Sequence[Refusal]) -> None:
    """Keep what was not posted, as evidence."""
    if refusals:
        await connection.execute(
            _ADD_REFUSALS,
            [refusal.index for refusal in refusals],
            [refusal.right_id for refusal in refusals],
            [refusal.statement_id for refusal in refusals],
            [refusal.code for refusal in refusals],
        )


async def add_revocation(connection: Connection, right_id: bytes, officer: str, reason: str) -> None:
    """Record an officer's decision to end a right."""
    await connection.execute(
        "INSERT INTO revocation (right_id, officer, reason) VALUES ($1, $2, $3)", right_id, officer, reason
    )


async def right_with_item(connection: Connection, right_id: bytes) -> tuple[Right, bytes, datetime] | None:
    """A right, its signed statement and the time of reading; None if it is not ours."""
    row = await connection.fetchrow(_WITH_ITEM, right_id)
    return None if row is None else (_right(row), row["item"], row["now"])


def _by_id(rows: Sequence[Row]) -> dict[bytes, Right]:
    return {row["right_id"]: _right(row) for row in rows}


def _right(row: Row) -> Right:
    return Right(
        right_id=row["right_id"],
        key=AccountKey(row["enterprise_id"], row["year"], QuotaKind(row["kind"])),
        holder=row["holder"],
        site=row["site"],
        registry_log=row["registry_log"],
        mass_mg=row["mass_mg"],
        expires_at=row["expires_at"],
        state=State(row["state"]),
        settled_mg=row["settled_mg"],
        freed_mg=row["freed_mg"],
        drawn_mg=row["drawn_mg"],
        close_reason=row["close_reason"],
    )
