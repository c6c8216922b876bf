"""Whom each enterprise has its quota of a year from: one row for an enterprise and year, which its gives lock."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from services.chassis.database import Connection
from services.quota.domain.givers import Givers, Member

_OPEN: Final = """
    INSERT INTO quota_giver (enterprise_id, year)
    SELECT * FROM unnest($1::text[], $2::smallint[]) AS k (enterprise_id, year)
    ORDER BY enterprise_id, year
    ON CONFLICT DO NOTHING
"""
# FOR UPDATE, since what foreign keys refer to may be written.
_LOCK: Final = """
    SELECT g.enterprise_id, g.year, g.giver
    FROM quota_giver g JOIN unnest($1::text[], $2::smallint[]) AS k (enterprise_id, year) USING (enterprise_id, year)
    ORDER BY g.enterprise_id, g.year
    FOR UPDATE OF g
"""
_BIND: Final = """
    UPDATE quota_giver g SET giver = n.giver
    FROM unnest($1::text[], $2::smallint[], $3::text[]) AS n (enterprise_id, year, giver)
    WHERE (g.enterprise_id, g.year) = (n.enterprise_id, n.year)
"""


async def lock_givers(connection: Connection, receivers: Collection[Member], givers: Collection[Member]) -> Givers:
    """Lock the rows of receivers and givers in key order; a receiver's is made if there is none.

    A giver without a row has been given nothing; if it is given something meanwhile, that was later than this.
    """
    if not receivers:
        return Givers({})
    await connection.execute(_OPEN, *_columns(receivers))
    rows = await connection.fetch(_LOCK, *_columns({*receivers, *givers}))
    return Givers({Member(row["enterprise_id"], row["year"]): row["giver"] for row in rows if row["giver"] is not None})


async def store_givers(connection: Connection, givers: Givers) -> None:
    """Store who was bound, and to nobody any longer; before the shares of a batch that refer to it."""
    changed = givers.changed()
    if changed:
        await connection.execute(_BIND, *_columns([member for member, _ in changed]), [giver for _, giver in changed])


def _columns(members: Collection[Member]) -> tuple[list[str], list[int]]:
    return [member.enterprise_id for member in members], [member.year for member in members]
