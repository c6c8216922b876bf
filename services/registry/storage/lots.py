"""Reads of lots and of what is signed about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from asyncpg import Record
from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection
from services.registry.domain.records import HeadRow
from services.registry.storage.loading import head_row

_COLUMNS: Final = """
    o.statement_id, o.output_index, o.lot_id, o.holder, o.receiver, o.custody_state, o.spent_by, o.holds, o.act_id,
    o.content
"""
_BY_OUTPOINT: Final = f"""
    SELECT {_COLUMNS} FROM unnest($1::bytea[], $2::smallint[]) AS wanted (statement_id, output_index)
    JOIN output o USING (statement_id, output_index)
"""  # noqa: S608 - a constant of our own
_BY_LOT: Final = f"""
    SELECT {_COLUMNS} FROM lot JOIN output o USING (statement_id, output_index) WHERE lot.lot_id = $1
"""  # noqa: S608 - a constant of our own
_NEWEST: Final = """
    JOIN lot ON lot.lot_id = o.lot_id AND (lot.statement_id, lot.output_index) = (o.statement_id, o.output_index)
"""


class Which(Enum):
    """Which lots a list has: every lot, those that have not ended, or those on hold, which have not either."""

    ALL = 0
    UNSPENT = 1
    ON_HOLD = 2


# In the text, not as parameters: the index of what is on hold serves a plan that is sure of it. An unspent head is its
# lot's newest, and only unspent ones are on hold.
_HEADS: Final = {
    Which.ALL: f"{_NEWEST} WHERE",
    Which.UNSPENT: "WHERE o.spent_by IS NULL AND",
    Which.ON_HOLD: "WHERE cardinality(o.holds) > 0 AND",
}


def _pages(whose: str) -> dict[Which, str]:
    """Lots by id, from behind $1 on, $2 at most."""
    return {
        which: f"SELECT {_COLUMNS} FROM output o {heads} o.lot_id > $1 AND {whose} ORDER BY o.lot_id LIMIT $2"  # noqa: S608 - constants of our own
        for which, heads in _HEADS.items()
    }


_ALL: Final = _pages("TRUE")
_OF_ENTERPRISE: Final = _pages("(o.holder = $3 OR o.receiver = $3)")
_LEAVING: Final = _pages("(o.receiver = $3 OR o.custody_state = 3) AND ($4::text IS NULL OR o.holder = $4)")


@dataclass(frozen=True, slots=True)
class StoredHead:
    """A head with its content, encoded."""

    row: HeadRow
    content: bytes


async def heads(connection: Connection, outpoints: Sequence[Outpoint]) -> dict[Outpoint, StoredHead]:
    """The heads that exist, spent or not."""
    rows = await connection.fetch(
        _BY_OUTPOINT, [each.statement_id for each in outpoints], [each.index for each in outpoints]
    )
    return {head.row.outpoint: head for head in _stored(rows)}


async def newest(connection: Connection, lot_id: str) -> StoredHead | None:
    """The newest head of a lot; None while it is not born."""
    row = await connection.fetchrow(_BY_LOT, lot_id)
    return None if row is None else StoredHead(head_row(row), row["content"])


async def page_of_enterprise(
    connection: Connection, uri: str, after: str, *, which: Which, size: int
) -> list[StoredHead]:
    """Lots held by an enterprise or offered to it, by lot id."""
    return _stored(await connection.fetch(_OF_ENTERPRISE[which], after, size, uri))


async def page_leaving(
    connection: Connection, licensing: str, after: str, *, which: Which, size: int, holder: str | None
) -> list[StoredHead]:
    """Lots on their way out of the country, and abroad."""
    return _stored(await connection.fetch(_LEAVING[which], after, size, licensing, holder))


async def page_of_all(connection: Connection, after: str, *, which: Which, size: int) -> list[StoredHead]:
    """Lots of everybody."""
    return _stored(await connection.fetch(_ALL[which], after, size))


def _stored(rows: Sequence[Record]) -> list[StoredHead]:
    return [StoredHead(head_row(row), row["content"]) for row in rows]


async def item(connection: Connection, statement_id: bytes) -> bytes | None:
    """The encoded item of a statement of our log."""
    found: bytes | None = await connection.fetchval("SELECT item FROM statement WHERE statement_id = $1", statement_id)
    return found


async def record_refused(connection: Connection, enterprise_id: str, step: bytes, figures: bytes, reason: str) -> None:
    """Remember that a step was refused with these figures."""
    await connection.execute(
        "INSERT INTO refused_step (step, figures, enterprise_id, reason) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING",
        step,
        figures,
        enterprise_id,
        reason,
    )


async def refused_before(connection: Connection, enterprise_id: str, step: bytes, figures: bytes) -> str | None:
    """Why the same step was refused before, with other figures; None if it was not."""
    reason: str | None = await connection.fetchval(
        "SELECT reason FROM refused_step WHERE enterprise_id = $1 AND step = $2 AND figures <> $3 LIMIT 1",
        enterprise_id,
        step,
        figures,
    )
    return reason


async def made_by(connection: Connection, statement_id: bytes) -> list[HeadRow]:
    """The heads that a statement made, in order."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM output o WHERE o.statement_id = $1 ORDER BY o.output_index",  # noqa: S608 - a constant of our own
        statement_id,
    )
    return [head_row(row) for row in rows]
