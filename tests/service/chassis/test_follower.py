"""A follower applies each entry exactly once, and halts at a log that is not what its head signs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import TypeAlias, cast

import asyncpg
import pytest
from monazite.transparency.v1.transparency_pb2 import Entry, StreamEntriesRequest, StreamEntriesResponse
from monazite_provenance._cose import RECEIPTS, decode_sign1
from monazite_provenance.errors import BadSignature
from monazite_provenance.item import Item
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.statement import log_leaf
from monazite_provenance.tree import Frontier

from services.chassis import errors
from services.chassis.database import Connection, Database
from services.chassis.errors import Error, Kind
from services.chassis.follower import FollowedEntry, Follower
from services.chassis.log.growth import grow
from services.chassis.log.peers import LogProblem
from services.chassis.log.reading import Log
from tests.conftest import Migrate
from tests.fakes.log_keys import head_signer
from tests.service.chassis.logs import ISSUER, KEYS, SIGNER, publish
from tests.service.chassis.till import LOG, migrate_till, statement

Fetch: TypeAlias = Callable[[StreamEntriesRequest], AsyncGenerator[StreamEntriesResponse]]


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


def following(database: Database, fetch: Fetch, *, page_size: int = 100) -> Follower[list[int]]:
    return Follower(database, LOG, fetch, KEYS, kinds=[1, 3], prepare=prepare, apply=apply, page_size=page_size)


def of(peer: Database) -> Fetch:
    return Log(peer, LOG, heartbeat_s=0.05).stream


async def applied(database: Database) -> int:
    left: int = await database.pool.fetchval("SELECT mass_mg FROM till WHERE account = 'a'")
    return 1000 - left


async def test_each_entry_once_over_pages_and_restarts(database: Database, peer: Database) -> None:
    await publish(peer, [1, 2, 1, 2, 3, 2, 2])
    for _ in range(2):  # a new process each time
        assert await following(database, of(peer), page_size=2).step() == 7
    assert await applied(database) == 3
    await publish(peer, [2])
    assert await following(database, of(peer)).step() == 8
    assert await applied(database) == 3


async def test_the_head_is_taken_in_with_what_was_read_under_it(database: Database, peer: Database) -> None:
    await publish(peer, [1, 2])
    await following(database, of(peer)).step()
    (row,) = await database.pool.fetch("SELECT * FROM peer_checkpoint")
    head = HeadVerifier(KEYS).verify_checkpoint(row["checkpoint"])
    assert (row["log"], row["size"], row["root"]) == (LOG, 2, head.root)
    shown = await Log(database, "urn:monazite:log:another:0").peers()
    assert [one.checkpoint.checkpoint for one in shown.checkpoints] == [row["checkpoint"]]


async def test_receipts_come_along_where_they_are_asked_for(database: Database, peer: Database) -> None:
    await publish(peer, [1, 2, 1])
    seen: list[FollowedEntry] = []

    async def keep(entries: Sequence[FollowedEntry]) -> list[int]:
        seen.extend(entries)
        return await prepare(entries)

    await Follower(database, LOG, of(peer), KEYS, kinds=[1], prepare=keep, apply=apply, with_receipts=True).step()
    leaves = {row["idx"]: row["leaf"] for row in await peer.pool.fetch("SELECT idx, leaf FROM entry")}
    verifier = HeadVerifier(KEYS)
    assert [verifier.verify_receipt(receipt_of(one.item), leaves[one.index]).index for one in seen] == [0, 2]


def receipt_of(item: bytes) -> bytes:
    unprotected = decode_sign1(Item.decode(item).statement).unprotected
    (receipt,) = cast("list[bytes]", unprotected[RECEIPTS])
    return receipt


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
            await following(database, of(peer)).step()
    assert await applied(database) == 0
    assert await following(database, of(peer)).position() == 0
    await following(database, of(peer)).step()
    assert await applied(database) == 3


async def test_several_processes_follow_and_each_page_is_applied_by_one(
    database: Database, peer: Database, url: str
) -> None:
    await publish(peer, [1] * 40)
    async with Database(url) as twin:
        followers = [following(home, of(peer), page_size=3) for home in (database, twin) for _ in range(2)]

        async def follow(follower: Follower[list[int]]) -> None:
            while await follower.step() < 40:
                pass

        await asyncio.gather(*(follow(follower) for follower in followers))
    assert await applied(database) == 40


class Liar:
    """Keeps a log of its own under the real key, and shows whatever pages it is told to."""

    def __init__(self, entries: Sequence[tuple[bytes, int]]) -> None:
        """`entries`: encoded item and kind."""
        self.entries = list(entries)

    def page(self, start: int, end: int, *, size: int | None = None) -> StreamEntriesResponse:
        size = len(self.entries) if size is None else size
        head = SIGNER.sign(size, self.root(size), 1)
        shown = [
            Entry(index=index, statement_id=bytes(32), event_kind=self.entries[index][1]) for index in range(start, end)
        ]
        for entry in shown:
            entry.item.item = self.entries[entry.index][0]
        page = StreamEntriesResponse(entries=shown, next_index=end)
        page.checkpoint.checkpoint = head.checkpoint
        return page

    def root(self, size: int) -> bytes:
        leaves = [log_leaf(Item.decode(item).statement) for item, _ in self.entries[:size]]
        return grow(Frontier(), leaves).root if leaves else Frontier().root


def saying(page: StreamEntriesResponse) -> Fetch:
    async def fetch(request: StreamEntriesRequest) -> AsyncGenerator[StreamEntriesResponse]:
        yield page

    return fetch


async def halted(follower: Follower[list[int]], database: Database) -> LogProblem:
    """Why it halts when it runs; nothing of what it read may stay."""
    state = "SELECT next_index, edge, checkpoint FROM follower_cursor LEFT JOIN peer_checkpoint USING (log)"
    before = await applied(database), await database.pool.fetch(state)
    async with asyncio.timeout(10):
        with pytest.raises(LogProblem) as raised:
            await follower.run()
    assert (await applied(database), await database.pool.fetch(state)) == before
    return raised.value


def entries(count: int) -> list[tuple[bytes, int]]:
    return [(statement().item, 1) for _ in range(count)]


async def followed(database: Database) -> Liar:
    """A log of two entries, followed to its end."""
    liar = Liar(entries(2))
    await following(database, saying(liar.page(0, 2))).step()
    assert await applied(database) == 2
    return liar


async def test_a_log_that_shrank_halts_its_follower(database: Database) -> None:
    liar = await followed(database)
    problem = await halted(following(database, saying(liar.page(2, 2, size=1))), database)
    assert "shrank" in str(problem)


async def test_a_log_that_was_set_back_and_grew_again_halts_its_follower(database: Database) -> None:
    liar = await followed(database)
    liar.entries[1:] = entries(2)
    problem = await halted(following(database, saying(liar.page(2, 3))), database)
    assert "not of the log that was signed" in str(problem)
    assert problem.evidence


async def test_two_heads_of_one_size_halt_the_follower(database: Database) -> None:
    liar = await followed(database)
    liar.entries[1:] = entries(1)
    problem = await halted(following(database, saying(liar.page(2, 2))), database)
    assert "forked" in str(problem)
    assert len(problem.evidence) == 2, "both heads convict it"


async def test_entries_that_the_head_does_not_cover_halt_the_follower(database: Database) -> None:
    liar = await followed(database)
    liar.entries += entries(1)
    page = liar.page(2, 3)
    page.entries[0].item.item = statement().item
    assert "not of the log" in str(await halted(following(database, saying(page)), database))


def spoil(page: StreamEntriesResponse, what: str) -> None:
    match what:
        case "index":
            page.entries[0].index = 3
        case "kind":
            page.entries[0].event_kind = 2
        case "leaf":
            page.entries[0].ClearField("item")
        case "end":
            page.next_index = 4
        case "path":
            page.consistency.append(bytes(32))
        case _:
            page.checkpoint.ClearField("checkpoint")


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("index", "stands where"),
        ("kind", "not asked for"),
        ("leaf", "neither leaf nor statement"),
        ("end", "ends at"),
        ("path", "not of the log"),
        ("head", "not of the log"),
    ],
)
async def test_a_page_that_contradicts_itself_halts_the_follower(database: Database, what: str, why: str) -> None:
    liar = await followed(database)
    liar.entries += entries(1)
    page = liar.page(2, 3)
    spoil(page, what)
    assert why in str(await halted(following(database, saying(page)), database))


async def test_the_head_of_another_log_or_by_another_key_halts_the_follower(database: Database) -> None:
    page = Liar([]).page(0, 0)
    page.checkpoint.checkpoint = head_signer(LOG, ISSUER)[0].sign(0, Frontier().root, 1).checkpoint
    assert "not of the log" in str(await halted(following(database, saying(page)), database))
    other = Follower(
        database, "urn:monazite:log:other:0", saying(Liar([]).page(0, 0)), KEYS, kinds=[1], prepare=prepare, apply=apply
    )
    assert "another log" in str(await halted(other, database))


@pytest.mark.parametrize(
    "refusal", [BadSignature("signature does not verify"), Error(Kind.PRECONDITION, "STEP_NOT_ALLOWED", "no right")]
)
async def test_an_entry_that_does_not_verify_halts_its_follower(
    database: Database, peer: Database, refusal: Exception
) -> None:
    await publish(peer, [1, 1])

    async def doubt(entries: Sequence[FollowedEntry]) -> list[int]:
        raise refusal

    follower = Follower(database, LOG, of(peer), KEYS, kinds=[1], prepare=doubt, apply=apply)
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
    failed: list[str] = []

    def fail(here: str) -> None:
        if here == where and not failed:
            failed.append(here)
            raise failure

    async def fetch(request: StreamEntriesRequest) -> AsyncGenerator[StreamEntriesResponse]:
        fail("fetch")
        async for page in of(peer)(request):
            yield page

    async def prepare_or_fail(entries: Sequence[FollowedEntry]) -> list[int]:
        fail("prepare")
        return await prepare(entries)

    async def apply_or_fail(connection: Connection, entries: Sequence[FollowedEntry], prepared: list[int]) -> None:
        await apply(connection, entries, prepared)
        fail("apply")

    follower = Follower(database, LOG, fetch, KEYS, kinds=[1], prepare=prepare_or_fail, apply=apply_or_fail)
    task = asyncio.create_task(follower.run())
    await follower.applied.wait(0, 10)
    task.cancel()
    await asyncio.wait({task})
    assert await applied(database) == 2


async def test_it_goes_on_with_what_is_published_later(database: Database, peer: Database) -> None:
    follower = following(database, of(peer))
    await publish(peer, [])
    task = asyncio.create_task(follower.run())
    for count in range(1, 4):
        rings = follower.applied.rings
        await publish(peer, [1])
        await follower.applied.wait(rings, 10)
        assert await applied(database) == count
    task.cancel()
    await asyncio.wait({task})
