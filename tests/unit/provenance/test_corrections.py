"""What was spent is corrected, again and again, and adjustments take up what that found more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance.contents import (
    AdjustDetails,
    CorrectDetails,
    Corrected,
    Draw,
    Form,
    LotContent,
    LotField,
    QuotaKind,
    TransformDetails,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.redaction import Omission, omit, unneeded
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import ORE, World, lot, rows, scaled
from tests.unit.provenance.test_amended_histories import (
    LESS,
    LOT,
    MORE,
    code,
    correct,
    correct_record,
    masses_of,
    spent_and_corrected,
)


def said(tenths: int) -> LotContent:
    return LOT._replace(rows=rows(scaled(ORE, tenths)))


def take_up(world: World, head: Outpoint, correction: bytes, halves: int) -> Outpoint:
    """A lot is found to have so many halves of a tenth more, or fewer, after a correction."""
    old = world.lots[head]
    new = {symbol: mass + halves * (ORE[symbol] // 2) for symbol, mass in masses_of(old).items()}
    details = AdjustDetails(Corrected(correction), "CORRECTED")
    return world.step(EventKind.ADJUST, "mine", details, [old._replace(rows=rows(new))], [head], refs=[correction])[0]


def test_an_adjustment_of_nothing_is_refused() -> None:
    world = World.new()
    left, right, correction = spent_and_corrected(world)
    details = AdjustDetails(Corrected(correction), "CORRECTED")
    world.step(EventKind.ADJUST, "mine", details, [world.lots[left]], [], refs=[correction])
    assert code(world.verify(right)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


@st.composite
def words(draw: st.DrawFn) -> list[tuple[str, int]]:
    """Of a lot of five tenths that was split in two: the whole said anew, or a half adjusted after the last of that."""
    found: list[tuple[str, int]] = []
    last, halves = 5, [5, 5]
    for _ in range(draw(st.integers(1, 6))):
        whole = not found or draw(st.booleans())
        which = draw(st.integers(0, 1))
        old = last if whole else halves[which]
        new = draw(st.sampled_from([value for value in range(3, 9) if value != old]))
        if whole:
            last = new
        else:
            halves[which] = new
        found.append(("whole" if whole else ("left", "right")[which], new if whole else new - old))
    return found


@settings(max_examples=60)
@given(words())
def test_adjustments_never_gain_beyond_what_is_said_last(spoken: list[tuple[str, int]]) -> None:
    """However often it was said otherwise. And what is allowed is never refuted for want of what is beside it."""
    world = World.new()
    head = world.bring_in("mine", LOT)
    heads: dict[str, Outpoint] = dict(zip(("left", "right"), world.split("mine", head, 500, 500), strict=True))
    correction, last, gained, allowed = b"", 10, 0, True
    beside: set[bytes] = set()
    for where, number in spoken:
        if where == "whole":
            correction, last = correct_record(world, head, said(number)), 2 * number
            continue
        heads[where] = take_up(world, heads[where], correction, number)
        gained += max(0, number)
        allowed &= number < 0 or gained <= last - 10
        beside |= {heads[where].statement_id} if where == "right" else set()
    for target in heads.values():
        assert code(world.verify(target))[1] == (None if allowed else "MASS_NOT_CONSERVED")
    if allowed:
        left = heads["left"]
        without = [item for item, each in zip(world.items, world.ids, strict=True) if each not in beside]
        assert world.verify(left, without).failure is None
        assert world.verify(left, list(omit(world.items, unneeded(left, world.items)))).failure is None


def test_what_an_adjustment_took_up_is_not_hidden() -> None:
    """Hidden, it would let another take up the same."""
    world = World.new()
    left, right, correction = spent_and_corrected(world)
    hidden = take_up(world, left, correction, 1)
    last = take_up(world, right, correction, 1)
    assert world.verify(last).failure is None
    for output in (None, 0):
        items = list(omit(world.items, {Omission(hidden.statement_id, output)}))
        assert code(world.verify(last, items)) == (Verdict.CANNOT_TELL, "UNDISCLOSED")
    assert not {each.statement_id for each in unneeded(last, world.items)} & {hidden.statement_id, left.statement_id}


def test_what_is_said_last_is_for_the_log_to_say() -> None:
    """Neither of two corrections refers to the other: whoever sends them could choose."""
    world = World.new()
    head = world.bring_in("mine", LOT)
    left, _ = world.split("mine", head, 500, 500)
    up = correct_record(world, head, MORE)
    down = correct_record(world, head, LESS)
    last = take_up(world, left, up, 2)
    assert code(world.verify(last)) == (Verdict.REFUTED, "MASS_NOT_CONSERVED")
    for first, then in ((up, down), (down, last.statement_id)):
        items = list(world.items)
        one, other = world.ids.index(first), world.ids.index(then)
        items[one], items[other] = items[other], items[one]
        assert code(world.verify(last, items)) == (Verdict.REFUTED, "LOG_PROBLEM")


def test_an_adjustment_that_took_up_a_correction_is_corrected() -> None:
    """Within what it took up: the rest is for others, and saying it again and again adds nothing."""
    world = World.new()
    left, _, correction = spent_and_corrected(world)
    before = masses_of(world.lots[left])
    head = take_up(world, left, correction, 1)
    taken = world.lots[head]
    for more, expected in ((-10, None), (0, None), (10, None), (ORE["Nd"] // 2, "MASS_NOT_CONSERVED")):
        new = {**masses_of(taken), "Nd": before["Nd"] + ORE["Nd"] // 2 + more}
        if taken._replace(rows=rows(new)) == world.lots[head]:
            continue
        head = correct(world, head, taken._replace(rows=rows(new)))
        assert code(world.verify(head))[1] == expected


def test_correcting_an_adjustment_again_and_again_makes_nothing() -> None:
    """Each time within the uncertainty of the time before, it would climb."""
    world = World.new()
    left, _, correction = spent_and_corrected(world)
    head = take_up(world, left, correction, 2)
    taken, gone = world.lots[head], 0
    while world.verify(head).failure is None:
        gone += 1
        assert gone < 100
        new = {**masses_of(taken), "Nd": masses_of(taken)["Nd"] + gone * 200}
        head = correct(world, head, taken._replace(rows=rows(new)))
    assert code(world.verify(head)) == (Verdict.REFUTED, "MASS_NOT_CONSERVED")


def test_what_turns_out_to_be_residue_stays_charged() -> None:
    """Nothing is needed any more, and the right bears what it bore; nothing else is drawn."""
    world = World.new("plant")
    head = world.mine("plant", lot("plant", Form.ORE_CONCENTRATE, 1_000, scaled(ORE, 5)))
    right_id = world.right("plant", QuotaKind.SMELTING_SEPARATION, 10_000_000)
    made = lot("plant", Form.MIXED_COMPOUND, 1_000, scaled(ORE, 5))
    details = TransformDetails("separation", (), (Draw(right_id, made.reo_mg),))
    (out,) = world.step(EventKind.TRANSFORM, "plant", details, [made], [head], refs=[right_id])
    world.settle(right_id, out.statement_id, made.reo_mg)
    left, _ = world.split("plant", out, 500, 500)
    other_id = world.right("plant", QuotaKind.SMELTING_SEPARATION, 10_000_000)
    residue = made._replace(form=Form.RESIDUE)
    for drawn_id, expected in ((right_id, None), (other_id, "STEP_NOT_ALLOWED")):
        said_so = CorrectDetails(out, (LotField.FORM,), "TYPO", (Draw(drawn_id, made.reo_mg),), residue)
        world.step(EventKind.CORRECT, "plant", said_so, [], refs=sorted((out.statement_id, drawn_id)))
        assert code(world.verify(left))[1] == expected
        world.items.pop()
        world.ids.pop()
