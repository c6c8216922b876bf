"""Is every gram still there? The ledger's invariants as one query; no row means that all hold."""

from __future__ import annotations

from typing import Final

from services.chassis.database import Connection, Database

LEDGER_FAULTS: Final = """
    WITH posted AS (
        SELECT enterprise_id, year, kind,
            coalesce(sum(reo_mg) FILTER (WHERE debit = 'granted'), 0) AS granted,
            coalesce(sum(reo_mg) FILTER (WHERE credit = 'available'), 0)
                - coalesce(sum(reo_mg) FILTER (WHERE debit = 'available'), 0) AS available,
            coalesce(sum(reo_mg) FILTER (WHERE credit = 'given_on'), 0)
                - coalesce(sum(reo_mg) FILTER (WHERE debit = 'given_on'), 0) AS given_on,
            coalesce(sum(reo_mg) FILTER (WHERE credit = 'reserved'), 0)
                - coalesce(sum(reo_mg) FILTER (WHERE debit = 'reserved'), 0) AS reserved,
            coalesce(sum(reo_mg) FILTER (WHERE credit = 'used'), 0)
                - coalesce(sum(reo_mg) FILTER (WHERE debit = 'used'), 0) AS used
        FROM posting GROUP BY enterprise_id, year, kind
    ), borne AS (
        SELECT enterprise_id, year, kind, sum(mass_mg - settled_mg - freed_mg) AS reserved, sum(settled_mg) AS used
        FROM quota_right GROUP BY enterprise_id, year, kind
    ), whole AS (
        SELECT year, kind, sum(given_on_mg) AS given_on,
            coalesce(sum(granted_mg) FILTER (WHERE enterprise_id <> 'national'), 0) AS received,
            sum(available_mg + reserved_mg + used_mg) AS stands,
            coalesce(sum(granted_mg) FILTER (WHERE enterprise_id = 'national'), 0) AS issued
        FROM account GROUP BY year, kind
    ), settled AS (
        SELECT right_id, sum(reo_mg) AS total FROM settlement GROUP BY right_id
    )
    SELECT format('%s/%s/%s: the account is not the sum of its postings', enterprise_id, year, kind)
    FROM account FULL JOIN posted USING (enterprise_id, year, kind)
    WHERE (granted_mg, available_mg, given_on_mg, reserved_mg, used_mg)
        IS DISTINCT FROM (coalesce(granted, 0), coalesce(available, 0), coalesce(given_on, 0),
            coalesce(reserved, 0), coalesce(used, 0))
    UNION ALL
    SELECT format('%s/%s/%s: the account is not the sum of its rights', enterprise_id, year, kind)
    FROM account a FULL JOIN borne b USING (enterprise_id, year, kind)
    WHERE (coalesce(a.reserved_mg, 0), coalesce(a.used_mg, 0))
        IS DISTINCT FROM (coalesce(b.reserved, 0), coalesce(b.used, 0))
    UNION ALL
    SELECT format('%s/%s: given on %s mg, received %s mg', year, kind, given_on, received)
    FROM whole WHERE given_on <> received
    UNION ALL
    SELECT format('%s/%s: %s mg stand in accounts, %s mg were issued', year, kind, stands, issued)
    FROM whole WHERE stands <> issued
    UNION ALL
    SELECT format('right %s: settled %s mg, in settlements %s mg', encode(r.right_id, 'hex'), r.settled_mg,
        coalesce(total, 0))
    FROM quota_right r LEFT JOIN settled s USING (right_id)
    WHERE r.settled_mg <> coalesce(total, 0)
"""


async def ledger_faults(connection: Connection) -> list[str]:
    """What is wrong, one sentence a fault; empty when every account is the sum of its postings and of its rights, what
    was given on was received, what stands anywhere was issued, and each right's settlements add up.
    """
    return [row[0] for row in await connection.fetch(LEDGER_FAULTS)]


async def faults(database: Database) -> list[str]:
    """`ledger_faults` of a whole ledger, however long that takes."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout TO 0")
        return await ledger_faults(connection)
