"""Adjust, consume, annul, correct: each passes when it is right, and every refusal is provoked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from monazite_provenance import lot_ids
from monazite_provenance.conservation import apportion, weigh
from monazite_provenance.contents import (
    AdjustDetails,
    AnnulDetails,
    Attested,
    ConsumeDetails,
    CorrectDetails,
    Corrected,
    CustodyModel,
    CustodyState,
    DepositType,
    Details,
    Draw,
    Form,
    Imported,
    LotContent,
    LotField,
    MassSource,
    MergeDetails,
    Mined,
    QuotaKind,
    RegisterDetails,
    SplitDetails,
    Stocktake,
    TransformDetails,
)
from monazite_provenance.errors import (
    BadField,
    CustodyModelLoosened,
    LossWithoutReason,
    MassNotConserved,
    MissingParent,
    NotHolder,
    PhysicallyImpossible,
    ProvenanceError,
    RightExceeded,
    StepNotAllowed,
    UnsupportedVersion,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.metering import still_charged
from monazite_provenance.names import lot_urn
from monazite_provenance.settings import DEFAULT_SETTINGS
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import Prior, QuotaNeed, StepVerdict, check_step, subject

from tests.unit.provenance.chains import ORE, enterprise, lot, rows, scaled

LOT = lot("plant", Form.ORE_CONCENTRATE, 1_000, scaled(ORE, 5))
ATTESTATION = sha256(b"assay").digest()
LABORATORY = MassSource("spiffe://monazite.example/laboratory/baotou", "ICP-MS", ATTESTATION)
CORRECTION = sha256(b"correction").digest()
RIGHT = sha256(b"right").digest()
HEAD = Outpoint(sha256(b"register").digest(), 0)
COUNT = Stocktake("stocktake 2025-11")
MINED = Mined("Bayan Obo", "C100", DepositType.ROCK)


def run(
    inputs: Sequence[LotContent],
    outputs: Sequence[LotContent],
    details: Details,
    *,
    actor: str = "plant",
    prior: Prior | None = None,
    explained: Mapping[int, int] | None = None,
) -> StepVerdict:
    return check_step(
        details.KIND,
        inputs,
        outputs,
        details,
        actor=enterprise(actor),
        settings=DEFAULT_SETTINGS,
        prior=prior,
        explained=explained,
    )


def assayed(numerator: int, denominator: int, **masses: int) -> LotContent:
    """LOT as a laboratory found it: this fraction of all, and these masses."""
    found = {**scaled(ORE, 5 * numerator, denominator), **masses}
    return LOT._replace(rows=rows(found), sources=(LABORATORY,))


def codes(verdict: StepVerdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


# Adjust

BY_ASSAY = AdjustDetails(Attested(ATTESTATION))


def test_an_assay_may_find_less_and_more() -> None:
    same = run([LOT], [assayed(999, 1_000)], BY_ASSAY)
    assert (codes(same), len(same.balances)) == (set(), len(ORE))
    more = assayed(1, 1, Dy=50_000)
    verdict = run([LOT], [more], replace(BY_ASSAY, reason_code="ASSAY"))
    assert [(found.code, found.metadata["element"]) for found in verdict.findings] == [("GAIN", "Dy")]
    half = run([LOT], [assayed(1, 2)], replace(BY_ASSAY, reason_code="ASSAY"))
    assert codes(half) == {"MATTER_VANISHES"}


def test_a_row_that_the_laboratory_did_not_measure_stays_as_it_is() -> None:
    (dysprosium,) = rows({"Dy": 400})
    kept = tuple(row for row in LOT.rows if row.element != dysprosium.element)
    mixed = LOT._replace(rows=(*kept, dysprosium._replace(source_index=1)), sources=(*LOT.sources, LABORATORY))
    mixed = mixed._replace(rows=tuple(sorted(mixed.rows)))
    assert codes(run([LOT], [mixed], replace(BY_ASSAY, reason_code="ASSAY"))) == {"MATTER_VANISHES"}
    nudged = mixed._replace(rows=(mixed.rows[0]._replace(reo_mg=mixed.rows[0].reo_mg - 1), *mixed.rows[1:]))
    with pytest.raises(StepNotAllowed, match="source"):
        run([LOT], [nudged], replace(BY_ASSAY, reason_code="ASSAY"))


def test_a_count_that_finds_less_takes_its_part_of_all() -> None:
    part, _ = apportion(LOT, (990, 10))
    counted = part.fill(LOT)
    assert run([LOT], [counted], AdjustDetails(COUNT)).findings == ()
    attested = LOT._replace(sources=(LABORATORY,))
    # The masses of the part are still those that the laboratory found; nothing was measured anew.
    assert run([attested], [part.fill(attested)], AdjustDetails(COUNT)).findings == ()
    lost, _ = apportion(LOT, (500, 500))
    with pytest.raises(LossWithoutReason):
        run([LOT], [lost.fill(LOT)], AdjustDetails(COUNT))
    assert codes(run([LOT], [lost.fill(LOT)], AdjustDetails(COUNT, "SPILLED"))) == {"MATTER_VANISHES"}


def test_drying_changes_no_element() -> None:
    assert run([LOT], [LOT._replace(gross_g=1_010, net_g=1_010, moisture_g=10)], AdjustDetails(COUNT)).findings == ()


BAD_ADJUSTMENTS: list[tuple[Callable[[LotContent], LotContent], type[ProvenanceError]]] = [
    (lambda _each: LOT, StepNotAllowed),
    (lambda each: each._replace(lot_id=lot_ids.new()), StepNotAllowed),
    (lambda each: each._replace(form=Form.SEPARATED_COMPOUND), StepNotAllowed),
    (lambda each: each._replace(site="elsewhere"), StepNotAllowed),
    (lambda each: each._replace(custody_model=CustodyModel.IDENTITY_PRESERVED), StepNotAllowed),
    (lambda each: each._replace(custody_state=CustodyState.ABROAD), StepNotAllowed),
    (lambda each: each._replace(holder=enterprise("mine")), NotHolder),
    (lambda each: each._replace(home_log="urn:monazite:log:registry:7"), StepNotAllowed),
    (lambda each: each._replace(factor_table="other"), UnsupportedVersion),
    (lambda each: each._replace(gross_g=480, net_g=480), PhysicallyImpossible),
    (lambda each: each._replace(sources=(LABORATORY._replace(method="GUESS"),)), BadField),
    (lambda each: each._replace(sources=(LABORATORY._replace(attestation=None),)), StepNotAllowed),
    (lambda each: each._replace(sources=(LABORATORY._replace(attestation=bytes(32)),)), StepNotAllowed),
    (lambda _each: LOT._replace(gross_g=1_001), StepNotAllowed),
    (lambda each: each._replace(rows=tuple(row._replace(u_random_mg=0) for row in each.rows)), StepNotAllowed),
    (lambda _each: assayed(1, 1, Dy=550), StepNotAllowed),
    (lambda _each: assayed(1, 2), LossWithoutReason),
]


@pytest.mark.parametrize(("change", "error"), BAD_ADJUSTMENTS)
def test_an_adjustment_is_refused(change: Callable[[LotContent], LotContent], error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        run([LOT], [change(assayed(999, 1_000))], BY_ASSAY)


def test_adjustments_of_the_wrong_shape() -> None:
    good = assayed(999, 1_000)
    for inputs, outputs in (([], [good]), ([LOT], []), ([LOT, good], [good]), ([LOT], [good, good])):
        with pytest.raises(StepNotAllowed):
            run(inputs, outputs, BY_ASSAY)
    with pytest.raises(NotHolder):
        run([LOT], [good], BY_ASSAY, actor="mine")


def test_nobody_counts_matter_into_being() -> None:
    """Without a laboratory more than the uncertainty bears is refused, whatever the reason."""
    (declared,) = (LOT._replace(rows=rows(scaled(ORE, 10), "DECLARED"), sources=(MassSource("plant", "DECLARED"),)),)
    with pytest.raises(MassNotConserved):
        run([LOT], [declared], AdjustDetails(COUNT, "FOUND"))
    after = AdjustDetails(Corrected(CORRECTION), "CORRECTED")
    with pytest.raises(MassNotConserved):
        run([LOT], [declared], after)
    followed = run([LOT], [declared], after, explained=LOT.element_masses())
    assert codes(followed) == {"GAIN"}
    with pytest.raises(StepNotAllowed, match="source"):
        run([LOT], [assayed(999, 1_000)], AdjustDetails(Corrected(CORRECTION), "CORRECTED"))


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_what_follows_a_correction_gains_what_that_found_and_no_more(gained_mg: int, explained_mg: int) -> None:
    new = LOT._replace(rows=rows({**scaled(ORE, 5), "Nd": 5 * ORE["Nd"] + gained_mg}))
    assume(gained_mg)
    (balance,) = (each for each in weigh([LOT], [new]) if each.element == 60)
    left = replace(balance, input_mg=balance.input_mg + min(gained_mg, explained_mg))
    refused = left.difference_mg < 0 and left.beyond(DEFAULT_SETTINGS.refuse_at)
    details = AdjustDetails(Corrected(CORRECTION), "CORRECTED")
    explained = {60: explained_mg, 59: 10**9}
    if refused:
        with pytest.raises(MassNotConserved):
            run([LOT], [new], details, explained=explained)
    else:
        assert codes(run([LOT], [new], details, explained=explained)) == {"GAIN"}
    assert not refused or gained_mg > explained_mg


@given(st.dictionaries(st.sampled_from(sorted(ORE)), st.integers(1, 200_000), min_size=1), st.booleans())
def test_every_gain_has_a_reason_and_a_finding(found: dict[str, int], reasoned: bool) -> None:
    new = assayed(1, 1, **found)._replace(gross_g=2_000, net_g=2_000)
    assume(sum(row.reo_mg for row in new.rows) < 2_000_000)
    before, after = LOT.element_masses(), new.element_masses()
    gained = {element for element in after if after[element] > before[element]}
    details = AdjustDetails(Attested(ATTESTATION), "ASSAY" if reasoned else None)
    try:
        verdict = run([LOT], [new], details)
    except (StepNotAllowed, LossWithoutReason):
        assert not reasoned
        return
    assert reasoned or not gained
    assert sum(finding.code == "GAIN" for finding in verdict.findings) == len(gained)


@given(st.integers(1, 999))
def test_a_count_never_makes_more(gross_g: int) -> None:
    part, _ = apportion(LOT, (gross_g, 1_000 - gross_g))
    verdict = run([LOT], [part.fill(LOT)], AdjustDetails(COUNT, "LESS"))
    assert codes(verdict) <= {"MATTER_VANISHES"}
    assert all(each.difference_mg >= 0 for each in verdict.balances)


# Consume


def test_final_use_ends_lots() -> None:
    magnets = lot("plant", Form.MAGNET, 1_000, {"Nd": 1_000})
    assert run([magnets], [], ConsumeDetails("wind turbine", "serial 7")) == StepVerdict()
    used = run([LOT, magnets], [], ConsumeDetails("polishing", ""))
    assert [(found.code, found.metadata["lot_id"]) for found in used.findings] == [("CONSUMED_UNCHARGED", LOT.lot_id)]
    for inputs, outputs in (([], []), ([LOT], [lot("plant", Form.RESIDUE, 1, {"Nd": 1})])):
        with pytest.raises(StepNotAllowed):
            run(inputs, outputs, ConsumeDetails("use", ""))
    with pytest.raises(NotHolder):
        run([LOT], [], ConsumeDetails("use", ""), actor="mine")
    with pytest.raises(StepNotAllowed, match="held"):
        run([LOT._replace(custody_state=CustodyState.ABROAD)], [], ConsumeDetails("use", ""))


@given(st.lists(st.sampled_from(Form), min_size=1, max_size=6))
def test_what_was_never_charged_is_found_when_it_is_used_up(forms: list[Form]) -> None:
    lots = [lot("plant", form, 1_000, {"Nd": 1_000}) for form in forms]
    found = run(lots, [], ConsumeDetails("use", "")).findings
    uncharged = [each.lot_id for each in lots if each.form in DEFAULT_SETTINGS.metered_feeds]
    assert [each.metadata["lot_id"] for each in found] == uncharged


# Annul

REGISTER = Prior(EventKind.REGISTER, enterprise("plant"), (), (LOT,), RegisterDetails(Imported("US", "7")))
ANNUL = AnnulDetails(HEAD.statement_id, "TWICE")


def test_a_register_is_annulled_whole_and_by_whose_it_was() -> None:
    other = lot("plant", Form.ORE_CONCENTRATE, 1_000, ORE)
    both = replace(REGISTER, outputs=(LOT, other))
    assert run([LOT], [], ANNUL, prior=REGISTER) == StepVerdict()
    assert run([LOT, other], [], ANNUL, prior=both) == StepVerdict()
    with pytest.raises(MissingParent):
        run([LOT], [], ANNUL)
    with pytest.raises(StepNotAllowed, match="some"):
        run([LOT], [], ANNUL, prior=both)
    with pytest.raises(StepNotAllowed, match="only a register"):
        run([LOT], [], ANNUL, prior=replace(REGISTER, kind=EventKind.SPLIT, details=SplitDetails()))
    with pytest.raises(NotHolder, match="whose"):
        run([LOT], [], ANNUL, prior=replace(REGISTER, actor=enterprise("mine")))
    with pytest.raises(NotHolder):
        run([LOT], [], ANNUL, prior=REGISTER, actor="mine")
    with pytest.raises(StepNotAllowed):
        run([LOT], [LOT], ANNUL, prior=REGISTER)


@given(st.integers(1, 4).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1)))))
def test_nothing_but_the_whole_of_a_register_is_annulled(case: tuple[int, set[int]]) -> None:
    count, chosen = case
    made = tuple(lot("plant", Form.ORE_CONCENTRATE, 1_000, {"La": 1_000}) for _ in range(count))
    spent = [made[index] for index in sorted(chosen)]
    prior = replace(REGISTER, outputs=made)
    if len(chosen) == count:
        assert run(spent, [], ANNUL, prior=prior) == StepVerdict()
    else:
        with pytest.raises(StepNotAllowed):
            run(spent, [], ANNUL, prior=prior)


# Correct


def corrected(**changes: object) -> LotContent:
    return LOT._replace(**changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def correction(*fields: LotField, draws: tuple[Draw, ...] = (), spent: LotContent | None = None) -> CorrectDetails:
    return CorrectDetails(HEAD, fields, "TYPO", draws, spent)


def test_a_correction_says_what_differs_and_why() -> None:
    verdict = run([LOT], [corrected(site="plant-2")], correction(LotField.SITE), prior=REGISTER)
    (found,) = verdict.findings
    assert (found.code, found.metadata["fields"], found.metadata["reason_code"]) == ("CORRECTED", "site", "TYPO")
    less = corrected(rows=rows(scaled(ORE, 4)))
    assert codes(run([LOT], [less], correction(LotField.ROWS), prior=REGISTER)) == {"CORRECTED", "MATTER_VANISHES"}
    more = corrected(rows=rows(scaled(ORE, 6)))
    assert codes(run([LOT], [more], correction(LotField.ROWS), prior=REGISTER)) == {"CORRECTED", "GAIN"}


BAD_CORRECTIONS: list[tuple[LotContent, CorrectDetails, type[ProvenanceError]]] = [
    (LOT, correction(LotField.SITE), StepNotAllowed),
    (corrected(site="x"), correction(LotField.FORM), StepNotAllowed),
    (corrected(site="x"), correction(LotField.SITE, LotField.FORM), StepNotAllowed),
    (corrected(site="x", gross_g=1_001), correction(LotField.SITE), StepNotAllowed),
    (corrected(lot_id=lot_ids.new()), correction(LotField.SITE), StepNotAllowed),
    (corrected(holder=enterprise("mine")), correction(LotField.SITE), NotHolder),
    (corrected(home_log="urn:x:y"), correction(LotField.SITE), StepNotAllowed),
    (corrected(custody_state=CustodyState.ABROAD), correction(LotField.SITE), StepNotAllowed),
    (
        corrected(custody_model=CustodyModel.IDENTITY_PRESERVED),
        correction(LotField.CUSTODY_MODEL),
        CustodyModelLoosened,
    ),
    (corrected(rows=rows(scaled(ORE, 20))), correction(LotField.ROWS), PhysicallyImpossible),
    (corrected(factor_table="other"), correction(LotField.FACTOR_TABLE), UnsupportedVersion),
    (corrected(site="x"), correction(LotField.SITE, draws=(Draw(RIGHT, 1),)), StepNotAllowed),
    (corrected(site="x"), correction(LotField.SITE, spent=LOT), StepNotAllowed),
]


@pytest.mark.parametrize(("new", "details", "error"), BAD_CORRECTIONS)
def test_a_correction_is_refused(new: LotContent, details: CorrectDetails, error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        run([LOT], [new], details, prior=REGISTER)


def test_corrections_of_the_wrong_shape() -> None:
    new, details = corrected(site="plant-2"), correction(LotField.SITE)
    with pytest.raises(MissingParent):
        run([LOT], [new], details)
    with pytest.raises(NotHolder, match="whose"):
        run([LOT], [new], details, prior=replace(REGISTER, actor=enterprise("mine")))
    with pytest.raises(StepNotAllowed):
        run([LOT], [], details, prior=REGISTER)
    with pytest.raises(StepNotAllowed):
        run([], [new], details, prior=REGISTER)
    with pytest.raises(StepNotAllowed, match="spends it"):
        run([lot("plant", Form.ORE_CONCENTRATE, 1_000, ORE)], [new], details, prior=REGISTER)
    with pytest.raises(StepNotAllowed, match="does not have"):
        run([LOT], [new], details, prior=replace(REGISTER, index=1))
    with pytest.raises(StepNotAllowed, match="should have been"):
        run([], [], details, prior=REGISTER)


def test_a_corrected_register_draws_what_it_should_have_drawn() -> None:
    drawn = RegisterDetails(MINED, (Draw(RIGHT, LOT.reo_mg),))
    prior = replace(REGISTER, details=drawn)
    more = corrected(rows=rows(scaled(ORE, 6)))
    short = run([LOT], [more], correction(LotField.ROWS, draws=drawn.draws), prior=prior)
    assert short.uncovered == (QuotaNeed(QuotaKind.MINING_ROCK, more.reo_mg - LOT.reo_mg),)
    enough = run([LOT], [more], correction(LotField.ROWS, draws=(Draw(RIGHT, more.reo_mg),)), prior=prior)
    assert (enough.uncovered, enough.drawn_mg) == ((), more.reo_mg)
    less = corrected(rows=rows(scaled(ORE, 4)))
    with pytest.raises(RightExceeded):
        run([LOT], [less], correction(LotField.ROWS, draws=drawn.draws), prior=prior)
    assert run([LOT], [less], correction(LotField.ROWS, draws=(Draw(RIGHT, less.reo_mg),)), prior=prior).drawn_mg


def test_a_corrected_transform_conserves_what_went_in() -> None:
    product = lot("plant", Form.SEPARATED_COMPOUND, 1_000, scaled(ORE, 49, 10))
    residue = lot("plant", Form.RESIDUE, 1_000, scaled(ORE, 1, 10))
    told = TransformDetails("separation-rock")
    prior = Prior(EventKind.TRANSFORM, enterprise("plant"), (LOT,), (product, residue), told, 0)
    more = product._replace(rows=rows(scaled(ORE, 6)))
    with pytest.raises(MassNotConserved):
        run([product], [more], correction(LotField.ROWS), prior=prior)
    less = product._replace(rows=rows(scaled(ORE, 485, 100)))
    verdict = run([product], [less], correction(LotField.ROWS), prior=prior)
    assert verdict.required == (QuotaNeed(QuotaKind.SMELTING_SEPARATION, less.reo_mg),)
    ore = product._replace(form=Form.ORE_CONCENTRATE)
    assert run([product], [ore], correction(LotField.FORM), prior=prior).required == ()


def test_what_follows_from_its_inputs_is_not_corrected() -> None:
    parts = [portion.fill(LOT)._replace(lot_id=lot_ids.new()) for portion in apportion(LOT, (400, 600))]
    prior = Prior(EventKind.SPLIT, enterprise("plant"), (LOT,), tuple(parts), SplitDetails())
    lighter = parts[0]._replace(rows=rows(ORE))
    with pytest.raises(MassNotConserved):
        run([parts[0]], [lighter], correction(LotField.ROWS), prior=prior)
    merged = replace(prior, kind=EventKind.MERGE, inputs=tuple(parts), outputs=(LOT,), details=MergeDetails())
    moved = run([LOT], [corrected(site="plant-2")], correction(LotField.SITE), prior=merged)
    assert codes(moved) == {"CORRECTED"}


def test_of_what_was_spent_only_the_record_is_corrected() -> None:
    """Nothing is made: quota is reckoned anew, and what came of the lot is for adjustments."""
    prior = replace(REGISTER, details=RegisterDetails(MINED, (Draw(RIGHT, LOT.reo_mg),)))
    more = corrected(rows=rows(scaled(ORE, 6)))
    verdict = run([], [], correction(LotField.ROWS, draws=(Draw(RIGHT, LOT.reo_mg),), spent=more), prior=prior)
    assert codes(verdict) == {"CORRECTED", "GAIN", "QUOTA_NOT_COVERED"}
    assert verdict.uncovered == (QuotaNeed(QuotaKind.MINING_ROCK, more.reo_mg - LOT.reo_mg),)
    heavy = corrected(rows=rows(scaled(ORE, 20)))
    with pytest.raises(PhysicallyImpossible):
        run([], [], correction(LotField.ROWS, spent=heavy), prior=prior)
    with pytest.raises(StepNotAllowed, match="more than this step"):
        run([], [], correction(LotField.ROWS, spent=more._replace(lot_id=lot_ids.new())), prior=prior)
    with pytest.raises(NotHolder):
        run([], [], correction(LotField.ROWS, spent=more._replace(holder=enterprise("mine"))), prior=prior)


def test_the_subject_of_a_correction_that_makes_nothing_is_its_lot() -> None:
    assert subject([], [], correction(LotField.SITE, spent=LOT)) == lot_urn(LOT.lot_id)
    with pytest.raises(StepNotAllowed):
        subject([], [], correction(LotField.SITE))


MASSES_MG = st.integers(0, 1_000_000)


@given(before=MASSES_MG, after=MASSES_MG, drawn_mg=MASSES_MG, spent=st.booleans())
def test_what_a_correction_leaves_charged(before: int, after: int, drawn_mg: int, *, spent: bool) -> None:
    needs = [(QuotaNeed(QuotaKind.MINING_ROCK, mass),) if mass else () for mass in (before, after)]
    charged_mg = still_charged(drawn_mg, *needs, spent=spent)
    assert charged_mg <= drawn_mg
    # What is needed stays charged, and no more is given back than is needed less; of what was spent nothing is.
    assert charged_mg >= min(drawn_mg, after)
    assert drawn_mg - charged_mg <= max(0, before - after)
    assert not spent or charged_mg == drawn_mg


@given(old=st.integers(1, 9), drawn=st.integers(0, 9), now=st.integers(0, 9), spent=st.booleans())
def test_a_right_never_bears_again_what_lives_on(old: int, drawn: int, now: int, *, spent: bool) -> None:
    """A register of so many tenths drew some of them; corrected to half of it, it draws other ones."""
    lots = [corrected(rows=rows(scaled(ORE, tenths, 2))) for tenths in (old, 1)]
    tenth_mg = lots[0].reo_mg // old
    draws = [(Draw(RIGHT, tenth_mg * tenths),) if tenths else () for tenths in (min(drawn, old), now)]
    prior = replace(REGISTER, outputs=(lots[0],), details=RegisterDetails(MINED, draws[0]))
    details = correction(LotField.ROWS, draws=draws[1], spent=lots[1] if spent else None)
    assume(lots[0] != lots[1])
    drawn_mg, now_mg, need_mg = min(drawn, old) * tenth_mg, now * tenth_mg, lots[1].reo_mg
    least_mg = drawn_mg if spent else max(min(drawn_mg, need_mg), drawn_mg - (lots[0].reo_mg - need_mg))
    if now_mg < least_mg:
        error: type[ProvenanceError] | None = StepNotAllowed
    elif now_mg > max(least_mg, need_mg):
        error = RightExceeded
    else:
        error = None
    inputs, outputs = ([], []) if spent else (lots[:1], lots[1:])
    if error is not None:
        with pytest.raises(error):
            run(inputs, outputs, details, prior=prior)
    else:
        assert run(inputs, outputs, details, prior=prior).drawn_mg == now_mg


def test_a_sibling_of_what_was_spent_gives_back_its_own_mass_alone() -> None:
    """A spent lot that was corrected to less stays charged while another of the register is corrected."""
    other = lot("plant", Form.ORE_CONCENTRATE, 1_000, scaled(ORE, 5))
    light = corrected(rows=rows(scaled(ORE, 1)))
    drawn_mg = LOT.reo_mg + other.reo_mg
    # The first was 500 g and is said to have been 100 g since; it was spent before, and stays charged with all of it.
    prior = replace(REGISTER, outputs=(light, other), index=1, details=RegisterDetails(MINED, (Draw(RIGHT, drawn_mg),)))
    lighter = other._replace(rows=rows(scaled(ORE, 4)))
    freed_mg = other.reo_mg - lighter.reo_mg
    for draw_mg, allowed in ((drawn_mg - freed_mg, True), (drawn_mg - freed_mg - 1, False)):
        details = correction(LotField.ROWS, draws=(Draw(RIGHT, draw_mg),))
        if allowed:
            assert run([other], [lighter], details, prior=prior).drawn_mg == draw_mg
        else:
            with pytest.raises(StepNotAllowed, match="still charged"):
                run([other], [lighter], details, prior=prior)


@given(st.integers(1, 9), st.integers(0, 10_000))
def test_a_correction_is_what_the_register_would_have_been(tenths: int, drawn_mg: int) -> None:
    """The verdict on quota is that of the register as corrected, whatever it draws now."""
    new = corrected(rows=rows(scaled(ORE, 5 * tenths, 10)))
    draws = (Draw(RIGHT, drawn_mg),) if drawn_mg else ()
    prior = replace(REGISTER, details=RegisterDetails(MINED, draws))
    assume(drawn_mg <= new.reo_mg)
    afresh = run([], [new], RegisterDetails(MINED, draws))
    verdict = run([LOT], [new], correction(LotField.ROWS, draws=draws), prior=prior)
    assert (verdict.required, verdict.drawn_mg, verdict.uncovered) == (
        afresh.required,
        afresh.drawn_mg,
        afresh.uncovered,
    )
