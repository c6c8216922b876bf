"""An officer signs what he named, and nothing else that happens to be proposed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from grpc import aio
from monazite.export_license.v1.export_license_pb2 import (
    Case,
    CaseEvent,
    CountersignDecisionRequest,
    Decision,
    GetCaseRequest,
)
from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from tools.local.pki import DevelopmentAuthority

REFUSAL = Decision(outcome=Decision.OUTCOME_REFUSE, reason="end user not to be found", proposed_by="officer wang")


@dataclass
class Desk:
    """A server with one case, what it was asked to sign, and a terminal in front of it."""

    case: Case = field(
        default_factory=lambda: Case(case_id="c1", etag="7", state=Case.STATE_DECISION_PROPOSED, proposed=REFUSAL)
    )
    signed: list[CountersignDecisionRequest] = field(default_factory=list[CountersignDecisionRequest])
    options: list[str] = field(default_factory=list[str])

    async def get(self, _: GetCaseRequest, __: aio.ServicerContext[GetCaseRequest, Case]) -> Case:
        return self.case

    async def sign(
        self, request: CountersignDecisionRequest, _: aio.ServicerContext[CountersignDecisionRequest, Case]
    ) -> Case:
        self.signed.append(request)
        return self.case

    async def shows(self) -> str:
        """Standard output of `cases show c1`."""
        words = [*self.options, "cases", "show", "c1"]
        return (await asyncio.to_thread(CliRunner().invoke, app, words, env={"COLUMNS": "160"})).stdout

    async def types(self, *arguments: str) -> tuple[int, str]:
        """Exit code of `cases countersign c1`, and why: its standard error, with --json its standard output."""
        words = [*self.options, "cases", "countersign", "c1", *arguments]
        # In a thread: the command runs its own event loop.
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        return result.exit_code, result.stdout if "--json" in arguments else result.stderr


@pytest.fixture
async def desk(authority: DevelopmentAuthority) -> AsyncIterator[Desk]:
    made = Desk()
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "GetCase": grpc.unary_unary_rpc_method_handler(
            made.get, request_deserializer=GetCaseRequest.FromString, response_serializer=Case.SerializeToString
        ),
        "CountersignDecision": grpc.unary_unary_rpc_method_handler(
            made.sign,
            request_deserializer=CountersignDecisionRequest.FromString,
            response_serializer=Case.SerializeToString,
        ),
    }
    server = aio.server()
    service = "monazite.export_license.v1.CaseService"
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, methods)])
    ca, key, certificate = authority.issue("service/export-license", server=True).pem()
    credentials = grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    li = authority.issue("officer/licensing/li")
    made.options = ["--export-license", f"localhost:{port}", "--certificate", str(li.certificate)]
    made.options += ["--key", str(li.key), "--ca", str(li.authority)]
    yield made
    await server.stop(None)


async def test_what_was_named_is_signed_with_the_etag_of_the_case_compared(desk: Desk) -> None:
    code, said = await desk.types("--outcome", "refuse")
    assert code == ExitCode.DONE, said
    assert [(each.case_id, each.etag) for each in desk.signed] == [("c1", "7")]


async def test_an_etag_that_was_given_is_the_one_sent(desk: Desk) -> None:
    code, said = await desk.types("--outcome", "Refuse", "--etag", "6")
    assert code == ExitCode.DONE, said
    assert [each.etag for each in desk.signed] == ["6"]


async def test_another_proposal_is_named_and_not_signed(desk: Desk) -> None:
    code, said = await desk.types("--outcome", "grant", "--expires", "2030-01-01")
    assert code == ExitCode.RULE
    for part in ("PROPOSAL_DIFFERS", "officer wang", "to REFUSE, not to GRANT", "end user not to be found"):
        assert part in said
    code, said = await desk.types("--outcome", "grant", "--expires", "2030-01-01", "--json")
    assert code == ExitCode.RULE
    error = json.loads(said)["error"]
    assert (error["reason"], error["metadata"]["proposed"]) == ("PROPOSAL_DIFFERS", "REFUSE")
    assert desk.signed == []


async def test_an_outcome_that_this_client_does_not_know_is_not_signed(desk: Desk) -> None:
    # As a newer service would send it.
    desk.case.proposed.MergeFromString(b"\x08\x09")
    code, said = await desk.types("--outcome", "refuse")
    assert code == ExitCode.RULE
    assert "to 9, not to REFUSE" in said
    assert desk.signed == []


async def test_where_nothing_is_proposed_the_service_says_so(desk: Desk) -> None:
    desk.case.ClearField("proposed")
    await desk.types("--outcome", "refuse")
    assert [each.etag for each in desk.signed] == ["7"]


async def test_the_outcome_has_to_be_named(desk: Desk) -> None:
    code, said = await desk.types()
    assert code == ExitCode.USAGE
    assert "--outcome" in said
    assert desk.signed == []


@pytest.mark.parametrize("words", [("--outcome", "grant"), ("--outcome", "refuse", "--expires", "2030-01-01")])
async def test_a_grant_has_its_last_day_and_a_refusal_none(desk: Desk, words: tuple[str, ...]) -> None:
    code, said = await desk.types(*words)
    assert code == ExitCode.USAGE
    assert "--expires" in said
    assert desk.signed == []


async def test_a_case_is_shown_with_the_proposals_that_were_rejected(desk: Desk) -> None:
    proposed = CaseEvent(
        state=Case.STATE_DECISION_PROPOSED, outcome=Decision.OUTCOME_GRANT, actor="wang", reason="fine"
    )
    rejected = CaseEvent(state=Case.STATE_IN_REVIEW, actor="li", reason="end user not to be found")
    desk.case.history.extend([proposed, rejected])
    lines = (await desk.shows()).splitlines()
    (first,) = [line for line in lines if "DECISION_PROPOSED: GRANT" in line]
    assert "wang" in first
    assert "fine" in first
    (second,) = [line for line in lines if "IN_REVIEW" in line]
    assert "end user not to be found" in second
