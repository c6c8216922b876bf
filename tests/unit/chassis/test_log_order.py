"""The order of a batch: parents before children, otherwise as it came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.log.order import Pending, order

AT = datetime(2026, 3, 1, tzinfo=UTC)


@st.composite
def graphs(draw: st.DrawFn) -> list[Pending]:
    """Entries whose parents come from an order that shuffling forgets; some parents are settled already."""
    count = draw(st.integers(0, 30))
    ids = [bytes([number]) * 32 for number in range(count)]
    entries = [
        Pending(
            ids[number], tuple(draw(st.lists(st.sampled_from([b"settled", *ids[:number]]), max_size=4))), AT, bytes(32)
        )
        for number in range(count)
    ]
    return draw(st.permutations(entries))


@given(graphs())
def test_parents_come_first_and_nothing_is_lost(entries: list[Pending]) -> None:
    ordered = [entry.statement_id for entry in order(entries)]
    assert sorted(ordered) == sorted(entry.statement_id for entry in entries)
    place = {statement_id: number for number, statement_id in enumerate(ordered)}
    for entry in entries:
        for parent in entry.parents:
            assert place.get(parent, -1) < place[entry.statement_id]


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True))
def test_strangers_keep_their_order(ids: list[bytes]) -> None:
    entries = [Pending(one, (), AT, bytes(32)) for one in ids]
    assert order(entries) == entries


def test_a_circle_is_not_an_order() -> None:
    with pytest.raises(ValueError, match="each other's parents"):
        order([Pending(b"a", (b"b",), AT, bytes(32)), Pending(b"b", (b"a",), AT, bytes(32))])
