"""What reaches the terminal: nothing that moves a cursor, turns the writing or ends the tool."""

from __future__ import annotations

import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance._tool import screen


@given(st.text())
def test_a_line_is_one_line_of_what_can_be_seen(text: str) -> None:
    assert screen.visible(text).isprintable()


def test_our_own_text_is_left_as_it_is() -> None:
    assert screen.visible("lot RE-1  1 000 g  包头 \\ x") == "lot RE-1  1 000 g  包头 \\ x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2JVERIFIED", "\\x1b[2JVERIFIED"),
        ("a\nVERIFIED", "a\\nVERIFIED"),
        ("a\rVERIFIED", "a\\rVERIFIED"),
        ("\u202eDEIFIREV", "\\u202eDEIFIREV"),
        ("\x9b2J", "\\x9b2J"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
        ("wide\u3000space", "wide\\u3000space"),
    ],
)
def test_what_would_steer_the_terminal(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert screen.visible(text) == shown
    screen.say([text])
    screen.say_failure("FILE_UNUSABLE", text, {"file": text}, as_json=False)
    said = capsys.readouterr()
    assert said.out == f"{shown}\n"
    assert said.err == f"FILE_UNUSABLE {shown}\n  file = {shown}\n"


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": "包头\x1b\x7f\u202e"}
    screen.say_json(value)
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert "\x7f" not in out
    assert json.loads(out) == value


def test_a_terminal_of_few_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    screen.say(["包头"])
    assert raw.getvalue() == b"\\u5305\\u5934\n"


def test_a_table_lines_up() -> None:
    rows = [("a", "1"), ("包头", "1,000"), ("x\n", "22")]
    assert list(screen.table(("name", "kg"), rows, right=" r")) == [
        "name     kg",
        "a         1",
        "包头  1,000",
        "x\\n      22",
    ]
