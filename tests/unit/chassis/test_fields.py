"""Readers of single fields: what they take, what they blame, and that they blame everything at once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from monazite.quota.v1.quota_pb2 import ListRightsRequest
from monazite.type.v1.statement_pb2 import Outpoint as OutpointMessage
from monazite_provenance.statement import OUTPUTS_MAX, SPENDS_MAX, Outpoint

from services.chassis.errors import Error, Violation
from services.chassis.fields import NOWHERE, Fields, outpoint_message, timestamp

ID = bytes(range(32))


def blamed(fields: Fields) -> list[str]:
    return [violation.field for violation in fields.violations]


def test_everything_wrong_is_said_at_once() -> None:
    fields = Fields()
    fields.request_id("no")
    fields.text("site", "")
    fields.wrong("origin", "must be said")
    with pytest.raises(Error) as refused:
        fields.done()
    assert refused.value.reason == "INVALID_FIELDS"
    assert refused.value.violations == (
        Violation("request_id", "must be a UUID in lower case, e.g. 0191e7a0-0000-7000-8000-000000000000"),
        Violation("site", "must be printable text of 1 to 256 bytes"),
        Violation("origin", "must be said"),
    )


def test_nothing_wrong_is_not_said() -> None:
    fields = Fields()
    fields.done()
    assert fields.violations == []


@given(st.uuids())
def test_a_request_id_is_a_uuid(identifier: UUID) -> None:
    fields = Fields()
    assert fields.request_id(str(identifier)) == identifier.bytes
    assert blamed(fields) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "urn:uuid:0191e7a0-0000-7000-8000-000000000000",
        "{0191e7a0-0000-7000-8000-000000000000}",
        "0191e7a0000070008000000000000000",
        "0191E7A0-0000-7000-8000-000000000000",
        " 0191e7a0-0000-7000-8000-000000000000",
        "0191e7a0-0000-7000-8000-00000000000g",
        "0191e7a0-0000-7000-8000-000000000000\n",
    ],
)
def test_a_request_id_has_one_form(text: str) -> None:
    fields = Fields()
    fields.request_id(text)
    assert blamed(fields) == ["request_id"]


@pytest.mark.parametrize("text", ["", "x" * 257, "稀" * 86, "two\nlines", "\x00"])
def test_text_is_printable_and_bounded_in_bytes(text: str) -> None:
    fields = Fields()
    fields.text("site", text)
    assert blamed(fields) == ["site"]


def test_text_may_fill_its_bound_and_may_be_optional() -> None:
    fields = Fields()
    assert fields.text("site", "x" * 256) == "x" * 256
    assert fields.text("site", "稀" * 85) == "稀" * 85
    assert fields.text("site", "", optional=True) == ""
    assert blamed(fields) == []


def test_a_service_may_take_longer_text() -> None:
    class Prose(Fields):
        text_bytes_max = 300

    fields = Prose()
    fields.text("reason", "x" * 300)
    assert blamed(fields) == []
    fields.text("reason", "x" * 301)
    assert blamed(fields) == ["reason"]


@pytest.mark.parametrize(
    ("reader", "good", "bad"),
    [
        ("enterprise", ["national", "a", "mine_1.b-c", "x" * 64], ["", "-a", "a-", "a b", "x" * 65, "稀土", "a\n"]),
        ("country", ["CN", "US"], ["", "cn", "CHN", "C", "C1", "ÄÖ"]),
        ("reason", ["A", "SHORTAGE_1", "X" * 64], ["", "a", "1A", "_A", "A B", "X" * 65]),
    ],
)
def test_codes_are_matched_as_a_whole(reader: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        fields = Fields()
        assert getattr(fields, reader)("code", text) == text
        assert blamed(fields) == []
    for text in bad:
        fields = Fields()
        getattr(fields, reader)("code", text)
        assert blamed(fields) == ["code"], text


@pytest.mark.parametrize("reader", ["enterprise", "reason"])
def test_an_optional_code_may_be_empty_but_not_wrong(reader: str) -> None:
    fields = Fields()
    getattr(fields, reader)("code", "", optional=True)
    assert blamed(fields) == []
    getattr(fields, reader)("code", "-", optional=True)
    assert blamed(fields) == ["code"]


@given(st.integers(), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_numbers_lie_within_both_bounds(value: int, least: int, most: int) -> None:
    fields = Fields()
    assert fields.between("reo_mg", value, least, most, "mg REO") == value
    wrong = [] if least <= value <= most else [Violation("reo_mg", f"must lie between {least} and {most} mg REO")]
    assert fields.violations == wrong


def test_counts_are_bounded_on_both_sides() -> None:
    fields = Fields()
    fields.count("lots", [1], 1, 2)
    fields.count("lots", [1, 2], 1, 2)
    assert blamed(fields) == []
    fields.count("few", [], 1, 2)
    fields.count("many", [1, 2, 3], 1, 2)
    assert fields.violations == [Violation("few", "must be 1 to 2, not 0"), Violation("many", "must be 1 to 2, not 3")]


def test_what_stands_twice_is_blamed_where_it_stands_again() -> None:
    fields = Fields()
    fields.distinct("parts[].lot_id", ["a", "b", "a", "a"])
    assert blamed(fields) == ["parts[2].lot_id", "parts[3].lot_id"]


def test_an_outpoint_that_was_blamed_is_not_blamed_again_for_standing_twice() -> None:
    fields = Fields()
    fields.outpoints("spends", [OutpointMessage(), OutpointMessage()])
    assert blamed(fields) == ["spends[0].statement_id", "spends[1].statement_id"]


def test_an_outpoint_of_zeros_is_one_like_any_other() -> None:
    fields = Fields()
    zeros = OutpointMessage(statement_id=bytes(32))
    fields.outpoints("spends", [zeros, OutpointMessage(), zeros])
    assert blamed(fields) == ["spends[1].statement_id", "spends[2]"]


def test_outpoints_are_read_with_all_their_faults() -> None:
    fields = Fields()
    good = OutpointMessage(statement_id=ID, output_index=OUTPUTS_MAX - 1)
    assert fields.outpoint("head", good) == Outpoint(ID, OUTPUTS_MAX - 1)
    assert outpoint_message(Outpoint(ID, OUTPUTS_MAX - 1)) == good
    assert blamed(fields) == []
    assert fields.outpoint("head", OutpointMessage(statement_id=ID[1:], output_index=OUTPUTS_MAX)) == NOWHERE
    assert blamed(fields) == ["head.statement_id", "head.output_index"]


def test_a_statement_spends_some_heads_each_once() -> None:
    fields = Fields()
    heads = [OutpointMessage(statement_id=ID, output_index=index) for index in range(SPENDS_MAX)]
    assert len(fields.outpoints("spends", heads)) == SPENDS_MAX
    assert blamed(fields) == []
    fields.outpoints("spends", [])
    fields.outpoints("spends", [*heads, OutpointMessage(statement_id=ID, output_index=SPENDS_MAX)])
    fields.outpoints("spends", [heads[0], heads[0]])
    assert blamed(fields) == ["spends", "spends", "spends[1]"]


def test_ids_have_their_length() -> None:
    fields = Fields()
    assert fields.identifier("right_id", ID) == ID
    assert fields.act_id(ID[:16]) == ID[:16]
    assert blamed(fields) == []
    fields.identifier("right_id", ID[1:])
    fields.act_id(ID)
    fields.identifier("signature", ID, 64)
    assert blamed(fields) == ["right_id", "act_id", "signature"]


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds of a strategy are naive
def test_instants_travel_there_and_back(instant: datetime) -> None:
    fields = Fields()
    assert fields.instant("expire_time", timestamp(instant)) == instant
    assert blamed(fields) == []


@pytest.mark.parametrize(
    "value", [Timestamp(seconds=-1), Timestamp(seconds=253_402_300_800), Timestamp(nanos=-1), Timestamp(nanos=10**9)]
)
def test_instants_outside_of_time_are_blamed(value: Timestamp) -> None:
    fields = Fields()
    fields.instant("expire_time", value)
    assert blamed(fields) == ["expire_time"]


def test_an_instant_that_is_needed_and_left_out_is_blamed() -> None:
    fields = Fields()
    fields.instant("expire_time", Timestamp(), present=False)
    assert blamed(fields) == ["expire_time"]


def test_a_page_is_read_with_the_rest_of_the_request() -> None:
    fields = Fields()
    fields.wrong("year", "is missing")
    assert fields.page(ListRightsRequest(page_size=7), query=("ListRights",), key_types=(str,)).size == 7
    fields.page(ListRightsRequest(page_size=-1, page_token="nonsense"), query=("ListRights",), key_types=(str,))  # noqa: S106 - a page token is no secret
    assert blamed(fields) == ["year", "page_size", "page_token"]
