"""Published entries in pages, and a follower that applies each of them exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import asyncpg
import pytest
from monazite.type.v1.statement_pb2 import Entry, ListEntriesRequest, ListEntriesResponse
from monazite_provenance.errors import BadSignature

from services.chassis import errors, store
from services.chassis import log as log_module
from services.chassis.database import Connection, Database
from services.chassis.errors import Error, Kind
from services.chassis.follower import FollowedEntry, Follower, LogProblem
from services.chassis.log import Log
from services.chassis.sequencer import Sequencer
from services.chassis.wakeup import Wakeup
from tests.conftest import Migrate
from tests.service.chassis.till import LOG, Take, migrate_till, statement, take


async def publish(database: Database, kinds: Sequence[int], *, size: int = 40, sequence: bool = True) -> list[bytes]:
    ids: list[bytes] = []
    for kind in kinds:
        one = statement(kind=kind, size=size)
        ids.append(one.statement_id)
        base = take()
        async with database.transaction() as connection:
            await store.append(connection, [Take(request=base.request, audit=base.audit, statements=(one,))])
    if sequence:
        sequencer = Sequencer(database, LOG)
        await sequencer.step()
        await sequencer.release()
    return ids


async def test_pages_go_on_where_the_last_ended_and_show_published_entries_only(database: Database) -> None:
    ids = await publish(database, [1, 2, 1, 2, 1])
    await publish(database, [1], sequence=False)
    log = Log(database, LOG)
    first = await log.list_entries(ListEntriesRequest(page_size=2))
    assert [entry.index for entry in first.entries] == [0, 1]
    assert (first.log, first.next_index, first.size) == (LOG, 2, 5)
    rest = await log.list_entries(ListEntriesRequest(from_index=first.next_index))
    assert [entry.statement_id for entry in [*first.entries, *rest.entries]] == ids
    assert rest.next_index == 5
    end = await log.list_entries(ListEntriesRequest(from_index=5))
    assert (len(end.entries), end.next_index) == (0, 5)
    beyond = await log.list_entries(ListEntriesRequest(from_index=9))
    assert (len(beyond.entries), beyond.next_index, beyond.size) == (0, 9, 5)


async def test_kinds_left_out_are_passed_over(database: Database) -> None:
    await publish(database, [1, 2, 2, 1, 2, 2])
    log = Log(database, LOG)
    page = await log.list_entries(ListEntriesRequest(event_kinds=[1]))
    assert [(entry.index, entry.event_kind) for entry in page.entries] == [(0, 1), (3, 1)]
    assert page.next_index == 6
    one = await log.list_entries(ListEntriesRequest(event_kinds=[1], page_size=1))
    assert one.next_index == 1


async def test_windows_and_bytes_bound_a_page(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish(database, [2, 2, 2, 2, 2, 1], size=1000)
    log = Log(database, LOG)
    monkeypatch.setattr(log_module, "PAGE_BYTES_MAX", 2000)
    assert [entry.index for entry in (await log.list_entries(ListEntriesRequest())).entries] == [0, 1]
    monkeypatch.setattr(log_module, "WINDOW_ENTRIES", 2)
    narrow = await log.list_entries(ListEntriesRequest(event_kinds=[1]))
    assert (len(narrow.entries), narrow.next_index) == (0, 2)
    seeking = await log.list_entries(ListEntriesRequest(event_kinds=[1], wait_ms=1000))
    assert [entry.index for entry in seeking.entries] == [5]


async def test_it_waits_for_a_first_entry_and_is_woken(database: Database) -> None:
    published = Wakeup()
    log = Log(database, LOG, published)
    waiting = asyncio.create_task(log.list_entries(ListEntriesRequest(wait_ms=20_000)))
    await asyncio.sleep(0)
    ids = await publish(database, [1])
    published.ring()
    async with asyncio.timeout(10):
        assert [entry.statement_id for entry in (await waiting).entries] == ids


@pytest.mark.parametrize(
    "request_",
    [
        ListEntriesRequest(from_index=-1),
        ListEntriesRequest(page_size=-1),
        ListEntriesRequest(wait_ms=-1),
        ListEntriesRequest(wait_ms=20_001),
        ListEntriesRequest(event_kinds=[70_000]),
        ListEntriesRequest(event_kinds=[1] * 65),
    ],
)
async def test_bad_requests(database: Database, request_: ListEntriesRequest) -> None:
    with pytest.raises(Error, match="INVALID_FIELDS"):
        await Log(database, LOG).list_entries(request_)


# --- following ---------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
async def peer(database_from: Callable[[Migrate], str]) -> AsyncIterator[Database]:
    """Another service's database."""
    async with Database(database_from(migrate_till)) as peer:
        yield peer


