"""docs/ERRORS.md has one row for each error reason, under the gRPC code that the chassis gives it."""

from __future__ import annotations

import re

import grpc
from monazite.type.v1.error_reason_pb2 import ErrorReason
from monazite_provenance._tool import leaving
from monazite_provenance._tool.leaving import REASONS as TOOL_REASONS
from monazite_provenance.errors import ProvenanceError

from clients import errors
from clients.admin.exit_codes import ExitCode, exit_code
from clients.errors import OWN_REASONS, CallError
from services.chassis.errors import from_provenance
from tests.tidy.sources import ROOT

STATUS = {
    errors.PROPOSAL_DIFFERS: grpc.StatusCode.FAILED_PRECONDITION,
    errors.UNKNOWN_REASON: grpc.StatusCode.UNKNOWN,
}
ROW = re.compile(
    r"^\| `(?P<reason>[A-Z_]+)` \| (?P<when>[^|]+) \| (?P<codes>[^|]+) \| (?P<action>[^|]+) \|$", re.MULTILINE
)


def test_every_reason_is_documented_once() -> None:
    documented = [row["reason"] for row in ROW.finditer((ROOT / "docs" / "ERRORS.md").read_text())]
    reasons = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118  (an enum wrapper, no dict)
    assert len(documented) == len(set(documented))
    assert set(documented) == reasons | OWN_REASONS | TOOL_REASONS
    assert reasons.isdisjoint(OWN_REASONS | TOOL_REASONS)


def test_the_command_lines_leave_with_the_documented_code() -> None:
    codes = {row["reason"]: row["codes"].strip() for row in ROW.finditer((ROOT / "docs" / "ERRORS.md").read_text())}
    assert {reason: int(codes[reason]) for reason in TOOL_REASONS} == {
        "USAGE": leaving.USAGE,
        "FILE_UNUSABLE": leaving.USAGE,
        "FAULT": leaving.FAULT,
    }
    ours = {
        errors.USAGE: ExitCode.USAGE,
        errors.BAD_INPUT: ExitCode.BAD_INPUT,
        errors.CONFIGURATION: ExitCode.CONFIGURATION,
        errors.FILE_UNUSABLE: ExitCode.USAGE,
        errors.FAULT: ExitCode.FAULT,
    }
    for reason in OWN_REASONS:
        called = exit_code(CallError(STATUS.get(reason, grpc.StatusCode.UNAVAILABLE), reason, ""))
        assert int(codes[reason]) == ours.get(reason, called), reason


def test_the_library_errors_are_documented_under_the_code_they_are_answered_with() -> None:
    codes = {row["reason"]: row["codes"].strip() for row in ROW.finditer((ROOT / "docs" / "ERRORS.md").read_text())}
    for kind in _all_kinds(ProvenanceError):
        error = from_provenance(kind("what happened"))
        assert codes[error.reason] == error.kind.code.name, error.reason


def _all_kinds(base: type[ProvenanceError]) -> list[type[ProvenanceError]]:
    return [base, *(kind for child in base.__subclasses__() for kind in _all_kinds(child))]


def test_every_documented_code_is_a_grpc_code() -> None:
    for row in ROW.finditer((ROOT / "docs" / "ERRORS.md").read_text()):
        for code in re.findall(r"[A-Z_]{2,}", row["codes"]):
            assert code in grpc.StatusCode.__members__, row["reason"]
