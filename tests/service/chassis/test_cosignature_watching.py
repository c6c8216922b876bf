"""What witnesses co-signed of a peer's log counts once that log was followed to there, and only of the same tree."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from monazite_provenance import tree
from monazite_provenance.item import Item
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.monitor import check_fork
from monazite_provenance.names import log_urn, service_uri
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.statement import log_leaf, parse
from monazite_provenance.trust import WITNESSES_MAX, new

from services.chassis.client import Peer
from services.chassis.database import Connection, Database
from services.chassis.follower import FollowedEntry, Follower, entries_of
from services.chassis.log import cosignatures, nodes, resting
from services.chassis.log.cosignature_watching import CosignatureWatcher
from services.chassis.log.peers import LogProblem
from services.chassis.log.receipts import receipts
from services.chassis.log.resting import Witnesses
from tests.fakes.log import FakeLog, cosigned_by, new_log
from tests.fakes.log_keys import ring
from tests.service.chassis.logs import KEY
from tests.service.chassis.scene import peer_of
from tests.service.registry.peers import Quota
from tools.local.pki import DevelopmentAuthority

DOMAIN = "monazite.example"
LOG, OURS = log_urn("quota"), log_urn("registry")
ISSUER = service_uri(DOMAIN, "quota")
WITNESSES = {name: SoftwareKey.generate() for name in ("w.example/1", "w.example/2")}
RING = ring(LOG, ISSUER, KEY)
TRUST = new(DOMAIN, [KEY.public], 1).with_witnesses({name: key.public for name, key in WITNESSES.items()}, 2)


@pytest.fixture
def quota() -> Quota:
    return Quota(DOMAIN, KEY, KEY)


@pytest.fixture
def log(quota: Quota) -> FakeLog:
    return quota.log


@pytest.fixture
async def peer(log: FakeLog, authority: DevelopmentAuthority) -> AsyncIterator[Peer]:
    async with peer_of(log, authority) as peer:
        yield peer


@pytest.fixture
def watcher(database: Database, peer: Peer) -> CosignatureWatcher:
    return CosignatureWatcher(database, LOG, peer, RING, TRUST, interval_s=0.01)


async def prepare(_: Sequence[FollowedEntry]) -> None:
    """Nothing is done with entries."""


async def apply(_: Connection, __: Sequence[FollowedEntry], ___: None) -> None:
    """Nothing is stored of them."""


@pytest.fixture
def follower(database: Database, peer: Peer) -> Follower[None]:
    return Follower(
        database, LOG, entries_of(peer), RING, kinds=[1], prepare=prepare, apply=apply, page_size=7, keeps_tree=True
    )


async def kept(database: Database) -> dict[str, int]:
    async with database.connection() as connection:
        found = await cosignatures.load(connection, RING, TRUST)
    return {each.witness: each.size for each in found.get(LOG, ())}


async def test_the_tree_of_a_followed_log_is_kept(log: FakeLog, follower: Follower[None], database: Database) -> None:
    for count in (1, 15, 1, 40):
        log.grow(count)
        await follower.step()
    async with database.connection() as connection:
        for size in range(1, log.register.size + 1):
            assert (await nodes.edge(connection, size, peer=LOG)).root == log.register.head(1, size).head.root
            path = await nodes.range_hashes(connection, tree.consistency_ranges(size, 57), peer=LOG)
            assert path == log.register.consistency(size, 57)


async def test_a_head_counts_when_the_log_was_followed_to_it(
    log: FakeLog, follower: Follower[None], watcher: CosignatureWatcher, database: Database
) -> None:
    log.grow(5)
    log.cosigned = [
        cosigned_by(log.register, WITNESSES, 3),
        cosigned_by(log.register, {"w.example/1": WITNESSES["w.example/1"]}),
    ]
    assert (await watcher.step(), await kept(database)) == (0, {})
    await follower.step()
    assert (await watcher.step(), await kept(database)) == (3, {"w.example/1": 5, "w.example/2": 3})
    assert await watcher.step() == 0


async def test_what_does_not_verify_is_in_nobodys_way(
    log: FakeLog, follower: Follower[None], watcher: CosignatureWatcher, database: Database
) -> None:
    log.grow(5)
    await follower.step()
    strange = cosigned_by(log.register, {"stranger.example": SoftwareKey.generate()})
    unread = cosigned_by(log.register, WITNESSES)
    unread.note = "no note"
    log.cosigned = [strange, unread, cosigned_by(log.register, WITNESSES, 4)]
    await watcher.step()
    assert await kept(database) == dict.fromkeys(WITNESSES, 4)


async def test_of_a_list_that_is_too_long_the_rest_is_not_looked_at(
    log: FakeLog, follower: Follower[None], watcher: CosignatureWatcher, database: Database
) -> None:
    log.grow(5)
    await follower.step()
    strange = cosigned_by(log.register, {"stranger.example": SoftwareKey.generate()})
    good = cosigned_by(log.register, WITNESSES)
    log.cosigned = [strange] * WITNESSES_MAX + [good]
    assert await watcher.step() == 0
    log.cosigned = [strange] * (WITNESSES_MAX - 1) + [good]
    assert await watcher.step() == 2


async def test_a_head_of_another_tree_under_the_peers_key_halts_it(
    log: FakeLog, follower: Follower[None], watcher: CosignatureWatcher, database: Database
) -> None:
    log.grow(5)
    await follower.step()
    other = new_log(LOG, ISSUER, KEY)
    other.grow(4)
    log.cosigned = [cosigned_by(other.register, WITNESSES)]
    with pytest.raises(LogProblem, match="it forked") as raised:
        await watcher.run()
    taken, theirs = raised.value.evidence
    leaves = [
        row["hash"] for row in await database.pool.fetch("SELECT hash FROM peer_node WHERE level = 0 ORDER BY place")
    ]
    # Both heads, and the leaves that are kept, convict it.
    check_fork(theirs, taken, HeadVerifier(RING), leaves)
    assert await kept(database) == {}


async def test_many_statements_are_put_under_a_witnessed_head_and_never_too_many_at_once(
    quota: Quota,
    follower: Follower[None],
    watcher: CosignatureWatcher,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Thousands may stand in a history, and everybody else waits meanwhile."""
    monkeypatch.setattr(resting, "RESTATED_AT_ONCE", 4)
    at_once: list[int] = []

    async def counted(*given: Any, **named: Any) -> list[bytes]:
        at_once.append(len(given[2]))
        return await receipts(*given, **named)

    monkeypatch.setattr(resting, "receipts", counted)
    items = [quota.right("mine-1", 1_000).item for _ in range(10)]
    quota.log.cosigned = [cosigned_by(quota.log.register, WITNESSES, 9)]
    await follower.step()
    await watcher.step()
    async with database.connection() as connection:
        witnesses = Witnesses(TRUST, RING, OURS)
        made = await witnesses.restate(connection, items, await witnesses.peers(connection))
    assert at_once == [4, 4, 1]
    statements = [Item.decode(each).statement for each in made]
    receipt = [(parse(each).receipts[0], log_leaf(each)) for each in statements]
    found = [HeadVerifier(RING).verify_receipt(*each) for each in receipt]
    assert [(each.index, each.head.size) for each in found] == [*((index, 9) for index in range(9)), (9, 10)]
