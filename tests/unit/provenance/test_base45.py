"""Base45: the examples of RFC 9285, and that it reads nothing but what it writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import base45
from monazite_provenance.errors import BadField


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")],
)
def test_examples_of_the_rfc(data: bytes, text: str) -> None:
    assert base45.encode(data) == text
    assert base45.decode(text) == data


@given(st.binary(max_size=200))
def test_what_is_written_is_read(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


@given(st.text(alphabet=base45.ALPHABET + "a\n", max_size=12))
def test_what_is_read_is_what_is_written(text: str) -> None:
    try:
        data = base45.decode(text)
    except BadField:
        return
    assert base45.encode(data) == text


@pytest.mark.parametrize("text", ["GGW", "::", "A", "BB8A", "bb8", "A\n", "BB8\u00e9"])
def test_what_is_no_base45(text: str) -> None:
    with pytest.raises(BadField):
        base45.decode(text)
