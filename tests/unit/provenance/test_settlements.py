"""Quota's settlements against the draws that they name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import Form, QuotaKind
from monazite_provenance.redaction import Omission, omit
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import ORE, World, code, enterprise, lot


def unsettled() -> tuple[World, Outpoint, int]:
    """A lot mined on a right (statement 0) of just its mass; the mass, milligrams REO."""
    world = World.new()
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    return world, world.mine("mine", content, settle=False), content.reo_mg


def test_of_just_the_draw_settles_it() -> None:
    world, head, drawn_mg = unsettled()
    world.settle(world.ids[0], head.statement_id, drawn_mg)
    assert world.verify(head).gap_codes() == {"ABSENCE"}


def test_of_another_mass_than_was_drawn() -> None:
    for more_mg in (-1, 1):
        world, head, drawn_mg = unsettled()
        world.settle(world.ids[0], head.statement_id, drawn_mg + more_mg)
        assert code(world.verify(head)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


@given(st.integers(0, 2**63 - 1))
def test_of_a_draw_at_another_place(index: int) -> None:
    world, head, drawn_mg = unsettled()
    world.settle(world.ids[0], head.statement_id, drawn_mg, index)
    if index == world.registers.places[head.statement_id].index:
        assert world.verify(head).failure is None
        return
    assert code(world.verify(head)) == (Verdict.REFUTED, "LOG_PROBLEM")
    # The place is known of what is not disclosed, too; and of what is not there nothing is.
    world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    hidden = list(omit(world.items, [Omission(head.statement_id, None)]))
    assert code(world.verify(head, hidden)) == (Verdict.REFUTED, "LOG_PROBLEM")


def test_of_a_right_that_was_not_drawn_on_or_a_step_that_draws_nothing() -> None:
    world, head, drawn_mg = unsettled()
    world.settle(world.right("mine", QuotaKind.MINING_ROCK, drawn_mg), head.statement_id, drawn_mg)
    assert code(world.verify(head)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")
    world, head, drawn_mg = unsettled()
    offered = world.offer("mine", head, enterprise("plant"))
    world.settle(world.ids[0], offered.statement_id, drawn_mg)
    assert code(world.verify(offered)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_of_what_the_bundle_does_not_show() -> None:
    world, head, drawn_mg = unsettled()
    world.settle(world.ids[0], bytes(32), drawn_mg)
    assert world.verify(head).gap_codes() == {"ABSENCE", "UNSETTLED_RIGHT"}
    world.settle(world.ids[0], head.statement_id, 1)
    report = world.verify(head, list(omit(world.items, [Omission(head.statement_id, None)])))
    assert report.gap_codes() >= {"ABSENCE", "NOT_DISCLOSED"}
