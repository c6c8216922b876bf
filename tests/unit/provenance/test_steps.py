"""The rule book: each kind passes when it is right, and every refusal is provoked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import lot_ids
from monazite_provenance.conservation import apportion, combine
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    CancelDetails,
    CustodyModel,
    CustodyState,
    DepositType,
    Details,
    Draw,
    ExportLimit,
    Form,
    Imported,
    LotContent,
    MergeDetails,
    Mined,
    OfferDetails,
    OpeningInventory,
    QuotaKind,
    Recycled,
    RegisterDetails,
    RightDetails,
    SplitDetails,
    TransformDetails,
)
from monazite_provenance.errors import (
    BadField,
    CustodyModelLoosened,
    LossWithoutReason,
    MassNotConserved,
    NotHolder,
    PhysicallyImpossible,
    ProvenanceError,
    RightExceeded,
    RightMissing,
    StepNotAllowed,
    UnsupportedVersion,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.settings import DEFAULT_SETTINGS
from monazite_provenance.steps import QuotaNeed, StepVerdict, accepted_outputs, check_rights, check_step, transit

from tests.unit.provenance import contents_strategies as strategies
from tests.unit.provenance.chains import LOG, NOW_S, ORE, enterprise, lot, scaled, service

MINED = Mined("Bayan Obo", "C100", DepositType.ROCK)
ORE_LOT = lot("plant", Form.ORE_CONCENTRATE, 1_000, ORE)
RIGHT = sha256(b"right").digest()


def run(
    kind: EventKind,
    inputs: Sequence[LotContent],
    outputs: Sequence[LotContent],
    details: Details,
    actor: str = "plant",
) -> StepVerdict:
    return check_step(
        kind, inputs, outputs, details, actor=actor if ":" in actor else enterprise(actor), settings=DEFAULT_SETTINGS
    )


def fresh(content: LotContent) -> LotContent:
    return content._replace(lot_id=lot_ids.new())


def register(*outputs: LotContent, details: RegisterDetails | None = None, actor: str = "plant") -> StepVerdict:
    return run(EventKind.REGISTER, (), outputs, details or RegisterDetails(MINED), actor)


# Register


def test_mining_is_charged_by_deposit_type_and_nothing_else_is() -> None:
    need = ORE_LOT.reo_mg
    for deposit, kind in ((DepositType.ROCK, QuotaKind.MINING_ROCK), (DepositType.IONIC, QuotaKind.MINING_IONIC)):
        details = RegisterDetails(Mined("m", "l", deposit), (Draw(RIGHT, need),))
        verdict = register(ORE_LOT, details=details)
        assert verdict.required == (QuotaNeed(kind, need),)
        assert (verdict.uncovered, verdict.drawn_mg) == ((), need)
    for origin in (Imported("US", "7"), OpeningInventory("2024")):
        assert register(ORE_LOT, details=RegisterDetails(origin)).required == ()
    scrap = ORE_LOT._replace(form=Form.SECONDARY_MATERIAL)
    assert register(scrap, details=RegisterDetails(Recycled("magnets"))).required == ()


def test_an_opening_inventory_is_for_an_officer_to_accept() -> None:
    verdict = register(ORE_LOT, details=RegisterDetails(OpeningInventory("2024")))
    assert [found.code for found in verdict.findings] == ["OPENING_INVENTORY"]


def test_output_without_quota_is_registered_and_says_so() -> None:
    need = ORE_LOT.reo_mg
    for drawn in (0, 1, need - 1):
        draws = (Draw(RIGHT, drawn),) if drawn else ()
        verdict = register(ORE_LOT, details=RegisterDetails(MINED, draws))
        assert verdict.uncovered == (QuotaNeed(QuotaKind.MINING_ROCK, need - drawn),)
        assert [found.code for found in verdict.findings] == ["QUOTA_NOT_COVERED"]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (ORE_LOT._replace(lot_id="RE-0000-0000-0000-0"), BadField),
        (ORE_LOT._replace(holder=enterprise("mine")), NotHolder),
        (ORE_LOT._replace(custody_state=CustodyState.ABROAD), StepNotAllowed),
        (ORE_LOT._replace(form=Form.METAL), StepNotAllowed),
        (ORE_LOT._replace(factor_table="other"), UnsupportedVersion),
        (ORE_LOT._replace(net_g=97, gross_g=97), PhysicallyImpossible),
        (ORE_LOT._replace(moisture_g=950), PhysicallyImpossible),
        (ORE_LOT._replace(rows=(ORE_LOT.rows[0]._replace(u_random_mg=0),)), StepNotAllowed),
        (ORE_LOT._replace(rows=(ORE_LOT.rows[0]._replace(u_common_mg=ORE_LOT.rows[0].reo_mg),)), StepNotAllowed),
        (ORE_LOT._replace(sources=(ORE_LOT.sources[0]._replace(method="GUESS"),)), BadField),
    ],
)
def test_a_register_is_refused(bad: LotContent, error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        register(bad)


def test_registers_of_the_wrong_shape() -> None:
    with pytest.raises(StepNotAllowed):
        register()
    with pytest.raises(StepNotAllowed):
        run(EventKind.REGISTER, [ORE_LOT], [fresh(ORE_LOT)], RegisterDetails(MINED))
    with pytest.raises(StepNotAllowed, match="twice"):
        register(ORE_LOT, ORE_LOT)
    with pytest.raises(StepNotAllowed, match="home logs"):
        register(ORE_LOT, fresh(ORE_LOT)._replace(home_log="urn:monazite:log:registry:1"))
    with pytest.raises(StepNotAllowed, match="origin"):
        register(ORE_LOT, details=RegisterDetails(Recycled("ore, says he")))
    with pytest.raises(StepNotAllowed, match="no quota"):
        register(ORE_LOT, details=RegisterDetails(Imported("US", "7"), (Draw(RIGHT, 1),)))
    with pytest.raises(RightExceeded):
        register(ORE_LOT, details=RegisterDetails(MINED, (Draw(RIGHT, ORE_LOT.reo_mg + 1),)))
    with pytest.raises(StepNotAllowed, match="another kind"):
        run(EventKind.REGISTER, (), [ORE_LOT], SplitDetails())
    with pytest.raises(StepNotAllowed, match="custody"):
        run(EventKind.HOLD, [ORE_LOT], [ORE_LOT], SplitDetails())


# Split and merge


def parts(whole: LotContent, *parts_g: int) -> list[LotContent]:
    return [fresh(portion.fill(whole)) for portion in apportion(whole, parts_g)]


def test_split_is_exact() -> None:
    good = parts(ORE_LOT, 333, 333, 334)
    assert run(EventKind.SPLIT, [ORE_LOT], good, SplitDetails()) == StepVerdict()
    row = good[0].rows[0]
    moved = good[0]._replace(rows=(row._replace(reo_mg=row.reo_mg + 1), *good[0].rows[1:]))
    with pytest.raises(MassNotConserved):
        run(EventKind.SPLIT, [ORE_LOT], [moved, *good[1:]], SplitDetails())
    surer = good[0]._replace(rows=(row._replace(u_random_mg=row.u_random_mg - 1), *good[0].rows[1:]))
    with pytest.raises(MassNotConserved):
        run(EventKind.SPLIT, [ORE_LOT], [surer, *good[1:]], SplitDetails())
    with pytest.raises(MassNotConserved):
        run(EventKind.SPLIT, [ORE_LOT], good[:2], SplitDetails())
    with pytest.raises(StepNotAllowed):
        run(EventKind.SPLIT, [ORE_LOT], [good[0]._replace(site="elsewhere"), *good[1:]], SplitDetails())
    with pytest.raises(StepNotAllowed, match="ended"):
        run(EventKind.SPLIT, [ORE_LOT], [good[0]._replace(lot_id=ORE_LOT.lot_id), *good[1:]], SplitDetails())
    with pytest.raises(StepNotAllowed):
        run(EventKind.SPLIT, [ORE_LOT], [fresh(ORE_LOT)], SplitDetails())
    with pytest.raises(NotHolder):
        run(EventKind.SPLIT, [ORE_LOT], good, SplitDetails(), actor="mine")


def merged(*inputs: LotContent) -> LotContent:
    portion, sources = combine(inputs)
    return portion.fill(fresh(inputs[0]))._replace(sources=sources)


def test_a_step_has_so_many_inputs_and_outputs_at_most() -> None:
    most = DEFAULT_SETTINGS
    with pytest.raises(StepNotAllowed, match="too many"):
        run(EventKind.SPLIT, [ORE_LOT], [fresh(ORE_LOT) for _ in range(most.outputs_max + 1)], SplitDetails())
    with pytest.raises(StepNotAllowed, match="too many"):
        run(EventKind.MERGE, [fresh(ORE_LOT) for _ in range(most.inputs_max + 1)], [fresh(ORE_LOT)], MergeDetails())


def test_lots_reckoned_by_several_factor_tables_are_not_merged() -> None:
    other = fresh(ORE_LOT._replace(factor_table="another"))
    with pytest.raises(StepNotAllowed, match="factor tables"):
        run(EventKind.MERGE, [ORE_LOT, other], [merged(ORE_LOT, other)], MergeDetails())


def test_merge_is_exact_and_never_stricter() -> None:
    other = fresh(lot("plant", Form.ORE_CONCENTRATE, 500, scaled(ORE, 1, 3)))
    good = merged(ORE_LOT, other)
    run(EventKind.MERGE, [ORE_LOT, other], [good], MergeDetails())
    run(EventKind.MERGE, [ORE_LOT, other], [good._replace(custody_model=CustodyModel.MASS_BALANCE)], MergeDetails())
    with pytest.raises(MassNotConserved):
        run(EventKind.MERGE, [ORE_LOT, other], [good._replace(gross_g=good.gross_g + 1)], MergeDetails())
    with pytest.raises(StepNotAllowed, match="forms"):
        run(EventKind.MERGE, [ORE_LOT, other._replace(form=Form.RESIDUE)], [good], MergeDetails())
    with pytest.raises(StepNotAllowed):
        run(EventKind.MERGE, [ORE_LOT], [good], MergeDetails())
    loose = other._replace(custody_model=CustodyModel.CONTROLLED_BLENDING)
    with pytest.raises(CustodyModelLoosened):
        run(EventKind.MERGE, [ORE_LOT, loose], [good], MergeDetails())
    pure = [each._replace(custody_model=CustodyModel.IDENTITY_PRESERVED) for each in (ORE_LOT, other)]
    with pytest.raises(CustodyModelLoosened):
        run(EventKind.MERGE, pure, [merged(*pure)], MergeDetails())
    run(EventKind.MERGE, pure, [merged(*pure)._replace(custody_model=CustodyModel.SEGREGATED)], MergeDetails())


# Transform


def products(keep: int = 98) -> list[LotContent]:
    """Oxides of `keep` percent and a residue of the rest."""
    return [
        lot("plant", Form.SEPARATED_COMPOUND, 1_000, scaled(ORE, keep, 100)),
        lot("plant", Form.RESIDUE, 1_000, scaled(ORE, 100 - keep, 100)),
    ]


def test_separation_is_charged_on_products_once() -> None:
    outputs = products()
    verdict = run(EventKind.TRANSFORM, [ORE_LOT], outputs, TransformDetails("separation-rock"))
    assert verdict.required == (QuotaNeed(QuotaKind.SMELTING_SEPARATION, outputs[0].reo_mg),)
    assert [found.code for found in verdict.findings] == ["QUOTA_NOT_COVERED"]
    assert len(verdict.balances) == len(ORE)
    oxide = outputs[0]
    metal = fresh(oxide._replace(form=Form.METAL))
    assert run(EventKind.TRANSFORM, [oxide], [metal], TransformDetails("metal")).required == ()
    concentrate = fresh(ORE_LOT)
    assert run(EventKind.TRANSFORM, [ORE_LOT], [concentrate], TransformDetails("beneficiation-rock")).required == ()


def test_a_blended_feed_is_charged_in_proportion() -> None:
    """Half of each element comes from ore and half from compounds charged before: half of the products is charged."""
    compound = fresh(ORE_LOT._replace(form=Form.MIXED_COMPOUND))
    product = fresh(lot("plant", Form.SEPARATED_COMPOUND, 1_000, scaled(ORE, 2)))
    (need,) = run(EventKind.TRANSFORM, [ORE_LOT, compound], [product], TransformDetails("separation-rock")).required
    assert need.reo_mg == product.reo_mg // 2


def test_recovery_below_the_norm_is_a_finding() -> None:
    codes = [
        [
            found.code
            for found in run(EventKind.TRANSFORM, [ORE_LOT], products(keep), TransformDetails(process)).findings
        ]
        for keep, process in ((96, "separation-rock"), (97, "separation-rock"), (96, "separation-ionic"), (10, "other"))
    ]
    assert codes == [["RECOVERY_OUTSIDE_NORM", "QUOTA_NOT_COVERED"]] + [["QUOTA_NOT_COVERED"]] * 3


def test_residue_is_charged_when_it_comes_back_as_feed() -> None:
    """Else ore would become oxide free of quota, by way of residue."""
    residue = products()[1]
    oxide = fresh(residue._replace(form=Form.SEPARATED_COMPOUND))
    verdict = run(EventKind.TRANSFORM, [residue], [oxide], TransformDetails("recovery"))
    assert verdict.required == (QuotaNeed(QuotaKind.SMELTING_SEPARATION, oxide.reo_mg),)
    assert [found.code for found in verdict.findings] == ["QUOTA_NOT_COVERED"]


def test_dysprosium_out_of_nothing() -> None:
    rich = lot("plant", Form.SEPARATED_COMPOUND, 1_000, {**scaled(ORE, 98, 100), "Dy": 5_000})
    with pytest.raises(MassNotConserved) as caught:
        run(EventKind.TRANSFORM, [ORE_LOT], [rich], TransformDetails("separation-rock", reason_code="LUCK"))
    assert caught.value.details["element"] == "Dy"


def test_matter_vanishes_only_with_a_reason() -> None:
    half = [lot("plant", Form.SEPARATED_COMPOUND, 1_000, scaled(ORE, 1, 2))]
    with pytest.raises(LossWithoutReason):
        run(EventKind.TRANSFORM, [ORE_LOT], half, TransformDetails("x"))
    verdict = run(EventKind.TRANSFORM, [ORE_LOT], half, TransformDetails("x", reason_code="FIRE"))
    assert {found.code for found in verdict.findings} == {"MATTER_VANISHES", "QUOTA_NOT_COVERED"}


@pytest.mark.parametrize(
    ("outputs", "error"),
    [
        ([], StepNotAllowed),
        ([ORE_LOT._replace(form=Form.SEPARATED_COMPOUND)], StepNotAllowed),
        ([products()[0]._replace(holder=enterprise("mine")), products()[1]], NotHolder),
        ([products()[0]._replace(custody_model=CustodyModel.IDENTITY_PRESERVED), products()[1]], CustodyModelLoosened),
        ([products()[0]._replace(gross_g=90, net_g=90), products()[1]], PhysicallyImpossible),
        ([products()[0]._replace(home_log="urn:x:y"), products()[1]], StepNotAllowed),
        ([products()[0]._replace(custody_state=CustodyState.ABROAD), products()[1]], StepNotAllowed),
    ],
)
def test_a_transform_is_refused(outputs: list[LotContent], error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        run(EventKind.TRANSFORM, [ORE_LOT], outputs, TransformDetails("separation-rock"))


def test_nothing_becomes_mineral_product_again() -> None:
    oxide = products()[0]
    with pytest.raises(StepNotAllowed, match="mineral"):
        run(EventKind.TRANSFORM, [oxide], [fresh(oxide._replace(form=Form.ORE_CONCENTRATE))], TransformDetails("x"))
    both = fresh(lot("plant", Form.ORE_CONCENTRATE, 2_000, scaled(ORE, 2)))
    with pytest.raises(StepNotAllowed, match="mineral"):
        run(EventKind.TRANSFORM, [ORE_LOT, oxide], [both], TransformDetails("x"))


def test_draws_of_a_transform() -> None:
    outputs = products()
    need = outputs[0].reo_mg
    covered = run(EventKind.TRANSFORM, [ORE_LOT], outputs, TransformDetails("x", draws=(Draw(RIGHT, need),)))
    assert covered.uncovered == ()
    with pytest.raises(RightExceeded):
        run(EventKind.TRANSFORM, [ORE_LOT], outputs, TransformDetails("x", draws=(Draw(RIGHT, need + 1),)))


# Transfers


def offered(receiver: str = enterprise("maker"), export: ExportLimit | None = None) -> LotContent:
    return ORE_LOT._replace(
        custody_state=CustodyState.IN_TRANSIT,
        receiver=receiver,
        remainder_lot_id=lot_ids.new(),
        export=export,
    )


LIMIT = ExportLimit(bytes(32), 1_000)
CUSTOMS = service("export_license")


BAD_OFFERS: list[tuple[Callable[[LotContent], LotContent], type[ProvenanceError]]] = [
    (lambda each: each._replace(gross_g=each.gross_g + 1), MassNotConserved),
    (lambda each: each._replace(receiver=each.holder), StepNotAllowed),
    (lambda each: each._replace(site="elsewhere"), StepNotAllowed),
    (lambda each: each._replace(remainder_lot_id=ORE_LOT.lot_id), StepNotAllowed),
    (lambda each: each._replace(remainder_lot_id="RE-0000-0000-0000-0"), BadField),
    (lambda each: each._replace(receiver=None), StepNotAllowed),
    (lambda each: each._replace(receiver=service("quota")), StepNotAllowed),
    (lambda each: each._replace(receiver=enterprise("maker") + "/erp"), StepNotAllowed),
    (lambda each: each._replace(receiver=CUSTOMS), StepNotAllowed),
    (lambda each: each._replace(export=LIMIT), StepNotAllowed),
]


@pytest.mark.parametrize(("change", "error"), BAD_OFFERS)
def test_an_offer_is_refused(change: Callable[[LotContent], LotContent], error: type[ProvenanceError]) -> None:
    run(EventKind.OFFER, [ORE_LOT], [offered()], OfferDetails("w"))
    run(EventKind.OFFER, [ORE_LOT], [offered(CUSTOMS, LIMIT)], OfferDetails("w"))
    with pytest.raises(error):
        run(EventKind.OFFER, [ORE_LOT], [change(offered())], OfferDetails("w"))


def test_the_remainder_takes_no_id_of_a_lot_that_is_offered_beside_it() -> None:
    first, second = ORE_LOT, fresh(ORE_LOT)
    greedy = offered()._replace(remainder_lot_id=second.lot_id)
    # The second stands under another id, or there would be one id twice.
    renamed = fresh(offered()._replace(remainder_lot_id=lot_ids.new()))
    with pytest.raises(StepNotAllowed, match="taken"):
        run(EventKind.OFFER, [first, second], [greedy, renamed], OfferDetails("w"))


def test_only_the_shipper_takes_an_offer_back() -> None:
    away = offered()
    run(EventKind.CANCEL, [away], [transit(away)], CancelDetails())
    with pytest.raises(NotHolder):
        run(EventKind.CANCEL, [away], [transit(away)], CancelDetails(), actor="maker")
    with pytest.raises(StepNotAllowed):
        run(EventKind.CANCEL, [ORE_LOT], [ORE_LOT], CancelDetails())
    with pytest.raises(StepNotAllowed):
        run(EventKind.CANCEL, [away], [transit(away)._replace(site="elsewhere")], CancelDetails())


def accept(away: LotContent, line: AcceptLine, outputs: Sequence[LotContent], actor: str = "maker") -> StepVerdict:
    return run(EventKind.ACCEPT, [away], outputs, AcceptDetails((line,)), actor)


@pytest.mark.parametrize(
    "line",
    [
        AcceptLine(1_000, 0, 0),
        AcceptLine(900, 100, 0, "DAMAGED"),
        AcceptLine(900, 70, 30, "WET"),
        AcceptLine(0, 1_000, 0, "NOT_ORDERED"),
        AcceptLine(0, 0, 1_000, "STOLEN"),
    ],
)
def test_an_acceptance_is_exact(line: AcceptLine) -> None:
    away = offered()
    outputs = accepted_outputs(away, line, "maker-1")
    verdict = accept(away, line, outputs)
    assert [found.code for found in verdict.findings] == (["SHORTAGE"] if line.shortage_g else [])
    ids = {each.lot_id: each.holder for each in outputs}
    assert ids.get(away.lot_id, enterprise("maker")) == enterprise("maker")
    assert ids.get(away.remainder_lot_id or "", enterprise("plant")) == enterprise("plant")
    with pytest.raises(StepNotAllowed):
        accept(away, line, [*outputs, fresh(ORE_LOT)])
    if outputs:
        with pytest.raises(StepNotAllowed):
            accept(away, line, outputs[:-1])
        row = outputs[0].rows[0]
        more = outputs[0]._replace(rows=(row._replace(reo_mg=row.reo_mg + 1), *outputs[0].rows[1:]))
        with pytest.raises(MassNotConserved):
            accept(away, line, [more, *outputs[1:]])
        with pytest.raises(NotHolder):
            accept(away, line, outputs, actor="plant")


@given(strategies.lots(), st.sampled_from(["", "maker-1"]))
def test_what_arrives_whole_is_the_part_that_is_all(content: LotContent, site: str) -> None:
    away = content._replace(receiver=enterprise("maker"), remainder_lot_id="RE-1")
    (arrived,) = accepted_outputs(away, AcceptLine(away.gross_g, 0, 0), site or None)
    whole, nothing = apportion(away, (away.gross_g, 0))
    assert not nothing.rows
    assert arrived == whole.fill(transit(away)._replace(holder=enterprise("maker"), site=site or away.site))


def test_acceptances_that_do_not_add_up() -> None:
    away = offered()
    whole = accepted_outputs(away, AcceptLine(1_000, 0, 0), "maker-1")
    with pytest.raises(MassNotConserved):
        accept(away, AcceptLine(999, 0, 0), whole)
    with pytest.raises(MassNotConserved):
        accept(away, AcceptLine(1_000, 1, 0, "MORE"), whole)
    with pytest.raises(StepNotAllowed, match="reason"):
        accept(away, AcceptLine(999, 0, 1), whole)
    with pytest.raises(StepNotAllowed, match="line"):
        run(EventKind.ACCEPT, [away], whole, AcceptDetails(()), "maker")
    with pytest.raises(StepNotAllowed, match="transit"):
        accept(ORE_LOT, AcceptLine(1_000, 0, 0), [ORE_LOT])


def test_an_export_makes_a_head_abroad_within_its_limit() -> None:
    away = offered(CUSTOMS, replace(LIMIT, max_gross_g=400))
    line = AcceptLine(400, 600, 0, "PART")
    outputs = accepted_outputs(away, line)
    run(EventKind.ACCEPT, [away], outputs, AcceptDetails((line,)), CUSTOMS)
    assert [each.custody_state for each in outputs] == [CustodyState.ABROAD, CustodyState.HELD]
    over = AcceptLine(401, 599, 0, "PART")
    with pytest.raises(MassNotConserved, match="more leaves"):
        run(EventKind.ACCEPT, [away], accepted_outputs(away, over), AcceptDetails((over,)), CUSTOMS)
    with pytest.raises(NotHolder):
        run(EventKind.ACCEPT, [away], outputs, AcceptDetails((line,)), "plant")
    with pytest.raises(StepNotAllowed):
        run(EventKind.SPLIT, [outputs[0]], parts(outputs[0], 200, 200), SplitDetails())


# Rights

NEED = (QuotaNeed(QuotaKind.MINING_ROCK, 100),)
GOOD_RIGHT = RightDetails(2024, QuotaKind.MINING_ROCK, 100, enterprise("plant"), "plant-1", LOG, NOW_S)


@pytest.mark.parametrize(
    ("right", "drawn_mg", "error"),
    [
        (None, 100, RightMissing),
        (replace(GOOD_RIGHT, quota_kind=QuotaKind.MINING_IONIC), 100, StepNotAllowed),
        (replace(GOOD_RIGHT, holder=enterprise("mine")), 100, NotHolder),
        (replace(GOOD_RIGHT, registry_log="urn:monazite:log:registry:1"), 100, StepNotAllowed),
        (replace(GOOD_RIGHT, site="plant-2"), 100, StepNotAllowed),
        (GOOD_RIGHT, 101, RightExceeded),
    ],
)
def test_a_right_that_does_not_bear_the_draw(
    right: RightDetails | None, drawn_mg: int, error: type[ProvenanceError]
) -> None:
    check_rights(NEED, [Draw(RIGHT, 100)], {RIGHT: GOOD_RIGHT}, actor=enterprise("plant"), outputs=[ORE_LOT])
    rights = {} if right is None else {RIGHT: right}
    with pytest.raises(error):
        check_rights(NEED, [Draw(RIGHT, drawn_mg)], rights, actor=enterprise("plant"), outputs=[ORE_LOT])
