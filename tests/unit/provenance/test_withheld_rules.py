"""Steps that no rule allows do not pass because something of them is withheld: arity, parties, states, lines."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import lot_ids
from monazite_provenance.conservation import apportion
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    AnnulDetails,
    CancelDetails,
    ConsumeDetails,
    CustodyState,
    DepositType,
    Details,
    Draw,
    Form,
    Imported,
    LotContent,
    Mined,
    OfferDetails,
    OpeningInventory,
    Origin,
    QuotaKind,
    Recycled,
    RegisterDetails,
    SplitDetails,
)
from monazite_provenance.contents.details import MergeDetails
from monazite_provenance.kinds import EventKind
from monazite_provenance.redaction import Omission, omit
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import accepted_outputs, subject

from tests.unit.provenance.chains import ORE, SHARD, World, code, enterprise, lot, scaled, service


def without(world: World, target: Outpoint, *omissions: Omission) -> LotReport:
    return world.verify(target, list(omit(world.items, omissions)))


def mined() -> tuple[World, Outpoint]:
    world = World.new("mine", "plant")
    return world, world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))


def pieces(whole: LotContent, **changes: object) -> list[LotContent]:
    changed = whole._replace(**changes)  # type: ignore[arg-type]
    return [part.fill(changed)._replace(lot_id=lot_ids.new()) for part in apportion(whole, (500, 500))]


@pytest.mark.parametrize(
    ("kind", "details", "made"),
    [
        (EventKind.CONSUME, ConsumeDetails("use", ""), 2),
        (EventKind.MERGE, MergeDetails(), 2),
        (EventKind.OFFER, OfferDetails(""), 2),
        (EventKind.CANCEL, CancelDetails(), 2),
        (EventKind.REGISTER, RegisterDetails(Imported("US", "d")), 2),
        (EventKind.ACCEPT, AcceptDetails((AcceptLine(1_000, 0, 0),)), 3),
    ],
)
def test_a_kind_spends_and_makes_so_many(kind: EventKind, details: Details, made: int) -> None:
    world, head = mined()
    more = [lot("mine", Form.ORE_CONCENTRATE, 9_000, scaled(ORE, 9)) for _ in range(made)]
    outpoints = world.step(kind, "mine", details, more, [head])
    report = without(world, outpoints[0], Omission(outpoints[0].statement_id, 1))
    assert code(report) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_the_receiver_does_nothing_but_accept_and_send_on() -> None:
    world, head = mined()
    offered = world.offer("mine", head, enterprise("plant"))
    parts = pieces(
        world.lots[offered],
        holder=enterprise("plant"),
        custody_state=CustodyState.HELD,
        receiver=None,
        remainder_lot_id=None,
    )
    made = world.step(EventKind.SPLIT, "plant", SplitDetails(), parts, [offered])
    report = without(world, made[0], Omission(made[0].statement_id, 1))
    assert code(report) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_nobody_splits_into_lots_of_another() -> None:
    world, head = mined()
    parts = pieces(world.lots[head], holder=enterprise("plant"))
    made = world.step(EventKind.SPLIT, "mine", SplitDetails(), parts, [head])
    report = without(world, made[0], Omission(made[0].statement_id, 1))
    assert code(report) == (Verdict.REFUTED, "NOT_HOLDER")


def export(signer: str, *lines: AcceptLine) -> tuple[World, Sequence[Outpoint]]:
    """400 of 1 000 g taken out, with these lines, by the registry for customs or by somebody else."""
    world, head = mined()
    licence_id = world.licence("mine", 1_000)
    offered = world.offer_out("mine", head, licence_id)
    intent = world.intent(licence_id, {offered: 400})
    content = world.lots[offered]
    outputs = accepted_outputs(content, lines[0])
    made = world.sign(
        EventKind.ACCEPT,
        subject([content], outputs),
        AcceptDetails(lines),
        signer=signer,
        outputs=outputs,
        spends=[offered],
        refs=[intent],
        on_behalf=service("export_license") if signer == "registry" else None,
    )
    return world, made


LINE = AcceptLine(400, 600, 0, "PART")


@pytest.mark.parametrize(
    ("signer", "lines", "expected"),
    [
        ("registry", (LINE, LINE), "STEP_NOT_ALLOWED"),
        ("mine", (LINE,), "NOT_HOLDER"),
    ],
)
def test_an_acceptance_at_customs(signer: str, lines: tuple[AcceptLine, ...], expected: str) -> None:
    world, made = export(signer, *lines)
    report = without(world, made[0], Omission(made[0].statement_id, 1))
    assert code(report) == (Verdict.REFUTED, expected)
    world, made = export("registry", LINE)
    report = without(world, made[0], Omission(made[0].statement_id, 1))
    assert report.gap_codes() == {"ABSENCE", "NOT_DISCLOSED"}


def test_lines_that_do_not_add_up() -> None:
    world, head = mined()
    offered = world.offer("mine", head, enterprise("plant"))
    content = world.lots[offered]
    outputs = accepted_outputs(content, LINE)
    for line, expected in ((AcceptLine(400, 500, 0, "PART"), "MASS_NOT_CONSERVED"), (LINE, None)):
        made = world.step(EventKind.ACCEPT, "plant", AcceptDetails((line,)), outputs, [offered])
        report = without(world, made[0], Omission(made[0].statement_id, 1))
        if expected is None:
            assert report.gap_codes() == {"ABSENCE", "NOT_DISCLOSED"}
        else:
            assert code(report) == (Verdict.REFUTED, expected)
        world.items.pop()


def test_a_register_that_outweighs_itself() -> None:
    world = World.new("mine")
    heavy = [lot("mine", Form.ORE_CONCENTRATE, 10, ORE) for _ in range(2)]
    made = world.step(EventKind.REGISTER, "mine", RegisterDetails(Imported("US", "d")), heavy)
    report = without(world, made[0], Omission(made[0].statement_id, 1))
    assert code(report) == (Verdict.REFUTED, "PHYSICALLY_IMPOSSIBLE")


def test_an_annulment_of_what_is_not_shown_whole_is_no_refutation() -> None:
    world, head = mined()
    other = world.bring_in("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    details = AnnulDetails(other.statement_id, "MISTAKE")
    world.step(EventKind.ANNUL, "mine", details, [], [other], refs=[other.statement_id])
    assert world.verify(head).gap_codes() == {"ABSENCE"}
    report = without(world, head, Omission(other.statement_id, None))
    assert code(report) == (Verdict.CANNOT_TELL, "UNDISCLOSED")


# A register of which one of two lots is shown.


def registered(origin: Origin, form: Form, *draws_mg: int, kind: QuotaKind = QuotaKind.MINING_ROCK) -> LotReport:
    """The report on the first of two lots, each of a hundred grams of oxides; the other one is not shown."""
    world = World.new("mine")
    lots = [lot("mine", form, 1_000, ORE) for _ in range(2)]
    draws = [Draw(world.right("mine", kind, mass), mass) for mass in draws_mg]
    details = RegisterDetails(origin, tuple(draws))
    refs = sorted(draw.right_id for draw in draws)
    head, _hidden = world.step(EventKind.REGISTER, "mine", details, lots, refs=refs)
    for draw in draws:
        world.settle(draw.right_id, head.statement_id, draw.reo_mg)
    return without(world, head, Omission(head.statement_id, 1))


ROCK = Mined("Bayan Obo", "C100", DepositType.ROCK)
OXIDES_MG = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE).reo_mg
NOT_DISCLOSED = {"ABSENCE", "NOT_DISCLOSED"}


def test_what_is_shown_of_a_register_has_a_form_that_its_origin_gives() -> None:
    refused = (Verdict.REFUTED, "STEP_NOT_ALLOWED")
    assert registered(ROCK, Form.ORE_CONCENTRATE, 2 * OXIDES_MG).gap_codes() == NOT_DISCLOSED
    assert code(registered(ROCK, Form.SEPARATED_COMPOUND, 2 * OXIDES_MG)) == refused
    assert registered(Recycled("scrap"), Form.SECONDARY_MATERIAL).gap_codes() == NOT_DISCLOSED
    assert code(registered(Recycled("scrap"), Form.ORE_CONCENTRATE)) == refused
    assert registered(Imported("US", "d"), Form.SEPARATED_COMPOUND).gap_codes() == NOT_DISCLOSED
    stock = registered(OpeningInventory("2025"), Form.METAL)
    assert [each.finding.code for each in stock.findings] == ["OPENING_INVENTORY"]


def test_what_is_shown_of_a_register_draws_what_its_origin_needs() -> None:
    refused = (Verdict.REFUTED, "STEP_NOT_ALLOWED")
    assert code(registered(Imported("US", "d"), Form.ORE_CONCENTRATE, 1)) == refused
    other = registered(ROCK, Form.ORE_CONCENTRATE, 2 * OXIDES_MG, kind=QuotaKind.SMELTING_SEPARATION)
    assert code(other) == refused


@given(st.integers(0, 3 * OXIDES_MG))
def test_what_is_shown_of_a_register_needs_its_quota_at_least(drawn_mg: int) -> None:
    report = registered(ROCK, Form.ORE_CONCENTRATE, *([drawn_mg] if drawn_mg else []))
    uncovered = {"QUOTA_NOT_COVERED"} if drawn_mg < OXIDES_MG else set[str]()
    assert report.gap_codes() == NOT_DISCLOSED | uncovered


@pytest.mark.parametrize("elsewhere", ["mine-2", "SHARD"])
def test_what_is_shown_of_a_register_is_where_its_right_is_good(elsewhere: str) -> None:
    world = World.new()
    change = {"home_log": SHARD} if elsewhere == "SHARD" else {"site": elsewhere}
    lots = [lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)._replace(**change) for _ in range(2)]  # type: ignore[arg-type]
    right_id = world.right("mine", QuotaKind.MINING_ROCK, 2 * OXIDES_MG)
    details = RegisterDetails(ROCK, (Draw(right_id, 2 * OXIDES_MG),))
    head, _hidden = world.step(EventKind.REGISTER, "mine", details, lots, refs=[right_id])
    assert code(without(world, head, Omission(head.statement_id, 1))) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")