async def prepare(entries: Sequence[FollowedEntry]) -> list[int]:
    return [entry.index for entry in entries]


async def apply(connection: Connection, entries: Sequence[FollowedEntry], prepared: list[int]) -> None:
    """Not idempotent on purpose: an entry applied twice shows."""
    assert prepared == [entry.index for entry in entries]
    await connection.execute("UPDATE till SET mass_mg = mass_mg - $1 WHERE account = 'a'", len(entries))


def following(database: Database, peer: Database, *, page_size: int = 100) -> Follower[list[int]]:
    return Follower(
        database, LOG, Log(peer, LOG).list_entries, kinds=[1, 3], prepare=prepare, apply=apply, page_size=page_size
    )


async def applied(database: Database) -> int:
    left: int = await database.pool.fetchval("SELECT mass_mg FROM till WHERE account = 'a'")
    return 1000 - left


async def test_each_entry_once_over_pages_and_restarts(database: Database, peer: Database) -> None:
    await publish(peer, [1, 2, 1, 2, 3, 2, 2])
    for _ in range(5):  # a new process each time
        await following(database, peer, page_size=1).step()
    assert await applied(database) == 3
    assert await following(database, peer).position() == 7
    await publish(peer, [2])
    assert await following(database, peer).step() == 8
    assert await applied(database) == 3


@pytest.mark.parametrize("point", ["follower.prepared", "follower.applied"])
async def test_killed_in_between_nothing_is_lost_or_done_twice(
    database: Database, peer: Database, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    await publish(peer, [1, 1, 1])

    def die(name: str) -> None:
        if name == point:
            raise Killed(name)

    with monkeypatch.context() as patched:
        patched.setattr("services.chassis.follower.crash_point", die)
        with pytest.raises(Killed):
            await following(database, peer).step()
    assert await applied(database) == 0
    assert await following(database, peer).position() == 0
    await following(database, peer).step()
    assert await applied(database) == 3


async def test_several_processes_follow_and_each_page_is_applied_by_one(
    database: Database, peer: Database, url: str
) -> None:
    await publish(peer, [1] * 40)
    async with Database(url) as twin:
        followers = [following(home, peer, page_size=3) for home in (database, twin) for _ in range(2)]

        async def follow(follower: Follower[list[int]]) -> None:
            while await follower.step() < 40:
                pass

        await asyncio.gather(*(follow(follower) for follower in followers))
    assert await applied(database) == 40


def published(entries: Sequence[tuple[int, bytes, int]], *, size: int, next_index: int) -> ListEntriesResponse:
    """A page as a peer could send it: (index, statement id, kind)."""
    return ListEntriesResponse(
        log=LOG,
        size=size,
        next_index=next_index,
        entries=[Entry(index=index, statement_id=name, event_kind=kind) for index, name, kind in entries],
    )


async def halted(follower: Follower[list[int]], database: Database) -> LogProblem:
    """Why it halts when it runs; nothing of what it read may stay."""
    before = await applied(database), await database.pool.fetch("SELECT * FROM follower_cursor")
    async with asyncio.timeout(10):
        with pytest.raises(LogProblem) as raised:
            await follower.run()
    assert (await applied(database), await database.pool.fetch("SELECT * FROM follower_cursor")) == before
    return raised.value


A, B, C = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (ListEntriesResponse(log="urn:monazite:log:another:0"), "another log"),
        (published([], size=1, next_index=2), "shrank"),
        (published([(3, A, 1), (2, B, 1)], size=9, next_index=9), "out of order"),
        (published([(1, A, 1)], size=9, next_index=9), "out of order"),
        (published([(2, A, 1), (2, B, 1)], size=9, next_index=9), "out of order"),
        (published([(2, A, 2)], size=9, next_index=9), "not asked for"),
        (published([(2, A, 1)], size=2, next_index=3), "ends at"),
    ],
    ids=["other log", "shrank", "unordered", "before us", "twice", "other kind", "past the end"],
)
async def test_a_log_that_contradicts_itself_halts_its_follower(
    database: Database, peer: Database, page: ListEntriesResponse, why: str
) -> None:
    await publish(peer, [1, 1])
    await following(database, peer).step()
    truth = Log(peer, LOG)

    async def fetch(request: ListEntriesRequest) -> ListEntriesResponse:
        return await truth.list_entries(request) if request.from_index < 2 else page

    problem = await halted(Follower(database, LOG, fetch, kinds=[1], prepare=prepare, apply=apply), database)
    assert why in str(problem)


