"""The one error type of the suite, and its only mapping to and from a gRPC status.

A status carries `google.rpc.ErrorInfo` (AIP-193: domain "monazite", `reason` from error_reason.proto, dynamic parts
in `metadata`) and, for bad
fields, all of them at once as `google.rpc.BadRequest`. What else a refusal brings along is a typed detail behind these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from monazite.type.v1.error_reason_pb2 import ErrorReason
from monazite_provenance.errors import ProvenanceError

DOMAIN: Final = "monazite"
DETAILS_KEY: Final = "grpc-status-details-bin"
# gRPC drops a call whose trailing metadata are over 8 KiB, so a status must stay below, whatever a request got wrong.
STATUS_BYTES_MAX: Final = 6 * 1024
TEXT_LENGTH_MAX: Final = 200
# Of what is wrong with one field: it may be a whole refusal with its numbers.
DESCRIPTION_LENGTH_MAX: Final = 300
_PREFIX: Final = "ERROR_REASON_"
REASONS: Final = frozenset(name.removeprefix(_PREFIX) for name in ErrorReason.keys())  # noqa: SIM118  (an enum wrapper, no dict)


class Kind(Enum):
    """What sort of failure it is; decides the gRPC code and with it whether a client may try again."""

    INVALID = grpc.StatusCode.INVALID_ARGUMENT
    UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
    DENIED = grpc.StatusCode.PERMISSION_DENIED
    NOT_FOUND = grpc.StatusCode.NOT_FOUND
    EXISTS = grpc.StatusCode.ALREADY_EXISTS
    PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
    CONFLICT = grpc.StatusCode.ABORTED
    EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
    DEADLINE = grpc.StatusCode.DEADLINE_EXCEEDED
    UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
    INTERNAL = grpc.StatusCode.INTERNAL

    @property
    def code(self) -> grpc.StatusCode:
        """The gRPC status code."""
        return self.value


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field: its path in the request (`material.elements[2].reo_mg`) and what is wrong with it."""

    field: str
    description: str


class Error(Exception):
    """What a service refuses with. `message` and `metadata` go to the client: no secrets, no text of other
    exceptions.

    `reason` is a name of error_reason.proto without its prefix; another one raises ValueError. `attached` are typed
    messages that help a caller to go on; one that does not fit into a status is left out.
    """

    def __init__(
        self,
        kind: Kind,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str | int] | None = None,
        violations: Iterable[Violation] = (),
        attached: Iterable[Message] = (),
    ) -> None:
        super().__init__(message)
        if reason not in REASONS:
            raise ValueError(f"{reason} is not a reason of error_reason.proto")
        self.kind = kind
        self.reason = reason
        self.message = message
        self.metadata: dict[str, str] = {key: str(value) for key, value in (metadata or {}).items()}
        self.violations = tuple(violations)
        self.attached = tuple(map(_packed, attached))

    def with_attached(self, *messages: Message, **metadata: str) -> Error:
        """The same refusal, bringing `messages` along and saying `metadata` too."""
        return Error(
            self.kind,
            self.reason,
            self.message,
            metadata={**self.metadata, **metadata},
            violations=self.violations,
            attached=(*self.attached, *messages),
        )

    def has_room(self) -> bool:
        """Whether its status holds all that it brings along."""
        status = to_status(self)
        return all(one in status.details for one in self.attached)

    def __str__(self) -> str:
        parts = [f"{self.reason}: {self.message}"]
        parts += [f"{violation.field}: {violation.description}" for violation in self.violations]
        return "; ".join(parts)


def invalid(violations: Iterable[Violation]) -> Error:
    """INVALID_FIELDS with every bad field of a request at once."""
    found = tuple(violations)
    count = len(found)
    return Error(
        Kind.INVALID,
        "INVALID_FIELDS",
        f"{count} field{'s' if count != 1 else ''} of the request cannot be used",
        metadata={"count": count},
        violations=found,
    )


def no_identity(message: str = "the certificate does not name one principal of this suite") -> Error:
    """NO_IDENTITY: a client certificate that names nobody we know."""
    return Error(Kind.UNAUTHENTICATED, "NO_IDENTITY", message)


