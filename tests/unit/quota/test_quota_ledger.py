"""The ledger conserves: nothing appears, nothing vanishes, nothing goes below zero, whatever is posted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error
from services.quota.domain.allocation import Give, give
from services.quota.domain.givers import Givers
from services.quota.domain.ledger import (
    GRANTED_MG_MAX,
    NATIONAL,
    AccountKey,
    Balance,
    Bucket,
    Code,
    Overdrawn,
    Posting,
    Sheet,
    moved,
    replay,
    tonnes,
)
from tests.unit.quota.imbalances import imbalances

YEAR = 2024
ENTERPRISES = (NATIONAL, "group-a", "group-b", "mine-1")
KEYS = [AccountKey(name, YEAR, kind) for name in ENTERPRISES for kind in QuotaKind]
MASSES = st.integers(0, 10**12)
_cause = itertools.count()


def cause() -> bytes:
    return next(_cause).to_bytes(16, "big")


def issue(kind: QuotaKind, mass: int) -> Posting:
    return Posting(AccountKey(NATIONAL, YEAR, kind), Bucket.GRANTED, Bucket.AVAILABLE, mass, Code.INDICATOR, cause())


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(Bucket), st.sampled_from(Bucket), MASSES), max_size=40)
)
def test_buckets_never_go_below_zero_and_every_account_is_the_sum_of_its_postings(
    tries: list[tuple[AccountKey, Bucket, Bucket, int]],
) -> None:
    sheet = Sheet({})
    for key, debit, credit, mass in tries:
        before = sheet.balance(key)
        try:
            sheet.post([Posting(key, debit, credit, mass, Code.ALLOCATE, cause())])
        except (Overdrawn, ValueError):
            assert sheet.balance(key) == before
            continue
        after = sheet.balance(key)
        assert min(after.available_mg, after.given_on_mg, after.reserved_mg, after.used_mg) >= 0
        assert after.granted_mg - before.granted_mg == (mass if debit is Bucket.GRANTED else 0)
    assert replay(sheet.posted) == dict(sheet.changed())


def giving(giver: str, receiver: str, masses: dict[QuotaKind, int]) -> Give:
    return Give(YEAR, 1, giver, receiver, masses)


def allowed(givers: Givers, command: Give) -> bool:
    try:
        givers.check(command.year, command.giver, command.receiver)
    except Error:
        return False
    return True


GIVES = st.builds(
    giving,
    st.sampled_from(ENTERPRISES),
    st.sampled_from(ENTERPRISES[1:]),
    st.dictionaries(st.sampled_from(QuotaKind), MASSES, min_size=1),
)


@given(st.dictionaries(st.sampled_from(QuotaKind), st.integers(1, 10**12)), st.lists(GIVES, max_size=30))
def test_whatever_is_given_to_whomever_the_sums_are_conserved(issued: dict[QuotaKind, int], gives: list[Give]) -> None:
    sheet, givers = Sheet({}), Givers({})
    for kind, mass in issued.items():
        sheet.post([issue(kind, mass)])
    for command in gives:
        before = {key: sheet.balance(key) for key in KEYS}
        over = any(
            mass > before[AccountKey(command.giver, YEAR, kind)].available_mg for kind, mass in command.masses.items()
        )
        if over or command.giver == command.receiver or not allowed(givers, command):
            with pytest.raises(Error, match=r"ALLOCATION_OVER_TOTAL|INVALID_FIELDS|NOT_YOUR_SUBSIDIARY"):
                give(command, sheet, givers, cause())
            assert before == {key: sheet.balance(key) for key in KEYS}, "a refused command moved something"
        else:
            give(command, sheet, givers, cause())
    balances = {key: sheet.balance(key) for key in KEYS}
    assert imbalances(balances) == []
    for kind in QuotaKind:
        stands = sum(balances[AccountKey(name, YEAR, kind)].available_mg for name in ENTERPRISES)
        assert stands == issued.get(kind, 0)


def test_linked_legs_move_together_or_not_at_all() -> None:
    key = AccountKey("mine-1", YEAR, QuotaKind.MINING_ROCK)
    sheet = Sheet({key: Balance(available_mg=10)})
    legs = [
        Posting(key, Bucket.AVAILABLE, Bucket.RESERVED, 6, Code.RESERVE, cause()),
        Posting(key, Bucket.AVAILABLE, Bucket.RESERVED, 5, Code.RESERVE, cause()),
    ]
    with pytest.raises(Overdrawn):
        sheet.post(legs)
    assert sheet.balance(key) == Balance(available_mg=10)
    assert sheet.posted == []


@pytest.mark.parametrize(
    ("debit", "credit", "mass"),
    [
        (Bucket.AVAILABLE, Bucket.RESERVED, 0),
        (Bucket.AVAILABLE, Bucket.RESERVED, -1),
        (Bucket.AVAILABLE, Bucket.AVAILABLE, 1),
        (Bucket.AVAILABLE, Bucket.GRANTED, 1),
    ],
)
def test_a_posting_that_is_none_is_refused(debit: Bucket, credit: Bucket, mass: int) -> None:
    posting = Posting(KEYS[0], debit, credit, mass, Code.FREE, cause())
    with pytest.raises(ValueError, match="a posting moves"):
        moved(Balance(available_mg=10), posting)


def test_no_account_can_be_granted_more_than_its_bound() -> None:
    with pytest.raises(Overdrawn):
        moved(Balance(available_mg=GRANTED_MG_MAX), issue(QuotaKind.MINING_ROCK, 1))


def test_one_cause_has_one_id_in_each_account_and_bucket() -> None:
    legs = [
        Posting(key, debit, Bucket.USED, 5, code, b"cause")
        for key in KEYS
        for debit in (Bucket.AVAILABLE, Bucket.RESERVED)
        for code in (Code.SETTLE, Code.FREE)
    ]
    assert len({leg.posting_id for leg in legs}) == len(legs)
    again = Posting(KEYS[0], Bucket.AVAILABLE, Bucket.USED, 7, Code.SETTLE, b"cause")
    assert again.posting_id == legs[0].posting_id, "the mass is no part of the cause"


def test_imbalances_are_named() -> None:
    rock = QuotaKind.MINING_ROCK
    balances = {
        AccountKey(NATIONAL, YEAR, rock): Balance(available_mg=5, given_on_mg=5),
        AccountKey("group-a", YEAR, rock): Balance(available_mg=4),
    }
    assert imbalances(balances) == [
        "2024 MINING_ROCK: given on 5 mg, received 4 mg",
        "2024 MINING_ROCK: 9 mg stand in accounts, 10 mg were issued",
    ]


@pytest.mark.parametrize(
    ("reo_mg", "text"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (1_500_000_000, "1.5"),
        (250_850 * 10**9, "250850"),
        (-2_000_000_000, "-2"),
        (2**62, "4611686018.427387904"),
    ],
)
def test_tonnes_are_exact(reo_mg: int, text: str) -> None:
    assert tonnes(reo_mg) == text
