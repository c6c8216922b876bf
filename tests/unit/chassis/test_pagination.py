"""Page tokens: opaque, of one query, never a crash."""

from __future__ import annotations

import base64

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis import pagination
from services.chassis.pagination import KeyPart, PageRequest, parse_page

QUERY = ("ListRights", "baotou-1", 2024)


def read(size: int, token: str, *key_types: type[KeyPart]) -> PageRequest:
    page, violations = parse_page(size, token, query=QUERY, key_types=key_types)
    assert violations == []
    return page


def blamed(size: int, token: str, *key_types: type[KeyPart], query: tuple[object, ...] = QUERY) -> list[str]:
    """The fields that are wrong."""
    _, violations = parse_page(size, token, query=query, key_types=key_types)
    return [violation.field for violation in violations]


@given(
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40),
    st.binary(max_size=40),
)
def test_a_token_carries_the_last_key(number: int, text: str, raw: bytes) -> None:
    token = read(2, "", int, str, bytes).token([1, 2], (number, text, raw))
    assert read(2, token, int, str, bytes).after == (number, text, raw)


def test_the_last_page_has_no_token() -> None:
    page = read(2, "", int)
    assert page.token([1], (1,)) == ""
    assert page.token([], None) == ""


@pytest.mark.parametrize(("asked", "given"), [(0, 100), (7, 7), (1000, 1000), (5000, 1000)])
def test_sizes_are_bounded(asked: int, given: int) -> None:
    assert read(asked, "", int).size == given


def test_a_token_of_another_query_is_refused() -> None:
    token = read(1, "", int).token([1], (1,))
    assert blamed(1, token, int, query=("ListRights", "baotou-2", 2024)) == ["page_token"]


def test_a_token_whose_key_has_other_types_is_refused() -> None:
    token = read(1, "", int).token([1], (1,))
    assert blamed(1, token, str) == ["page_token"]
    assert blamed(1, token, int, int) == ["page_token"]


@given(st.text(max_size=200) | st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(token: str) -> None:
    assert blamed(1, token, int) == (["page_token"] if token else [])


@pytest.mark.parametrize("content", [7, [], [b"x"], [b"x", 1], [b"x", [True]], {"a": 1}, [[b"x"], [1]]])
def test_any_other_content_is_refused(content: object) -> None:
    token = base64.urlsafe_b64encode(cbor2.dumps(content)).decode()
    assert blamed(1, token, int) == ["page_token"]


def test_text_that_no_database_has_is_refused() -> None:
    token = read(1, "", str).token([1], ("a\0b",))
    assert blamed(1, token, str) == ["page_token"]


def test_an_overlong_token_is_refused_unread() -> None:
    assert blamed(1, "A" * (pagination.TOKEN_LENGTH_MAX + 1), int) == ["page_token"]


def test_a_bad_size_and_a_bad_token_are_blamed_together() -> None:
    assert blamed(-1, "nonsense", int) == ["page_size", "page_token"]
