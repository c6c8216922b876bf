"""`python -m services.quota.check`: it finds a gram that is missing, and none where all are there."""

from __future__ import annotations

import asyncpg

from services.chassis.database import Database
from services.quota.storage.checks import faults
from tests.service.quota.api import Api, fetch


async def found(url: str) -> list[str]:
    async with Database(url, connections_max=1) as database:
        return await faults(database)


async def test_a_sound_ledger_has_no_faults(mine: Api, database: str) -> None:
    await mine.reserve(10)
    assert await found(database) == []


async def test_a_gram_that_came_from_nowhere_is_found(mine: Api, database: str) -> None:
    await mine.reserve(10)
    connection = await asyncpg.connect(database)
    # Within every constraint of the table: only the sums say that it is wrong.
    await connection.execute(
        "UPDATE account SET granted_mg = granted_mg + 1000, available_mg = available_mg + 1000 "
        "WHERE enterprise_id = 'mine-1' AND kind = 1"
    )
    await connection.close()
    assert await found(database) == [
        "mine-1/2024/1: the account is not the sum of its postings",
        "2024/1: given on 1000000000000 mg, received 1000000001000 mg",
        "2024/1: 10000000001000 mg stand in accounts, 10000000000000 mg were issued",
        "mine-1/2024/1: the account is not the sum of its batches",
    ]


async def test_a_share_of_a_batch_that_nobody_gave_is_found(officer: Api, mine: Api, database: str) -> None:
    await officer.enter_indicator(2024, 2, rock_t=1)
    await fetch(
        database, "UPDATE batch_share SET given_mg = given_mg - 7 WHERE batch = 1 AND kind = 1 AND given_mg > 0"
    )
    await fetch(database, "UPDATE batch_share SET given_mg = 7 WHERE batch = 2 AND kind = 1")
    assert await found(database) == [
        "national/2024/1, batch 1: the share is not the sum of what was given and taken back",
        "national/2024/1, batch 2: the share is not the sum of what was given and taken back",
    ], "the sums of the account are whole"


async def test_an_allocation_by_who_is_not_the_giver_is_found(mine: Api, database: str) -> None:
    given = (
        "INSERT INTO allocation (allocation_id, year, batch, giver, receiver, kinds, masses_mg, allocated_by) "
        "VALUES (decode(repeat('00', 16), 'hex'), 2024, 1, 'stranger', 'mine-1', '{1}', '{5}', 'x')"
    )
    await fetch(database, given)
    assert await found(database) == [
        "mine-1/2024/1, batch 1: the share is not the sum of what was given and taken back",
        "stranger/2024/1, batch 1: the share is not the sum of what was given and taken back",
        "mine-1/2024: has 5 mg from stranger, which is not its giver",
    ]


async def test_a_right_that_bears_more_than_was_reserved_is_found(mine: Api, database: str) -> None:
    await mine.reserve(10)
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE quota_right SET settled_mg = settled_mg + 5")
    await connection.close()
    right, sums = sorted(await found(database), key=len, reverse=True)
    assert right.endswith(": settled 5 mg, in settlements 0 mg")
    assert sums == "mine-1/2024/1: the account is not the sum of its rights"
