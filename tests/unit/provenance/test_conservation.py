"""Conservation: exact parts and sums, and thresholds that agree with a model in fractions."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from monazite_provenance.conservation import (
    ROUNDING_DENOMINATOR,
    ElementBalance,
    Portion,
    apportion,
    balance,
    check_physical,
    combine,
    findings,
    largest_remainder,
)
from monazite_provenance.contents import ElementRow, Form, Loss, LotContent, MassSource
from monazite_provenance.elements import ELEMENTS, FACTOR_SCALE
from monazite_provenance.errors import (
    LossWithoutReason,
    MassNotConserved,
    PhysicallyImpossible,
    ProvenanceError,
    StepNotAllowed,
)
from monazite_provenance.settings import DEFAULT_SETTINGS

from tests.unit.provenance.chains import ORE, lot
from tests.unit.provenance.contents_strategies import lots

ND = 60


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**15), min_size=1, max_size=10))
def test_largest_remainder_is_exact_and_fair(total: int, weights: list[int]) -> None:
    assume(sum(weights))
    shares = largest_remainder(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(total * weight, sum(weights))) < 1
        assert share == 0 or weight > 0


def test_largest_remainder_gives_ties_to_the_first() -> None:
    assert largest_remainder(5, [1, 1, 1]) == [2, 2, 1]
    assert largest_remainder(0, [0, 0]) == [0, 0]
    with pytest.raises(StepNotAllowed):
        largest_remainder(1, [0, 0])


@st.composite
def cut_lots(draw: st.DrawFn) -> tuple[LotContent, list[int]]:
    whole = draw(lots())
    cuts = sorted(draw(st.lists(st.integers(0, whole.gross_g), max_size=5)))
    edges = [0, *cuts, whole.gross_g]
    return whole, [right - left for left, right in pairwise(edges)]


def as_lot(part: Portion, whole: LotContent) -> LotContent:
    """The part as a lot, also where nothing is left of it, which no step makes."""
    return whole._replace(gross_g=part.gross_g, net_g=part.net_g, moisture_g=part.moisture_g, rows=part.rows)


@given(cut_lots())
def test_parts_add_up_to_the_whole_and_merge_back(cut: tuple[LotContent, list[int]]) -> None:
    whole, parts_g = cut
    parts = apportion(whole, parts_g)
    assert [part.gross_g for part in parts] == parts_g
    for part in parts:
        assert part.gross_g >= part.net_g >= part.moisture_g >= 0
        assert all(row.reo_mg > 0 for row in part.rows)
    merged, sources = combine([as_lot(part, whole) for part in parts])
    assert sources == whole.sources
    assert merged == Portion.of(whole)


@given(cut_lots(), st.integers(1, 5))
def test_parts_that_do_not_add_up_are_refused(cut: tuple[LotContent, list[int]], excess: int) -> None:
    whole, parts_g = cut
    with pytest.raises(MassNotConserved):
        apportion(whole, [*parts_g, excess])
    with pytest.raises(MassNotConserved):
        apportion(whole, [*parts_g, excess, -excess])


@given(lots(), lots())
def test_merging_keeps_sources_apart(left: LotContent, right: LotContent) -> None:
    merged, sources = combine([left, right])
    assert sum(row.reo_mg for row in merged.rows) == left.reo_mg + right.reo_mg
    for row in merged.rows:
        both = [
            each.reo_mg
            for content in (left, right)
            for each in content.rows
            if each.element == row.element and content.sources[each.source_index] == sources[row.source_index]
        ]
        assert row.reo_mg == sum(both)


masses = st.integers(1, 10**9)
uncertainties = st.integers(0, 10**6)
a_source = st.sampled_from([MassSource("a", "ICP-MS"), MassSource("a", "XRF"), MassSource("b", "ICP-MS", bytes(32))])


@st.composite
def nd_lots(draw: st.DrawFn) -> LotContent:
    base = lot("plant", draw(st.sampled_from([Form.SEPARATED_COMPOUND, Form.RESIDUE])), 1, {"Nd": 1})
    row = ElementRow(ND, draw(masses), draw(uncertainties), draw(uncertainties), 0)
    return base._replace(rows=(row,), sources=(draw(a_source),))


def model(inputs: list[LotContent], outputs: list[LotContent], loss_mg: int) -> tuple[int, Fraction]:
    """Difference and variance of one element, as domain.md says, in fractions."""
    difference = sum(each.reo_mg for each in inputs) - sum(each.reo_mg for each in outputs) - loss_mg
    variance = Fraction(0)
    commons: dict[tuple[str, str], int] = {}
    for each in (*inputs, *outputs):
        row, source = each.rows[0], each.sources[0]
        variance += row.u_random_mg**2 + Fraction(1, 12)
        commons[source.laboratory, source.method] = commons.get((source.laboratory, source.method), 0) + row.u_common_mg
    return difference, variance + sum(common**2 for common in commons.values())


@given(
    st.lists(nd_lots(), min_size=1, max_size=4), st.lists(nd_lots(), max_size=4), st.integers(0, 10**9), st.booleans()
)
def test_thresholds_agree_with_the_model(
    inputs: list[LotContent], outputs: list[LotContent], loss_mg: int, reasoned: bool
) -> None:
    difference, variance = model(inputs, outputs, loss_mg)
    reason = "EVAPORATED" if reasoned else None
    losses = (Loss(ND, loss_mg),) if loss_mg else ()
    far = difference**2 > Fraction(11, 2) ** 2 * variance
    off = difference**2 > 9 * variance
    if difference < 0 and far:
        with pytest.raises(MassNotConserved):
            balance(inputs, outputs, losses, reason, DEFAULT_SETTINGS)
        return
    if difference > 0 and off and not reasoned:
        with pytest.raises(LossWithoutReason):
            balance(inputs, outputs, losses, reason, DEFAULT_SETTINGS)
        return
    balances = balance(inputs, outputs, losses, reason, DEFAULT_SETTINGS)
    assert [each.difference_mg for each in balances] == [difference]
    assert (balances[0].u_mg - 1) ** 2 < variance <= balances[0].u_mg ** 2
    codes = [found.code for found in findings(balances, reason, DEFAULT_SETTINGS)]
    assert codes == (["MATTER_APPEARS" if difference < 0 else "MATTER_VANISHES"] if off else [])


def test_the_very_edge_of_the_refusal() -> None:
    """u = 100 mg from one random part, and rounding of two rows to tip the scale: 5.5 u is 550 mg and a trace."""
    feed = lot("plant", Form.SEPARATED_COMPOUND, 1, {"Nd": 1})._replace(rows=(ElementRow(ND, 10_000, 100, 0, 0),))
    product = feed._replace(rows=(ElementRow(ND, 10_550, 0, 0, 0),))
    balance([feed], [product], (), None, DEFAULT_SETTINGS)
    with pytest.raises(MassNotConserved) as caught:
        balance([feed], [product], (Loss(ND, 1),), None, DEFAULT_SETTINGS)
    assert caught.value.details["element"] == "Nd"
    assert caught.value.details["difference_mg"] == -551


@pytest.mark.parametrize(("difference_mg", "found", "refused"), [(6, 0, 0), (7, 1, 0), (11, 1, 0), (12, 1, 1)])
def test_thresholds_are_passed_only_beyond_them(difference_mg: int, found: int, refused: int) -> None:
    """u = 2 mg: 3u is 6 mg, 5.5u is 11 mg, to the milligram."""
    appears = ElementBalance(ND, 0, difference_mg, 0, 0, 4 * ROUNDING_DENOMINATOR)
    vanishes = ElementBalance(ND, difference_mg, 0, 0, 0, 4 * ROUNDING_DENOMINATOR)
    assert [each.code for each in findings([appears, vanishes], "FIRE", DEFAULT_SETTINGS)] == [
        "MATTER_APPEARS",
        "MATTER_VANISHES",
    ][: 2 * found]
    assert appears.beyond(DEFAULT_SETTINGS.refuse_at) is bool(refused)


def test_every_element_is_balanced_for_itself() -> None:
    """Dysprosium out of nothing does not hide behind the loss of cerium."""
    feed = lot("plant", Form.ORE_CONCENTRATE, 1_000, ORE)
    product = lot("plant", Form.SEPARATED_COMPOUND, 1_000, {**ORE, "Ce": ORE["Ce"] - 1_000, "Dy": ORE["Dy"] + 1_000})
    with pytest.raises(MassNotConserved) as caught:
        balance([feed], [product], (), "LOST", DEFAULT_SETTINGS)
    assert caught.value.details["element"] == "Dy"


@given(st.sampled_from(sorted(ELEMENTS)), st.integers(1, 10**6))
def test_metals_weigh_as_elements_and_the_rest_as_oxides(element: int, dry_g: int) -> None:
    row = ElementRow(element, dry_g * 1000, 0, 0, 0)
    oxide = lot("plant", Form.SEPARATED_COMPOUND, dry_g, {"Nd": 1})._replace(rows=(row,))
    check_physical(oxide)
    with pytest.raises(PhysicallyImpossible):
        check_physical(oxide._replace(rows=(row._replace(reo_mg=row.reo_mg + 1),)))
    most = dry_g * 1000 * ELEMENTS[element].factor // FACTOR_SCALE
    metal = oxide._replace(form=Form.METAL, rows=(row._replace(reo_mg=most),))
    check_physical(metal)
    with pytest.raises(PhysicallyImpossible):
        check_physical(metal._replace(rows=(row._replace(reo_mg=most + 1),)))
    with pytest.raises(PhysicallyImpossible):
        check_physical(metal._replace(moisture_g=1))


def test_a_tonne_of_neodymium_metal() -> None:
    """domain.md: 1 000 kg of Nd metal is 1 166 kg REO."""
    metal = lot("plant", Form.METAL, 1_000_000, {"Nd": 1})._replace(rows=(ElementRow(ND, 1_166_380_000, 0, 0, 0),))
    check_physical(metal)


@given(lots(), lots())
def test_no_other_exception_leaves(left: LotContent, right: LotContent) -> None:
    raised: list[type[Exception]] = []
    for rule in (partial(balance, [left], [right], (), None, DEFAULT_SETTINGS), partial(check_physical, left)):
        try:
            rule()
        except Exception as error:  # every kind is looked at below
            raised.append(type(error))
    assert all(issubclass(kind, ProvenanceError) for kind in raised)
