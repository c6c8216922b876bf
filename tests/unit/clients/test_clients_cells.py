"""Tables lose no cell, whatever the window: an id is never broken, a number never, and other words never either."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from clients.admin import tables

WORD = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
CELL = st.lists(WORD, max_size=4).map(" ".join)
ID = "ab" * 32


def _shown(width: int, columns: list[str], rows: list[list[str]]) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as shown:
        tables.show(console, "Title", columns, rows)
    return shown.get()


@settings(max_examples=40)
@given(st.integers(10, 240), st.lists(st.tuples(CELL, CELL, CELL), max_size=4))
def test_no_word_is_lost_or_broken(width: int, rows: list[tuple[str, str, str]]) -> None:
    said = _shown(width, ["Lot", "[Holder]", ">mass"], [list(row) for row in rows])
    for row in rows:
        assert all(word in said for cell in row for word in cell.split())
        assert row[2] in said, "numbers stand on one line"


@settings(max_examples=40)
@given(st.integers(10, 240), st.lists(st.tuples(CELL, CELL), max_size=4))
def test_a_table_is_no_wider_than_the_window(width: int, rows: list[tuple[str, str]]) -> None:
    said = _shown(width, ["Lot", ">mass"], [list(row) for row in rows])
    if not said.startswith("Title\n\n"):
        assert all(cell_len(line) <= width for line in said.splitlines())


def test_of_nothing_there_is_no_table() -> None:
    assert _shown(80, ["Lot", ">mass"], []) == "Title: none\n"


@pytest.mark.parametrize(("width", "stacked"), [(40, True), (79, True), (90, False), (240, False)])
def test_what_is_too_wide_for_the_window_is_stacked(width: int, stacked: bool) -> None:
    said = _shown(width, ["Right", "Holder", ">mass"], [[ID, "northern", "1 234.5"], [ID, "", "2"]])
    assert said.count(ID) == 2
    assert said.startswith("Title\n\n") == stacked
    if stacked:
        assert f"  Right   {ID}\n  Holder  northern\n  mass    1 234.5\n" in said
        assert said.count("Holder") == 1, "an empty cell has no line"
