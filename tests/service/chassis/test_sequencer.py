"""One order without holes, whoever leads and wherever it breaks off."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from monazite_provenance.tree import Frontier

from services.chassis import store
from services.chassis.database import Connection, Database
from services.chassis.log import nodes
from services.chassis.sequencer import LEASE_S, ROUND_S, Batch, LostLead, Sequencer, read_pending
from tests.service.chassis.logs import sequencer
from tests.service.chassis.till import Take, statement, take


async def stored(database: Database, count: int, *, seed: int = 1) -> list[Take]:
    """Writes whose statements rest on random earlier ones, committed in an order that has nothing to do with it."""
    chance = random.Random(seed)  # noqa: S311
    writes: list[Take] = []
    for _ in range(count):
        parents = [chance.choice(writes).statements[0].statement_id for _ in range(chance.randint(0, 3)) if writes]
        writes.append(take(parents=parents))
    shuffled = chance.sample(writes, count)
    for start in range(0, count, 17):
        async with database.transaction() as connection:
            await store.append(connection, shuffled[start : start + 17])
    return writes


async def check_order(database: Database, writes: Sequence[Take]) -> None:
    rows = await database.pool.fetch("SELECT statement_id, idx, parents FROM entry")
    index = {row["statement_id"]: row["idx"] for row in rows}
    assert sorted(index.values()) == list(range(len(writes)))
    for row in rows:
        assert all(index[parent] < row["idx"] for parent in row["parents"])
    assert await database.pool.fetchval("SELECT size FROM log_head") == len(writes)


async def exhaust(one: Sequencer) -> int:
    total = 0
    while count := await one.step():
        total += count
    return total


async def lead(one: Sequencer, database: Database) -> int | None:
    async with database.connection() as connection:
        return await one.lead(connection)


async def stopped(task: asyncio.Task[None]) -> None:
    """Stops it in good order."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_indexes_have_no_holes_and_parents_are_smaller(database: Database) -> None:
    writes = await stored(database, 200)
    assert await exhaust(sequencer(database)) == 200
    await check_order(database, writes)


async def test_ancestors_beyond_the_batch_come_with_their_child(database: Database) -> None:
    grandparent, parent, child = statement(), statement(), statement()
    parent = statement([grandparent.statement_id])
    child = statement([parent.statement_id])
    base = take()
    for one in (child, parent, grandparent):  # the oldest entry is the youngest descendant
        async with database.transaction() as connection:
            write = take()
            write = Take(request=write.request, audit=base.audit, statements=(one,), reply=b"")
            await store.append(connection, [write])
    async with database.connection() as connection:
        found = await read_pending(connection, entries_max=1)
    assert {entry.statement_id for entry in found} == {one.statement_id for one in (child, parent, grandparent)}


async def test_only_one_leads_and_another_takes_over_when_the_lease_ends(database: Database) -> None:
    first, second = sequencer(database), sequencer(database)
    assert await lead(first, database) == 1
    assert await lead(second, database) is None
    assert await lead(first, database) == 1
    await database.pool.execute("UPDATE lease SET expires_at = clock_timestamp()")
    assert await lead(second, database) == 2


async def test_a_lease_lasts_so_long_by_the_databases_clock_and_ends_by_itself(database: Database) -> None:
    async def read(moment: str) -> datetime:
        found: datetime = await database.pool.fetchval(f"SELECT {moment}")
        return found

    ends = "expires_at FROM lease"
    before = await read("clock_timestamp()")
    assert await lead(sequencer(database), database) == 1
    after = await read("clock_timestamp()")
    assert before <= await read(ends) - timedelta(seconds=LEASE_S) <= after

    await database.pool.execute("DELETE FROM lease")
    assert await lead(sequencer(database, lease_s=0.2), database) == 1
    ended = await read(ends)
    second = sequencer(database)
    async with asyncio.timeout(10):
        while (epoch := await lead(second, database)) is None:
            pass
    assert epoch == 2
    assert await read("clock_timestamp()") >= ended


async def test_a_lease_that_is_given_back_is_free_at_once_and_under_a_new_epoch(database: Database) -> None:
    first, second = sequencer(database), sequencer(database)
    assert await lead(first, database) == 1
    await first.release()
    assert await lead(second, database) == 2
    assert await lead(first, database) is None
    # Not its own any more, so that there is nothing to give back.
    await first.release()
    assert await lead(sequencer(database), database) is None
    await second.release()
    assert await lead(second, database) == 3


async def test_who_was_succeeded_gives_nothing_of_his_successors_back(database: Database) -> None:
    first, second = sequencer(database), sequencer(database)
    assert await lead(first, database) == 1
    await database.pool.execute("UPDATE lease SET expires_at = clock_timestamp()")
    assert await lead(second, database) == 2
    await first.release()
    assert await lead(sequencer(database), database) is None
    assert await lead(second, database) == 2


async def test_an_orderly_stop_gives_the_lease_back(database: Database) -> None:
    first = sequencer(database)
    await stored(database, 1)
    task = asyncio.create_task(first.run())
    await first.published.wait(0, 10)
    await stopped(task)
    await stored(database, 1, seed=2)
    assert await sequencer(database).step() == 1


