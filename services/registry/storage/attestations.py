"""Writes of attestations: of which head each is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection

_SAVE: Final = """
    INSERT INTO attestation (attestation_id, statement_id, output_index)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::smallint[])
"""


async def save_attestations(connection: Connection, made: Mapping[bytes, Outpoint]) -> None:
    """Store new attestations' heads, by their ids. The statements must be stored already, in the same transaction."""
    ids = sorted(made)
    heads = [made[each] for each in ids]
    await connection.execute(_SAVE, ids, [head.statement_id for head in heads], [head.index for head in heads])
