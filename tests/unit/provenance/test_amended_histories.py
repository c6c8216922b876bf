"""Adjusted, corrected, annulled and consumed lots in bundles: what stands, what draws, what is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from monazite_provenance import _graph
from monazite_provenance.contents import (
    AdjustDetails,
    AnnulDetails,
    ConsumeDetails,
    CorrectDetails,
    Corrected,
    CustodyModel,
    DepositType,
    Draw,
    Form,
    LotContent,
    LotField,
    MassSource,
    Mined,
    QuotaKind,
    RegisterDetails,
    RightClosedDetails,
)
from monazite_provenance.elements import BY_SYMBOL
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import right_urn
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import ORE, SHARD, World, lot, rows, scaled

ORIGIN = Mined("Bayan Obo", "C100", DepositType.ROCK)
LOT = lot("mine", Form.ORE_CONCENTRATE, 1_000, scaled(ORE, 5))
MORE = LOT._replace(rows=rows(scaled(ORE, 6)))
LESS = LOT._replace(rows=rows(scaled(ORE, 4)))
GAINED = MORE.reo_mg - LOT.reo_mg
DECLARED = MassSource("mine", "DECLARED")


def code(report: LotReport) -> tuple[Verdict, str | None]:
    return report.verdict, None if report.failure is None else report.failure.code


def codes(report: LotReport) -> list[str]:
    return [each.finding.code for each in report.findings]


def a_right(world: World, mass_mg: int) -> bytes:
    return world.right("mine", QuotaKind.MINING_ROCK, mass_mg)


def mined(world: World, right_id: bytes, content: LotContent = LOT) -> Outpoint:
    """A lot on a right, its draw settled."""
    details = RegisterDetails(ORIGIN, (Draw(right_id, content.reo_mg),))
    (head,) = world.step(EventKind.REGISTER, "mine", details, [content], refs=[right_id])
    world.settle(right_id, head.statement_id, content.reo_mg)
    return head


def correct(
    world: World, head: Outpoint, new: LotContent, *draws: Draw, field: LotField = LotField.ROWS, actor: str = "mine"
) -> Outpoint:
    """A correction of an unspent output."""
    details = CorrectDetails(head, (field,), "TYPO", draws)
    refs = sorted(draw.right_id for draw in draws)
    return world.step(EventKind.CORRECT, actor, details, [new], [head], refs=refs)[0]


def correct_record(
    world: World, spent: Outpoint, new: LotContent, *draws: Draw, refs: Sequence[bytes] | None = None
) -> bytes:
    """A correction of what was spent; gives its id."""
    details = CorrectDetails(spent, (LotField.ROWS,), "TYPO", draws, new)
    about = sorted({spent.statement_id, *(draw.right_id for draw in draws)}) if refs is None else refs
    world.step(EventKind.CORRECT, "mine", details, [], refs=about)
    return world.ids[-1]


def annul(world: World, *spends: Outpoint, register_id: bytes | None = None) -> None:
    details = AnnulDetails(register_id or spends[0].statement_id, "TWICE")
    world.step(EventKind.ANNUL, "mine", details, [], sorted(spends))


# Correct


def test_a_corrected_register_draws_the_rest_and_keeps_its_origin() -> None:
    world = World.new()
    right_id = a_right(world, MORE.reo_mg)
    head = mined(world, right_id)
    corrected = correct(world, head, MORE, Draw(right_id, MORE.reo_mg))
    report = world.verify(corrected)
    assert report.failure is None
    assert [each.code for each in report.not_checked].count("UNSETTLED_RIGHT") == 1
    world.settle(right_id, corrected.statement_id, GAINED)
    report = world.verify(corrected)
    assert "UNSETTLED_RIGHT" not in report.gap_codes()
    assert report.steps[-1].draws == ((right_id, GAINED),)
    assert report.steps[-1].facts == {"corrects": head.text, "fields": "rows", "reason": "TYPO"}
    assert codes(report) == ["CORRECTED", *["GAIN"] * len(ORE)]
    (name,) = {name for shares in report.origins.values() for name in shares}
    assert name.startswith("mined Bayan Obo")


def test_an_element_that_a_corrected_register_had_forgotten_is_of_its_origin() -> None:
    world = World.new()
    right_id = a_right(world, 10 * LOT.reo_mg)
    head = mined(world, right_id)
    whole = LOT._replace(rows=rows({**scaled(ORE, 5), "Sc": 1_000}))
    corrected = correct(world, head, whole, Draw(right_id, whole.reo_mg))
    assert list(world.verify(corrected).origins[21].values()) == [1_000]
    assert "unexplained" not in world.verify(corrected).origins[21]


def test_what_a_right_does_not_bear_is_not_drawn_by_a_correction() -> None:
    world = World.new()
    right_id = a_right(world, LOT.reo_mg)
    head = mined(world, right_id)
    corrected = correct(world, head, MORE, Draw(right_id, MORE.reo_mg))
    assert code(world.verify(corrected)) == (Verdict.REFUTED, "RIGHT_EXCEEDED")
    world = World.new()
    head = mined(world, a_right(world, LOT.reo_mg))
    corrected = correct(world, head, MORE, Draw(bytes(32), MORE.reo_mg))
    assert code(world.verify(corrected)) == (Verdict.REFUTED, "RIGHT_MISSING")


def test_a_correction_downwards_gives_back_what_it_had_drawn() -> None:
    world = World.new()
    right_id = a_right(world, LOT.reo_mg)
    head = mined(world, right_id)
    corrected = correct(world, head, LESS, Draw(right_id, LESS.reo_mg))
    rest = LOT.reo_mg - LESS.reo_mg
    other = lot("mine", Form.ORE_CONCENTRATE, 1_000, {"La": rest})
    second = mined(world, right_id, other)
    assert world.verify(corrected).failure is None
    assert world.verify(second).failure is None
    details = RightClosedDetails(right_id, LOT.reo_mg, "DRAWN_OUT")
    world.sign(EventKind.RIGHT_CLOSED, right_urn(right_id), details, signer="registry", refs=[right_id])
    assert world.verify(second).failure is None
    third = mined(world, right_id, lot("mine", Form.ORE_CONCENTRATE, 1_000, {"La": 1}))
    assert code(world.verify(third)) == (Verdict.REFUTED, "RIGHT_EXCEEDED")


def test_a_correction_is_corrected_in_turn() -> None:
    world = World.new()
    right_id = a_right(world, MORE.reo_mg)
    once = correct(world, mined(world, right_id), LESS, Draw(right_id, LESS.reo_mg))
    twice = correct(world, once, MORE, Draw(right_id, MORE.reo_mg))
    assert world.verify(twice).failure is None
    moved = world.hand_over("mine", "plant", twice)
    assert world.verify(moved).failure is None
    correct_record(world, Outpoint(world.ids[1], 0), LESS)
    assert code(world.verify(moved)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_only_who_made_a_statement_corrects_it() -> None:
    world = World.new()
    moved = world.hand_over("mine", "plant", mined(world, a_right(world, LOT.reo_mg)))
    elsewhere = world.lots[moved]._replace(site="plant-2")
    corrected = correct(world, moved, elsewhere, field=LotField.SITE, actor="plant")
    assert world.verify(corrected).failure is None
    world = World.new()
    away = world.offer("mine", mined(world, a_right(world, LOT.reo_mg)), "spiffe://monazite.example/enterprise/plant")
    corrected = correct(world, away, world.lots[away]._replace(site="x"), field=LotField.SITE)
    assert code(world.verify(corrected)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_a_correction_never_tightens_the_custody_model() -> None:
    world = World.new()
    head = mined(world, a_right(world, LOT.reo_mg))
    strict = LOT._replace(custody_model=CustodyModel.IDENTITY_PRESERVED)
    assert code(world.verify(correct(world, head, strict, field=LotField.CUSTODY_MODEL))) == (
        Verdict.REFUTED,
        "CUSTODY_MODEL_LOOSENED",
    )


def test_a_correction_spends_what_it_corrects() -> None:
    world = World.new()
    head, other = mined(world, a_right(world, LOT.reo_mg)), world.bring_in("mine", lot("mine", Form.METAL, 1_000, ORE))
    details = CorrectDetails(head, (LotField.SITE,), "TYPO")
    (wrong,) = world.step(EventKind.CORRECT, "mine", details, [world.lots[other]._replace(site="x")], [other])
    assert code(world.verify(wrong)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_what_a_cut_stands_for_cannot_be_corrected_here() -> None:
    world = World.new()
    head = mined(world, a_right(world, LOT.reo_mg))
    world.cut(head)
    corrected = correct(world, head, LOT._replace(site="x"), field=LotField.SITE)
    cut_off = world.items[3:]
    assert code(world.verify(corrected, cut_off)) == (Verdict.CANNOT_TELL, "UNDISCLOSED")


# Correct what was spent, and adjust what came of it


def spent_and_corrected(world: World) -> tuple[Outpoint, Outpoint, bytes]:
    """A register split in two; then it is found to have been of more. Gives the parts and the correction."""
    right_id = a_right(world, MORE.reo_mg)
    head = mined(world, right_id)
    left, right = world.split("mine", head, 500, 500)
    return left, right, correct_record(world, head, MORE, Draw(right_id, MORE.reo_mg))


def follow(world: World, head: Outpoint, correction: bytes, refs: Sequence[bytes] | None = None) -> Outpoint:
    content = world.lots[head]
    new = content._replace(rows=rows(scaled(ORE, 3), "DECLARED"), sources=(DECLARED,))
    details = AdjustDetails(Corrected(correction), "CORRECTED")
    about = [correction] if refs is None else refs
    return world.step(EventKind.ADJUST, "mine", details, [new], [head], refs=about)[0]


def test_adjustments_together_gain_what_their_correction_found() -> None:
    """Of five tenths more, each half takes its part; who takes all of it leaves nothing for the other."""
    gained = {symbol: mass // 2 for symbol, mass in ORE.items()}
    for shares, expected in (
        ((1, 1), None),
        ((2, 0), None),
        ((2, 1), "MASS_NOT_CONSERVED"),
        ((3, 0), "MASS_NOT_CONSERVED"),
    ):
        world = World.new()
        left, right, correction = spent_and_corrected(world)
        for head, halves in ((left, shares[0]), (right, shares[1])):
            if not halves:
                continue
            old = world.lots[head]
            new = {symbol: mass + halves * gained[symbol] for symbol, mass in masses_of(old).items()}
            content = old._replace(rows=rows(new, "ICP-MS"))
            details = AdjustDetails(Corrected(correction), "CORRECTED")
            (last,) = world.step(EventKind.ADJUST, "mine", details, [content], [head], refs=[correction])
        assert code(world.verify(last))[1] == expected


def masses_of(content: LotContent) -> dict[str, int]:
    """Milligrams by symbol."""
    return {symbol: content.element_masses()[BY_SYMBOL[symbol].number] for symbol in ORE}


def test_a_correction_of_an_unspent_lot_leaves_nothing_to_adjust() -> None:
    world = World.new()
    right_id = a_right(world, MORE.reo_mg)
    head = mined(world, right_id)
    corrected = correct(world, head, MORE, Draw(right_id, MORE.reo_mg))
    content = world.lots[corrected]
    more = content._replace(rows=rows(scaled(ORE, 7)))
    details = AdjustDetails(Corrected(corrected.statement_id), "CORRECTED")
    (again,) = world.step(EventKind.ADJUST, "mine", details, [more], [corrected], refs=[corrected.statement_id])
    assert code(world.verify(again)) == (Verdict.REFUTED, "MASS_NOT_CONSERVED")


def test_descendants_of_what_was_corrected_are_adjusted() -> None:
    world = World.new()
    left, right, correction = spent_and_corrected(world)
    report = world.verify(right)
    assert codes(report) == ["CORRECTED", *["GAIN"] * len(ORE)]
    assert [step.kind for step in report.steps] == ["REGISTER", "SPLIT", "CORRECT"]
    assert [each.code for each in report.not_checked].count("UNSETTLED_RIGHT") == 1
    adjusted = world.verify(follow(world, left, correction))
    assert adjusted.failure is None
    assert adjusted.steps[-1].facts["correction"] == correction.hex()


def test_the_quota_of_a_spent_register_is_reckoned_anew() -> None:
    world = World.new()
    head = mined(world, a_right(world, MORE.reo_mg))
    left, _ = world.split("mine", head, 500, 500)
    correct_record(world, head, MORE, Draw(world.ids[0], LOT.reo_mg))
    gaps = [each for each in world.verify(left).not_checked if each.code == "QUOTA_NOT_COVERED"]
    assert [each.metadata["reo_mg"] for each in gaps] == [str(GAINED)]
    # And once more, from what was said last.
    correct_record(world, head, LESS, Draw(world.ids[0], LOT.reo_mg))
    report = world.verify(left)
    assert report.failure is None
    assert "MATTER_VANISHES" in codes(report)


def test_the_right_of_a_spent_register_is_not_drawn_again() -> None:
    """Its parts still have the mass, whatever is said of it since."""
    world = World.new()
    right_id = a_right(world, LOT.reo_mg)
    head = mined(world, right_id)
    left, right = world.split("mine", head, 500, 500)
    rest = LOT.reo_mg - LESS.reo_mg
    freed = correct_record(world, head, LESS, Draw(right_id, LESS.reo_mg))
    report = world.verify(left)
    assert code(report) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")
    assert report.failure is not None
    assert report.failure.statement_id == freed
    world = World.new()
    right_id = a_right(world, LOT.reo_mg)
    head = mined(world, right_id)
    left, right = world.split("mine", head, 500, 500)
    correct_record(world, head, LESS, Draw(right_id, LOT.reo_mg))
    assert world.verify(right).failure is None
    second = mined(world, right_id, lot("mine", Form.ORE_CONCENTRATE, 1_000, {"La": rest}))
    assert code(world.verify(world.merge("mine", left, second))) == (Verdict.REFUTED, "RIGHT_EXCEEDED")


def test_a_sibling_that_is_unspent_keeps_the_whole_statement() -> None:
    """While anything of a register is unspent, the correction of a spent output is held against all of its rules."""
    world = World.new()
    other = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    right_id = a_right(world, 10 * MORE.reo_mg)
    details = RegisterDetails(ORIGIN, (Draw(right_id, LOT.reo_mg + other.reo_mg),))
    first, second = world.step(EventKind.REGISTER, "mine", details, [LOT, other], refs=[right_id])
    world.split("mine", first, 500, 500)
    heavy = LOT._replace(rows=rows(scaled(ORE, 20)))
    correct_record(world, first, heavy, Draw(right_id, LOT.reo_mg + other.reo_mg))
    assert code(world.verify(second)) == (Verdict.REFUTED, "PHYSICALLY_IMPOSSIBLE")


def test_corrections_that_are_not_of_what_they_name() -> None:
    world = World.new()
    head = mined(world, a_right(world, LOT.reo_mg))
    correct_record(world, head, LESS)
    assert code(world.verify(head)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")  # unspent: it is spent by its correction
    world = World.new()
    head = mined(world, a_right(world, LOT.reo_mg))
    left, _ = world.split("mine", head, 500, 500)
    correct_record(world, head, LESS, refs=[world.ids[0]])
    assert code(world.verify(left)) == (Verdict.REFUTED, "BAD_FIELD")
    world = World.new()
    head = mined(world, a_right(world, LOT.reo_mg))
    correct_record(world, Outpoint(bytes(32), 0), LESS)
    assert code(world.verify(head)) == (Verdict.REFUTED, "MISSING_PARENT")


def test_a_corrected_record_is_of_the_log_that_it_is_in() -> None:
    world = World.new()
    head = mined(world, a_right(world, LOT.reo_mg))
    left, _ = world.split("mine", head, 500, 500)
    correct_record(world, head, LESS._replace(home_log=SHARD), Draw(world.ids[0], LESS.reo_mg))
    assert code(world.verify(left)) == (Verdict.REFUTED, "LOG_PROBLEM")


def test_an_adjustment_follows_a_correction_of_what_it_descends_from() -> None:
    world = World.new()
    left, _, _ = spent_and_corrected(world)
    assert code(world.verify(follow(world, left, bytes(32)))) == (Verdict.REFUTED, "MISSING_PARENT")
    world = World.new()
    left, _, correction = spent_and_corrected(world)
    assert code(world.verify(follow(world, left, correction, refs=[]))) == (Verdict.REFUTED, "BAD_FIELD")
    world = World.new()
    _, _, correction = spent_and_corrected(world)
    stranger = world.bring_in("mine", lot("mine", Form.METAL, 1_000, scaled(ORE, 2)))
    assert code(world.verify(follow(world, stranger, correction))) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_the_way_back_to_what_was_corrected_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.new()
    left, _, correction = spent_and_corrected(world)
    adjusted = follow(world, left, correction)
    monkeypatch.setattr(_graph, "WALK_MAX", 0)
    assert code(world.verify(adjusted)) == (Verdict.CANNOT_TELL, "CHAIN_TOO_LONG")


# Annul


def test_an_annulled_register_gives_back_its_draw() -> None:
    world = World.new()
    right_id = a_right(world, LOT.reo_mg)
    annul(world, mined(world, right_id))
    again = mined(world, right_id, lot("mine", Form.ORE_CONCENTRATE, 1_000, scaled(ORE, 5)))
    assert world.verify(again).failure is None
    one_more = mined(world, right_id, lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    assert code(world.verify(one_more)) == (Verdict.REFUTED, "RIGHT_EXCEEDED")


def test_the_id_of_an_annulled_lot_is_used_up() -> None:
    world = World.new()
    right_id = a_right(world, LOT.reo_mg)
    annul(world, mined(world, right_id))
    assert code(world.verify(mined(world, right_id))) == (Verdict.REFUTED, "DOUBLE_SPEND")


def test_nothing_of_an_annulled_register_is_left() -> None:
    world = World.new()
    head = mined(world, a_right(world, LOT.reo_mg))
    annul(world, head)
    assert code(world.verify(head)) == (Verdict.REFUTED, "DOUBLE_SPEND")


@pytest.mark.parametrize("how", ["followed", "corrected", "another", "in part"])
def test_an_annulment_is_refused(how: str) -> None:
    world = World.new()
    beside = world.bring_in("mine", lot("mine", Form.METAL, 1_000, ORE))
    right_id = a_right(world, 10 * LOT.reo_mg)
    head = mined(world, right_id)
    match how:
        case "followed":
            annul(world, *world.split("mine", head, 500, 500))
        case "corrected":
            annul(world, correct(world, head, LESS, Draw(right_id, LESS.reo_mg)))
        case "another":
            annul(world, head, register_id=beside.statement_id)
        case _:
            annul(world, head, beside)
    assert code(world.verify(beside)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


# Consume


def test_what_was_used_is_used_up() -> None:
    world = World.new()
    magnets = world.bring_in("plant", lot("plant", Form.MAGNET, 1_000, ORE))
    kept, used = world.split("plant", magnets, 500, 500)
    world.step(EventKind.CONSUME, "plant", ConsumeDetails("motors", "serial 7"), [], [used])
    assert world.verify(kept).failure is None
    assert code(world.verify(used)) == (Verdict.REFUTED, "DOUBLE_SPEND")
    world.step(EventKind.CONSUME, "plant", ConsumeDetails("motors", ""), [], [used])
    assert code(world.verify(kept)) == (Verdict.REFUTED, "DOUBLE_SPEND")


def test_a_report_as_json_says_what_an_adjustment_rests_on() -> None:
    world = World.new()
    left, _, correction = spent_and_corrected(world)
    report = world.verify(follow(world, left, correction))
    steps = cast("list[dict[str, object]]", report.as_json()["steps"])
    facts = {str(step["kind"]): step["facts"] for step in steps}
    assert facts["ADJUST"] == {"correction": correction.hex(), "reason": "CORRECTED"}
