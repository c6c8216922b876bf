"""Heads of a log whose entries are not followed are taken in as long as each begins with the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.chassis.client import Peer
from services.chassis.database import Database
from services.chassis.log.peers import LogProblem
from services.chassis.log.watching import HeadWatcher
from tests.fakes.log import FakeLog, new_log
from tests.service.chassis.logs import ISSUER, KEY, KEYS
from tests.service.chassis.scene import peer_of
from tests.service.chassis.till import LOG
from tools.local.pki import DevelopmentAuthority


@pytest.fixture
def log() -> FakeLog:
    return new_log(LOG, ISSUER, KEY)


@pytest.fixture
async def peer(log: FakeLog, authority: DevelopmentAuthority) -> AsyncIterator[Peer]:
    async with peer_of(log, authority) as peer:
        yield peer


@pytest.fixture
def watcher(database: Database, peer: Peer) -> HeadWatcher:
    return HeadWatcher(database, LOG, peer, KEYS, interval_s=0.01)


async def taken(database: Database) -> tuple[int, bytes]:
    (row,) = await database.pool.fetch("SELECT size, root FROM peer_checkpoint WHERE log = $1", LOG)
    return row["size"], row["root"]


async def test_each_head_that_goes_on_is_taken_in(log: FakeLog, database: Database, watcher: HeadWatcher) -> None:
    for count in (0, 1, 6, 0):
        log.grow(count)
        await watcher.step()
        head = log.register.head(1).head
        assert await taken(database) == (head.size, head.root)


@pytest.mark.parametrize(("entries", "why"), [(2, "shrank"), (3, "forked"), (5, "does not go on")])
async def test_another_history_is_not_taken_in(
    log: FakeLog, database: Database, watcher: HeadWatcher, entries: int, why: str
) -> None:
    log.grow(3)
    await watcher.step()
    before = await taken(database)
    other = new_log(LOG, ISSUER, KEY)
    other.grow(entries)
    log.register = other.register
    async with asyncio.timeout(10):
        with pytest.raises(LogProblem, match=why) as problem:
            await watcher.run()
    assert len(problem.value.evidence) == 2
    assert await taken(database) == before


async def test_another_process_that_took_in_more_meanwhile_is_no_fork(
    log: FakeLog, database: Database, peer: Peer, watcher: HeadWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes of a service watch with one database: the slower one must not believe that the log shrank."""
    log.grow(3)
    await watcher.step()
    other, call = HeadWatcher(database, LOG, peer, KEYS, interval_s=0.01), peer.call

    async def answer_late(method: Any, request: Any) -> Any:
        answered = await call(method, request)
        monkeypatch.setattr(peer, "call", call)
        log.grow(2)
        await other.step()
        return answered

    monkeypatch.setattr(peer, "call", answer_late)
    await watcher.step()
    assert (await taken(database))[0] == 5
