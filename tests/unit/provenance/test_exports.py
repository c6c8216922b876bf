"""Exports in a bundle: the licence travels, and licence, intents and acceptances must fit each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import licensing
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    EndUser,
    ExportedMass,
    ExportIntentDetails,
    Form,
    LicenceDetails,
    LicenceLine,
    encode,
)
from monazite_provenance.errors import BadField, LicenceExceeded
from monazite_provenance.kinds import EventKind
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import accepted_outputs, subject

from tests.unit.provenance.chains import CONTROL_CODE, CUSTOMS, NOW_S, OFFICERS, ORE, World, enterprise, lot, service

GAPS = {"ABSENCE"}
ACTS = (bytes(16), bytes([1]) * 16)
Attack = Callable[[], tuple[World, Outpoint]]


def fresh() -> tuple[World, Outpoint]:
    """A mine's lot of 1 kg."""
    world = World.new("mine")
    return world, world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))


def halves(world: World, mined: Outpoint, licence_id: bytes) -> list[Outpoint]:
    """Two lots of 500 g, offered to customs."""
    return sorted(world.offer_out("mine", part, licence_id) for part in world.split("mine", mined, 500, 500))


def take_out(world: World, masses: Mapping[Outpoint, int], intent: bytes) -> tuple[Outpoint, ...]:
    """The registry's acceptance of several lots."""
    heads = sorted(masses)
    contents = [world.lots[head] for head in heads]
    lines = [
        AcceptLine(masses[head], whole.gross_g - masses[head], 0, "" if masses[head] == whole.gross_g else "PART")
        for head, whole in zip(heads, contents, strict=True)
    ]
    outputs = [made for whole, line in zip(contents, lines, strict=True) for made in accepted_outputs(whole, line)]
    return world.sign(
        EventKind.ACCEPT,
        subject(contents, outputs),
        AcceptDetails(tuple(lines)),
        signer="registry",
        outputs=outputs,
        spends=heads,
        refs=[intent],
        on_behalf=service("export_license"),
    )


def stands(report: LotReport) -> LotReport:
    """The report of a bundle that was not refuted."""
    assert report.failure is None, report.failure
    return report


def test_an_export_with_its_licence_has_no_gap_for_it() -> None:
    world, mined = fresh()
    for head in world.export("mine", mined, 400):
        assert stands(world.verify(head)).gap_codes() == GAPS


def test_an_export_without_its_licence_is_a_gap_for_what_left_and_for_what_came_back() -> None:
    world, mined = fresh()
    heads = world.export("mine", mined, 400)
    licence_id = world.ids[-4]
    del world.items[-4]
    for head in heads:
        report = stands(world.verify(head))
        assert report.gap_codes() == GAPS | {"LICENCE_NOT_SHOWN"}
        (gap,) = (gap for gap in report.not_checked if gap.code == "LICENCE_NOT_SHOWN")
        assert gap.statement_id == head.statement_id
        assert gap.metadata == {"licence_id": licence_id.hex()}


def test_an_export_that_the_target_does_not_rest_on_leaves_it_no_gap() -> None:
    world, mined = fresh()
    sold, kept = world.split("mine", mined, 500, 500)
    world.export("mine", sold, 500)
    del world.items[-4]
    assert stands(world.verify(kept)).gap_codes() == GAPS


def test_several_intents_draw_on_one_licence_up_to_its_line() -> None:
    world, mined = fresh()
    licence_id = world.licence("mine", 800)
    first, second = halves(world, mined, licence_id)
    intents = [
        world.intent(licence_id, {first: 500}, act_id=ACTS[0]),
        world.intent(licence_id, {second: 300}, act_id=ACTS[1]),
    ]
    take_out(world, {first: 500}, intents[0])
    abroad, _back = take_out(world, {second: 300}, intents[1])
    assert stands(world.verify(abroad)).gap_codes() == GAPS


