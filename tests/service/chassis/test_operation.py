"""A server in operation: it drains at once, says truly whether it can work, and takes new certificates as it runs."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from monazite.registry.v1.registry_pb2 import CloseRightRequest
from monazite.registry.v1.registry_pb2_grpc import RightServiceStub
from monazite.transparency.v1.transparency_pb2 import StreamEntriesRequest, StreamEntriesResponse
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub

from services.chassis import channel, probe, readiness
from services.chassis.client import Peer
from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.follower import Follower
from services.chassis.health import LIVENESS, NOT_SERVING, READINESS, SERVING
from services.chassis.readiness import DatabaseProbe
from services.chassis.settings import BadSettings, Certificates, Limits
from tests.fakes.relay import Relay
from tests.service.chassis.logs import KEYS
from tests.service.chassis.scene import (
    PLANT,
    SERVER,
    Scene,
    Serve,
    check_health,
    files,
    get_right,
    refused,
    stage,
    watch_health,
)
from tests.service.chassis.till import LOG, migrate_till
from tools.local.guardian import Guardian
from tools.local.pki import DevelopmentAuthority
from tools.local.postgres import Cluster

SERVICE = "monazite.registry.v1.RightService"
# Never waited out: what is tested ends before, or fails.
LONG_MS = 60_000


async def all_of(stream: AsyncIterator[StreamEntriesResponse]) -> list[StreamEntriesResponse]:
    return [page async for page in stream]


async def states(calls: grpc.aio.UnaryStreamCall[HealthCheckRequest, HealthCheckResponse]) -> list[int]:
    """All that a watcher still hears, until the server lets it go."""
    return [reply.status async for reply in calls]


# --- draining -----------------------------------------------------------------------------------------------------


async def test_who_follows_the_log_is_let_go_when_draining_begins(serve: Serve) -> None:
    # A stream that had to be cut off after this would be an error and no end.
    async with serve(limits=Limits(drain_ms=5_000)) as scene:
        peer = scene.peer()
        await close_right(peer, 1)
        request = StreamEntriesRequest(follow=True)
        stream = peer.stream(TransparencyServiceStub(peer.channel).StreamEntries, request, timeout_s=30)
        assert (await anext(stream)).next_index == 1
        rest = asyncio.create_task(all_of(stream))
    assert all(page.next_index == 1 and not page.entries for page in await rest)
    await peer.close()


async def test_health_says_so_first_and_watchers_are_let_go(serve: Serve) -> None:
    async with asyncio.timeout(30):
        async with serve(limits=Limits(drain_ms=LONG_MS)) as scene:
            peer = scene.peer()
            watches = {name: watch_health(peer, name) for name in (READINESS, SERVICE, LIVENESS)}
            for watch in watches.values():
                assert (await anext(aiter(watch))).status == SERVING
            staying = asyncio.create_task(get_right(peer, "stay", timeout_s=30))
            await scene.rights.started.wait()

            async def hear() -> dict[str, list[int]]:
                heard = {name: await states(watch) for name, watch in watches.items()}
                assert not staying.done()
                scene.rights.opened.set()
                return heard

            hearing = asyncio.create_task(hear())
        assert await hearing == {READINESS: [NOT_SERVING], SERVICE: [NOT_SERVING], LIVENESS: []}
        assert await staying
        await peer.close()


async def test_an_open_reflection_stream_does_not_hold_it_up(serve: Serve) -> None:
    async with asyncio.timeout(30):
        async with serve(limits=Limits(drain_ms=LONG_MS)) as scene:
            peer = scene.peer()
            info: grpc.aio.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse]
            info = peer.channel.stream_stream(
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                ServerReflectionRequest.SerializeToString,
                ServerReflectionResponse.FromString,
            )
            stream = info()
            await stream.write(ServerReflectionRequest(list_services=""))
            reply = await stream.read()
            assert isinstance(reply, ServerReflectionResponse)
            assert reply.list_services_response.service
        assert await stream.read() is grpc.aio.EOF
        await peer.close()


# --- readiness ----------------------------------------------------------------------------------------------------


@pytest.fixture
def far(far_url: str, authority: DevelopmentAuthority, tmp_path: Path) -> Serve:
    return stage(far_url, authority, tmp_path)


@pytest.fixture
def own_cluster(session_directory: Path, guardian: Guardian) -> Iterator[Cluster]:
    """A PostgreSQL that a test may stop."""
    cluster = Cluster(session_directory / "own-postgres", durable=False)
    guardian.discard(cluster.home)
    cluster.start(guardian)
    yield cluster
    cluster.destroy()


@pytest.fixture
async def line(own_cluster: Cluster) -> AsyncIterator[Relay]:
    """The way to it: it has another port each time it starts."""
    async with Relay(lambda: own_cluster.port).running() as relay:
        yield relay


@pytest.fixture
def far_url(own_cluster: Cluster, line: Relay) -> str:
    """A migrated database behind the line."""
    url = own_cluster.create_service_database("till")
    migrate_till(url)
    return url.replace(f":{own_cluster.port}/", f":{line.port}/")


async def close_right(peer: Peer, number: int) -> None:
    request = CloseRightRequest(right_id=bytes([number]) * 16)
    await peer.call(RightServiceStub(peer.channel).CloseRight, request, timeout_s=1)


async def probed(scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the containers' health check says of it: its exit codes."""
    own = scene.authority.issue(SERVER, server=True)
    lines = [
        f'domain = "{scene.authority.domain}"',
        f'listen = "127.0.0.1:{scene.port}"',
        'database_url = "postgresql://nobody@nowhere/none"',
        'signing_key = "none"',
        'log_signing_key = "none"',
        'log_memory = "none"',
        'trust_file = "none"',
        f'log_name = "{LOG}"',
        "[certificates]",
        f'certificate = "{own.certificate}"',
        f'private_key = "{own.key}"',
        f'authority = "{own.authority}"',
    ]
    path = folder / "probed.toml"
    await asyncio.to_thread(path.write_text, "\n".join(lines))
    monkeypatch.setenv("MONAZITE_CONFIG", str(path))
    return {question: await asyncio.to_thread(probe.main, [question]) for question in ("ready", "alive")}


