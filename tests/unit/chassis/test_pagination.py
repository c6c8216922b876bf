"""Page tokens: opaque, of one query, never a crash."""

from __future__ import annotations

import base64

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis import pagination
from services.chassis.errors import Error, Violation
from services.chassis.pagination import parse_page

QUERY = ("ListRights", "baotou-1", 2024)


@given(st.integers(-(2**63), 2**63 - 1), st.text(max_size=40), st.binary(max_size=40))
def test_a_token_carries_the_last_key(number: int, text: str, raw: bytes) -> None:
    first = parse_page(2, "", query=QUERY, key_types=(int, str, bytes))
    token = first.token([1, 2], (number, text, raw))
    second = parse_page(2, token, query=QUERY, key_types=(int, str, bytes))
    assert second.after == (number, text, raw)


def test_the_last_page_has_no_token() -> None:
    page = parse_page(2, "", query=QUERY, key_types=(int,))
    assert page.token([1], (1,)) == ""
    assert page.token([], None) == ""


@pytest.mark.parametrize(("asked", "given"), [(0, 100), (7, 7), (1000, 1000), (5000, 1000)])
def test_sizes_are_bounded(asked: int, given: int) -> None:
    assert parse_page(asked, "", query=QUERY, key_types=(int,)).size == given


def test_a_token_of_another_query_is_refused() -> None:
    token = parse_page(1, "", query=QUERY, key_types=(int,)).token([1], (1,))
    with pytest.raises(Error) as refused:
        parse_page(1, token, query=("ListRights", "baotou-2", 2024), key_types=(int,))
    assert refused.value.reason == "INVALID_FIELDS"
    assert [violation.field for violation in refused.value.violations] == ["page_token"]


def test_a_token_whose_key_has_other_types_is_refused() -> None:
    token = parse_page(1, "", query=QUERY, key_types=(int,)).token([1], (1,))
    with pytest.raises(Error):
        parse_page(1, token, query=QUERY, key_types=(str,))
    with pytest.raises(Error):
        parse_page(1, token, query=QUERY, key_types=(int, int))


@given(st.text(max_size=200) | st.binary(max_size=80).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(token: str) -> None:
    if token:
        with pytest.raises(Error):
            parse_page(1, token, query=QUERY, key_types=(int,))


@pytest.mark.parametrize("content", [7, [], [b"x"], [b"x", 1], [b"x", [True]], {"a": 1}, [[b"x"], [1]]])
def test_any_other_content_is_refused(content: object) -> None:
    token = base64.urlsafe_b64encode(cbor2.dumps(content)).decode()
    with pytest.raises(Error):
        parse_page(1, token, query=QUERY, key_types=(int,))


def test_an_overlong_token_is_refused_unread() -> None:
    with pytest.raises(Error):
        parse_page(1, "A" * (pagination.TOKEN_LENGTH_MAX + 1), query=QUERY, key_types=(int,))


def test_all_violations_are_collected_with_those_of_the_rest_of_the_request() -> None:
    found = [Violation("year", "is missing")]
    parse_page(-1, "nonsense", query=QUERY, key_types=(int,), violations=found)
    assert [violation.field for violation in found] == ["year", "page_size", "page_token"]