def access_denied(method: str, principal: str) -> Error:
    """ACCESS_DENIED: this kind of caller may never call this method."""
    return Error(
        Kind.DENIED,
        "ACCESS_DENIED",
        "a caller of this kind may not call this method",
        metadata={"method": method, "principal": principal},
    )


def not_found(what: str, name: str) -> Error:
    """NOT_FOUND: it does not exist, or is not the caller's; the two must look the same. `what` is a word like
    "lot"."""
    return Error(Kind.NOT_FOUND, "NOT_FOUND", f"no such {what}", metadata={"what": what, "name": name})


def request_id_reused(method: str, at: datetime, statement_id: bytes | None) -> Error:
    """REQUEST_ID_REUSED: the id was used before, with other content; names the original."""
    original = {"original_method": method, "original_time": at.isoformat()}
    if statement_id is not None:
        original["original_statement_id"] = statement_id.hex()
    return Error(
        Kind.EXISTS, "REQUEST_ID_REUSED", "this request_id was used for a request with other content", metadata=original
    )


def conflict(message: str, *, metadata: Mapping[str, str | int] | None = None) -> Error:
    """CONFLICT: somebody else changed the same thing first; the request may be sent again as it is."""
    return Error(Kind.CONFLICT, "CONFLICT", message, metadata=metadata)


def etag_mismatch(what: str) -> Error:
    """ETAG_MISMATCH: the resource changed since the caller read it."""
    return Error(Kind.CONFLICT, "ETAG_MISMATCH", f"the {what} changed since it was read", metadata={"what": what})


def deadline_required() -> Error:
    """DEADLINE_REQUIRED: a call without a deadline is not taken."""
    return Error(Kind.INVALID, "DEADLINE_REQUIRED", "set a deadline on the call")


def deadline(message: str = "too little time is left to do this") -> Error:
    """DEADLINE: it cannot be done, or was not done, in time."""
    return Error(Kind.DEADLINE, "DEADLINE", message)


def overloaded(queued: int) -> Error:
    """OVERLOADED: too much is waiting already; try again later. Nothing was changed."""
    return Error(Kind.EXHAUSTED, "OVERLOADED", "too many writes are waiting", metadata={"queued": queued})


def unavailable(message: str = "the service cannot reach its database") -> Error:
    """UNAVAILABLE: try again with the same request_id; it may or may not have been done."""
    return Error(Kind.UNAVAILABLE, "UNAVAILABLE", message)


def peer_unavailable(peer: str) -> Error:
    """PEER_UNAVAILABLE: another service that this needs is away. Nothing was changed here."""
    return Error(Kind.UNAVAILABLE, "PEER_UNAVAILABLE", f"{peer} cannot be reached", metadata={"peer": peer})


def internal(incident: str) -> Error:
    """INTERNAL: a fault of ours. The incident id is all that leaves; the logs hold the rest."""
    return Error(Kind.INTERNAL, "INTERNAL", "internal error", metadata={"incident": incident})


_KIND_OF_PROVENANCE: Final[Mapping[str, Kind]] = {
    "NOT_DETERMINISTIC": Kind.INVALID,
    "TRAILING_BYTES": Kind.INVALID,
    "TOO_LARGE": Kind.INVALID,
    "TOO_DEEP": Kind.INVALID,
    "NOT_A_BUNDLE": Kind.INVALID,
    "BAD_FIELD": Kind.INVALID,
    "OPENING_MISMATCH": Kind.INVALID,
    "PAGES_INCOMPLETE": Kind.INVALID,
    "PAGE_OUT_OF_ORDER": Kind.INVALID,
    "FOREIGN_PAGE": Kind.INVALID,
    "UNSUPPORTED_ALGORITHM": Kind.INVALID,
    "CRITICAL_HEADER": Kind.INVALID,
    "UNSUPPORTED_VERSION": Kind.INVALID,
    "UNSUPPORTED_LOG_STRUCTURE": Kind.INVALID,
    "BAD_SIGNATURE": Kind.INVALID,
    "NOT_HOLDER": Kind.DENIED,
    "ISSUER_MISMATCH": Kind.DENIED,
    "EVENT_NOT_ALLOWED": Kind.DENIED,
    "OWN_SIGNATURE_ONLY": Kind.DENIED,
    "DOUBLE_SPEND": Kind.CONFLICT,
    "HEAD_SPENT": Kind.CONFLICT,
}


