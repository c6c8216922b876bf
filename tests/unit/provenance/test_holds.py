"""Holds in a bundle: paired with their releases by reference, wherever they stand on the way to the target."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance.contents import Form, HoldDetails, ReleaseDetails
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import CUSTOMS, DOMAIN, INSPECTOR, ORE, World, enterprise, lot

GAPS = {"ABSENCE"}
Attack = Callable[[], tuple[World, Outpoint]]


def fresh() -> tuple[World, Outpoint]:
    """A mine's lot of 1 kg."""
    world = World.new("mine")
    return world, world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))


def held(world: World, target: Outpoint) -> bool:
    """Whether the report on a target says that it is held: in its findings and in its gaps alike."""
    report = world.verify(target)
    assert report.failure is None
    found = [each.finding.code for each in report.findings].count("ON_HOLD")
    assert found == [gap.code for gap in report.not_checked].count("ON_HOLD")
    assert report.gap_codes() - {"ON_HOLD"} == GAPS
    return found > 0


def test_a_hold_stands_until_the_release_that_names_it() -> None:
    world, mined = fresh()
    assert not held(world, mined)
    hold = world.hold(mined)
    report = world.verify(mined)
    (finding,) = report.findings
    assert (finding.statement_id, finding.finding.code) == (hold, "ON_HOLD")
    assert finding.finding.metadata == {"lot_id": world.lots[mined].lot_id, "reason_code": "INSPECTION"}
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert held(world, mined)
    world.release(mined, hold)
    assert not held(world, mined)


def test_a_hold_by_the_registrys_own_rule_stands_too() -> None:
    world, mined = fresh()
    world.hold(mined, on_behalf=None)
    assert held(world, mined)


@settings(max_examples=25)
@given(st.lists(st.booleans(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_open_is_what_was_placed_and_not_released_whatever_the_order(released: list[bool], order: Random) -> None:
    world, mined = fresh()
    holds = [world.hold(mined) for _ in released]
    ended = [hold for hold, gone in zip(holds, released, strict=True) if gone]
    order.shuffle(ended)
    for hold in ended:
        world.release(mined, hold)
    report = world.verify(mined)
    assert report.failure is None
    assert {each.statement_id for each in report.findings} == set(holds) - set(ended)


@pytest.mark.parametrize("released", [0, 1])
def test_of_two_holds_a_release_ends_the_one_that_it_names(released: int) -> None:
    world, mined = fresh()
    holds = [world.hold(mined), world.hold(mined)]
    world.release(mined, holds[released])
    (finding,) = world.verify(mined).findings
    assert finding.statement_id == holds[1 - released]
    world.release(mined, holds[1 - released])
    assert not held(world, mined)


def test_where_hold_and_release_stand_among_the_steps_is_no_matter() -> None:
    world, mined = fresh()
    hold = world.hold(mined)
    moved = world.hand_over("mine", "plant", mined)
    assert held(world, moved), "an open hold on what was spent on the way"
    world.release(mined, hold)
    assert not held(world, moved)


def test_a_hold_on_what_the_target_does_not_rest_on_is_no_matter() -> None:
    world, mined = fresh()
    kept, given = world.split("mine", mined, 500, 500)
    world.hold(kept)
    assert not held(world, given)
    assert held(world, kept)


def release_without_its_hold() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.release(mined, world.hold(mined))
    del world.items[-2]
    return world, mined


def release_before_its_hold() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.release(mined, world.hold(mined))
    world.items.append(world.items.pop(-2))
    return world, mined


def release_of_what_is_no_hold() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.release(mined, mined.statement_id)
    return world, mined


def release_of_another_head() -> tuple[World, Outpoint]:
    world, mined = fresh()
    first, second = world.split("mine", mined, 500, 500)
    world.release(second, world.hold(first))
    return world, second


def released_twice() -> tuple[World, Outpoint]:
    world, mined = fresh()
    hold = world.hold(mined)
    world.release(mined, hold)
    world.release(mined, hold, on_behalf=f"spiffe://{DOMAIN}/officer/inspector/wang")
    return world, mined


def released_by_nobody() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.release(mined, world.hold(mined), on_behalf=None)
    return world, mined


def released_by_the_holder() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.release(mined, world.hold(mined), on_behalf=enterprise("mine"))
    return world, mined


def released_by_another_officer() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.release(mined, world.hold(mined), on_behalf=f"spiffe://{DOMAIN}/officer/quota/wang")
    return world, mined


def released_by_another_service() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.release(mined, world.hold(mined), signer="quota")
    return world, mined


def held_for_customs() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.hold(mined, on_behalf=CUSTOMS)
    return world, mined


def held_under_the_name_of_another_lot() -> tuple[World, Outpoint]:
    world, mined = fresh()
    other = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE).lot_id
    refs = [mined.statement_id]
    world.sign(EventKind.HOLD, lot_urn(other), HoldDetails(mined, other, "INSPECTION"), signer="registry", refs=refs)
    return world, mined


def held_where_there_is_no_output() -> tuple[World, Outpoint]:
    world, mined = fresh()
    lot_id, refs = world.lots[mined].lot_id, [mined.statement_id]
    details = HoldDetails(Outpoint(mined.statement_id, 7), lot_id, "INSPECTION")
    world.sign(EventKind.HOLD, lot_urn(lot_id), details, signer="registry", refs=refs)
    return world, mined


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (release_without_its_hold, "MISSING_PARENT"),
        (release_before_its_hold, "MISSING_PARENT"),
        (release_of_what_is_no_hold, "MISSING_PARENT"),
        (release_of_another_head, "STEP_NOT_ALLOWED"),
        (released_twice, "STEP_NOT_ALLOWED"),
        (released_by_nobody, "STEP_NOT_ALLOWED"),
        (released_by_the_holder, "STEP_NOT_ALLOWED"),
        (released_by_another_officer, "STEP_NOT_ALLOWED"),
        (released_by_another_service, "EVENT_NOT_ALLOWED"),
        (held_for_customs, "STEP_NOT_ALLOWED"),
        (held_under_the_name_of_another_lot, "STEP_NOT_ALLOWED"),
        (held_where_there_is_no_output, "STEP_NOT_ALLOWED"),
    ],
)
def test_a_hold_or_release_that_does_not_fit_is_refuted(attack: Attack, expected: str) -> None:
    world, target = attack()
    report = world.verify(target)
    assert report.failure is not None
    assert (report.verdict, report.failure.code) == (Verdict.REFUTED, expected)


def test_a_release_that_does_not_refer_to_its_hold_is_refuted() -> None:
    world, mined = fresh()
    hold = world.hold(mined)
    lot_id = world.lots[mined].lot_id
    world.sign(
        EventKind.RELEASE,
        lot_urn(lot_id),
        ReleaseDetails(mined, lot_id, "CLEARED", hold),
        signer="registry",
        refs=[mined.statement_id],
        on_behalf=INSPECTOR,
    )
    report = world.verify(mined)
    assert report.failure is not None
    assert report.failure.code == "BAD_FIELD"
