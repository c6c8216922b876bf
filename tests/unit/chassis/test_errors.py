"""One error type, to a gRPC status and back."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import errors as provenance

from services.chassis import errors
from services.chassis.errors import Error, Kind, Violation

TEXT = st.text(max_size=60)


def failed(code: grpc.StatusCode, *trailing: tuple[str, bytes]) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing))


@given(
    kind=st.sampled_from(Kind),
    reason=st.sampled_from(sorted(errors.REASONS)),
    message=TEXT,
    metadata=st.dictionaries(TEXT, TEXT | st.integers(), max_size=4),
    violations=st.lists(st.builds(Violation, TEXT, TEXT), max_size=5),
)
def test_what_a_server_raises_is_what_its_client_gets(
    kind: Kind, reason: str, message: str, metadata: dict[str, str | int], violations: list[Violation]
) -> None:
    sent = Error(kind, reason, message, metadata=metadata, violations=violations)
    got = errors.decode(failed(kind.code, *errors.to_trailing_metadata(sent)))
    assert (got.kind, got.reason, got.message) == (kind, reason, message)
    assert got.metadata == {key: str(value) for key, value in metadata.items()}
    assert got.violations == tuple(violations)


def test_what_is_attached_comes_along_as_long_as_it_fits() -> None:
    small, large = StringValue(value="x" * 100), StringValue(value="y" * errors.STATUS_BYTES_MAX)
    sent = Error(Kind.CONFLICT, "STALE", "spent", attached=[large]).with_attached(small)
    sent = sent.with_attached(StringValue(value="z"))
    got = errors.decode(failed(sent.kind.code, *errors.to_trailing_metadata(sent)))
    texts: list[str] = []
    for detail in got.attached:
        text = StringValue()
        assert detail.Unpack(text)
        texts.append(text.value)
    assert texts == ["x" * 100, "z"]
    assert not sent.has_room()
    fits = Error(Kind.CONFLICT, "STALE", "spent", metadata={"a": "b"}).with_attached(small, said="so")
    assert fits.has_room()
    assert fits.metadata == {"a": "b", "said": "so"}
    assert (got.reason, got.message, got.violations) == ("STALE", "spent", ())
    assert len(errors.to_status(sent).SerializeToString()) <= errors.STATUS_BYTES_MAX


@given(size=st.integers(errors.STATUS_BYTES_MAX - 200, errors.STATUS_BYTES_MAX))
def test_a_status_with_something_attached_stays_small_enough(size: int) -> None:
    violations = [Violation("field", "wrong")] * 50
    sent = Error(Kind.CONFLICT, "STALE", "", violations=violations, attached=[StringValue(value="x" * size)])
    assert errors.to_status(sent).ByteSize() <= errors.STATUS_BYTES_MAX


def test_a_reason_that_is_not_in_the_protos_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="NO_SUCH_REASON"):
        Error(Kind.INVALID, "NO_SUCH_REASON", "")


def test_every_error_of_the_library_has_a_reason_and_a_code() -> None:
    def leaves(kind: type[provenance.ProvenanceError]) -> list[type[provenance.ProvenanceError]]:
        return [kind, *(leaf for child in kind.__subclasses__() for leaf in leaves(child))]

    for kind in leaves(provenance.ProvenanceError):
        error = errors.from_provenance(kind("because", field="alg"))
        assert error.reason == kind.code
        assert error.metadata == {"field": "alg"}


def test_the_reuse_of_a_request_id_names_the_original() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    error = errors.request_id_reused("/x/Y", at, b"\x01" * 32)
    assert error.metadata == {
        "original_method": "/x/Y",
        "original_time": "2026-03-01T00:00:00+00:00",
        "original_statement_id": "01" * 32,
    }


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, "PEER_UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED"),
        (grpc.StatusCode.UNAUTHENTICATED, "NO_IDENTITY"),
        (grpc.StatusCode.UNIMPLEMENTED, "INTERNAL"),
    ],
)
def test_failures_that_never_reached_our_code_are_errors_too(code: grpc.StatusCode, reason: str) -> None:
    error = errors.decode(failed(code), peer="registry")
    assert error.reason == reason


@pytest.mark.parametrize("raw", [b"\xff\xff\xff", Status(code=3, message="of another domain").SerializeToString()])
def test_details_of_strangers_are_not_believed(raw: bytes) -> None:
    failure = failed(grpc.StatusCode.UNAVAILABLE, (errors.DETAILS_KEY, raw))
    assert errors.decode(failure).reason == "PEER_UNAVAILABLE"


@given(st.lists(st.builds(Violation, st.text(), st.text())), st.dictionaries(TEXT, st.text(), max_size=5))
def test_a_status_stays_small_enough_for_metadata(violations: list[Violation], metadata: dict[str, str]) -> None:
    many = Error(Kind.INVALID, "INVALID_FIELDS", "m" * 1000, metadata=metadata, violations=violations * 50)
    assert len(errors.to_status(many).SerializeToString()) < 8 * 1024


def test_how_many_fields_were_bad_is_told_even_if_not_all_of_them_fit() -> None:
    many = errors.invalid(Violation(f"elements[{number}]", "d" * 1000) for number in range(10_000))
    assert many.metadata == {"count": "10000"}
    sent = errors.from_status(errors.to_status(many))
    assert sent is not None
    assert 15 < len(sent.violations) < 40
