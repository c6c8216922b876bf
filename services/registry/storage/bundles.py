"""The graph behind one head, set-based: one recursive query for the ancestors, one query for each sort of statement
that speaks about them.

Of an outpoint that is spent only what the graph spent counts: its siblings are other people's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection

# Event kinds up to 14 are custody; 60 is a key's statement (monazite_provenance.kinds).
#
# In the order of the log: of corrections of one output which is the last counts, and none need refer to another.
_ANCESTORS: Final = """
    WITH RECURSIVE ancestor (statement_id) AS (
        SELECT $1::bytea
        UNION
        SELECT e.statement_id FROM ancestor a
        JOIN entry child ON child.statement_id = a.statement_id
        CROSS JOIN LATERAL unnest(child.parents) AS parent (statement_id)
        JOIN entry e ON e.statement_id = parent.statement_id
        WHERE e.kind <= 14
    )
    SELECT statement_id, parents FROM (
        SELECT e.statement_id, e.parents, e.idx FROM ancestor JOIN entry e USING (statement_id) LIMIT $2
    ) AS found ORDER BY idx
"""
# The same, but not past an outpoint that has a cut: the cut stands for what made it.
_FROM_CUTS: Final = """
    WITH RECURSIVE ancestor (statement_id) AS (
        SELECT $1::bytea WHERE NOT EXISTS (SELECT FROM cut c WHERE (c.statement_id, c.output_index) = ($1, $3))
        UNION
        SELECT o.statement_id FROM ancestor a
        JOIN output o ON o.spent_by = a.statement_id
        LEFT JOIN cut c ON (c.statement_id, c.output_index) = (o.statement_id, o.output_index)
        WHERE c.cut_id IS NULL
    )
    SELECT statement_id, parents FROM (
        SELECT e.statement_id, e.parents, e.idx FROM ancestor JOIN entry e USING (statement_id) LIMIT $2
    ) AS found ORDER BY idx
"""
# Also of an outpoint whose statement is in the graph by another way: then the cut stands beside it.
_CUTS: Final = """
    SELECT c.cut_id, o.spent_by FROM output o JOIN cut c USING (statement_id, output_index)
    WHERE o.spent_by = ANY($1::bytea[]) OR (o.statement_id, o.output_index) = ($2, $3) ORDER BY c.cut_id
"""
# Keys that signed, and their ends: whoever reads the bundle must learn that a key was retired.
_KEYS: Final = """
    SELECT k.certified_by, k.retired_by, k.compromised_by FROM certified_key k
    WHERE k.certified_by = ANY($1::bytea[]) ORDER BY k.kid
"""
_RIGHTS: Final = "SELECT DISTINCT right_id FROM draw WHERE statement_id = ANY($1::bytea[]) ORDER BY right_id"
_EXPORTS: Final = """
    SELECT licence_id, intent_id, ended_by FROM export_act WHERE ended_by = ANY($1::bytea[]) AND intent_id IS NOT NULL
    ORDER BY act_id
"""
_CLOSED: Final = """
    SELECT closed_by FROM quota_right WHERE right_id = ANY($1::bytea[]) AND closed_by IS NOT NULL ORDER BY right_id
"""
# Locks of all acts, and the voids of those that ended so; what ended the others is custody.
_ACTS: Final = """
    SELECT DISTINCT a.act_id, a.lock_id, CASE WHEN a.state = 3 THEN a.ended_by END AS void_id
    FROM output o JOIN export_line l USING (statement_id, output_index) JOIN export_act a ON a.act_id = l.act_id
    WHERE o.spent_by = ANY($1::bytea[]) OR (o.statement_id, o.output_index) = ($2, $3) ORDER BY a.act_id
"""
_CHANGES: Final = "SELECT change_id FROM licence_change WHERE licence_id = ANY($1::bytea[]) ORDER BY change_id"
_HOLDS: Final = """
    SELECT h.hold_id, h.released_by FROM output o JOIN hold h USING (statement_id, output_index)
    WHERE o.spent_by = ANY($1::bytea[]) OR (o.statement_id, o.output_index) = ($2, $3) ORDER BY h.hold_id
"""
_ATTESTED: Final = """
    SELECT a.attestation_id FROM output o JOIN attestation a USING (statement_id, output_index)
    WHERE o.spent_by = ANY($1::bytea[]) OR (o.statement_id, o.output_index) = ($2, $3) ORDER BY a.attestation_id
"""
_SETTLED: Final = "SELECT settled_id FROM settlement WHERE drawing_id = ANY($1::bytea[]) ORDER BY settled_id"
_OPEN_HOLDS: Final = """
    SELECT hold_id FROM hold WHERE (statement_id, output_index) = ($1, $2) AND released_by IS NULL ORDER BY hold_id
"""
_INDEXES: Final = "SELECT statement_id, idx FROM entry WHERE statement_id = ANY($1::bytea[])"
_PEER_CHECKPOINTS: Final = "SELECT checkpoint FROM peer_checkpoint ORDER BY log"
_ITEMS: Final = """
    SELECT statement_id, item FROM statement WHERE statement_id = ANY($1::bytea[])
    UNION ALL
    SELECT statement_id, item FROM peer_statement WHERE statement_id = ANY($1::bytea[])
"""
_ITEM_SIZES: Final = """
    SELECT statement_id, octet_length(item) AS size FROM statement WHERE statement_id = ANY($1::bytea[])
    UNION ALL
    SELECT statement_id, octet_length(item) FROM peer_statement WHERE statement_id = ANY($1::bytea[])
