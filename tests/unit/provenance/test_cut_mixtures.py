"""Cuts beside parts of what they stand for: what is true is not refuted, and what contradicts itself is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from monazite_provenance.contents import Form, Imported, RegisterDetails
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.redaction import Omission, omit, unneeded
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import ORE, World, code, enterprise, lot


def left(world: World, *statement_ids: bytes) -> list[Item]:
    """The items without these."""
    return [item for item, each in zip(world.items, world.ids, strict=True) if each not in statement_ids]


def test_a_cut_of_an_output_that_is_withheld() -> None:
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    sibling, target = world.split("mine", head, 400, 600)
    world.cut(sibling)
    # A full bundle has all that refers to its statements, the sibling's cut too.
    report = world.verify(target, list(omit(world.items, unneeded(target, world.items))))
    assert report.gap_codes() == {"ABSENCE", "NOT_DISCLOSED"}
    assert report.vouched == ()
    world.cut(sibling, outpoint=Outpoint(sibling.statement_id, 2))
    report = world.verify(target, list(omit(world.items, [Omission(sibling.statement_id, 0)])))
    assert code(report) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def merged() -> tuple[World, Outpoint, Sequence[Outpoint], bytes]:
    """One register of two lots: one goes to the plant behind a cut, the other with its history; there they merge."""
    world = World.new("mine")
    lots = [lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE) for _ in range(2)]
    first, second = world.step(EventKind.REGISTER, "mine", RegisterDetails(Imported("US", "d")), lots)
    offered = world.offer("mine", first, enterprise("plant"))
    cut_id = world.cut(offered)
    (arrived,) = world.accept("plant", offered)
    other = world.hand_over("mine", "plant", second)
    return world, world.merge("plant", arrived, other), (first, offered), cut_id


@pytest.mark.parametrize("shown_first", [True, False])
def test_a_cut_of_a_lot_whose_birth_is_shown(shown_first: bool) -> None:
    world, target, (_, offered), cut_id = merged()
    items = left(world, offered.statement_id)
    if not shown_first:
        cut = world.items[world.ids.index(cut_id)]
        items.remove(cut)
        items.insert(0, cut)
    report = world.verify(target, items)
    assert report.gap_codes() == {"ABSENCE", "VOUCHED"}
    assert [each.statement_id for each in report.vouched] == [cut_id]


def test_a_cut_beside_all_that_it_stands_for_vouches_for_nothing() -> None:
    world, target, _, _ = merged()
    assert world.verify(target).vouched == ()


@pytest.mark.parametrize("cut_first", [True, False])
def test_a_lot_born_behind_a_cut_of_it(cut_first: bool) -> None:
    world = World.new("mine")
    head = world.bring_in("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    world.cut(head)
    cut = world.items[-1]
    again = world.bring_in("mine", world.lots[head])
    items = [world.items[0], world.items[-1]]
    items.insert(1 if cut_first else 2, cut)
    assert code(world.verify(again, items)) == (Verdict.REFUTED, "DOUBLE_SPEND")
