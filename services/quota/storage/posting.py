"""The ledger's hot path: prepared, set-based SQL for a whole batch. Every writer locks accounts in key order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from monazite_provenance.contents import QuotaKind

from services.chassis.database import Connection
from services.quota.domain.allocation import Indicator
from services.quota.domain.ledger import NATIONAL, AccountKey, Balance, Sheet

_OPEN: Final = """
    INSERT INTO account (enterprise_id, year, kind)
    SELECT * FROM unnest($1::text[], $2::smallint[], $3::smallint[]) AS k (enterprise_id, year, kind)
    ORDER BY enterprise_id, year, kind
    ON CONFLICT DO NOTHING
"""
_LOCK: Final = """
    SELECT a.enterprise_id, a.year, a.kind, a.available_mg, a.given_on_mg, a.reserved_mg, a.used_mg
    FROM account a
    JOIN unnest($1::text[], $2::smallint[], $3::smallint[]) AS k (enterprise_id, year, kind)
        USING (enterprise_id, year, kind)
    ORDER BY a.enterprise_id, a.year, a.kind
    FOR NO KEY UPDATE OF a
"""
_POST: Final = """
    WITH moved AS (
        UPDATE account a
        SET granted_mg = n.available + n.given_on + n.reserved + n.used, available_mg = n.available,
            given_on_mg = n.given_on, reserved_mg = n.reserved, used_mg = n.used
        FROM unnest($1::text[], $2::smallint[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
            AS n (enterprise_id, year, kind, available, given_on, reserved, used)
        WHERE (a.enterprise_id, a.year, a.kind) = (n.enterprise_id, n.year, n.kind)
    )
    INSERT INTO posting
        (enterprise_id, posting_id, year, kind, debit, credit, reo_mg, code, cause, right_id, drawing_id)
    SELECT * FROM unnest($8::text[], $9::bytea[], $10::smallint[], $11::smallint[], $12::text[], $13::text[],
        $14::bigint[], $15::text[], $16::bytea[], $17::bytea[], $18::bytea[])
"""
_INDICATORS: Final = """
    SELECT year, batch, cumulative, kinds, increments_mg, totals_mg, document, entered_by, entered_at
    FROM indicator WHERE year = ANY($1::smallint[]) ORDER BY year, batch
"""
_ADD_INDICATOR: Final = """
    INSERT INTO indicator (year, batch, cumulative, kinds, increments_mg, totals_mg, document, entered_by, entered_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def database_time(connection: Connection) -> datetime:
    """The transaction's time, by the database's clock: what `posted_at` says."""
    now: datetime = await connection.fetchval("SELECT now()")
    return now


async def open_accounts(connection: Connection, keys: Collection[AccountKey]) -> None:
    """Make sure that accounts exist, at zero, before they are locked."""
    if keys:
        await connection.execute(_OPEN, *_columns(keys))


async def lock_accounts(connection: Connection, keys: Collection[AccountKey]) -> Sheet:
    """Lock accounts in key order and lay them on a sheet; one that does not exist stands at zero there."""
    rows = await connection.fetch(_LOCK, *_columns(keys)) if keys else []
    return Sheet(
        {AccountKey(row[0], row[1], QuotaKind(row[2])): Balance(row[3], row[4], row[5], row[6]) for row in rows}
    )


async def store_sheet(connection: Connection, sheet: Sheet) -> None:
    """Store what was posted on the sheet: balances and postings, in one statement."""
    changed = sheet.changed()
    if not changed:
        return
    posted = sheet.posted
    await connection.execute(
        _POST,
        *_columns([key for key, _ in changed]),
        [balance.available_mg for _, balance in changed],
        [balance.given_on_mg for _, balance in changed],
        [balance.reserved_mg for _, balance in changed],
        [balance.used_mg for _, balance in changed],
        [posting.key.enterprise_id for posting in posted],
        [posting.posting_id for posting in posted],
        [posting.key.year for posting in posted],
        [posting.key.kind for posting in posted],
        [posting.debit for posting in posted],
        [posting.credit for posting in posted],
        [posting.reo_mg for posting in posted],
        [posting.code for posting in posted],
        [posting.cause for posting in posted],
        [posting.right_id for posting in posted],
        [posting.drawing_id for posting in posted],
    )


async def load_indicators(connection: Connection, years: Collection[int]) -> dict[int, list[Indicator]]:
    """The batches of some years, in order. Read after the years' national accounts are locked."""
    found: dict[int, list[Indicator]] = {year: [] for year in years}
    for row in await connection.fetch(_INDICATORS, sorted(found)):
        kinds = [QuotaKind(kind) for kind in row["kinds"]]
        found[row["year"]].append(
            Indicator(
                row["year"],
                row["batch"],
                row["cumulative"],
                dict(zip(kinds, row["increments_mg"], strict=True)),
                dict(zip(kinds, row["totals_mg"], strict=True)),
                row["document"],
                row["entered_by"],
                row["entered_at"],
            )
        )
    return found


async def add_indicator(connection: Connection, indicator: Indicator) -> None:
    """Record a batch."""
    kinds = sorted(indicator.totals)
    await connection.execute(
        _ADD_INDICATOR,
        indicator.year,
        indicator.batch,
        indicator.cumulative,
        kinds,
        [indicator.increments[kind] for kind in kinds],
        [indicator.totals[kind] for kind in kinds],
        indicator.document,
        indicator.entered_by,
        indicator.entered_at,
    )


def national_accounts(year: int) -> list[AccountKey]:
    """The accounts that a year's indicators are issued into."""
    return [AccountKey(NATIONAL, year, kind) for kind in QuotaKind]


def _columns(keys: Collection[AccountKey]) -> Sequence[list[str] | list[int]]:
    return (
        [key.enterprise_id for key in keys],
        [key.year for key in keys],
        [int(key.kind) for key in keys],
    )
