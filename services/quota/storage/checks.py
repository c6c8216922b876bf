"""Is every gram still there? The ledger's invariants as queries; no row means that all hold."""

from __future__ import annotations

from typing import Final

from services.chassis.database import Connection, Database

LEDGER_FAULTS: Final = """
    WITH posted AS (
        SELECT enterprise_id, year, kind,
            coalesce(sum(reo_mg) FILTER (WHERE debit = 'granted'), 0)
                - coalesce(sum(reo_mg) FILTER (WHERE credit = 'granted'), 0) AS granted,
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
BATCH_FAULTS: Final = """
    WITH moved AS (
        SELECT year, batch, giver, receiver, kind, mass
        FROM allocation, unnest(kinds, masses_mg) AS m (kind, mass)
        UNION ALL
        SELECT year, batch, giver, receiver, m.kind, -mass
        FROM reduction r JOIN allocation USING (allocation_id), unnest(r.kinds, r.masses_mg) AS m (kind, mass)
    ), came AS (
        SELECT receiver AS enterprise_id, year, batch, kind, sum(mass) AS received
        FROM moved GROUP BY receiver, year, batch, kind
        UNION ALL
        SELECT 'national', year, batch, kind, mass
        FROM indicator, unnest(kinds, increments_mg) AS m (kind, mass)
    ), went AS (
        SELECT giver AS enterprise_id, year, batch, kind, sum(mass) AS given
        FROM moved GROUP BY giver, year, batch, kind
    ), whole AS (
        SELECT enterprise_id, year, kind, sum(received_mg) AS received, sum(given_mg) AS given
        FROM batch_share GROUP BY enterprise_id, year, kind
    ), standing AS (
        SELECT receiver AS enterprise_id, year, giver, sum(mass) AS mass FROM moved GROUP BY receiver, year, giver
    )
    SELECT format('%s/%s/%s, batch %s: the share is not the sum of what was given and taken back', enterprise_id, year,
        kind, batch)
    FROM batch_share FULL JOIN came USING (enterprise_id, year, batch, kind)
        FULL JOIN went USING (enterprise_id, year, batch, kind)
    WHERE (coalesce(received_mg, 0), coalesce(given_mg, 0)) IS DISTINCT FROM (coalesce(received, 0), coalesce(given, 0))
    UNION ALL
    SELECT format('%s/%s/%s: the account is not the sum of its batches', enterprise_id, year, kind)
    FROM account FULL JOIN whole USING (enterprise_id, year, kind)
    WHERE (coalesce(granted_mg, 0), coalesce(given_on_mg, 0))
        IS DISTINCT FROM (coalesce(received, 0), coalesce(given, 0))
    UNION ALL
    SELECT format('%s/%s: has %s mg from %s, which is not its giver', enterprise_id, year, mass, s.giver)
    FROM standing s LEFT JOIN quota_giver g USING (enterprise_id, year)
    WHERE mass > 0 AND g.giver IS DISTINCT FROM s.giver
"""


async def ledger_faults(connection: Connection) -> list[str]:
    """What is wrong, one sentence a fault; empty when every account is the sum of its postings, of its rights and of
    its batches, what was given on was received from the giver of the year, what stands anywhere was issued, and each
    right's settlements add up.
    """
    queries = (LEDGER_FAULTS, BATCH_FAULTS)
    return [row[0] for query in queries for row in await connection.fetch(query)]


async def faults(database: Database) -> list[str]:
    """`ledger_faults` of a whole ledger, however long that takes."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout TO 0")
        return await ledger_faults(connection)
