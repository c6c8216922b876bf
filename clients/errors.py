"""What went wrong with a call, in one type, and what to do about it.

A service answers every refusal with a `google.rpc.Status` that carries an `ErrorInfo` (reason and metadata) and, for
bad fields, all `BadRequest` violations (docs/ERRORS.md). TLS failures, unreachable addresses, deadlines and message
sizes never reach a service's code; they are recognised here from what gRPC says about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc.aio import AioRpcError

STATUS_KEY = "grpc-status-details-bin"
ERROR_DOMAIN = "monazite"

# Reasons of failures that no service has seen begin so. They are ours, so none of them is in error_reason.proto.
TRANSPORT = "TRANSPORT_"
TRANSPORT_TLS = "TRANSPORT_TLS"
TRANSPORT_UNREACHABLE = "TRANSPORT_UNREACHABLE"
TRANSPORT_DEADLINE = "TRANSPORT_DEADLINE"
TRANSPORT_TOO_LARGE = "TRANSPORT_TOO_LARGE"
TRANSPORT_CUT = "TRANSPORT_CUT"
TRANSPORT_WRONG_SERVICE = "TRANSPORT_WRONG_SERVICE"
UNKNOWN_REASON = "UNKNOWN"
# The command line's own. What is proposed is not what the officer came to sign:
PROPOSAL_DIFFERS = "PROPOSAL_DIFFERS"
USAGE = "USAGE"
CONFIGURATION = "CONFIGURATION"
BAD_INPUT = "BAD_INPUT"
FILE_UNUSABLE = "FILE_UNUSABLE"
FAULT = "FAULT"

OWN_REASONS = frozenset(
    {
        TRANSPORT_TLS,
        TRANSPORT_UNREACHABLE,
        TRANSPORT_DEADLINE,
        TRANSPORT_TOO_LARGE,
        TRANSPORT_CUT,
        TRANSPORT_WRONG_SERVICE,
        UNKNOWN_REASON,
        PROPOSAL_DIFFERS,
        USAGE,
        CONFIGURATION,
        BAD_INPUT,
        FILE_UNUSABLE,
        FAULT,
    }
)
"""All reasons that no service gives; docs/ERRORS.md has a row for each."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field of a request."""

    field: str
    description: str


@dataclass(eq=False)
class CallError(Exception):
    """A call that failed: gRPC code, stable reason, message and its dynamic parts."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    violations: tuple[Violation, ...] = ()

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


def decode(error: AioRpcError) -> CallError:
    """The `CallError` that a failed call stands for."""
    status = _status(error)
    if status is None:
        return _transport(error)
    info = ErrorInfo()
    request = BadRequest()
    for detail in status.details:
        # Unpack leaves the message alone when the detail is of another type.
        detail.Unpack(info)
        detail.Unpack(request)
    violations = [Violation(each.field, each.description) for each in request.field_violations]
    if info.domain != ERROR_DOMAIN:
        return CallError(error.code(), UNKNOWN_REASON, status.message)
    # A map comes in any order, another one each time.
    return CallError(error.code(), info.reason, status.message, dict(sorted(info.metadata.items())), tuple(violations))


def _status(error: AioRpcError) -> Status | None:
    trailing = error.trailing_metadata()
    if trailing is None:
        return None
    for key, value in trailing:
        if key == STATUS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                return None
    return None


def _transport(error: AioRpcError) -> CallError:
    code = error.code()
    said = error.details() or ""
    return CallError(code, _transport_reason(code, f"{said} {error.debug_error_string() or ''}".lower()), said)


# In this order: a cut connection also "failed to connect". A server that demands a certificate and dislikes ours hangs
# up without a word after its half of the handshake (TLS 1.3), so a cut has two explanations: `advice` gives both.
_MARKS = (
    (TRANSPORT_TLS, ("handshake", "certificate", "tsi_", "ssl", "tls", "peer name", "hostname verification", "x509")),
    (TRANSPORT_CUT, ("socket closed", "connection reset", "broken pipe", "goaway", "end of tcp stream")),
    (
        TRANSPORT_UNREACHABLE,
        ("refused", "resolving", "resolution", "lookup", "no route", "failed to connect", "timed out"),
    ),
)


def _transport_reason(code: grpc.StatusCode, said: str) -> str:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TRANSPORT_DEADLINE
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "message larger than max" in said:
        return TRANSPORT_TOO_LARGE
    if code is grpc.StatusCode.UNIMPLEMENTED:
        # Every service of the suite has all methods of its protos.
        return TRANSPORT_WRONG_SERVICE
    if code is grpc.StatusCode.UNAVAILABLE:
        return next((reason for reason, marks in _MARKS if any(mark in said for mark in marks)), TRANSPORT_CUT)
    return UNKNOWN_REASON
