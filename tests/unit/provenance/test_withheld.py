"""Bundles that withhold contents: what is shown still verifies, what is not is named, and nothing hides behind it."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import lot_ids
from monazite_provenance.conservation import apportion
from monazite_provenance.contents import (
    AcceptLine,
    AnnulDetails,
    Draw,
    Form,
    Mined,
    QuotaKind,
    RegisterDetails,
    SplitDetails,
    TransformDetails,
)
from monazite_provenance.contents.details import DepositType
from monazite_provenance.item import Item
from monazite_provenance.kinds import CUSTODY_KINDS, EventKind
from monazite_provenance.redaction import Omission, omit, unneeded
from monazite_provenance.report import Verdict, Withheld
from monazite_provenance.statement import Outpoint, parse

from tests.unit.provenance.chains import ORE, World, code, enterprise, lot, scaled, tell

STORY = tell()
CUSTODY = [
    Omission(statement.statement_id, output)
    for item in STORY.world.items
    if (statement := parse(item.statement)).claims.kind in CUSTODY_KINDS
    for output in (*item.openings, None)
]


def without(world: World, *omissions: Omission) -> list[Item]:
    return list(omit(world.items, omissions))


def withheld(omissions: Collection[Omission]) -> set[Withheld]:
    return {
        Withheld(
            statement_id,
            tuple(sorted(each.output for each in omissions if each[0] == statement_id and each.output is not None)),
            Omission(statement_id, None) in omissions,
        )
        for statement_id in {each.statement_id for each in omissions}
    }


def test_what_the_target_does_not_need_is_left_out_and_named() -> None:
    for target in (STORY.abroad, STORY.returned, STORY.separation[1]):
        omissions = unneeded(target, STORY.world.items)
        assert omissions
        report = STORY.world.verify(target, without(STORY.world, *omissions))
        assert report.verdict is Verdict.VERIFIED_WITH_GAPS
        assert report.gap_codes() - {"ORIGINS_NOT_TRACED"} == {"ABSENCE", "NOT_DISCLOSED"}
        assert set(report.withheld) == withheld(omissions)
        assert report.target == STORY.world.lots[target]
        assert [step.statement_id for step in report.steps] == [
            step.statement_id for step in STORY.world.verify(target).steps
        ]
        assert report.as_json()["withheld"] == [
            {"statement_id": each.statement_id.hex(), "outputs": list(each.outputs), "details": each.details}
            for each in report.withheld
        ]


def test_a_status_of_a_redacted_bundle_is_still_complete() -> None:
    omissions = unneeded(STORY.abroad, STORY.world.items)
    items = [*without(STORY.world, *omissions), STORY.world.status(STORY.abroad)]
    assert STORY.world.verify(STORY.abroad, items).gap_codes() - {"ORIGINS_NOT_TRACED"} == {"NOT_DISCLOSED"}


@given(st.sets(st.sampled_from(CUSTODY), min_size=1))
@settings(max_examples=60, deadline=None)
def test_nothing_withheld_refutes_what_is_true(omissions: set[Omission]) -> None:
    target = STORY.abroad
    report = STORY.world.verify(target, without(STORY.world, *omissions))
    spent = {spend for item in STORY.world.items for spend in parse(item.statement).claims.spends}
    hidden = {Outpoint(each.statement_id, each.output) for each in omissions if each.output is not None}
    if not hidden.isdisjoint({target, *spent}):
        assert code(report) == (Verdict.CANNOT_TELL, "UNDISCLOSED")
        return
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert "NOT_DISCLOSED" in report.gap_codes()
    assert set(report.withheld) == withheld(omissions)
    assert report.target == STORY.world.lots[target]
    for element, shares in report.origins.items():
        assert sum(shares.values()) == STORY.world.lots[target].element_masses()[element]


def test_a_hidden_input_beside_the_history_is_named() -> None:
    world, parts = halves()
    offered = world.offer("mine", parts[0], enterprise("plant"))
    report = world.verify(parts[1], without(world, Omission(parts[0].statement_id, 0)))
    gaps = {gap.statement_id: gap.metadata for gap in report.not_checked if gap.code == "NOT_DISCLOSED"}
    assert gaps == {parts[0].statement_id: {"outputs": "0"}, offered.statement_id: {"inputs": "0"}}
    assert [each.statement_id for each in report.withheld] == [parts[0].statement_id]
    assert report.gap_codes() == {"ABSENCE", "NOT_DISCLOSED"}


def test_what_was_spent_on_the_way_must_be_shown() -> None:
    world, parts = halves()
    merged = world.merge("mine", *parts)
    report = world.verify(merged, without(world, Omission(parts[0].statement_id, 0)))
    assert code(report) == (Verdict.CANNOT_TELL, "UNDISCLOSED")
    # Or a thief's offer of a lot that nobody shows would do.
    world, parts = halves()
    stolen = world.lots[parts[0]]._replace(holder=enterprise("thief"))
    world.lots[parts[0]] = stolen
    offered = world.offer("thief", parts[0], enterprise("plant"))
    report = world.verify(offered, without(world, Omission(parts[0].statement_id, 0)))
    assert code(report) == (Verdict.CANNOT_TELL, "UNDISCLOSED")


def test_origins_that_do_not_depend_on_what_is_hidden() -> None:
    world, parts = halves()
    report = world.verify(parts[1], without(world, Omission(parts[0].statement_id, 0)))
    whole = world.verify(parts[1])
    assert report.origins == whole.origins
    assert report.gap_codes() == {"ABSENCE", "NOT_DISCLOSED"}
    mine = parse(world.items[2].statement).statement_id
    hidden = without(world, Omission(mine, None), Omission(parts[0].statement_id, 0))
    assert world.verify(parts[1], hidden).gap_codes() == {"ABSENCE", "NOT_DISCLOSED", "ORIGINS_NOT_TRACED"}
    offered = world.offer("mine", parts[1], enterprise("plant"))
    hidden = without(world, Omission(offered.statement_id, None), Omission(parts[0].statement_id, 0))
    assert world.verify(offered, hidden).origins == whole.origins


# Attacks: what hides does not pass for what is right.


def halves() -> tuple[World, tuple[Outpoint, ...]]:
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    return world, world.split("mine", head, 500, 500)


def test_matter_out_of_nothing_does_not_hide_behind_a_sibling() -> None:
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    rich = lot("mine", Form.SEPARATED_COMPOUND, 1_000, {**scaled(ORE, 98, 100), "Dy": 9_000})
    poor = lot("mine", Form.RESIDUE, 10, scaled(ORE, 1, 1_000))
    made = world.step(EventKind.TRANSFORM, "mine", TransformDetails("x"), [rich, poor], [head])
    hidden = without(world, Omission(made[0].statement_id, 1))
    assert code(world.verify(made[0], hidden)) == (Verdict.REFUTED, "MASS_NOT_CONSERVED")


def test_a_hidden_output_is_spent_once() -> None:
    world, parts = halves()
    first = world.offer("mine", parts[0], enterprise("plant"))
    world.offer("mine", parts[0], enterprise("maker"))
    hidden = without(world, Omission(parts[0].statement_id, 0))
    assert code(world.verify(first, hidden)) == (Verdict.REFUTED, "DOUBLE_SPEND")
    assert code(world.verify(parts[0], hidden)) == (Verdict.REFUTED, "DOUBLE_SPEND")


def test_an_output_that_a_statement_does_not_have_is_not_hidden() -> None:
    world, parts = halves()
    world.lots[Outpoint(parts[0].statement_id, 2)] = world.lots[parts[0]]
    offered = world.offer("mine", Outpoint(parts[0].statement_id, 2), enterprise("plant"))
    hidden = without(world, Omission(parts[0].statement_id, 0))
    assert code(world.verify(offered, hidden)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_a_thief_is_seen_by_what_is_shown_of_the_spend() -> None:
    world, parts = halves()
    whole = world.lots[parts[0]]
    pieces = [part.fill(whole)._replace(lot_id=lot_ids.new()) for part in apportion(whole, (250, 250))]
    stolen = world.step(EventKind.SPLIT, "thief", SplitDetails(), pieces, [parts[0]])
    hidden = without(world, Omission(stolen[0].statement_id, 1))
    assert code(world.verify(stolen[0], hidden)) == (Verdict.REFUTED, "NOT_HOLDER")


def test_a_lot_id_born_again_behind_a_hidden_sibling() -> None:
    world, parts = halves()
    whole = world.lots[parts[0]]
    pieces = [part.fill(whole)._replace(lot_id=lot_ids.new()) for part in apportion(whole, (250, 250))]
    pieces[0] = pieces[0]._replace(lot_id=world.lots[parts[1]].lot_id)
    again = world.step(EventKind.SPLIT, "mine", SplitDetails(), pieces, [parts[0]])
    hidden = without(world, Omission(again[0].statement_id, 1))
    assert code(world.verify(again[0], hidden)) == (Verdict.REFUTED, "DOUBLE_SPEND")


def drawing(holder: str, mass_mg: int, *, named: bool = True) -> tuple[World, list[Outpoint]]:
    """Two lots registered on one right of so many milligrams."""
    world = World.new()
    lots = [lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE) for _ in range(2)]
    right_id = world.right(holder, QuotaKind.MINING_ROCK, mass_mg)
    details = RegisterDetails(
        Mined("X", "C100", DepositType.ROCK), (Draw(right_id, sum(each.reo_mg for each in lots)),)
    )
    refs = [right_id] if named else []
    return world, list(world.step(EventKind.REGISTER, "mine", details, lots, refs=refs))


@pytest.mark.parametrize(
    ("holder", "short", "named", "expected"),
    [("mine", 1, True, "RIGHT_EXCEEDED"), ("plant", 0, True, "NOT_HOLDER"), ("mine", 0, False, "RIGHT_MISSING")],
)
def test_draws_that_are_shown_are_checked(holder: str, short: int, named: bool, expected: str) -> None:
    mass_mg = 2 * lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE).reo_mg
    world, made = drawing(holder, mass_mg - short, named=named)
    hidden = without(world, Omission(made[0].statement_id, 1))
    assert code(world.verify(made[0], hidden)) == (Verdict.REFUTED, expected)
    world, made = drawing("mine", mass_mg)
    del world.items[0]
    hidden = without(world, Omission(made[0].statement_id, 1))
    assert code(world.verify(made[0], hidden)) == (Verdict.REFUTED, "RIGHT_MISSING")


def test_more_leaves_than_the_intent_behind_a_hidden_remainder() -> None:
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    kept, back = world.export("mine", head, 400, intent_g=399)
    assert code(world.verify(kept, without(world, Omission(back.statement_id, 1)))) == (
        Verdict.REFUTED,
        "STEP_NOT_ALLOWED",
    )


def test_services_and_subjects_are_asked_all_the_same() -> None:
    world, parts = halves()
    whole = world.lots[parts[0]]
    pieces = [part.fill(whole)._replace(lot_id=lot_ids.new()) for part in apportion(whole, (250, 250))]
    for subject, signer, expected in (
        (pieces[0].lot_id, "quota", "EVENT_NOT_ALLOWED"),
        (pieces[1].lot_id, "registry", "BAD_FIELD"),
    ):
        outpoints = world.sign(
            EventKind.SPLIT,
            f"urn:monazite:lot:{subject}",
            SplitDetails(),
            signer=signer,
            outputs=pieces,
            spends=[parts[0]],
            on_behalf=enterprise("mine"),
        )
        hidden = without(world, Omission(outpoints[0].statement_id, 1))
        assert code(world.verify(outpoints[0], hidden)) == (Verdict.REFUTED, expected)
        world.items.pop()


def test_part_of_what_was_sent_may_be_withheld() -> None:
    world, parts = halves()
    offered = world.offer("mine", parts[0], enterprise("plant"))
    kept, returned = world.accept("plant", offered, AcceptLine(200, 200, 100, "WET"))
    for shown, other in ((kept, returned), (returned, kept)):
        report = world.verify(shown, without(world, Omission(other.statement_id, other.index)))
        assert report.gap_codes() == {"ABSENCE", "NOT_DISCLOSED"}
        assert report.target == world.lots[shown]


def test_what_takes_something_back_is_needed_whole() -> None:
    world = World.new("mine")
    head = world.bring_in("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    other = world.bring_in("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    details = AnnulDetails(other.statement_id, "MISTAKE")
    world.step(EventKind.ANNUL, "mine", details, [], [other], refs=[other.statement_id])
    annulled = world.ids[-1]
    assert world.verify(head).gap_codes() == {"ABSENCE"}
    assert unneeded(head, world.items) == frozenset()
    hidden = without(world, Omission(annulled, None))
    assert code(world.verify(head, hidden)) == (Verdict.CANNOT_TELL, "UNDISCLOSED")
