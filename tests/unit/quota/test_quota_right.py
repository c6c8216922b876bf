"""One right's life, step by step; the whole of it against a model is in test_quota_rights_model.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error
from services.quota.domain.ledger import AccountKey, Balance, Bucket, Code, Sheet
from services.quota.domain.right import (
    CloseReason,
    Contradiction,
    Right,
    State,
    ask_close,
    check_expiry,
    note_closed,
    reserve,
    settle,
)

NOW = datetime(2024, 6, 1, tzinfo=UTC)
KEY = AccountKey("mine-1", 2024, QuotaKind.MINING_ROCK)
RIGHT = Right(
    right_id=b"r" * 32,
    key=KEY,
    holder="spiffe://monazite.example/enterprise/mine-1",
    site="bayan-obo",
    registry_log="urn:monazite:log:registry:0",
    mass_mg=100,
    expires_at=NOW + timedelta(days=30),
)


def test_reserving_moves_available_to_reserved() -> None:
    sheet = Sheet({KEY: Balance(available_mg=150)})
    posting = reserve(RIGHT, sheet)
    assert (posting.code, posting.right_id) == (Code.RESERVE, RIGHT.right_id)
    assert sheet.balance(KEY) == Balance(available_mg=50, reserved_mg=100)


def test_reserving_more_than_is_available_names_the_accounts_numbers() -> None:
    sheet = Sheet({KEY: Balance(available_mg=99, given_on_mg=1, reserved_mg=2, used_mg=3)})
    with pytest.raises(Error) as caught:
        reserve(RIGHT, sheet)
    assert caught.value.reason == "QUOTA_EXCEEDED"
    assert caught.value.metadata == {
        "enterprise_id": "mine-1", "year": "2024", "kind": "MINING_ROCK",
        "asked_mg": "100", "available_mg": "99", "granted_mg": "105", "given_on_mg": "1", "reserved_mg": "2",
        "used_mg": "3", "asked_t": "0.0000001", "available_t": "0.000000099", "granted_t": "0.000000105",
        "given_on_t": "0.000000001", "reserved_t": "0.000000002", "used_t": "0.000000003",
    }  # fmt: skip
    assert sheet.posted == []


def test_a_right_expires_in_the_future_and_within_the_setting() -> None:
    limit = timedelta(days=10)
    check_expiry(NOW + limit, now=NOW, lifetime_max=limit)
    for wrong in (NOW, NOW - timedelta(seconds=1), NOW + limit + timedelta(seconds=1)):
        with pytest.raises(Error) as caught:
            check_expiry(wrong, now=NOW, lifetime_max=limit)
        assert [one.field for one in caught.value.violations] == ["expire_time"]


def test_the_rest_is_freed_only_when_settled_draws_reach_what_the_registry_says() -> None:
    first = settle(RIGHT, b"a" * 32, 30)
    closed = note_closed(first.right, 70, "RELEASED")
    assert closed.right.state is State.CLOSING
    assert closed.postings == ()
    last = settle(closed.right, b"b" * 32, 40)
    assert (last.right.state, last.right.settled_mg, last.right.freed_mg) == (State.CLOSED, 70, 30)
    assert [(leg.debit, leg.credit, leg.reo_mg) for leg in last.postings] == [
        (Bucket.RESERVED, Bucket.USED, 40),
        (Bucket.RESERVED, Bucket.AVAILABLE, 30),
    ]


def test_a_right_never_drawn_on_comes_back_whole() -> None:
    step = note_closed(ask_close(RIGHT, CloseReason.RELEASED), 0, "RELEASED")
    assert (step.right.state, step.right.freed_mg) == (State.CLOSED, 100)


def test_a_right_drawn_out_starts_closing_by_itself() -> None:
    step = settle(RIGHT, b"a" * 32, 100)
    assert (step.right.state, step.right.close_reason) == (State.CLOSING, "DRAWN_OUT")
    closed = note_closed(step.right, 100, "DRAWN_OUT")
    assert (closed.right.state, closed.right.freed_mg, closed.postings) == (State.CLOSED, 0, ())


def test_the_first_reason_counts_until_the_registry_has_its_own() -> None:
    asked = ask_close(ask_close(RIGHT, CloseReason.RELEASED), CloseReason.REVOKED)
    assert asked.close_reason == "RELEASED"
    assert note_closed(asked, 0, "EXPIRED").right.close_reason == "EXPIRED"


def test_a_closed_right_is_not_closed_again() -> None:
    closed = note_closed(RIGHT, 0, "EXPIRED").right
    assert note_closed(closed, 0, "EXPIRED").right == closed
    with pytest.raises(Error) as caught:
        ask_close(closed, CloseReason.RELEASED)
    assert caught.value.reason == "RIGHT_STATE"
    assert caught.value.metadata["close_reason"] == "EXPIRED"


@pytest.mark.parametrize(
    ("right", "mass", "code"),
    [
        (RIGHT, 101, "DRAWN_OVER_MASS"),
        (replace(RIGHT, settled_mg=60), 41, "DRAWN_OVER_MASS"),
        (replace(RIGHT, state=State.CLOSING, drawn_mg=50), 51, "DRAWN_OVER_CLOSED_TOTAL"),
        (RIGHT, 0, "DRAW_WITHOUT_MASS"),
    ],
)
def test_a_draw_that_cannot_be_is_a_contradiction(right: Right, mass: int, code: str) -> None:
    with pytest.raises(Contradiction) as caught:
        settle(right, b"a" * 32, mass)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("right", "total", "code"),
    [
        (RIGHT, 101, "CLOSED_OVER_MASS"),
        (replace(RIGHT, settled_mg=60), 59, "CLOSED_BELOW_SETTLED"),
        (replace(RIGHT, state=State.CLOSING, drawn_mg=50), 51, "CLOSED_TWICE_WITH_OTHER_TOTALS"),
    ],
)
def test_a_close_that_cannot_be_is_a_contradiction(right: Right, total: int, code: str) -> None:
    with pytest.raises(Contradiction) as caught:
        note_closed(right, total, "RELEASED")
    assert caught.value.code == code
