"""The lines that stand in QR codes: cut, joined in any order, and nothing joined that does not belong together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance._tool import qr_parts
from monazite_provenance.errors import BadField, TooLarge


@given(st.binary(min_size=1, max_size=1_000), st.integers(60, 500))
def test_parts_in_any_order(whole: bytes, part_bytes: int) -> None:
    lines = qr_parts.cut(whole, part_bytes)
    assert all(len(line) <= qr_parts.LINE_CHARACTERS_MAX for line in lines)
    assert qr_parts.join([*reversed(lines), "", lines[0]]) == whole


def test_a_code_holds_letters_of_its_densest_mode_alone() -> None:
    (line,) = qr_parts.cut(bytes(range(200)))
    assert set(line) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


def test_no_more_parts_than_anybody_scans() -> None:
    assert len(qr_parts.cut(bytes(qr_parts.PARTS_MAX * 60), 60)) == qr_parts.PARTS_MAX
    with pytest.raises(TooLarge):
        qr_parts.cut(bytes(qr_parts.PARTS_MAX * 60 + 1), 60)
    with pytest.raises(BadField, match="nothing"):
        qr_parts.cut(b"")


def test_the_largest_part_fits_the_largest_code() -> None:
    lines = qr_parts.cut(bytes(qr_parts.PARTS_MAX * qr_parts.PART_BYTES_MAX), qr_parts.PART_BYTES_MAX)
    assert max(map(len, lines)) <= qr_parts.LINE_CHARACTERS_MAX


def test_parts_that_do_not_belong_together() -> None:
    one, other = qr_parts.cut(bytes(range(100)), 60), qr_parts.cut(bytes(range(101)), 60)
    cases = {
        "missing": one[:1],
        "two things": [one[0], other[1]],
        "no part": [],
        "not a part": ["hello"],
        "outside its count": [one[0].replace(":1/2:", ":3/2:")],
        "two parts of one": [one[0], one[1].replace(":2/2:", ":1/2:")],
        "not Base45": [one[0][:-2]],
        "add up": [one[0].replace(":1/2:", ":2/2:"), one[1].replace(":2/2:", ":1/2:")],
    }
    for words, lines in cases.items():
        with pytest.raises(BadField, match=words):
            qr_parts.join(lines)
    with pytest.raises(TooLarge):
        qr_parts.join([one[0] + "0" * qr_parts.LINE_CHARACTERS_MAX])
    with pytest.raises(BadField):
        qr_parts.join([one[0].replace(":1/2:", ":1/65:")])
