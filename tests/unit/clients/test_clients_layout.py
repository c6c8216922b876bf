"""Lines are broken between words, never inside a number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from clients.demo.stage import FACTS_MAX, facts
from clients.layout import Flow, words
from clients.masses import INT64_MAX, kilograms


def _lines(flow: Flow, width: int) -> list[str]:
    console = Console(width=width)
    with console.capture() as shown:
        console.print(flow)
    return shown.get().splitlines()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("draws 1 234 567.5 t in 3 parts", ["draws", "1 234 567.5", "t", "in", "3", "parts"]),
        ("of 90 t, 8 t go back", ["of", "90", "t,", "8", "t", "go", "back"]),
        ("batch 2 2024", ["batch", "2", "2024"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(
    st.lists(st.integers(min_value=0, max_value=INT64_MAX), min_size=1, max_size=17),
    st.integers(min_value=32, max_value=80),
)
def test_no_mass_is_broken(masses: list[int], width: int) -> None:
    pieces = [f"Nd {kilograms(mg)}" for mg in masses]
    lines = _lines(Flow(pieces, separator="  ", first="  ", indent=4), width)
    assert all(len(line) <= width for line in lines)
    assert [piece for line in lines for piece in line.strip().split("  ")] == pieces


def test_a_separator_stays_at_the_end_of_a_line() -> None:
    assert _lines(Flow(["one", "two", "three"], separator=", ", indent=2), 9) == ["one, two,", "  three"]


def test_few_facts_are_shown_whole() -> None:
    assert facts({"left_mg": "1", "asked_t": "2", "asked_mg": "2000000000"}) == [
        "  [dim]asked_t[/dim] = 2",
        "  [dim]left_mg[/dim] = 1",
        "  [dim]and 1 more[/dim]",
    ]


def test_many_facts_are_counted() -> None:
    lines = facts({f"fact_{number:02d}": "ab" * 32 for number in range(20)})
    assert len(lines) == FACTS_MAX + 1
    assert lines[0].endswith("= abababababababab…")
    assert lines[-1] == "  [dim]and 12 more[/dim]"
