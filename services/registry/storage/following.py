"""What the followers of peers' logs store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.chassis.database import Connection
from services.chassis.follower import FollowedEntry
from services.chassis.log.peers import LogProblem

_STATEMENTS: Final = """
    INSERT INTO peer_statement (statement_id, log, idx, kind, item)
    SELECT s.a, $5, s.b, s.c, s.d FROM unnest($1::bytea[], $2::bigint[], $3::smallint[], $4::bytea[]) AS s (a, b, c, d)
    ON CONFLICT DO NOTHING
"""
_SETTLEMENTS: Final = """
    INSERT INTO settlement (drawing_id, right_id, settled_id)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) ON CONFLICT DO NOTHING
"""
_LICENCE_CHANGES: Final = """
    INSERT INTO licence_change (change_id, licence_id)
    SELECT * FROM unnest($1::bytea[], $2::bytea[]) ON CONFLICT DO NOTHING
"""
# Of the same draw, settled by another statement.
_OTHERWISE: Final = """
    SELECT n.settled_id, s.settled_id AS before
    FROM settlement s JOIN unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS n (drawing_id, right_id, settled_id)
        USING (drawing_id, right_id)
    WHERE s.settled_id <> n.settled_id
    ORDER BY n.settled_id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Quota's word that a draw is in its ledger."""

    drawing_id: bytes
    right_id: bytes
    settled_id: bytes


@dataclass(frozen=True, slots=True)
class LicenceChange:
    """Licensing's word on a licence that it granted before."""

    change_id: bytes
    licence_id: bytes


async def keep_changes(
    connection: Connection, log: str, entries: Sequence[FollowedEntry], changes: Sequence[LicenceChange]
) -> None:
    """Keep changes of licences, also of those that nobody has presented here: a licence may come later."""
    await _keep(connection, log, entries)
    if changes:
        await connection.execute(
            _LICENCE_CHANGES, [each.change_id for each in changes], [each.licence_id for each in changes]
        )


async def keep_settlements(
    connection: Connection, log: str, entries: Sequence[FollowedEntry], settlements: Sequence[Settlement]
) -> None:
    """Keep quota's settlements: the statements, and which draw each is of. One that is kept already stays as it is.

    Raises LogProblem for a second, different settlement of one draw: quota says two things of one gram, and only one of
    them can stand in its ledger.
    """
    await _keep(connection, log, entries)
    if not settlements:
        return
    columns = (
        [each.drawing_id for each in settlements],
        [each.right_id for each in settlements],
        [each.settled_id for each in settlements],
    )
    await connection.execute(_SETTLEMENTS, *columns)
    otherwise = await connection.fetchrow(_OTHERWISE, *columns)
    if otherwise is not None:
        before, now = otherwise["before"].hex(), otherwise["settled_id"].hex()
        raise LogProblem(f"{log}: {now} settles a draw that {before} settled otherwise")


async def _keep(connection: Connection, log: str, entries: Sequence[FollowedEntry]) -> None:
    kept = sorted(entries, key=lambda entry: entry.statement_id)
    if kept:
        await connection.execute(
            _STATEMENTS,
            [entry.statement_id for entry in kept],
            [entry.index for entry in kept],
            [entry.kind for entry in kept],
            [entry.item for entry in kept],
            log,
        )
