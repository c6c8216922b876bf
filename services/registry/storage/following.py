"""What the follower of quota's log stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.chassis.database import Connection
from services.chassis.follower import FollowedEntry

_STATEMENTS: Final = """
    INSERT INTO peer_statement (statement_id, log, idx, kind, item)
    SELECT s.a, $5, s.b, s.c, s.d FROM unnest($1::bytea[], $2::bigint[], $3::smallint[], $4::bytea[]) AS s (a, b, c, d)
    ON CONFLICT DO NOTHING
"""
_SETTLEMENTS: Final = """
    INSERT INTO settlement (drawing_id, right_id, settled_id)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Settlement:
    """Quota's word that a draw is in its ledger."""

    drawing_id: bytes
    right_id: bytes
    settled_id: bytes


async def keep(
    connection: Connection, log: str, entries: Sequence[FollowedEntry], settlements: Sequence[Settlement]
) -> None:
    """Keep quota's settlements: the statements, and which draw each is of."""
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
    if settlements:
        await connection.execute(
            _SETTLEMENTS,
            [each.drawing_id for each in settlements],
            [each.right_id for each in settlements],
            [each.settled_id for each in settlements],
        )