async def test_a_stop_without_the_database_leaves_the_lease_to_end_by_itself(url: str) -> None:
    async with Database(url) as away:
        first = sequencer(away)
        assert await lead(first, away) == 1
    # Its database is closed now.
    task = asyncio.create_task(first.run())
    await asyncio.sleep(0)
    await stopped(task)
    async with Database(url) as database:
        assert await lead(sequencer(database), database) is None


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_an_epoch_has_one_sequencer(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Sequencers come, lead, publish, pause, stop and crash; leases end whenever they like."""
    chance = random.Random(seed)  # noqa: S311
    crowd = [sequencer(database) for _ in range(3)]
    published_by: dict[int, Sequencer] = {}
    publish = Sequencer.publish

    async def noted(self: Sequencer, connection: Connection, epoch: int, batch: Batch) -> None:
        await publish(self, connection, epoch, batch)
        assert published_by.setdefault(epoch, self) is self

    monkeypatch.setattr(Sequencer, "publish", noted)
    writes: list[Take] = []
    for turn in range(60):
        number = chance.randrange(len(crowd))
        match chance.choice(["store", "step", "step", "step", "release", "crash", "expire"]):
            case "store":
                writes += await stored(database, chance.randint(1, 5), seed=seed * 1000 + turn)
            case "step":
                with suppress(LostLead):
                    await crowd[number].step()
            case "release":
                await crowd[number].release()
            case "crash":  # it takes what it knew of its lease along
                crowd[number] = sequencer(database)
            case _:
                await database.pool.execute("UPDATE lease SET expires_at = clock_timestamp()")
    await database.pool.execute("UPDATE lease SET expires_at = clock_timestamp()")
    await exhaust(sequencer(database))
    await check_order(database, writes)
    assert len(published_by) > 1


async def test_a_leader_that_wakes_up_late_changes_nothing(database: Database) -> None:
    paused = sequencer(database)
    successor = sequencer(database)
    writes = await stored(database, 5)
    epoch = await lead(paused, database)
    assert epoch == 1
    async with database.connection() as connection:
        pending = await read_pending(connection)
    # It sleeps here; its lease ends, another leads and publishes.
    await database.pool.execute("UPDATE lease SET expires_at = clock_timestamp()")
    assert await successor.step() == 5
    more = await stored(database, 3, seed=2)
    async with database.connection() as connection:
        with pytest.raises(LostLead):
            await paused.publish(connection, epoch, paused.prepare(epoch, Frontier(), pending))
        newer = await read_pending(connection)
        edge = await nodes.edge(connection, 5)
        with pytest.raises(LostLead):  # the epoch fences it off, even with entries that nobody has indexed
            await paused.publish(connection, epoch, paused.prepare(epoch, edge, newer))
    assert await exhaust(successor) == 3
    await check_order(database, [*writes, *more])


async def test_two_that_both_believe_to_lead_never_publish_twice(database: Database, url: str) -> None:
    """What keeps the order is the compare-and-set alone. So let both lead under one epoch."""
    writes = await stored(database, 150)
    assert await lead(sequencer(database), database) == 1
    async with Database(url) as other:
        rivals = [sequencer(database), sequencer(other)]

        async def fight(rival: Sequencer, db: Database) -> None:
            while True:
                async with db.connection() as connection:
                    pending = await read_pending(connection, entries_max=7)
                    size = await connection.fetchval("SELECT size FROM log_head")
                    edge = await nodes.edge(connection, size)
                    if not pending:
                        return
                    with suppress(LostLead):
                        await rival.publish(connection, 1, rival.prepare(1, edge, pending))

        await asyncio.gather(fight(rivals[0], database), fight(rivals[1], other))
    await check_order(database, writes)


class Killed(BaseException):
    """Stands for the end of the process: nothing that catches Exception sees it."""


async def test_a_crash_in_the_middle_leaves_no_hole(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = await stored(database, 20)

    def die(name: str) -> None:
        raise Killed(name)

    with monkeypatch.context() as patched:
        patched.setattr("services.chassis.sequencer.crash_point", die)
        with pytest.raises(Killed):
            await sequencer(database).step()
    assert await database.pool.fetchval("SELECT count(idx) FROM entry") == 0
    assert await database.pool.fetchval("SELECT size FROM log_head") == 0
    await database.pool.execute("UPDATE lease SET expires_at = clock_timestamp()")
    assert await exhaust(sequencer(database)) == 20
    await check_order(database, writes)


async def test_it_runs_by_itself_and_survives_an_absent_database(database: Database) -> None:
    one = sequencer(database)
    await stored(database, 3)
    task = asyncio.create_task(one.run())
    rings = one.published.rings
    await one.published.wait(rings, 10)
    await database.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    rings = one.published.rings
    await stored(database, 3, seed=2)
    one.wake()
    await one.published.wait(rings, 10)
    await stopped(task)
    assert await database.pool.fetchval("SELECT size FROM log_head") == 6


async def test_rounds_under_load_keep_a_distance(database: Database) -> None:
    rounds: list[float] = []
    third = asyncio.Event()

    counted = sequencer(database)

    async def step() -> int:
        rounds.append(time.monotonic())
        if len(rounds) == 3:
            third.set()
        counted.wake()
        return 0

    counted.step = step  # type: ignore[method-assign]  # a spy
    task = asyncio.create_task(counted.run())
    await third.wait()
    await stopped(task)
    assert rounds[2] - rounds[0] >= 2 * ROUND_S * 0.9, "less than a timer's own inaccuracy"