async def test_a_log_that_was_set_back_and_grew_again_halts_its_follower(database: Database, peer: Database) -> None:
    await publish(peer, [1, 1, 2])
    await following(database, peer).step()

    async def fetch(request: ListEntriesRequest) -> ListEntriesResponse:
        entries = [(0, A, 1), (1, B, 1), (2, C, 2), (3, bytes([4]) * 32, 1)]
        return published([one for one in entries if one[0] >= request.from_index], size=4, next_index=4)

    problem = await halted(Follower(database, LOG, fetch, kinds=[1], prepare=prepare, apply=apply), database)
    assert "entry 1 is not the one that was applied" in str(problem)


async def test_what_it_applied_last_is_looked_at_again_when_the_peer_comes_back(
    database: Database, peer: Database
) -> None:
    await publish(peer, [1, 1])
    truth = Log(peer, LOG)
    set_back = False

    async def fetch(request: ListEntriesRequest) -> ListEntriesResponse:
        nonlocal set_back
        if set_back:
            return published([(1, A, 1)], size=2, next_index=2)
        if request.from_index == 2:
            set_back = True
            raise ConnectionError("away, to be set back")
        return await truth.list_entries(request)

    follower = Follower(database, LOG, fetch, kinds=[1], prepare=prepare, apply=apply)
    async with asyncio.timeout(10):
        with pytest.raises(LogProblem, match="entry 1 is not the one"):
            await follower.run()
    assert await applied(database) == 2


@pytest.mark.parametrize(
    "refusal", [BadSignature("signature does not verify"), Error(Kind.PRECONDITION, "STEP_NOT_ALLOWED", "no right")]
)
async def test_an_entry_that_does_not_verify_halts_its_follower(
    database: Database, peer: Database, refusal: Exception
) -> None:
    await publish(peer, [1, 1])

    async def doubt(entries: Sequence[FollowedEntry]) -> list[int]:
        raise refusal

    follower = Follower(database, LOG, Log(peer, LOG).list_entries, kinds=[1], prepare=doubt, apply=apply)
    assert "an entry from 0 to 1 does not verify" in str(await halted(follower, database))


@pytest.mark.parametrize(
    "failure",
    [
        errors.unavailable(),
        errors.peer_unavailable("registry"),
        errors.deadline(),
        errors.conflict("moved"),
        ConnectionError("away"),
        asyncpg.SerializationError("could not serialize access"),
    ],
    ids=lambda failure: getattr(failure, "reason", type(failure).__name__),
)
@pytest.mark.parametrize("where", ["fetch", "prepare", "apply"])
async def test_what_passes_by_itself_is_tried_again(
    database: Database, peer: Database, failure: Exception, where: str
) -> None:
    await publish(peer, [1, 1])
    log = Log(peer, LOG)
    failed: list[str] = []

    def fail(here: str) -> None:
        if here == where and not failed:
            failed.append(here)
            raise failure

    async def fetch(request: ListEntriesRequest) -> ListEntriesResponse:
        fail("fetch")
        return await log.list_entries(request)

    async def prepare_or_fail(entries: Sequence[FollowedEntry]) -> list[int]:
        fail("prepare")
        return await prepare(entries)

    async def apply_or_fail(connection: Connection, entries: Sequence[FollowedEntry], prepared: list[int]) -> None:
        await apply(connection, entries, prepared)
        fail("apply")

    follower = Follower(database, LOG, fetch, kinds=[1], prepare=prepare_or_fail, apply=apply_or_fail)
    task = asyncio.create_task(follower.run())
    await follower.applied.wait(0, 10)
    task.cancel()
    await asyncio.wait({task})
    assert await applied(database) == 2


async def test_it_runs_by_itself_and_tries_again(database: Database, peer: Database) -> None:
    await publish(peer, [1, 1])
    failures = 2
    log = Log(peer, LOG)

    async def flaky(request: ListEntriesRequest) -> ListEntriesResponse:
        nonlocal failures
        if failures:
            failures -= 1
            raise ConnectionError("away")
        return await log.list_entries(request)

    follower = Follower(database, LOG, flaky, kinds=[1], prepare=prepare, apply=apply)
    task = asyncio.create_task(follower.run())
    await follower.applied.wait(0, 10)
    task.cancel()
    await asyncio.wait({task})
    assert await applied(database) == 2
