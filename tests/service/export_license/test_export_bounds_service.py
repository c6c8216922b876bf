"""How much export licensing takes at once: bytes of a request, bundles that are verified."""

from __future__ import annotations

import asyncio

import pytest
from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.export_license.v1 import export_license_pb2_grpc as rpc

from clients import errors
from clients.connection import Identity, ask, open_channel
from clients.errors import CallError
from services.chassis.errors import Error
from services.chassis.fields import outpoint_message as head
from services.export_license.messages.fields import LINES_MAX, LOTS_MAX
from services.export_license.settings import REQUEST_BYTES_MAX, Bundles
from tests.fakes.export_registry import ExportRegistry
from tests.service.calling import new_id
from tests.service.export_license.api import Api, line
from tests.service.export_license.conftest import EXPORTER, Licensing, Office, office_at


def largest(made: Office) -> pb.SubmitCaseRequest:
    """A case with as much of everything as it may have."""
    text = "x" * 512
    party = pb.Party(name=text, country="DE", address=text)
    return pb.SubmitCaseRequest(
        request_id=new_id(),
        lots=[head(made.magnets().head)] * LOTS_MAX,
        end_user=party,
        consignee=party,
        end_use=text,
        destination="DE",
        lines=[line(1)] * LINES_MAX,
    )


async def test_too_large_a_request_is_refused_and_it_serves_on(licensing: Licensing, office: Office) -> None:
    own = licensing.authority.issue(EXPORTER)
    identity = Identity(own.certificate, own.key, own.authority)
    legal = largest(office)
    assert legal.ByteSize() < REQUEST_BYTES_MAX / 2
    async with open_channel(f"localhost:{licensing.port}", identity) as channel:
        stub = rpc.CaseServiceStub(channel)
        with pytest.raises(CallError) as read:
            await ask(stub.SubmitCase, legal)
        assert read.value.reason == "INVALID_FIELDS"
        legal.end_use = "x" * REQUEST_BYTES_MAX
        with pytest.raises(CallError) as refused:
            await ask(stub.SubmitCase, legal)
        assert refused.value.reason == errors.TRANSPORT_TOO_LARGE
        await ask(stub.ListCases, pb.ListCasesRequest())


async def outcome(exporter: Api, request: pb.SubmitCaseRequest) -> str:
    """The case's state, or why there is none."""
    try:
        case = await exporter.call(exporter.cases.SubmitCase, request)
    except Error as error:
        return error.reason
    return pb.Case.State.Name(case.state)


async def test_one_bundle_at_a_time_one_waits_and_the_next_is_refused(
    stopped: Licensing, registry: ExportRegistry
) -> None:
    stopped.settings = stopped.settings.model_copy(update={"bundles": Bundles(concurrent_max=1, queued_max=1)})
    asked, answer = asyncio.Event(), asyncio.Event()

    async def stall() -> None:
        asked.set()
        await answer.wait()

    async with stopped.running() as licensing, office_at(licensing, registry) as office:
        registry.meanwhile["GetBundle"] = stall
        requests = [office.exporter.submission([office.magnets()], [line(10_000)]) for _ in range(3)]
        first = asyncio.create_task(outcome(office.exporter, requests[0]))
        await asked.wait()
        rest = [asyncio.create_task(outcome(office.exporter, request)) for request in requests[1:]]
        done, _ = await asyncio.wait(rest, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == ["OVERLOADED"]
        assert registry.asked.count("GetBundle") == 1
        answer.set()
        outcomes = [await first, *[await task for task in rest]]
        assert sorted(outcomes) == ["OVERLOADED", "STATE_IN_REVIEW", "STATE_IN_REVIEW"]
        # Nothing was burnt by the refusal: the same request goes through now.
        refused = requests[outcomes.index("OVERLOADED")]
        assert await outcome(office.exporter, refused) == "STATE_IN_REVIEW"
