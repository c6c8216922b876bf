"""Control items: the real rows, intervals as data, hash and refusal of tables that cannot be read."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.export_license.domain import control_items
from services.export_license.domain.control_items import FORMS, LotFacts, RuleTableError
from tests.unit.export_license.examples import DAY, RULES

AFTER_SUSPENSION = date(2026, 11, 11)
SUSPENDED_ON = date(2026, 11, 10)
NOT_YET = date(2025, 4, 3)


@pytest.mark.parametrize(
    ("form", "elements", "codes"),
    [
        ("MAGNET", {"Nd": 3_000_000, "Dy": 1}, ("1C905.a",)),
        ("MAGNET", {"Nd": 3_000_000, "Tb": 1}, ("1C904.a",)),
        ("MAGNET", {"Nd": 3_000_000, "Tb": 5, "Dy": 5}, ("1C904.a", "1C905.a")),
        ("MAGNET", {"Nd": 3_000_000, "Pr": 5}, ()),
        ("MAGNET", {"Nd": 3_000_000, "Sm": 5}, ()),
        ("MAGNET", {"Sm": 3_000_000}, ("1C902.a",)),
        ("SEPARATED_COMPOUND", {"Dy": 9_000_000}, ("1C905.b",)),
        ("SEPARATED_COMPOUND", {"Tb": 9_000_000}, ("1C904.b",)),
        ("SEPARATED_COMPOUND", {"Nd": 9_000_000, "Pr": 1}, ()),
        ("SEPARATED_COMPOUND", {"Sm": 1, "Gd": 1, "Lu": 1, "Sc": 1, "Y": 1}, tuple(f"1C90{n}.b" for n in "23678")),
        ("MIXED_COMPOUND", {"La": 1, "Dy": 1}, ("1C905.c",)),
        ("METAL", {"Dy": 1}, ("1C905.a",)),
        ("ALLOY", {"Tb": 1, "Dy": 1}, ("1C904.a", "1C905.a")),
        ("SECONDARY_MATERIAL", {"Nd": 1, "Dy": 1}, ("1C905.a",)),
        ("RESIDUE", {"Y": 1}, ("1C908.c",)),
        ("ORE_CONCENTRATE", {"Ce": 1}, ()),
    ],
)
def test_classifies_by_the_lists_of_announcement_18(
    form: str, elements: dict[str, int], codes: tuple[str, ...]
) -> None:
    assert RULES.classify(LotFacts(form, 10_000, elements), DAY) == codes


def test_nothing_was_controlled_before_the_announcement() -> None:
    assert RULES.codes_in_force(NOT_YET) == frozenset()
    assert RULES.classify(LotFacts("METAL", 1, {"Dy": 1}), date(2025, 4, 4)) == ("1C905.a",)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (LotFacts("MAGNET", 1, {"Ho": 1}), "1C909.a"),
        (LotFacts("SEPARATED_COMPOUND", 1, {"Yb": 1}), "1C913.b"),
        (LotFacts("ORE_CONCENTRATE", 1, {"Ce": 1}), "1C914.a"),
    ],
)
def test_suspended_rules_bind_again_when_their_suspension_ends(facts: LotFacts, code: str) -> None:
    assert RULES.classify(facts, SUSPENDED_ON) == ()
    assert RULES.classify(facts, AFTER_SUSPENSION) == (code,)
    # Effective on 8 November 2025 by its own text, suspended the day before: it never bound that year.
    assert RULES.classify(facts, date(2025, 11, 8)) == ()


def test_technology_was_controlled_until_it_was_suspended() -> None:
    assert "1E902.a" in RULES.codes_in_force(date(2025, 11, 6))
    assert "1E902.a" not in RULES.codes_in_force(date(2025, 11, 7))


@given(
    form=st.sampled_from(FORMS),
    net_g=st.integers(1, 1 << 40),
    elements=st.dictionaries(st.sampled_from(["La", "Sm", "Tb", "Dy", "Ho", "Y"]), st.integers(1, 1 << 50)),
    more=st.sampled_from(["La", "Sm", "Tb", "Dy", "Ho", "Y"]),
)
def test_more_matter_never_leaves_the_lists(form: str, net_g: int, elements: dict[str, int], more: str) -> None:
    before = RULES.classify(LotFacts(form, net_g, elements), DAY)
    after = RULES.classify(LotFacts(form, net_g, {**elements, more: elements.get(more, 0) + 1}), DAY)
    assert set(before) <= set(after) <= RULES.codes_in_force(DAY)


def test_the_hash_is_of_the_tables_and_nothing_else() -> None:
    tables = dict(RULES.tables)
    assert control_items.load(tables).digest == RULES.digest
    tables["classification.csv"] = tables["classification.csv"].replace(
        b"Sm,MAGNET,1C902.a,100000", b"Sm,MAGNET,1C902.a,0"
    )
    changed = control_items.load(tables)
    assert changed.digest != RULES.digest
    assert changed.classify(LotFacts("MAGNET", 10_000, {"Sm": 1}), DAY) == ("1C902.a",)


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("control_items.csv", b"2025-04-04/", b"2025-04-04"),
        ("control_items.csv", b"2025-04-04/", b"2025-13-04/"),
        ("classification.csv", b"Sm,METAL", b"Sm,CHEESE"),
        ("classification.csv", b"1C902.a,0", b"1C902.a,lots"),
        ("classification.csv", b"Sm,METAL,1C902.a", b"Sm,METAL,9Z999.z"),
        ("classification.csv", b"reo_ppm_min", b"ppm"),
        ("control_items.csv", b"Sm metal", b"\xff\xfe"),
    ],
)
def test_a_table_that_cannot_be_read_stops_the_service(table: str, old: bytes, new: bytes) -> None:
    tables = dict(RULES.tables)
    assert old in tables[table]
    tables[table] = tables[table].replace(old, new, 1)
    with pytest.raises(RuleTableError):
        control_items.load(tables)


def test_a_missing_table_stops_the_service() -> None:
    with pytest.raises(RuleTableError):
        control_items.load({"control_items.csv": dict(RULES.tables)["control_items.csv"]})


def test_every_row_keeps_status_and_source() -> None:
    statuses = {item.status for item in RULES.items}
    assert statuses == {"C", "I", "R"}
    assert all(item.source for item in RULES.items if item.status == "C")
