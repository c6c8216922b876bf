"""Group commit: every write its own outcome, whatever its neighbours bring; once, whoever repeats it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from services.chassis.committer import GATHERED_MAX, QUIET_TURNS, Committer
from services.chassis.database import Connection, Database
from services.chassis.errors import Error
from services.chassis.store import Outcome
from tests.service.chassis.till import Take, flush, take


async def held(database: Database, account: str = "a") -> int:
    mass: int = await database.pool.fetchval("SELECT mass_mg FROM till WHERE account = $1", account)
    return mass


@pytest.fixture
async def committer(database: Database) -> AsyncIterator[Committer[Take]]:
    async with Committer(database, flush) as committer:
        yield committer


async def test_many_callers_share_transactions_and_each_gets_its_reply(
    database: Database, committer: Committer[Take]
) -> None:
    writes = [take() for _ in range(300)]
    replies = await asyncio.gather(*(committer.submit(write) for write in writes))
    assert replies == [write.reply for write in writes]
    assert await held(database) == 700
    # One of 256, the most of a batch, and one of the rest.
    assert await database.pool.fetchval("SELECT count(DISTINCT at) FROM request") == 2


async def test_a_batch_begins_when_nobody_else_is_about_to_submit(
    database: Database, committer: Committer[Take]
) -> None:
    async def after(turns: int) -> bytes:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await committer.submit(take())

    await asyncio.gather(*(after(QUIET_TURNS * number) for number in range(10)))
    assert await database.pool.fetchval("SELECT count(DISTINCT at) FROM request") == 1


async def test_enough_writes_wait_for_no_further_one(database: Database, committer: Committer[Take]) -> None:
    async def after(turns: int) -> bytes:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await committer.submit(take())

    await asyncio.gather(*(after(number) for number in range(2 * GATHERED_MAX)))
    first = "SELECT count(*) FROM request GROUP BY at ORDER BY at LIMIT 1"
    assert await database.pool.fetchval(first) == GATHERED_MAX


async def test_who_asks_for_too_much_is_refused_and_the_others_are_not(
    database: Database, committer: Committer[Take]
) -> None:
    outcomes = await asyncio.gather(*(committer.submit(take(4, account="b")) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(outcome, bytes) for outcome in outcomes) == 2
    assert {str(outcome) for outcome in outcomes if isinstance(outcome, Error)} == {
        "QUOTA_EXCEEDED: not so much is left"
    }
    assert await held(database, "b") == 2


async def test_the_same_request_at_once_and_again_is_done_once(database: Database, committer: Committer[Take]) -> None:
    first = take(5)
    same = [take(5, request_id=first.request.request_id) for _ in range(9)]
    replies = await asyncio.gather(*(committer.submit(write) for write in [first, *same]))
    assert set(replies) == {first.reply}
    assert await committer.submit(take(5, request_id=first.request.request_id)) == first.reply
    with pytest.raises(Error, match="REQUEST_ID_REUSED"):
        await committer.submit(take(6, request_id=first.request.request_id))
    assert await held(database) == 995


async def test_a_refusal_burns_no_request_id(database: Database, committer: Committer[Take]) -> None:
    refused = take(20, account="b")
    with pytest.raises(Error, match="QUOTA_EXCEEDED"):
        await committer.submit(refused)
    await database.pool.execute("UPDATE till SET mass_mg = 30 WHERE account = 'b'")
    assert await committer.submit(refused) == refused.reply


@pytest.mark.parametrize(
    ("poison", "error"),
    [
        ("python", ZeroDivisionError),
        ("sql", asyncpg.CheckViolationError),
        ("unique", asyncpg.UniqueViolationError),
    ],
)
async def test_a_poisoned_write_fails_alone(
    database: Database, committer: Committer[Take], poison: str, error: type[Exception]
) -> None:
    writes = [take(), take(), take(poison=poison), take()]
    outcomes = await asyncio.gather(*(committer.submit(write) for write in writes), return_exceptions=True)
    assert isinstance(outcomes[2], error)
    assert [outcomes[number] for number in (0, 1, 3)] == [writes[number].reply for number in (0, 1, 3)]
    assert await held(database) == 997
    assert await committer.submit(take())


async def test_two_processes_on_one_database_do_each_request_once(database: Database, url: str) -> None:
    writes = [take() for _ in range(60)]
    async with (
        Database(url) as other,
        Committer(database, flush, writes_max=7) as left,
        Committer(other, flush, writes_max=11) as right,
    ):
        twins = [
            committer.submit(take(request_id=write.request.request_id))
            for write in writes
            for committer in (left, right)
        ]
        replies = await asyncio.gather(*twins)
    assert [replies[2 * number] == replies[2 * number + 1] for number in range(60)] == [True] * 60
    assert await held(database) == 940
    assert await database.pool.fetchval("SELECT count(*) FROM audit") == 60


async def test_a_full_queue_is_overloaded_and_takes_nothing(database: Database) -> None:
    begun, opened = asyncio.Event(), asyncio.Event()

    async def wait_then_flush(connection: Connection, writes: Sequence[Take]) -> Sequence[Outcome]:
        begun.set()
        await opened.wait()
        return await flush(connection, writes)

    async with Committer(database, wait_then_flush, queued_max=2) as committer:
        first = asyncio.create_task(committer.submit(take()))
        await begun.wait()
        waiting = [asyncio.create_task(committer.submit(take())) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Error, match="OVERLOADED"):
            await committer.submit(take())
        opened.set()
        await asyncio.gather(first, *waiting)
    assert await held(database) == 997


async def test_who_stops_waiting_before_its_turn_is_dropped(database: Database) -> None:
    begun, opened = asyncio.Event(), asyncio.Event()
    seen: list[int] = []

    async def wait_then_flush(connection: Connection, writes: Sequence[Take]) -> Sequence[Outcome]:
        seen.append(len(writes))
        begun.set()
        await opened.wait()
        return await flush(connection, writes)

    async with Committer(database, wait_then_flush) as committer:
        first = asyncio.create_task(committer.submit(take()))
        await begun.wait()
        gone = asyncio.create_task(committer.submit(take()))
        stays = asyncio.create_task(committer.submit(take()))
        await asyncio.sleep(0)
        gone.cancel()
        first.cancel()  # too late for this one: its batch is under way
        await asyncio.sleep(0)
        opened.set()
        await stays
    assert seen == [1, 1]
    assert await held(database) == 998


async def test_an_absent_database_is_told_and_the_same_request_works_later(database: Database) -> None:
    cut = True

    async def flaky(connection: Connection, writes: Sequence[Take]) -> Sequence[Outcome]:
        if cut:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return await flush(connection, writes)

    async with Committer(database, flaky) as committer:
        writes = [take() for _ in range(3)]
        outcomes = await asyncio.gather(*(committer.submit(write) for write in writes), return_exceptions=True)
        assert [outcome.reason for outcome in outcomes if isinstance(outcome, Error)] == ["UNAVAILABLE"] * 3
        cut = False
        assert await asyncio.gather(*(committer.submit(write) for write in writes)) == [w.reply for w in writes]
    assert await held(database) == 997


async def test_a_flush_that_loses_count_commits_nothing(database: Database) -> None:
    async def forgetful(connection: Connection, writes: Sequence[Take]) -> Sequence[Outcome]:
        await flush(connection, writes)
        return []

    async with Committer(database, forgetful) as committer:
        with pytest.raises(RuntimeError, match="answered 0 of 1"):
            await committer.submit(take())
    assert await held(database) == 1000


async def test_closing_commits_what_waits_and_takes_no_more(database: Database) -> None:
    committer = Committer(database, flush)
    committer.start()
    waiting = [asyncio.create_task(committer.submit(take())) for _ in range(10)]
    await asyncio.sleep(0)
    await committer.close()
    assert len(await asyncio.gather(*waiting)) == 10
    with pytest.raises(Error, match="UNAVAILABLE"):
        await committer.submit(take())
    assert await held(database) == 990
