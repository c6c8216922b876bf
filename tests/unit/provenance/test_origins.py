"""Origin shares add up, per element, to what each lot holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import _descent, origins
from monazite_provenance.conservation import apportion
from monazite_provenance.contents import AcceptDetails, AcceptLine, Form, LotContent

from tests.unit.provenance.chains import ORE, lot
from tests.unit.provenance.contents_strategies import lots


@given(st.lists(lots(), min_size=1, max_size=4), st.lists(lots(), min_size=1, max_size=4))
def test_shares_add_up(inputs: list[LotContent], outputs: list[LotContent]) -> None:
    before = [origins.born(each, f"origin {place}") for place, each in enumerate(inputs)]
    for share, output in zip(origins.carry(before, outputs), outputs, strict=True):
        assert {element: sum(parts.values()) for element, parts in share.items()} == output.element_masses()
        for element, parts in share.items():
            known = any(element in each.element_masses() for each in inputs)
            assert (origins.UNEXPLAINED in parts) is not known


@given(lots(), lots(), st.data())
def test_parts_of_a_split_add_up_by_origin(left: LotContent, right: LotContent, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, left.gross_g))
    mixed = {
        element: {"a": mass - mass // 3, **({"b": mass // 3} if mass // 3 else {})}
        for element, mass in left.element_masses().items()
    }
    parts = [left._replace(rows=part.rows) for part in apportion(left, (cut, left.gross_g - cut))]
    first, second = origins.carry([mixed], parts)
    for element, shares in mixed.items():
        for name, mass in shares.items():
            assert first.get(element, {}).get(name, 0) + second.get(element, {}).get(name, 0) == mass


def test_a_blend_carries_both_in_proportion() -> None:
    ours = lot("plant", Form.ORE_CONCENTRATE, 1_000, ORE)
    theirs = ours._replace(rows=tuple(row._replace(reo_mg=row.reo_mg // 2) for row in ours.rows))
    product = lot("plant", Form.SEPARATED_COMPOUND, 1_000, {"Nd": 9_000})
    (shares,) = origins.carry([origins.born(ours, "mine"), origins.born(theirs, "US")], [product])
    assert shares == {60: {"US": 3_000, "mine": 6_000}}


@given(lots(), lots(), st.booleans())
def test_what_arrives_or_goes_back_whole_keeps_its_origins(one: LotContent, other: LotContent, back: bool) -> None:
    inputs = [origins.born(one, "mine X"), origins.born(other, "mine Y")]
    whole = AcceptDetails((AcceptLine(one.gross_g, 0, 0), AcceptLine(0 if back else 5, 5 if back else 0, 0)))
    assert _descent.are_inputs(whole)
    assert _descent.shares(whole, inputs, [one, other], None) == inputs


def test_parts_and_shortages_are_not_their_inputs() -> None:
    for line in (AcceptLine(1, 1, 0), AcceptLine(1, 0, 1), AcceptLine(0, 0, 2)):
        assert not _descent.are_inputs(AcceptDetails((AcceptLine(5, 0, 0), line)))
