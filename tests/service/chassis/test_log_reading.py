"""The published log: pages that can be checked, proofs, receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from monazite.transparency.v1 import transparency_pb2 as pb
from monazite_provenance import tree
from monazite_provenance.receipts import HeadVerifier, parse_checkpoint

from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.log import reading, receipts
from services.chassis.log.reading import Log
from services.chassis.log.receipts import Receipts
from services.chassis.wakeup import Wakeup
from tests.service.chassis.logs import KEYS, publish, sequencer, store_entries
from tests.service.chassis.till import LOG


async def read(
    log: Log, from_index: int = 0, *, page_size: int = 0, event_kinds: Sequence[int] = ()
) -> list[pb.StreamEntriesResponse]:
    request = pb.StreamEntriesRequest(from_index=from_index, page_size=page_size, event_kinds=event_kinds)
    return [page async for page in log.stream(request)]


async def test_pages_go_on_where_the_last_ended_and_show_published_entries_only(database: Database) -> None:
    ids = await publish(database, [1, 2, 1, 2, 1])
    await store_entries(database, [1])
    pages = await read(Log(database, LOG), page_size=2)
    assert [page.next_index for page in pages] == [2, 4, 5]
    shown = [entry for page in pages for entry in page.entries]
    assert [entry.statement_id for entry in shown] == ids
    assert [entry.index for entry in shown] == list(range(5))
    (rest,) = await read(Log(database, LOG), from_index=3)
    assert [entry.statement_id for entry in rest.entries] == ids[3:]
    (beyond,) = await read(Log(database, LOG), from_index=9)
    assert (len(beyond.entries), parse_checkpoint(beyond.checkpoint.checkpoint).head.size) == (0, 5)


async def test_every_page_leads_to_its_head(database: Database) -> None:
    await publish(database, [1, 2, 1, 2, 1, 1, 1])
    frontier = tree.Frontier()
    leaves = {row["idx"]: row["leaf"] for row in await database.pool.fetch("SELECT idx, leaf FROM entry")}
    for page in await read(Log(database, LOG), page_size=3, event_kinds=[2]):
        for entry in page.entries:
            assert entry.leaf == (b"" if entry.item.item else leaves[entry.index])
            frontier.append(leaves[entry.index])
        head = HeadVerifier(KEYS).verify_checkpoint(page.checkpoint.checkpoint)
        tree.check_consistency(frontier.size, frontier.root, head.size, head.root, page.consistency)
    assert frontier.size == 7


async def test_bytes_bound_a_page(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish(database, [2, 2, 2, 2, 2, 1], size=1000)
    monkeypatch.setattr(reading, "PAGE_BYTES_MAX", 2000)
    pages = await read(Log(database, LOG))
    assert [len(page.entries) for page in pages] == [2, 2, 2]
    # What is left out for its kind weighs little.
    assert [len(page.entries) for page in await read(Log(database, LOG), event_kinds=[1])] == [6]


async def test_what_bounds_a_page_leaves_no_hole_in_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await publish(database, [2, 2, 2, 1, 2, 1], size=1000)
    monkeypatch.setattr(reading, "PAGE_BYTES_MAX", 2000)
    pages = await read(Log(database, LOG), event_kinds=[2])
    assert [[entry.index for entry in page.entries] for page in pages] == [[0, 1], [2, 3, 4], [5]]
    assert [entry.statement_id for page in pages for entry in page.entries if entry.item.item] == [*ids[:3], ids[4]]
    assert [page.next_index for page in pages] == [2, 5, 6]


async def test_receipts_count_among_the_bytes_of_a_page(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish(database, [1] * 6)
    monkeypatch.setattr(reading, "PAGE_BYTES_MAX", 3 * reading.RECEIPT_BYTES)
    request = pb.StreamEntriesRequest(with_receipts=True)
    assert [len(page.entries) async for page in Log(database, LOG).stream(request)] == [3, 3]
    assert [len(page.entries) for page in await read(Log(database, LOG))] == [6]


async def test_who_follows_is_woken_and_hears_heartbeats(database: Database) -> None:
    published = Wakeup()
    await publish(database, [])
    log = Log(database, LOG, published, heartbeat_s=0.2)
    stream = log.stream(pb.StreamEntriesRequest(follow=True))
    async with asyncio.timeout(10):
        assert not (await anext(stream)).entries
        assert not (await anext(stream)).entries, "a heartbeat"
        waiting = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        ids = await publish(database, [1])
        published.ring()
        page = await waiting
        while not page.entries:
            page = await anext(stream)
        assert [entry.statement_id for entry in page.entries] == ids
        log.drain()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_what_comes_all_the_time_is_gathered_and_a_drain_waits_for_no_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = Wakeup()
    await publish(database, [1])
    log = Log(database, LOG, published)
    stream = log.stream(pb.StreamEntriesRequest(follow=True))
    async with asyncio.timeout(30):
        assert len((await anext(stream)).entries) == 1
        following = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await publish(database, [1])
        published.ring()
        while not (page := await following).entries:
            following = asyncio.create_task(anext(stream))
        assert len(page.entries) == 1, "the gathering ends by itself"
        monkeypatch.setattr(reading, "GATHER_S", 3600.0)
        gathering = asyncio.create_task(anext(stream))
        await asyncio.sleep(0)
        await publish(database, [1])
        published.ring()
        # Long enough for who would not gather to have sent it.
        for _ in range(50):
            await log.head()
        assert not gathering.done()
        log.drain()
        with pytest.raises(StopAsyncIteration):
            await gathering


@pytest.mark.parametrize(
    "request_",
    [
        pb.StreamEntriesRequest(from_index=-1),
        pb.StreamEntriesRequest(page_size=-1),
        pb.StreamEntriesRequest(event_kinds=[70_000]),
        pb.StreamEntriesRequest(event_kinds=[1] * 65),
    ],
)
async def test_bad_requests(database: Database, request_: pb.StreamEntriesRequest) -> None:
    with pytest.raises(Error, match="INVALID_FIELDS"):
        await anext(Log(database, LOG).stream(request_))


async def test_a_log_without_a_head_is_not_available_yet(database: Database) -> None:
    with pytest.raises(Error, match="UNAVAILABLE"):
        await Log(database, LOG).head()


async def test_proofs_come_from_stored_nodes_for_every_size(database: Database) -> None:
    one = sequencer(database)
    for count in (1, 2, 30, 17, 5):
        await store_entries(database, [1] * count)
        await one.step()
    log = Log(database, LOG)
    leaves = [row["leaf"] for row in await database.pool.fetch("SELECT leaf FROM entry ORDER BY idx")]
    roots = [tree.root(leaves[:size]) for size in range(56)]
    head = await log.head()
    assert (head.size, head.root) == (55, roots[55])
    for index, size in ((0, 1), (0, 55), (31, 32), (32, 33), (54, 0)):
        proof = await log.inclusion(pb.GetInclusionRequest(index=index, size=size))
        assert proof.leaf == leaves[index]
        assert tree.root_of_path(index, proof.size, proof.leaf, proof.path) == roots[proof.size]
    for old_size, size in ((0, 55), (1, 55), (32, 48), (33, 0), (55, 55)):
        path = (await log.consistency(pb.GetConsistencyRequest(old_size=old_size, size=size))).path
        tree.check_consistency(old_size, roots[old_size], size or 55, roots[size or 55], path)
    for request in (pb.GetInclusionRequest(index=55), pb.GetInclusionRequest(index=0, size=56)):
        with pytest.raises(Error, match="INVALID_FIELDS"):
            await log.inclusion(request)
    with pytest.raises(Error, match="INVALID_FIELDS"):
        await log.consistency(pb.GetConsistencyRequest(old_size=3, size=2))


async def test_receipts_are_given_to_who_waits_and_to_who_asks_later(database: Database) -> None:
    held = Receipts(database, LOG, wait_s=10)
    one = sequencer(database, receipts=held)
    ids = await store_entries(database, [1] * 20)
    waiting = [asyncio.create_task(held.wait(statement_id)) for statement_id in ids[::2]]
    await asyncio.sleep(0)
    await one.step()
    given = [await task for task in waiting]
    await store_entries(database, [1] * 3)
    await one.step()
    later = await held.find(ids)
    verifier = HeadVerifier(KEYS)
    leaves = {row[0]: row[1] for row in await database.pool.fetch("SELECT statement_id, leaf FROM entry")}
    for statement_id, registered in zip(ids[::2], given, strict=True):
        assert registered is not None
        assert registered.index == later[statement_id].index
        assert verifier.verify_receipt(registered.receipt, leaves[statement_id]).head.size == 20
    for statement_id in ids:
        found = verifier.verify_receipt(later[statement_id].receipt, leaves[statement_id])
        assert (found.index, found.head.size) == (later[statement_id].index, 23)


@pytest.mark.parametrize("leading", [False, True])
async def test_a_receipt_of_another_process_is_found_and_a_wait_ends(database: Database, *, leading: bool) -> None:
    held = Receipts(database, LOG, wait_s=10)
    if leading:
        held.take({})
    (statement_id,) = await store_entries(database, [1])
    waiting = asyncio.create_task(held.wait(statement_id))
    await asyncio.sleep(0)
    await sequencer(database).step()
    async with asyncio.timeout(10):
        registered = await waiting
    assert registered is not None
    assert await held.obtain(statement_id) == registered
    (pending,) = await store_entries(database, [1])
    async with asyncio.timeout(10):
        assert await held.wait(pending, wait_s=0.1) is None
    last = asyncio.create_task(held.wait(pending))
    await asyncio.sleep(0)
    held.close()
    async with asyncio.timeout(10):
        assert await last is None


async def test_each_who_waits_has_a_time_of_his_own_and_who_goes_leaves_nothing(database: Database) -> None:
    held = Receipts(database, LOG, wait_s=3600)
    await publish(database, [])
    pending, other = await store_entries(database, [1, 1])
    patient = [asyncio.create_task(held.wait(each)) for each in (pending, other)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        assert await held.wait(pending, wait_s=0.1) is None
    assert held.awaits(pending)
    for task in patient:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not held.awaits(pending)
    assert not held.awaits(other)


async def test_one_receipt_covers_many_entries(database: Database) -> None:
    await publish(database, [1] * 40)
    async with database.connection() as connection:
        head = await receipts.published(connection, LOG)
        assert head is not None
        raw = await receipts.multi_receipt(connection, head, [3, 4, 39])
    leaves = {row[0]: row[1] for row in await database.pool.fetch("SELECT idx, leaf FROM entry")}
    found = HeadVerifier(KEYS).verify_multi_receipt(raw, [leaves[index] for index in (3, 4, 39)])
    assert (found.head.size, found.indexes) == (40, (3, 4, 39))
