"""The log of real processes that are killed, stopped and set back: it has no gap, does not fork, and goes on."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from monazite.registry.v1.registry_pb2 import CloseRightRequest
from monazite.registry.v1.registry_pb2_grpc import RightServiceStub
from monazite.transparency.v1.transparency_pb2 import GetCheckpointRequest, GetConsistencyRequest
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite.type.v1.statement_pb2 import Admission
from monazite_provenance import tree
from monazite_provenance.monitor import Monitor
from monazite_provenance.receipts import HeadVerifier

from services.chassis.database import Database
from services.chassis.errors import Error
from tests.service.chassis.logs import KEYS
from tests.service.chassis.process import Counter, configured, counter, started
from tests.service.chassis.till import LOG
from tools.local.pki import DevelopmentAuthority
from tools.local.postgres import Cluster

START_MG = 1000


async def taken(counter: Counter, numbers: Sequence[int], *, timeout_s: float = 15) -> list[Admission | None]:
    """What takes 1 mg each was admitted as; None where no answer came."""
    async with counter.peer() as peer:
        close = RightServiceStub(peer.channel).CloseRight

        async def take(number: int) -> Admission | None:
            try:
                request = CloseRightRequest(right_id=number.to_bytes(16, "big"))
                return (await peer.call(close, request, timeout_s=timeout_s)).admission
            except Error:
                return None

        return list(await asyncio.gather(*map(take, numbers)))


async def check_log(
    database: Database, monitor: Monitor, counter: Counter, admissions: Sequence[Admission | None]
) -> None:
    """Every change has its entry and every entry its change; indexes without a gap; one history under signed heads; and
    every receipt is of that history."""
    rows = await database.pool.fetch("SELECT statement_id, idx, leaf FROM entry ORDER BY idx")
    left = await database.pool.fetchval("SELECT mass_mg FROM till WHERE account = 'a'")
    assert START_MG - left == len(rows)
    assert {row["statement_id"] for row in rows} == {
        row["statement_id"] for row in await database.pool.fetch("SELECT statement_id FROM statement")
    }
    assert [row["idx"] for row in rows] == list(range(len(rows)))
    async with counter.peer() as peer:
        stub = TransparencyServiceStub(peer.channel)
        checkpoint = (await peer.call(stub.GetCheckpoint, GetCheckpointRequest())).checkpoint
        seen = monitor.head.size if monitor.head else 0
        path = (await peer.call(stub.GetConsistency, GetConsistencyRequest(old_size=seen))).path
    head = monitor.take(checkpoint, path)
    assert head.size == len(rows)
    assert tree.root([row["leaf"] for row in rows]) == head.root
    leaves = {row["statement_id"]: row["leaf"] for row in rows}
    verifier = HeadVerifier(KEYS)
    for admission in admissions:
        assert admission is not None
        found = verifier.verify_receipt(admission.receipt, leaves[admission.statement_id])
        assert rows[found.index]["statement_id"] == admission.statement_id


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(HeadVerifier(KEYS), LOG)


@pytest.mark.parametrize(
    "point",
    [
        "committer.flushed",
        "committer.committed",
        "sequencer.signed:2",
        "sequencer.published:2",
        "sequencer.signed:3",
        "sequencer.published:3",
    ],
)
async def test_killed_anywhere_nothing_is_lost_and_nothing_doubled(  # noqa: PLR0917 - fixtures
    database: Database, url: str, authority: DevelopmentAuthority, tmp_path: Path, monitor: Monitor, point: str
) -> None:
    await database.pool.execute("UPDATE till SET mass_mg = $1 WHERE account = 'a'", START_MG)
    async with counter(tmp_path / "one", url, authority, {"MONAZITE_CRASH_AT": point}) as one:
        exiting = asyncio.create_task(one.exited())
        number = 0
        while not exiting.done():
            # The first pass of the sequencer is its first head, of the empty log.
            await taken(one, range(number, number + 10), timeout_s=2)
            number += 10
        assert await exiting == 137
    # The lease of the dead ends now and not in five seconds.
    await database.pool.execute("UPDATE lease SET expires_at = '-infinity'")
    async with counter(tmp_path / "one", url, authority) as again:
        admissions = await taken(again, range(number + 5))
        await check_log(database, monitor, again, admissions)


async def test_a_second_process_takes_over_from_a_dead_one(
    database: Database, url: str, authority: DevelopmentAuthority, tmp_path: Path, monitor: Monitor
) -> None:
    await database.pool.execute("UPDATE till SET mass_mg = $1 WHERE account = 'a'", START_MG)
    async with (
        counter(tmp_path / "one", url, authority) as one,
        counter(tmp_path / "two", url, authority) as two,
    ):
        # Whoever leads, both answer with receipts.
        admissions = [*await taken(one, range(5)), *await taken(two, range(5, 10))]
        await check_log(database, monitor, two, admissions)
        holder = await database.pool.fetchval("SELECT epoch FROM lease")
        one.process.kill()
        await one.exited()
        await database.pool.execute("UPDATE lease SET expires_at = '-infinity'")
        admissions += await taken(two, range(10, 15))
        await check_log(database, monitor, two, admissions)
        assert await database.pool.fetchval("SELECT epoch FROM lease") > holder


async def test_a_leader_that_sleeps_through_its_lease_cannot_fork_the_log(
    database: Database, url: str, authority: DevelopmentAuthority, tmp_path: Path, monitor: Monitor
) -> None:
    """It is stopped when it has signed a batch and not published it; when it wakes up another has published."""
    await database.pool.execute("UPDATE till SET mass_mg = $1 WHERE account = 'a'", START_MG)
    async with counter(tmp_path / "one", url, authority, {"MONAZITE_STOP_AT": "sequencer.signed:2"}) as one:
        await taken(one, [0])
        stopping = asyncio.create_task(one.stopped())
        # One alone: of several the last could be stopped in their transaction, and keep the others' rows locked.
        asleep = asyncio.create_task(taken(one, [1], timeout_s=30))
        await stopping
        await database.pool.execute("UPDATE lease SET expires_at = '-infinity'")
        async with counter(tmp_path / "two", url, authority) as two:
            admissions = await taken(two, range(10, 20))
            await check_log(database, monitor, two, admissions)
            one.go_on()
            await one.said("another sequencer moved the log")
            # Those that it kept waiting were told that it is pending; who asks again gets the log's receipt as it is.
            await asleep
            admissions += await taken(one, [*range(2), *range(20, 25)])
            await check_log(database, monitor, one, admissions)


async def test_a_database_that_was_set_back_is_not_served(
    url: str, authority: DevelopmentAuthority, tmp_path: Path, cluster: Cluster
) -> None:
    async with Database(url) as database:
        await database.pool.execute("INSERT INTO till VALUES ('a', $1)", START_MG)
    async with counter(tmp_path / "one", url, authority) as one:
        await taken(one, range(5))
        one.process.terminate()
        assert await one.exited() == 0
    name = url.rpartition("/")[2]
    owner = url.split("//")[1].split(":", maxsplit=1)[0]
    await asyncio.to_thread(cluster.create_database, f"{name}_backup", owner=owner, template=name)
    async with counter(tmp_path / "one", url, authority) as one:
        await taken(one, range(5, 10))
    environment = configured(tmp_path / "one", f"{url}_backup", authority)
    try:
        done = await asyncio.to_thread(_run, environment)
        assert done.returncode == 1
        assert "serves on port" not in done.stdout
        assert "SetBack" in done.stdout
        # With the database that it signed from it goes on. The lease of the one before ends now.
        async with Database(url) as database:
            await database.pool.execute("UPDATE lease SET expires_at = '-infinity'")
        async with counter(tmp_path / "one", url, authority) as one:
            assert [admission.index for admission in await taken(one, [10]) if admission] == [10]
    finally:
        await asyncio.to_thread(cluster.drop_database, f"{name}_backup")


def _run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    process = started(environment)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, out, err)