async def test_not_ready_while_postgresql_is_stopped_and_ready_again_after(
    own_cluster: Cluster, guardian: Guardian, far: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with far() as scene, scene.peer() as peer, asyncio.timeout(60):
        whole, one = (aiter(watch_health(peer, name)) for name in (READINESS, SERVICE))
        assert [(await anext(watch)).status for watch in (whole, one)] == [SERVING, SERVING]
        await close_right(peer, 1)
        await asyncio.to_thread(own_cluster.stop)
        assert [(await anext(watch)).status for watch in (whole, one)] == [NOT_SERVING, NOT_SERVING]
        assert (await check_health(peer, LIVENESS)).status == SERVING
        assert await probed(scene, tmp_path, monkeypatch) == {"ready": 1, "alive": 0}
        with pytest.raises(Error, match="UNAVAILABLE"):
            await close_right(peer, 2)
        await asyncio.to_thread(own_cluster.start, guardian)
        assert [(await anext(watch)).status for watch in (whole, one)] == [SERVING, SERVING]
        await close_right(peer, 3)
        assert await probed(scene, tmp_path, monkeypatch) == {"ready": 0, "alive": 0}
    assert await probed(scene, tmp_path, monkeypatch) == {"ready": 1, "alive": 1}


def test_a_probe_without_settings_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MONAZITE_CONFIG", "/nowhere.toml")
    assert probe.main(["ready"]) == 2
    assert "/nowhere.toml" in capsys.readouterr().err


async def test_a_database_that_is_only_busy_answers(url: str) -> None:
    async with Database(url, connections_max=1) as database, database.connection():
        assert await DatabaseProbe(database, lambda _: None).answers()


async def test_a_line_that_went_dead_is_no_answer_and_is_not_waited_for_for_ever(
    line: Relay, far_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Database(far_url) as database:
        asking = DatabaseProbe(database, lambda _: None)
        assert await asking.answers()
        monkeypatch.setattr(readiness, "TIMEOUT_S", 0.1)
        line.dead = True
        assert not await asking.answers()
        assert not await asking.answers()
        monkeypatch.undo()
        line.dead = False
        assert await asking.answers()


async def test_what_is_not_postgresql_is_no_answer_and_ends_nothing() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x04")  # "you are in", and a state that is left out
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        stranger = Database(f"postgresql://nobody@127.0.0.1:{port}/none?sslmode=disable")
        assert not await DatabaseProbe(stranger, lambda _: None).answers()


async def test_a_standby_that_takes_no_writes_is_no_answer(own_cluster: Cluster, far_url: str) -> None:
    async with Database(far_url) as database:
        assert await DatabaseProbe(database, lambda _: None).answers()
        own_cluster.sql("ALTER DATABASE till SET default_transaction_read_only = on")
        assert not await DatabaseProbe(database, lambda _: None).answers()


# --- a peer's log that contradicts itself -------------------------------------------------------------------------


class _Beside:
    """Follows a log, and finds nothing wrong with it."""

    def __init__(self, log: str) -> None:
        self.log = log
        self.halted = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.halted = True


async def test_a_halted_follower_is_told_and_stops_nothing_else(
    serve: Serve, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    peers_log = "urn:monazite:log:peer:0"
    lie = asyncio.Event()

    async def fetch(_: StreamEntriesRequest) -> AsyncGenerator[StreamEntriesResponse]:
        await lie.wait()
        yield StreamEntriesResponse()

    async def never(*_: object) -> None:
        raise AssertionError

    follower = Follower(database, peers_log, fetch, KEYS, kinds=[1], prepare=never, apply=never)
    beside = _Beside(peers_log)
    async with (
        serve(followers=[follower, beside, _Beside("urn:monazite:log:other:0")]) as scene,
        scene.peer() as peer,
        asyncio.timeout(30),
    ):
        watch = aiter(watch_health(peer, peers_log))
        assert (await anext(watch)).status == SERVING
        lie.set()
        assert (await anext(watch)).status == NOT_SERVING
        for name in (READINESS, LIVENESS, SERVICE):
            assert (await check_health(peer, name)).status == SERVING
        assert await get_right(peer)
        # What else follows this log takes no more of it either.
        assert beside.halted
        assert (await check_health(peer, "urn:monazite:log:other:0")).status == SERVING
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert record.__dict__["log"] == peers_log
    assert "not followed any further" in record.getMessage()


# --- certificates -------------------------------------------------------------------------------------------------


def copied(source: Certificates, folder: Path) -> Certificates:
    """Files of one's own, to exchange."""
    folder.mkdir(exist_ok=True)
    own = Certificates(
        certificate=folder / "certificate.pem", private_key=folder / "private.key", authority=folder / "authority.pem"
    )
    for name in Certificates.model_fields:
        shutil.copy(getattr(source, name), getattr(own, name))
    return own


@pytest.fixture
def successor(tmp_path: Path) -> DevelopmentAuthority:
    """The CA after this one, of the same trust domain."""
    return DevelopmentAuthority(tmp_path / "successor")


async def test_new_server_certificates_are_taken_without_a_restart(
    serve: Serve, authority: DevelopmentAuthority, successor: DevelopmentAuthority, tmp_path: Path
) -> None:
    served = copied(files(authority.issue(SERVER, server=True)), tmp_path / "served")
    async with serve(certificates=served) as scene, scene.peer() as old:
        assert await get_right(old)
        copied(files(successor.issue(SERVER, server=True)), tmp_path / "served")
        async with Peer("quota", f"localhost:{scene.port}", files(successor.issue(PLANT))) as new:
            assert await get_right(new)
        # Who is connected stays so; who comes anew with a certificate of the old authority does not get in.
        assert await get_right(old)
        async with Peer("quota", f"localhost:{scene.port}", files(authority.issue(PLANT))) as late:
            assert (await refused(late, timeout_s=1)).reason == "PEER_UNAVAILABLE"


async def test_half_an_exchange_is_not_taken(
    serve: Serve,
    authority: DevelopmentAuthority,
    successor: DevelopmentAuthority,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    served = copied(files(authority.issue(SERVER, server=True)), tmp_path / "served")
    coming = files(successor.issue(SERVER, server=True))
    async with serve(certificates=served) as scene:
        shutil.copy(coming.private_key, served.private_key)
        async with scene.peer() as peer:
            assert await get_right(peer)
        assert "the old ones stay" in caplog.text
        served.certificate.unlink()
        async with scene.peer() as peer:
            assert await get_right(peer)
        copied(coming, tmp_path / "served")
        async with Peer("quota", f"localhost:{scene.port}", files(successor.issue(PLANT))) as new:
            assert await get_right(new)


async def test_a_peer_calls_with_the_certificate_that_its_files_hold_now(
    serve: Serve, authority: DevelopmentAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "LOOK_EVERY_S", 0.0)
    own = copied(files(authority.issue(PLANT)), tmp_path / "own")
    async with serve() as scene, Peer("quota", f"localhost:{scene.port}", own) as peer:
        assert (await get_right(peer))[0].endswith("/enterprise/baotou-1/erp")
        staying = asyncio.create_task(get_right(peer, "stay"))
        await scene.rights.started.wait()
        copied(files(authority.issue("officer/quota/li")), tmp_path / "own")
        assert (await get_right(peer))[0].endswith("/officer/quota/li")
        scene.rights.opened.set()
        assert (await staying)[0].endswith("/enterprise/baotou-1/erp")


async def test_a_peer_that_is_closed_ends_what_goes_on_over_its_old_channel(
    serve: Serve, authority: DevelopmentAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "LOOK_EVERY_S", 0.0)
    own = copied(files(authority.issue(PLANT)), tmp_path / "own")
    async with serve() as scene, asyncio.timeout(20):
        peer = Peer("quota", f"localhost:{scene.port}", own)
        staying = asyncio.create_task(get_right(peer, "stay", timeout_s=60))
        await scene.rights.started.wait()
        copied(files(authority.issue("officer/quota/li")), tmp_path / "own")
        assert (await get_right(peer))[0].endswith("/officer/quota/li")
        await peer.close()
        await asyncio.wait({staying})
        assert staying.cancelled()


@pytest.mark.parametrize("broken", ["private_key", "authority"])
async def test_certificates_that_do_not_belong_together_stop_the_start(
    serve: Serve, authority: DevelopmentAuthority, tmp_path: Path, broken: str
) -> None:
    served = copied(files(authority.issue(SERVER, server=True)), tmp_path / "served")
    shutil.copy(authority.issue(PLANT).key, getattr(served, broken))
    with pytest.raises(BadSettings, match="cannot be used"):
        async with serve(certificates=served):
            pass


async def test_between_two_authorities_both_are_let_in(
    serve: Serve, authority: DevelopmentAuthority, successor: DevelopmentAuthority, tmp_path: Path
) -> None:
    served = copied(files(authority.issue(SERVER, server=True)), tmp_path / "served")
    bundle = tmp_path / "both.pem"
    note = "# 国家根证书, old and new\n".encode()
    bundle.write_bytes(note + authority.certificate_path.read_bytes() + successor.certificate_path.read_bytes())
    async with serve(certificates=served) as scene:
        shutil.copy(bundle, served.authority)
        for issuer in (authority, successor):
            caller = files(issuer.issue(PLANT)).model_copy(update={"authority": bundle})
            async with Peer("quota", f"localhost:{scene.port}", caller) as peer:
                assert await get_right(peer)
