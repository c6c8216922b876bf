"""Reads and writes of cuts: which head has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection

_FIND: Final = "SELECT cut_id FROM cut WHERE (statement_id, output_index) = ($1, $2)"
_SAVE: Final = """
    INSERT INTO cut (cut_id, statement_id, output_index)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::smallint[])
"""


async def find_cut(connection: Connection, head: Outpoint) -> bytes | None:
    """The id of a head's cut."""
    found: bytes | None = await connection.fetchval(_FIND, *head)
    return found


async def save_cuts(connection: Connection, cuts: Mapping[Outpoint, bytes]) -> None:
    """Store new cuts, by their heads. Their statements must be stored already, in the same transaction."""
    heads = sorted(cuts)
    await connection.execute(
        _SAVE, [cuts[head] for head in heads], [head.statement_id for head in heads], [head.index for head in heads]
    )