def test_a_lot_that_goes_back_whole_is_named_with_nothing() -> None:
    world, mined = fresh()
    licence_id = world.licence("mine", 500)
    first, second = halves(world, mined, licence_id)
    masses = {first: 0, second: 500}
    back, abroad = take_out(world, masses, world.intent(licence_id, masses))
    assert world.lots[back].lot_id == world.lots[first].remainder_lot_id
    assert world.lots[back].gross_g == 500
    for head in (back, abroad):
        assert stands(world.verify(head)).gap_codes() == GAPS
        assert not world.verify(head).findings


def test_an_acceptance_of_some_of_the_heads_of_an_intent_is_a_finding() -> None:
    world, mined = fresh()
    licence_id = world.licence("mine", 1_000)
    first, second = halves(world, mined, licence_id)
    intent = world.intent(licence_id, {first: 500, second: 500})
    (abroad,) = take_out(world, {first: 500}, intent)
    (finding,) = stands(world.verify(abroad)).findings
    assert (finding.statement_id, finding.finding.code) == (abroad.statement_id, "INTENT_IN_PART")
    assert finding.finding.metadata == {"heads_named": "2", "heads_left": "1"}


def test_an_intent_of_a_voided_act_draws_nothing() -> None:
    world, mined = fresh()
    licence_id = world.licence("mine", 500)
    first, second = halves(world, mined, licence_id)
    world.intent(licence_id, {first: 500}, act_id=ACTS[0])
    (abroad,) = take_out(world, {second: 500}, world.intent(licence_id, {second: 500}, act_id=ACTS[1]))
    report = world.verify(abroad)
    assert report.failure is not None
    assert (report.verdict, report.failure.code) == (Verdict.REFUTED, "LICENCE_EXCEEDED")
    assert report.failure.details == {"drawn_g": 1_000, "granted_g": 500}
    world.void(ACTS[0])
    assert stands(world.verify(abroad)).gap_codes() == GAPS


# What does not fit


def _export(*, number: str = "L-1", **changes: object) -> tuple[World, Outpoint]:
    """An export of 400 g under a licence with other fields."""
    world, mined = fresh()
    licence_id = world.licence("mine", 1_000, **changes)
    offered = world.offer_out("mine", mined, licence_id)
    return world, take_out(world, {offered: 400}, world.intent(licence_id, {offered: 400}, number=number))[0]


def intent_over_the_line() -> tuple[World, Outpoint]:
    return _export(lines=(LicenceLine(CONTROL_CODE, "", 399),))


def item_on_no_line() -> tuple[World, Outpoint]:
    return _export(lines=(LicenceLine("1C903", "", 1_000),))


def another_destination() -> tuple[World, Outpoint]:
    return _export(destination="FR")


def after_the_end_of_the_licence() -> tuple[World, Outpoint]:
    return _export(expires_at=NOW_S)


def intent_named_after_another_licence() -> tuple[World, Outpoint]:
    return _export(number="L-2")


def one_person_in_two_roles() -> tuple[World, Outpoint]:
    return _export(countersigner=OFFICERS[0].replace("licensing/wang", "quota/Wang"))


def decided_by_customs() -> tuple[World, Outpoint]:
    return _export(proposer=CUSTOMS)


def countersigner_did_not_command() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.licence("mine", 1_000)
    details = LicenceDetails(
        "L-9", enterprise("mine"), EndUser("M", "DE", ""), "DE", (), NOW_S + 1, "c", bytes(32), *OFFICERS
    )
    urn = "urn:monazite:licence:L-9"
    world.sign(EventKind.LICENCE, urn, details, signer="export_license", on_behalf=OFFICERS[0])
    return world, mined


def licence_behind_its_intent() -> tuple[World, Outpoint]:
    world, mined = fresh()
    heads = world.export("mine", mined, 400)
    world.items.append(world.items.pop(-4))
    return world, heads[0]


def two_intents_of_one_act() -> tuple[World, Outpoint]:
    world, mined = fresh()
    licence_id = world.licence("mine", 1_000)
    offered = world.offer_out("mine", mined, licence_id)
    world.intent(licence_id, {offered: 100})
    return world, take_out(world, {offered: 400}, world.intent(licence_id, {offered: 400}))[0]


