"""`--json`: zeros are there, and bytes read as every argument wants them."""

from __future__ import annotations

import json

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from monazite.export_license.v1.export_license_pb2 import (
    Case,
    CaseEvent,
    DeclaredLot,
    ExportAct,
    Licence,
    LicenceLine,
    LicenceLineBalance,
    ListCasesResponse,
)
from monazite.registry.v1.registry_pb2 import Finding, Lot
from monazite.transparency.v1.transparency_pb2 import Entry, StreamEntriesResponse
from monazite.type.v1.statement_pb2 import Admission, Outpoint, StatementItem
from rich.console import Console

from clients.admin.arguments import hex_id, parse_outpoint
from clients.admin.output import Output, message_value


def _printed(message: Message, *, one_line: bool) -> str:
    console = Console(width=40)
    output = Output(as_json=True, console=console)
    with console.capture() as shown:
        (output.line if one_line else output.message)(message)
    return shown.get()


def test_zeros_are_printed_and_absent_fields_are_not() -> None:
    balance = LicenceLineBalance(line=LicenceLine(control_code="1C905.a", gross_g=0))
    assert message_value(balance) == {
        "line": {"control_code": "1C905.a", "hs_code": "", "gross_g": "0"},
        "reserved_g": "0",
        "used_g": "0",
        "available_g": "0",
    }
    pending = message_value(Admission(receipt_pending=True))
    assert "index" not in pending
    assert message_value(Admission(index=0))["index"] == "0"
    assert "licence" not in message_value(Case(case_id="c"))


def test_a_history_that_an_answer_does_not_tell_is_absent() -> None:
    told = Case(case_id="c", history=[CaseEvent(actor="li")])
    first, second = json.loads(_printed(ListCasesResponse(cases=[Case(case_id="c"), told]), one_line=True))["cases"]
    assert "history" not in first
    assert second["history"][0]["actor"] == "li"


@given(st.binary(min_size=32, max_size=32))
def test_an_id_of_the_output_is_an_id_of_the_arguments(identifier: bytes) -> None:
    printed = message_value(Licence(licence_id=identifier))["licence_id"]
    assert isinstance(printed, str)
    assert printed == printed.lower()
    assert hex_id(printed, "LICENCE_ID") == identifier


def test_bytes_are_hex_at_every_depth_and_times_stay_text() -> None:
    entry = Entry(statement_id=b"\xab" * 32, item=StatementItem(item=b"\xff"), committed_at=Timestamp(seconds=1))
    page = json.loads(_printed(StreamEntriesResponse(entries=[entry, Entry()]), one_line=False))
    first, second = page["entries"]
    assert first == {
        "index": "0",
        "leaf": "",
        "receipt": "",
        "statement_id": "ab" * 32,
        "event_kind": 0,
        "item": {"item": "ff"},
        "committed_at": "1970-01-01T00:00:01Z",
    }
    assert (second["statement_id"], second["event_kind"], "item" in second) == ("", 0, False)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 65535))
def test_an_outpoint_of_the_output_is_one_of_the_arguments(identifier: bytes, index: int) -> None:
    outpoint = Outpoint(statement_id=identifier, output_index=index)
    printed = message_value(ExportAct(abroad=[outpoint], declared=[DeclaredLot(head=outpoint, gross_g=1)]))
    assert printed["abroad"] == [f"{identifier.hex()}:{index}"]
    declared = {"head": f"{identifier.hex()}:{index}", "control_code": "", "gross_g": "1", "lot_id": ""}
    assert printed["declared"] == [declared]
    assert parse_outpoint(f"{identifier.hex()}:{index}") == outpoint
    assert message_value(Lot(head=outpoint))["head"] == f"{identifier.hex()}:{index}"


def test_a_map_of_text_stays_as_it_is() -> None:
    finding = Finding(code="MATTER_APPEARS", metadata={"mg": "1"})
    assert message_value(finding) == {"code": "MATTER_APPEARS", "message": "", "metadata": {"mg": "1"}}


def test_a_streamed_message_is_one_line() -> None:
    said = _printed(Entry(index=7, statement_id=b"\x01" * 32), one_line=True)
    assert said.count("\n") == 1
    assert json.loads(said)["statement_id"] == "01" * 32
