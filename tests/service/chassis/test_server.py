"""The gate, seen from outside: a real server, mutual TLS, each caller with its own certificate."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from monazite.registry.v1.registry_pb2 import CloseRightRequest, GetBundleRequest, GetRightRequest
from monazite.registry.v1.registry_pb2_grpc import LotServiceStub, RightServiceStub
from monazite.transparency.v1.transparency_pb2 import GetReceiptRequest, StreamEntriesRequest
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite.type.v1.statement_pb2 import Outpoint
from monazite_provenance.item import Item
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.statement import log_leaf
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.chassis import errors, telemetry
from services.chassis.access import IncompleteAccess
from services.chassis.call import Call, enter, leave
from services.chassis.client import Peer
from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.health import LIVENESS, READINESS
from services.chassis.identity import parse_principal
from services.chassis.settings import Limits
from tests.service.chassis.counter import ACCESS, SECRET
from tests.service.chassis.logs import KEYS
from tests.service.chassis.process import configured, started
from tests.service.chassis.scene import (
    PLANT,
    Scene,
    Serve,
    check_health,
    files,
    get_right,
    refused,
    watch_health,
)
from tools.local.pki import DevelopmentAuthority


@pytest.fixture
async def scene(serve: Serve) -> AsyncIterator[Scene]:
    async with serve() as scene:
        yield scene


# --- identity and access ------------------------------------------------------------------------------------------


async def test_the_certificate_names_the_caller(scene: Scene) -> None:
    async with scene.peer() as plant, scene.peer("officer/quota/li") as officer:
        assert (await get_right(plant))[0] == "spiffe://monazite.example/enterprise/baotou-1/erp"
        told = await get_right(officer)
        assert told[0] == "spiffe://monazite.example/officer/quota/li"
        assert told[2] == "/monazite.registry.v1.RightService/GetRight"


@pytest.mark.parametrize("path", ["officer/licensing/li", "customs/tianjin/wu", "service/registry"])
async def test_another_kind_of_caller_is_refused(scene: Scene, path: str) -> None:
    async with scene.peer(path) as peer:
        error = await refused(peer)
        with pytest.raises(Error, match="ACCESS_DENIED"):
            _ = [chunk async for chunk in peer.stream(LotServiceStub(peer.channel).GetBundle, GetBundleRequest())]
    assert error.reason == "ACCESS_DENIED"
    assert error.metadata["method"] == "/monazite.registry.v1.RightService/GetRight"
    assert scene.rights.seen == 0


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://another.example/enterprise/baotou-1",
        "spiffe://monazite.example/stranger/x",
        "spiffe://monazite.example/officer/minister/x",
    ],
)
async def test_a_certificate_that_names_nobody_here(scene: Scene, uri: str) -> None:
    async with scene.peer(uri) as peer:
        assert (await refused(peer)).reason == "NO_IDENTITY"


async def test_no_certificate_or_a_foreign_one_gets_no_answer(scene: Scene, tmp_path: Path) -> None:
    async with scene.peer(authority=DevelopmentAuthority(tmp_path / "foreign")) as peer:
        assert (await refused(peer)).reason == "PEER_UNAVAILABLE"
    bare = grpc.ssl_channel_credentials(scene.authority.certificate_path.read_bytes())
    async with grpc.aio.secure_channel(f"localhost:{scene.port}", bare) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await RightServiceStub(channel).GetRight(GetRightRequest(), timeout=5)
    assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
    assert scene.rights.seen == 0


async def test_a_table_that_does_not_fit_stops_the_server(serve: Serve) -> None:
    missing = {name: callers for name, callers in ACCESS.items() if "CloseRight" not in name}
    with pytest.raises(IncompleteAccess, match="CloseRight"):
        async with serve(access=missing):
            pass


# --- deadlines ----------------------------------------------------------------------------------------------------


async def test_a_call_without_a_deadline_is_not_taken(scene: Scene) -> None:
    async with scene.peer() as peer:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await RightServiceStub(peer.channel).GetRight(GetRightRequest())
    error = errors.decode(failure.value)
    assert (error.kind, error.reason) == (errors.Kind.INVALID, "DEADLINE_REQUIRED")


async def test_a_hopeless_deadline_is_refused_before_any_work(serve: Serve) -> None:
    async with serve(limits=Limits(deadline_ms_min=60_000)) as scene, scene.peer() as peer:
        assert (await refused(peer)).reason == "DEADLINE"
        assert scene.rights.seen == 0


async def test_when_the_deadline_passes_the_handler_is_cancelled(scene: Scene) -> None:
    async with scene.peer() as peer:
        assert (await refused(peer, "stay", timeout_s=0.3)).reason == "DEADLINE"
        async with asyncio.timeout(10):
            await scene.rights.cancelled.wait()


async def test_the_operation_knows_how_long_is_left(scene: Scene) -> None:
    async with scene.peer() as peer:
        right = await peer.call(RightServiceStub(peer.channel).GetRight, GetRightRequest(), timeout_s=100)
    assert 90 <= right.drawn_mg <= 100


# --- errors -------------------------------------------------------------------------------------------------------


async def test_no_text_of_an_exception_leaves(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    async with scene.peer() as peer:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await RightServiceStub(peer.channel).GetRight(GetRightRequest(right_id=b"leak"), timeout=5)
        leaking = GetBundleRequest(head=Outpoint(statement_id=b"leak"))
        with pytest.raises(Error) as streamed:
            _ = [chunk async for chunk in peer.stream(LotServiceStub(peer.channel).GetBundle, leaking)]
    error = errors.decode(failure.value)
    assert (error.reason, error.message) == ("INTERNAL", "internal error")
    assert SECRET not in repr(failure.value)
    assert streamed.value.reason == "INTERNAL"
    for incident in (error.metadata["incident"], streamed.value.metadata["incident"]):
        (record,) = [one for one in caplog.records if incident in one.getMessage()]
        assert record.exc_info
        assert SECRET in str(record.exc_info[1])


async def test_typed_errors_arrive_as_they_were_raised(scene: Scene) -> None:
    async with scene.peer() as peer:
        bad = await refused(peer, "violations")
        assert [violation.field for violation in bad.violations] == ["year", "masses[0].reo_mg"]
        foreign = await refused(peer, "provenance")
    assert (foreign.kind, foreign.reason) == (errors.Kind.DENIED, "NOT_HOLDER")
    assert foreign.metadata == {"index": "3"}


def raw(peer: Peer, method: str) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
    return peer.channel.unary_unary(method, bytes, bytes)


async def test_bytes_that_are_no_message_are_bad_fields(scene: Scene) -> None:
    async with scene.peer() as peer:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await raw(peer, "/monazite.registry.v1.RightService/GetRight")(b"\xff\xff\xff", timeout=5)
    assert errors.decode(failure.value).reason == "INVALID_FIELDS"


async def test_a_method_that_does_not_exist(scene: Scene) -> None:
    async with scene.peer() as peer:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await raw(peer, "/monazite.registry.v1.RightService/Nothing")(b"", timeout=5)
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_too_large_a_message_is_told_as_such(serve: Serve) -> None:
    async with serve(request_bytes_max=1024) as scene, scene.peer() as peer:
        assert (await refused(peer, "x" * 5000)).reason == "TOO_LARGE"


# --- streams, health, reflection, log -----------------------------------------------------------------------------


async def test_a_stream_arrives_whole(scene: Scene) -> None:
    async with scene.peer() as peer:
        stub = LotServiceStub(peer.channel)
        assert [one.chunk async for one in peer.stream(stub.GetBundle, GetBundleRequest())] == [b"0", b"1", b"2"]


async def reflected_services(peer: Peer) -> set[str]:
    info: grpc.aio.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse]
    info = peer.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ServerReflectionRequest.SerializeToString,
        ServerReflectionResponse.FromString,
    )
    async for reply in info(iter([ServerReflectionRequest(list_services="")])):
        return {one.name for one in reply.list_services_response.service}
    return set()


@pytest.mark.parametrize("path", [PLANT, "customs/tianjin/wu", "service/registry"])
async def test_health_and_reflection_answer_any_certificate_without_a_deadline(scene: Scene, path: str) -> None:
    async with scene.peer(path) as peer:
        for name in (READINESS, LIVENESS, "monazite.registry.v1.RightService"):
            assert (await check_health(peer, name)).status == HealthCheckResponse.SERVING
        async for reply in watch_health(peer):
            assert reply.status == HealthCheckResponse.SERVING
            break
        names = await reflected_services(peer)
    assert {"monazite.registry.v1.RightService", "grpc.health.v1.Health"} <= names


async def test_a_health_name_that_nobody_has(scene: Scene) -> None:
    async with scene.peer() as peer:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await check_health(peer, "monazite.registry.v1.NoService")
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND
        async for reply in watch_health(peer, "monazite.registry.v1.NoService"):
            assert reply.status == HealthCheckResponse.SERVICE_UNKNOWN
            break


async def test_who_is_nobody_gets_no_health_either(scene: Scene) -> None:
    async with scene.peer("spiffe://another.example/enterprise/x") as peer:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await check_health(peer)
    assert errors.decode(failure.value).reason == "NO_IDENTITY"


async def test_a_commit_shows_up_in_the_log_of_whoever_waits_for_it(scene: Scene) -> None:
    async with scene.peer() as peer:
        logs, rights = TransparencyServiceStub(peer.channel), RightServiceStub(peer.channel)
        await peer.call(rights.CloseRight, CloseRightRequest(right_id=bytes(16)))
        stream = peer.stream(logs.StreamEntries, StreamEntriesRequest(from_index=1, follow=True), timeout_s=15)
        assert not (await anext(stream)).entries
        await peer.call(rights.CloseRight, CloseRightRequest(right_id=bytes([1]) * 16))
        page = await anext(stream)
        await stream.aclose()
    assert [entry.index for entry in page.entries] == [1]


async def test_a_reply_carries_its_receipt_and_so_does_its_repetition(scene: Scene) -> None:
    async with scene.peer() as peer:
        stub, logs = RightServiceStub(peer.channel), TransparencyServiceStub(peer.channel)
        request = CloseRightRequest(right_id=bytes(16))
        first = (await peer.call(stub.CloseRight, request)).admission
        again = (await peer.call(stub.CloseRight, request)).admission
        found = await peer.call(logs.GetReceipt, GetReceiptRequest(statement_id=first.statement_id))
        entries = peer.stream(logs.StreamEntries, StreamEntriesRequest())
        leaf = log_leaf(Item.decode((await anext(entries)).entries[0].item.item).statement)
        await entries.aclose()
    for admission in (first, again, found):
        assert not admission.receipt_pending
        assert HeadVerifier(KEYS).verify_receipt(admission.receipt, leaf).index == admission.index == 0


async def test_who_has_no_time_for_a_receipt_is_told_that_it_is_pending(serve: Serve) -> None:
    async with serve(limits=Limits(receipt_wait_ms=0)) as scene, scene.peer() as peer:
        request = CloseRightRequest(right_id=bytes(16))
        admission = (await peer.call(RightServiceStub(peer.channel).CloseRight, request)).admission
        assert (admission.receipt_pending, admission.receipt) == (True, b"")
        stub = TransparencyServiceStub(peer.channel)
        found = await peer.call(
            stub.GetReceipt, GetReceiptRequest(statement_id=admission.statement_id, wait_ms=10_000), timeout_s=15
        )
        assert found.receipt
        with pytest.raises(Error, match="NOT_FOUND"):
            await peer.call(stub.GetReceipt, GetReceiptRequest(statement_id=bytes(32)))
        with pytest.raises(Error, match="INVALID_FIELDS"):
            await peer.call(stub.GetReceipt, GetReceiptRequest(statement_id=b"short", wait_ms=-1))


async def test_a_stream_ends_before_its_caller_gives_up(scene: Scene) -> None:
    async with scene.peer() as peer:
        stub = TransparencyServiceStub(peer.channel)
        await peer.call(RightServiceStub(peer.channel).CloseRight, CloseRightRequest(right_id=bytes(16)))
        stream = peer.stream(stub.StreamEntries, StreamEntriesRequest(follow=True), timeout_s=0.5)
        assert [page.next_index async for page in stream][-1] == 1


# --- traces -------------------------------------------------------------------------------------------------------

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


async def test_a_sampled_trace_goes_through(scene: Scene, spans: InMemorySpanExporter) -> None:
    async with scene.peer() as peer:
        stub = RightServiceStub(peer.channel)
        for flags in ("00", "01"):
            metadata = (("traceparent", f"00-{TRACE}-00f067aa0ba902b7-{flags}"),)
            right = await stub.GetRight(GetRightRequest(), timeout=5, metadata=metadata)
            assert right.right_id.decode().split()[1].startswith(f"00-{TRACE}-")
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetRight(GetRightRequest(right_id=b"leak"), timeout=5, metadata=metadata)
    good, bad = spans.get_finished_spans()
    assert {span.context.trace_id for span in (good, bad) if span.context} == {int(TRACE, 16)}
    assert good.parent is not None
    assert good.parent.span_id == 0x00F067AA0BA902B7
    assert good.attributes is not None
    assert bad.attributes is not None
    assert (good.attributes["monazite.outcome"], bad.attributes["monazite.outcome"]) == ("OK", "INTERNAL")


# --- peers --------------------------------------------------------------------------------------------------------


async def test_a_peer_that_is_away_for_a_moment_is_asked_again(scene: Scene) -> None:
    async with scene.peer() as peer:
        assert await get_right(peer, "away twice")
    assert scene.rights.seen == 3


async def test_a_peer_is_asked_within_the_callers_deadline_and_trace(scene: Scene) -> None:
    loop = asyncio.get_running_loop()
    trace = telemetry.Trace(TRACE, "00f067aa0ba902b7")
    token = enter(
        Call(
            "/x/Y", parse_principal("spiffe://monazite.example/service/quota", bytes(32)), time.monotonic() + 0.4, trace
        )
    )
    try:
        async with scene.peer() as peer:
            assert (await get_right(peer))[1].startswith(f"00-{TRACE}-")
            began = loop.time()
            assert (await refused(peer, "stay", timeout_s=30)).reason == "DEADLINE"
            assert loop.time() - began < 5
    finally:
        leave(token)


async def test_a_peer_that_stays_away_is_named(scene: Scene) -> None:
    own = files(scene.authority.issue(PLANT))
    async with Peer("registry", "localhost:1", own) as peer:
        error = await refused(peer, timeout_s=2)
    assert (error.reason, error.metadata) == ("PEER_UNAVAILABLE", {"peer": "registry"})


# --- the end ------------------------------------------------------------------------------------------------------


async def test_draining_ends_calls_in_flight_and_takes_no_new_ones(serve: Serve) -> None:
    async with serve() as scene:
        peer, late = scene.peer(), scene.peer()
        staying = asyncio.create_task(get_right(peer, "stay"))
        await scene.rights.started.wait()

        async def knock() -> None:
            while (await refused_or_none(late)) is None:
                pass
            scene.rights.opened.set()

        knocking = asyncio.create_task(knock())
    assert (await staying)[0].endswith("/erp")
    await knocking
    await peer.close()
    await late.close()


async def refused_or_none(peer: Peer) -> Error | None:
    try:
        await get_right(peer, timeout_s=0.5)
    except Error as error:
        return error
    return None


def test_a_process_serves_until_sigterm_and_logs_json(
    tmp_path: Path, url: str, authority: DevelopmentAuthority
) -> None:
    process = started(configured(tmp_path, url, authority))
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    while "serves on port" not in line["message"]:
        line = json.loads(process.stdout.readline())
    port = line["message"].rsplit(" ", 1)[1]
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert (tmp_path / "port").read_text() == f"{port}\n"
    assert line["service"] == "counter"
    assert "drains" in out


def test_bad_settings_end_it_with_a_message_and_a_status_of_their_own(
    tmp_path: Path, url: str, authority: DevelopmentAuthority
) -> None:
    process = started(configured(tmp_path, url, authority, extra="lisen = 1"))
    out, err = process.communicate(timeout=30)
    assert process.returncode == 78
    assert "lisen: unknown setting; did you mean listen?" in err
    assert "Traceback" not in out + err


async def test_data_of_another_version_end_it_with_that_status_too(
    tmp_path: Path, database: Database, url: str, authority: DevelopmentAuthority
) -> None:
    await database.pool.execute("COMMENT ON TABLE alembic_version IS NULL")
    process = started(configured(tmp_path, url, authority))
    out, err = await asyncio.to_thread(process.communicate, timeout=30)
    assert process.returncode == 78
    assert "database_url: the database holds data of another version of this software" in err
    assert "Traceback" not in out + err


def test_an_absent_database_ends_it_with_the_status_for_trying_again(
    tmp_path: Path, url: str, authority: DevelopmentAuthority
) -> None:
    nowhere = url.rsplit(":", 1)[0] + ":1/none"
    process = started(configured(tmp_path, nowhere, authority))
    process.communicate(timeout=30)
    assert process.returncode == os.EX_TEMPFAIL
