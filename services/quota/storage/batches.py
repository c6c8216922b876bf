"""What stands of a batch with whom. Read and written behind the locks of the accounts that it is a part of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from monazite_provenance.contents import QuotaKind

from services.chassis.database import Connection
from services.quota.domain.batches import Batches, BatchKey, Share
from services.quota.domain.givers import Givers, Member
from services.quota.domain.ledger import NATIONAL

_LOAD: Final = """
    SELECT s.enterprise_id, s.year, s.batch, s.kind, s.received_mg, s.given_mg
    FROM batch_share s
    JOIN unnest($1::text[], $2::smallint[], $3::smallint[], $4::smallint[]) AS k (enterprise_id, year, batch, kind)
        USING (enterprise_id, year, batch, kind)
"""
_CLEAR: Final = """
    UPDATE batch_share s SET received_mg = 0, given_mg = 0, giver = NULL
    FROM unnest($1::text[], $2::smallint[]) AS m (enterprise_id, year)
    WHERE (s.enterprise_id, s.year) = (m.enterprise_id, m.year)
"""
_STORE: Final = """
    INSERT INTO batch_share (enterprise_id, year, batch, kind, received_mg, given_mg, giver)
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::smallint[], $4::smallint[], $5::bigint[], $6::bigint[],
        $7::text[])
    ON CONFLICT (enterprise_id, year, batch, kind) DO UPDATE
    SET received_mg = excluded.received_mg, given_mg = excluded.given_mg, giver = excluded.giver
"""


async def load_batches(connection: Connection, keys: Collection[BatchKey]) -> Batches:
    """Shares as they stand; one that does not exist is empty."""
    rows = await connection.fetch(_LOAD, *_columns(sorted(keys))) if keys else []
    return Batches({BatchKey(row[0], row[1], row[2], QuotaKind(row[3])): Share(row[4], row[5]) for row in rows})


async def clear_left(connection: Connection, members: Sequence[Member]) -> None:
    """Empty the shares of who no longer has his giver, so that the giver may change. Nothing stands there, or what does
    came from another since and is stored after."""
    if members:
        await connection.execute(
            _CLEAR, [member.enterprise_id for member in members], [member.year for member in members]
        )


async def store_batches(connection: Connection, batches: Batches, givers: Givers) -> None:
    """Store what moved, each with whom it is from."""
    changed = batches.changed()
    if not changed:
        return
    await connection.execute(
        _STORE,
        *_columns([key for key, _ in changed]),
        [share.received_mg for _, share in changed],
        [share.given_mg for _, share in changed],
        [_giver(key, share, givers) for key, share in changed],
    )


def _giver(key: BatchKey, share: Share, givers: Givers) -> str | None:
    if key.enterprise_id == NATIONAL or not share.received_mg:
        return None
    return givers.giver(Member(key.enterprise_id, key.year))


def _columns(keys: Sequence[BatchKey]) -> Sequence[list[str] | list[int]]:
    return (
        [key.enterprise_id for key in keys],
        [key.year for key in keys],
        [key.batch for key in keys],
        [int(key.kind) for key in keys],
    )