def line_of_one_of_two_items_too_small() -> tuple[World, Outpoint]:
    world, mined = fresh()
    lines = (LicenceLine(CONTROL_CODE, "", 1_000), LicenceLine("1C903", "", 100))
    licence_id = world.licence("mine", 1_000, lines=lines)
    offered = world.offer_out("mine", mined, licence_id)
    return world, take_out(
        world, {offered: 400}, world.intent(licence_id, {offered: 400}, codes=(CONTROL_CODE, "1C903"))
    )[0]


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (intent_over_the_line, "LICENCE_EXCEEDED"),
        (line_of_one_of_two_items_too_small, "LICENCE_EXCEEDED"),
        (item_on_no_line, "LICENCE_MISMATCH"),
        (another_destination, "LICENCE_MISMATCH"),
        (after_the_end_of_the_licence, "LICENCE_MISMATCH"),
        (intent_named_after_another_licence, "BAD_FIELD"),
        (one_person_in_two_roles, "STEP_NOT_ALLOWED"),
        (decided_by_customs, "STEP_NOT_ALLOWED"),
        (countersigner_did_not_command, "STEP_NOT_ALLOWED"),
        (licence_behind_its_intent, "MISSING_PARENT"),
        (two_intents_of_one_act, "STEP_NOT_ALLOWED"),
    ],
)
def test_what_does_not_fit_is_refuted(attack: Attack, expected: str) -> None:
    world, target = attack()
    report = world.verify(target)
    assert report.failure is not None
    assert (report.verdict, report.failure.code) == (Verdict.REFUTED, expected)


# The rules by themselves


@pytest.mark.parametrize(
    "masses",
    [
        (),
        (ExportedMass(Outpoint(bytes(32), 0), 0, (CONTROL_CODE,)),),
        (ExportedMass(Outpoint(bytes(32), 0), 1, ()),),
        (ExportedMass(Outpoint(bytes(32), 0), 1, ("1C903", "1C902")),),
        (ExportedMass(Outpoint(bytes(32), 0), 1, ("1C902", "1C902")),),
    ],
    ids=["no head", "nothing leaves", "no item", "items in disorder", "an item twice"],
)
def test_an_intent_that_says_nothing_is_malformed(masses: tuple[ExportedMass, ...]) -> None:
    with pytest.raises(BadField):
        encode(ExportIntentDetails(bytes(16), bytes(32), masses, "decl-1", "tianjin", "DE"))


codes = st.sets(st.sampled_from(["1C902", "1C903", "1C904"]), min_size=1).map(lambda each: tuple(sorted(each)))
drawings = st.lists(st.tuples(st.integers(0, 1_000), codes), max_size=8)


@given(drawings, st.lists(st.tuples(st.sampled_from(["1C902", "1C903", "1C904"]), st.integers(1, 2_000)), max_size=4))
def test_what_is_drawn_fits_exactly_when_every_line_bears_it(
    drawings: list[tuple[int, tuple[str, ...]]], lines: list[tuple[str, int]]
) -> None:
    licence = LicenceDetails(
        "L-1",
        enterprise("mine"),
        EndUser("M", "DE", ""),
        "DE",
        tuple(LicenceLine(code, "", gross_g) for code, gross_g in lines),
        NOW_S,
        "c",
        bytes(32),
        *OFFICERS,
    )
    intents = [
        ExportIntentDetails(bytes(16), bytes(32), (ExportedMass(Outpoint(bytes(32), 0), mass, items),), "d", "p", "DE")
        for mass, items in drawings
    ]
    fits = all(
        sum(mass for mass, items in drawings if code in items)
        <= sum(gross_g for each, gross_g in lines if each == code)
        for code in ("1C902", "1C903", "1C904")
    )
    if fits:
        licensing.check_drawn(licence, intents)
    else:
        with pytest.raises(LicenceExceeded):
            licensing.check_drawn(licence, intents)
