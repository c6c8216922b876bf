"""The table of uncertainties, applied to whole lots, against what its rows say one by one."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from monazite_provenance import uncertainty
from monazite_provenance.contents import ElementRow, Form, LotContent, MassSource
from monazite_provenance.elements import ELEMENTS, table
from monazite_provenance.errors import BadField, StepNotAllowed

from tests.unit.provenance.chains import lot

METHODS = uncertainty.methods()
SOURCES = tuple(MassSource("assay-1", method) for method in METHODS)
BORDERS = [1, 2, 332, 333, 334, 999_999, 1_000_000, 1_000_001, 10**18]
LOT = lot("mine", Form.ORE_CONCENTRATE, 1000, {"Nd": 1000})
MASSES = st.integers(1, 10**18) | st.integers(1, 2_000_000) | st.sampled_from(BORDERS)
ROWS = st.builds(
    ElementRow, st.sampled_from(sorted(ELEMENTS)), MASSES, st.just(0), st.just(0), st.integers(0, len(SOURCES) - 1)
)


def line(row: ElementRow) -> dict[str, int]:
    """The line of the table that holds for a row of SOURCES: its element's own, else that of any element."""
    method = SOURCES[row.source_index].method
    lines = [each for each in table("uncertainty.csv") if each["method"] == method]
    own = [each for each in lines if each["element"] == ELEMENTS[row.element].symbol]
    held = [
        {name: int(each[name]) for name in uncertainty.Range._fields}
        for each in own or [each for each in lines if each["element"] == "*"]
    ]
    return max((each for each in held if each["from_mg"] <= row.reo_mg), key=lambda each: each["from_mg"])


def up(row: ElementRow, ppm: int) -> int:
    """So many millionths of the mass, rounded up."""
    return math.ceil(Fraction(row.reo_mg * ppm, 1_000_000))


def a_lot(*rows: ElementRow) -> LotContent:
    """A lot of these rows; nothing else of it matters here."""
    return LOT._replace(rows=rows, sources=SOURCES)


@given(st.lists(ROWS, min_size=1, max_size=40))
def test_assessed_as_the_table_says_row_by_row(rows: list[ElementRow]) -> None:
    assessed = uncertainty.assessed(rows, SOURCES)
    for row, done in zip(rows, assessed, strict=True):
        held = line(row)
        random_mg = max(held["floor_mg"], up(row, held["u_random_ppm"]))
        common_mg = max(held["floor_mg"], up(row, held["u_common_ppm"]))
        assert done == ElementRow(row.element, row.reo_mg, random_mg, common_mg, row.source_index)
    uncertainty.check_lots([a_lot(*assessed)])


@given(ROWS, st.booleans(), st.booleans())
@example(ElementRow(60, 1, 0, 0, METHODS.index("ICP-MS")), True, True)
@example(ElementRow(21, 10**6, 0, 0, METHODS.index("ICP-MS")), False, False)
def test_bounds_are_the_tables(row: ElementRow, high: bool, of_random: bool) -> None:
    held = line(row)
    least = math.floor(Fraction(row.reo_mg * held["min_ppm"], 1_000_000))
    most = max(held["floor_mg"], up(row, held["max_ppm"]))
    bound, beyond = (most, most + 1) if high else (least, least - 1)
    within = least if high else most
    sound = row._replace(u_random_mg=bound, u_common_mg=within)
    wrong = row._replace(u_random_mg=beyond, u_common_mg=within)
    if not of_random:
        sound, wrong = (each._replace(u_random_mg=each[3], u_common_mg=each[2]) for each in (sound, wrong))
    uncertainty.check_lots([a_lot(sound)])
    with pytest.raises(StepNotAllowed) as refused:
        uncertainty.check_lots([a_lot(sound, wrong)])
    assert (refused.value.details["least_mg"], refused.value.details["most_mg"]) == (least, most)


def test_what_is_declared_stands() -> None:
    rows = (ElementRow(60, 1000, 7, 0, 0), ElementRow(66, 1000, 0, 9, 0))
    assert uncertainty.assessed(rows, SOURCES) == rows


def test_an_unknown_element() -> None:
    row = ElementRow(26, 1, 0, 0, 0)
    with pytest.raises(BadField):
        uncertainty.assessed([row], SOURCES)
    with pytest.raises(BadField):
        uncertainty.check_lots([a_lot(row)])


def test_an_unknown_method() -> None:
    source, row = MassSource("assay-1", "GUESS"), ElementRow(60, 1, 0, 0, 1)
    with pytest.raises(BadField):
        uncertainty.assessed([row], (SOURCES[0], source))
    with pytest.raises(BadField):
        uncertainty.check_lots([LOT._replace(rows=(row,), sources=(SOURCES[0], source))])
    # It measured nothing of this lot.
    assert uncertainty.assessed([row._replace(source_index=0)], (SOURCES[0], source))
