"""Steps that no rule allows do not pass because something of them is withheld: arity, parties, states, lines."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from monazite_provenance import lot_ids
from monazite_provenance.conservation import apportion
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    AnnulDetails,
    CancelDetails,
    ConsumeDetails,
    CustodyState,
    Details,
    Form,
    Imported,
    LotContent,
    OfferDetails,
    RegisterDetails,
    SplitDetails,
)
from monazite_provenance.contents.details import MergeDetails
from monazite_provenance.kinds import EventKind
from monazite_provenance.redaction import Omission, omit
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import accepted_outputs, subject

from tests.unit.provenance.chains import ORE, World, code, enterprise, lot, scaled, service


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
