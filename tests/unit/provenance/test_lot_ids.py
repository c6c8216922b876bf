"""Lot ids: the check character finds every single wrong character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import lot_ids
from monazite_provenance.errors import BadField

issued = st.binary(min_size=8, max_size=8).map(lambda random: lot_ids.new(lambda _size: random))


@given(issued)
def test_new_ids_pass(lot_id: str) -> None:
    lot_ids.check(lot_id)
    prefix, *body, last = lot_id.split("-")
    assert (prefix, [len(part) for part in body]) == ("RE", [4, 4, 4])
    assert last == lot_ids.check_character(prefix + "".join(body))


@given(issued, st.data())
def test_one_wrong_character_is_detected(lot_id: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(lot_id) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda character: character != lot_id[place]))
    with pytest.raises(BadField):
        lot_ids.check(lot_id[:place] + other + lot_id[place + 1 :])


@given(st.text(max_size=24))
def test_any_text_gives_bad_field_alone(text: str) -> None:
    with pytest.raises(BadField):
        lot_ids.check(text)


def test_check_character_of_the_standard() -> None:
    """The example of ISO 7064 for MOD 37,36: A12425GABC1234002 takes M."""
    assert lot_ids.check_character("A12425GABC1234002") == "M"


def test_ids_differ() -> None:
    assert len({lot_ids.new() for _ in range(1_000)}) == 1_000
