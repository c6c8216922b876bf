"""The documented exit codes are those of the code; every reason has a code."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import pytest
from monazite_provenance._tool import leaving
from monazite_provenance.report import Verdict

from clients import errors
from clients.admin.advice import advice
from clients.admin.exit_codes import ExitCode, exit_code
from clients.admin.lot_report import VERDICT_CODES
from clients.errors import CallError

README = Path(__file__).parents[3] / "clients" / "admin" / "README.md"


def test_readme_has_the_table() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", README.read_text(), re.MULTILINE)
    assert {(int(code), name) for code, name in rows} == {(code.value, code.name) for code in ExitCode}


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_leaves_as_it_does_from_the_offline_tool(verdict: Verdict) -> None:
    assert VERDICT_CODES[verdict] == leaving.VERDICT_CODES[verdict.value]


def test_what_is_no_verdict_leaves_as_it_does_from_the_offline_tool() -> None:
    ours = (ExitCode.USAGE, ExitCode.BAD_INPUT, ExitCode.FAULT, ExitCode.INTERRUPTED, ExitCode.PIPE_CLOSED)
    theirs = (leaving.USAGE, leaving.MALFORMED, leaving.FAULT, leaving.INTERRUPTED, leaving.PIPE)
    assert ours == theirs


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, errors.TRANSPORT_TLS, ExitCode.NOT_REACHED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.TRANSPORT_TOO_LARGE, ExitCode.NOT_REACHED),
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS", ExitCode.BAD_INPUT),
        (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED", ExitCode.NOT_ALLOWED),
        (grpc.StatusCode.NOT_FOUND, "NOT_FOUND", ExitCode.NOT_FOUND),
        (grpc.StatusCode.FAILED_PRECONDITION, "SAME_OFFICER", ExitCode.RULE),
        (grpc.StatusCode.INTERNAL, "INTERNAL", ExitCode.SERVER_FAILED),
        (grpc.StatusCode.UNKNOWN, errors.UNKNOWN_REASON, ExitCode.SERVER_FAILED),
    ],
)
def test_exit_code(code: grpc.StatusCode, reason: str, expected: ExitCode) -> None:
    assert exit_code(CallError(code, reason, "")) is expected


@pytest.mark.parametrize("reason", [value for name, value in vars(errors).items() if name.startswith("TRANSPORT_")])
def test_every_transport_failure_has_advice(reason: str) -> None:
    assert advice(reason)


@pytest.mark.parametrize(
    "reason", [errors.TRANSPORT_DEADLINE, "DEADLINE", "INTERNAL", "UNAVAILABLE", "OVERLOADED", "PEER_UNAVAILABLE"]
)
def test_what_is_given_again_is_an_act_id_where_the_command_has_no_other(reason: str) -> None:
    assert "with the same --request-id" in advice(reason, changes=True)
    assert "with the same act id" in advice(reason, act_id="ACT")


def test_a_second_use_of_an_act_id_is_no_reason_for_a_second_act() -> None:
    assert "leave --request-id out" in advice("REQUEST_ID_REUSED")
    assert "`monazite exports show ACT`" in advice("REQUEST_ID_REUSED", act_id="ACT")


def test_an_act_whose_lot_is_held_is_not_waited_for() -> None:
    assert "another act id" in advice("LOT_HELD", act_id="ACT")
    assert "another act id" not in advice("LOT_HELD", changes=True)


def test_what_only_lacks_witnesses_is_asked_for_again() -> None:
    assert "witnesses" in advice("PROVENANCE_REFUSED", gaps="NOT_WITNESSED")
    for gaps in ("", "ON_HOLD", "NOT_WITNESSED,ON_HOLD"):
        assert "does not verify" in advice("PROVENANCE_REFUSED", gaps=gaps)


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("UNKNOWN_WITNESS", "trust file"),
        ("LICENCE_NOT_USABLE", "`monazite licences show`"),
        # Whoever calls: enterprises, customs and witnesses too.
        ("ACCESS_DENIED", "callers of another kind"),
    ],
)
def test_a_refusal_says_what_can_be_done(reason: str, word: str) -> None:
    assert word in advice(reason)
    assert "officer" not in advice("ACCESS_DENIED")


@pytest.mark.parametrize(
    "reason", [errors.TRANSPORT_DEADLINE, "DEADLINE", "INTERNAL", "UNAVAILABLE", "OVERLOADED", "PEER_UNAVAILABLE"]
)
def test_what_only_reads_has_nothing_to_be_given_again_with(reason: str) -> None:
    said = advice(reason)
    assert "again" in said
    assert not any(word in said for word in ("--request-id", "act id", "carried out", "{"))