def from_provenance(error: ProvenanceError) -> Error:
    """The same refusal as the library's, as the suite's error: its code is the reason, its details are the
    metadata."""
    kind = _KIND_OF_PROVENANCE.get(error.code, Kind.PRECONDITION)
    return Error(kind, error.code, error.message, metadata=error.details)


def to_status(error: Error) -> Status:
    """The `google.rpc.Status` that carries it; as many violations as fit into STATUS_BYTES_MAX."""
    status = Status(code=error.kind.code.value[0], message=_short(error.message))
    metadata = {_short(key): _short(value) for key, value in error.metadata.items()}
    status.details.append(_packed(ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)))
    for attached in error.attached:
        # Framed by a tag and a length of at most two bytes, as the violations below.
        if status.ByteSize() + attached.ByteSize() + 3 <= STATUS_BYTES_MAX:
            status.details.append(attached)
    bad = BadRequest()
    # What wraps the violations: the name of their type, and the lengths of the two messages around them.
    left = STATUS_BYTES_MAX - status.ByteSize() - _packed(bad).ByteSize() - 6
    for one in error.violations:
        violation = BadRequest.FieldViolation(
            field=_short(one.field), description=_short(one.description, DESCRIPTION_LENGTH_MAX)
        )
        left -= violation.ByteSize() + 3
        if left < 0:
            break
        bad.field_violations.append(violation)
    if bad.field_violations:
        status.details.append(_packed(bad))
    return status


def to_trailing_metadata(error: Error) -> tuple[tuple[str, bytes]]:
    """The trailing metadata to abort a call with."""
    return ((DETAILS_KEY, to_status(error).SerializeToString()),)


def from_status(status: Status) -> Error | None:
    """The error that a status carries; None when it is not one of this suite."""
    info = ErrorInfo()
    bad = BadRequest()
    found = False
    attached: list[AnyMessage] = []
    for detail in status.details:
        if detail.Unpack(info):
            found = info.domain == DOMAIN and info.reason in REASONS
        elif not detail.Unpack(bad):
            attached.append(detail)
    if not found:
        return None
    violations = [Violation(one.field, one.description) for one in bad.field_violations]
    return Error(
        _KIND_OF_CODE.get(status.code, Kind.INTERNAL),
        info.reason,
        status.message,
        metadata=dict(info.metadata),
        violations=violations,
        attached=attached,
    )


def decode(failure: grpc.aio.AioRpcError, *, peer: str = "the service") -> Error:
    """What a call failed with, as the same type that the server raised.

    A failure that did not come from our code (TLS, unreachable, too large a message) becomes PEER_UNAVAILABLE,
    DEADLINE, TOO_LARGE or INTERNAL.
    """
    for key, value in failure.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            error = _read_status(value)
            if error is not None:
                return error
    return _foreign(failure.code(), failure.details() or "", peer)


def _read_status(raw: bytes) -> Error | None:
    try:
        return from_status(Status.FromString(raw))
    except DecodeError:
        return None


def _foreign(code: grpc.StatusCode, details: str, peer: str) -> Error:
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return peer_unavailable(peer)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return deadline(f"{peer} did not answer in time")
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "larger than max" in details:
            return Error(Kind.INVALID, "TOO_LARGE", f"a message to or from {peer} is over its size limit")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Error(Kind.EXHAUSTED, "OVERLOADED", f"{peer} has too many calls to serve")
        case grpc.StatusCode.UNAUTHENTICATED:
            return no_identity()
        case _:
            return Error(
                Kind.INTERNAL, "INTERNAL", f"{peer} failed with {code.name}", metadata={"peer": peer, "code": code.name}
            )


def _packed(message: Message) -> AnyMessage:
    if isinstance(message, AnyMessage):
        return message
    packed = AnyMessage()
    packed.Pack(message)
    return packed


def _short(text: str, length_max: int = TEXT_LENGTH_MAX) -> str:
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


_KIND_OF_CODE: Final[Mapping[int, Kind]] = {kind.code.value[0]: kind for kind in Kind}
