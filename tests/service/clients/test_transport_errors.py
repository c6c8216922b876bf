"""What never reaches a service's code is explained all the same: TLS, addresses, deadlines, sizes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc import aio
from monazite.quota.v1 import quota_pb2_grpc
from monazite.quota.v1.quota_pb2 import EnterIndicatorRequest, Indicator, ListIndicatorsRequest, ListIndicatorsResponse
from typer.testing import CliRunner

from clients import errors
from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from clients.connection import ANSWER_BYTES_MAX, REQUEST_BYTES_MAX, Identity, ask, open_channel
from clients.errors import CallError
from services.chassis.errors import Error, Kind, Violation, to_trailing_metadata
from tools.local.pki import Certificate, DevelopmentAuthority
from tools.local.ports import HeldPorts

SLOW, LARGE, REFUSED, BROKEN = 1, 2, 3, 4


async def misbehave(
    request: ListIndicatorsRequest, context: aio.ServicerContext[ListIndicatorsRequest, ListIndicatorsResponse]
) -> ListIndicatorsResponse:
    """Does what the year asks for."""
    match request.year:
        case 1:
            await asyncio.Event().wait()
        case 2:
            return ListIndicatorsResponse(indicators=[Indicator(document="x" * (ANSWER_BYTES_MAX + 1))])
        case 3:
            error = Error(
                Kind.PRECONDITION,
                "ALLOCATION_OVER_TOTAL",
                "asked 1 t, 0 t remain",
                metadata={"asked_mg": "1000000000"},
                violations=[Violation("masses[0].reo_mg", "too much")],
            )
            await context.abort(error.kind.code, error.message, to_trailing_metadata(error))
        case 4:
            await context.abort(grpc.StatusCode.UNKNOWN, "not one of ours")
        case _:
            pass
    return ListIndicatorsResponse(indicators=[Indicator(year=request.year)])


def identity(files: Certificate, authority: Path | None = None) -> Identity:
    return Identity(files.certificate, files.key, authority or files.authority)


@pytest.fixture(scope="session")
def officer(authority: DevelopmentAuthority) -> Certificate:
    return authority.issue("officer/quota/li")


@pytest.fixture(scope="session")
async def address(authority: DevelopmentAuthority) -> AsyncIterator[str]:
    ca, key, certificate = authority.issue("service/quota", server=True).pem()
    server = aio.server(options=[("grpc.max_send_message_length", -1)])
    handler = grpc.unary_unary_rpc_method_handler(
        misbehave,
        request_deserializer=ListIndicatorsRequest.FromString,
        response_serializer=ListIndicatorsResponse.SerializeToString,
    )
    service = "monazite.quota.v1.AllocationService"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {"ListIndicators": handler})])
    credentials = grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    # Reached under an address that its certificate does not name.
    server.add_secure_port(f"127.0.0.2:{port}", credentials)
    await server.start()
    yield f"localhost:{port}"
    await server.stop(None)


async def attempt(address: str, caller: Identity, year: int = 2024, timeout_s: float = 5.0) -> ListIndicatorsResponse:
    async with open_channel(address, caller) as channel:
        stub = quota_pb2_grpc.AllocationServiceStub(channel)
        return await ask(stub.ListIndicators, ListIndicatorsRequest(year=year), timeout_s=timeout_s)


async def reason(address: str, caller: Identity, year: int = 2024, timeout_s: float = 5.0) -> str:
    with pytest.raises(CallError) as caught:
        await attempt(address, caller, year, timeout_s)
    return caught.value.reason


async def test_it_works(address: str, officer: Certificate) -> None:
    assert (await attempt(address, identity(officer))).indicators[0].year == 2024


async def test_nobody_listens(officer: Certificate, ports: HeldPorts) -> None:
    assert await reason(f"localhost:{ports.take()}", identity(officer)) == errors.TRANSPORT_UNREACHABLE


async def test_no_such_host(officer: Certificate) -> None:
    assert await reason("no-such-host.invalid:1", identity(officer)) == errors.TRANSPORT_UNREACHABLE


async def test_server_of_another_authority(address: str, officer: Certificate, tmp_path: Path) -> None:
    stranger = DevelopmentAuthority(tmp_path)
    assert await reason(address, identity(officer, stranger.certificate_path)) == errors.TRANSPORT_TLS


async def test_certificate_of_another_authority(address: str, officer: Certificate, tmp_path: Path) -> None:
    stranger = DevelopmentAuthority(tmp_path).issue("officer/quota/li")
    caller = Identity(stranger.certificate, stranger.key, officer.authority)
    assert await reason(address, caller) == errors.TRANSPORT_CUT


async def test_a_name_that_is_not_in_the_certificate(address: str, officer: Certificate) -> None:
    elsewhere = address.replace("localhost", "127.0.0.2")
    assert await reason(elsewhere, identity(officer)) == errors.TRANSPORT_TLS


async def test_deadline(address: str, officer: Certificate) -> None:
    assert await reason(address, identity(officer), SLOW, 0.2) == errors.TRANSPORT_DEADLINE


async def test_too_large(address: str, officer: Certificate) -> None:
    assert await reason(address, identity(officer), LARGE, 20) == errors.TRANSPORT_TOO_LARGE


async def test_too_large_a_request_is_not_even_sent(address: str, officer: Certificate) -> None:
    async with open_channel(address, identity(officer)) as channel:
        stub = quota_pb2_grpc.AllocationServiceStub(channel)
        with pytest.raises(CallError) as caught:
            await ask(stub.EnterIndicator, EnterIndicatorRequest(document="x" * REQUEST_BYTES_MAX), timeout_s=20)
    assert caught.value.reason == errors.TRANSPORT_TOO_LARGE


async def test_a_refusal_of_the_suite_comes_whole(address: str, officer: Certificate) -> None:
    with pytest.raises(CallError) as caught:
        await attempt(address, identity(officer), REFUSED)
    refusal = caught.value
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ALLOCATION_OVER_TOTAL")
    assert refusal.metadata == {"asked_mg": "1000000000"}
    assert [(each.field, each.description) for each in refusal.violations] == [("masses[0].reo_mg", "too much")]


async def test_an_error_that_is_none_of_ours(address: str, officer: Certificate) -> None:
    assert await reason(address, identity(officer), BROKEN) == errors.UNKNOWN_REASON


# --- the same through the command line ---


async def command(address: str, officer: Certificate, *arguments: str) -> tuple[int, str, str]:
    options = ["--quota", address, "--certificate", str(officer.certificate), "--key", str(officer.key)]
    options += ["--ca", str(officer.authority), "--timeout", "2"]
    # In a thread: the command runs its own event loop.
    result = await asyncio.to_thread(CliRunner().invoke, app, [*options, *arguments])
    return result.exit_code, result.stdout, result.stderr


async def test_command_prints_exact_json(address: str, officer: Certificate) -> None:
    code, out, _ = await command(address, officer, "indicator", "list", "--year", "2024", "--json")
    assert code == ExitCode.DONE
    (shown,) = json.loads(out)["indicators"]
    # Zeros too.
    assert (shown["year"], shown["batch"], shown["document"]) == (2024, 0, "")


async def test_command_says_what_to_do(address: str, officer: Certificate) -> None:
    code, out, err = await command(address, officer, "indicator", "list", "--year", str(REFUSED))
    assert (code, out) == (ExitCode.RULE, "")
    for part in ("ALLOCATION_OVER_TOTAL", "0 t remain", "masses[0].reo_mg", "asked_mg", "What to do"):
        assert part in err


async def test_command_says_it_as_json(address: str, officer: Certificate) -> None:
    code, out, err = await command(address, officer, "indicator", "list", "--year", str(REFUSED), "--json")
    assert (code, err) == (ExitCode.RULE, "")
    error = json.loads(out)["error"]
    assert error.keys() == {"code", "reason", "message", "metadata", "violations", "advice"}
    assert (error["code"], error["reason"]) == ("FAILED_PRECONDITION", "ALLOCATION_OVER_TOTAL")
    assert error["metadata"] == {"asked_mg": "1000000000"}
    assert error["violations"] == [{"field": "masses[0].reo_mg", "description": "too much"}]


async def test_command_unreachable(officer: Certificate, ports: HeldPorts) -> None:
    code, _, err = await command(f"localhost:{ports.take()}", officer, "indicator", "list", "--year", "2024")
    assert code == ExitCode.NOT_REACHED
    assert "nothing answers" in err


async def test_command_deadline_names_the_request_id(address: str, officer: Certificate) -> None:
    code, _, err = await command(address, officer, "indicator", "list", "--year", str(SLOW))
    assert code == ExitCode.NOT_REACHED
    assert "no answer in time" in err


@pytest.mark.parametrize("broken", ["--certificate", "--key", "--ca"])
async def test_command_without_a_file(address: str, officer: Certificate, broken: str) -> None:
    code, _, err = await command(address, officer, broken, "/nowhere.pem", "indicator", "list", "--year", "2024")
    assert code == ExitCode.CONFIGURATION
    assert "/nowhere.pem" in err


async def test_command_with_bad_arguments(address: str, officer: Certificate) -> None:
    code, _, err = await command(address, officer, "allocate", "x", "--year", "2024", "--batch", "1")
    assert code == ExitCode.USAGE
    assert "--mining-rock" in err


async def test_command_at_another_services_address(address: str, officer: Certificate) -> None:
    code, _, err = await command(address, officer, "balances", "--year", "2024")
    assert code == ExitCode.NOT_REACHED
    assert err.startswith("TRANSPORT_WRONG_SERVICE ")
    assert f"  quota = {address}\n" in err
    assert "one service's address for another's" in err
