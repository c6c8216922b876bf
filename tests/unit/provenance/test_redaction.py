"""What a target does not need, and leaving it out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import Form
from monazite_provenance.errors import BadField
from monazite_provenance.item import check_openings
from monazite_provenance.redaction import Omission, omit, unneeded
from monazite_provenance.statement import parse

from tests.unit.provenance.chains import ORE, World, enterprise, lot, scaled, tell

STORY = tell()
EVERYTHING = [
    Omission(parse(item.statement).statement_id, output)
    for item in STORY.world.items
    for output in [*item.openings, *([None] if item.details else [])]
]


def test_the_way_back_and_what_the_target_does_not_need() -> None:
    world = World.new()
    whole = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 100_000, scaled(ORE, 500)))
    parts = world.split("mine", whole, 60_000, 40_000)
    spent = world.offer("mine", parts[1], enterprise("plant"))
    assert unneeded(parts[0], world.items) == {
        Omission(parts[1].statement_id, 1),
        Omission(spent.statement_id, 0),
        Omission(spent.statement_id, None),
    }
    assert unneeded(spent, world.items) == {Omission(parts[0].statement_id, 0)}


@given(st.sets(st.sampled_from(EVERYTHING)))
def test_what_is_left_is_what_was_committed_to(omissions: set[Omission]) -> None:
    left = list(omit(STORY.world.items, omissions))
    shown: set[Omission] = set()
    for item, before in zip(left, STORY.world.items, strict=True):
        statement = parse(item.statement)
        assert item.statement == before.statement
        check_openings(item, statement)
        shown |= {Omission(statement.statement_id, output) for output in item.openings}
        shown |= {Omission(statement.statement_id, None)} if item.details else set()
    assert shown == set(EVERYTHING) - omissions


def test_what_is_not_there_cannot_be_left_out() -> None:
    item = STORY.world.items[0]
    statement_id = parse(item.statement).statement_id
    for omission in (Omission(statement_id, 77), Omission(bytes(32), None)):
        with pytest.raises(BadField):
            list(omit([item], [omission]))
    (bare,) = omit([item], [Omission(statement_id, None)])
    with pytest.raises(BadField):
        list(omit([bare], [Omission(statement_id, None)]))