"""


class Export(NamedTuple):
    """An export that left: the licence, the intent under it, and the acceptance that rests on both."""

    licence_id: bytes
    intent_id: bytes
    accepted_by: bytes


class Cut(NamedTuple):
    """A cut, and what has spent its head, if anything has."""

    cut_id: bytes
    spent_by: bytes | None


class Ancestor(NamedTuple):
    """A custody statement and those of the same log that it rests on."""

    statement_id: bytes
    parents: tuple[bytes, ...]


async def ancestors(connection: Connection, statement_id: bytes, most: int) -> list[Ancestor]:
    """The custody statements that one rests on, itself included, with their parents; at most so many, in the order of
    the log, what is not integrated yet last.
    """
    rows = await connection.fetch(_ANCESTORS, statement_id, most)
    return [Ancestor(row["statement_id"], tuple(row["parents"])) for row in rows]


async def ancestors_from_cuts(connection: Connection, target: Outpoint, most: int) -> list[Ancestor]:
    """As `ancestors`, from the last cuts on; none of a target that has a cut itself."""
    rows = await connection.fetch(_FROM_CUTS, target.statement_id, most, target.index)
    return [Ancestor(row["statement_id"], tuple(row["parents"])) for row in rows]


async def cuts(connection: Connection, statement_ids: Sequence[bytes], target: Outpoint) -> list[Cut]:
    """Cuts of what the statements spent, and of the target."""
    return [Cut(*row) for row in await connection.fetch(_CUTS, list(statement_ids), *target)]


async def key_statements(connection: Connection, parents: Sequence[bytes]) -> list[bytes]:
    """Ids of the `keys` statements among the parents, then of those that ended these keys."""
    rows = await connection.fetch(_KEYS, list(parents))
    certified = [row["certified_by"] for row in rows]
    ended = [row[name] for row in rows for name in ("retired_by", "compromised_by") if row[name] is not None]
    return certified + ended


async def right_ids(connection: Connection, statement_ids: Sequence[bytes]) -> list[bytes]:
    """Rights that the statements drew on."""
    return [row["right_id"] for row in await connection.fetch(_RIGHTS, list(statement_ids))]


async def closed_ids(connection: Connection, right_ids: Sequence[bytes]) -> list[bytes]:
    """What ended those of the rights that have ended."""
    return [row["closed_by"] for row in await connection.fetch(_CLOSED, list(right_ids))]


async def act_ids(connection: Connection, statement_ids: Sequence[bytes], target: Outpoint) -> list[bytes]:
    """Locks for export of what the statements spent and of the target, then the voids that ended some of them."""
    rows = await connection.fetch(_ACTS, list(statement_ids), *target)
    return [row["lock_id"] for row in rows] + [row["void_id"] for row in rows if row["void_id"] is not None]


async def change_ids(connection: Connection, licence_ids: Sequence[bytes]) -> list[bytes]:
    """Changes of licences, as far as licensing's log was followed."""
    return [row["change_id"] for row in await connection.fetch(_CHANGES, list(licence_ids))]


async def exports(connection: Connection, statement_ids: Sequence[bytes]) -> list[Export]:
    """The exports that acceptances among the statements are of."""
    return [Export(*row) for row in await connection.fetch(_EXPORTS, list(statement_ids))]


async def hold_ids(connection: Connection, statement_ids: Sequence[bytes], target: Outpoint) -> list[bytes]:
    """Holds on what the statements spent and on the target, then the releases that ended some of them."""
    rows = await connection.fetch(_HOLDS, list(statement_ids), *target)
    return [row["hold_id"] for row in rows] + [row["released_by"] for row in rows if row["released_by"] is not None]


async def attestation_ids(connection: Connection, statement_ids: Sequence[bytes], target: Outpoint) -> list[bytes]:
    """Assays of what the statements spent and of the target."""
    return [row["attestation_id"] for row in await connection.fetch(_ATTESTED, list(statement_ids), *target)]


async def settled_ids(connection: Connection, statement_ids: Sequence[bytes]) -> list[bytes]:
    """Quota's settlements of what the statements drew."""
    return [row["settled_id"] for row in await connection.fetch(_SETTLED, list(statement_ids))]


async def open_holds(connection: Connection, target: Outpoint) -> list[bytes]:
    """Holds on a head that nobody released, ascending."""
    return [row["hold_id"] for row in await connection.fetch(_OPEN_HOLDS, *target)]


async def indexes(connection: Connection, statement_ids: Sequence[bytes]) -> dict[bytes, int | None]:
    """The places of statements in our log, by id; None for one that is not integrated yet."""
    return {row["statement_id"]: row["idx"] for row in await connection.fetch(_INDEXES, list(statement_ids))}


async def peer_checkpoints(connection: Connection) -> list[bytes]:
    """The newest heads of other logs that were taken in, as COSE checkpoints."""
    return [row["checkpoint"] for row in await connection.fetch(_PEER_CHECKPOINTS)]


async def items(connection: Connection, statement_ids: Sequence[bytes]) -> list[bytes]:
    """Encoded items, ours and peers', in the order of the ids."""
    rows = await connection.fetch(_ITEMS, list(statement_ids))
    found: dict[bytes, bytes] = {row["statement_id"]: row["item"] for row in rows}
    return [found[statement_id] for statement_id in statement_ids]


async def item_sizes(connection: Connection, statement_ids: Sequence[bytes]) -> list[int]:
    """How long their encoded items are, bytes, in the order of the ids."""
    rows = await connection.fetch(_ITEM_SIZES, list(statement_ids))
    found: dict[bytes, int] = {row["statement_id"]: row["size"] for row in rows}
    return [found[statement_id] for statement_id in statement_ids]
