"""Reads of holds."""

from __future__ import annotations

from typing import Final

from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection
from services.registry.domain.records import HoldRow

_OPEN: Final = """
    SELECT hold_id FROM hold
    WHERE statement_id = $1 AND output_index = $2 AND reason_code = $3 AND released_by IS NULL
"""


async def find_open(connection: Connection, head: Outpoint, reason_code: str) -> HoldRow | None:
    """The hold of this reason on a head that nobody has released; there is one at most."""
    hold_id: bytes | None = await connection.fetchval(_OPEN, *head, reason_code)
    return None if hold_id is None else HoldRow(hold_id, head, reason_code)
