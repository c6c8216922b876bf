"""The ledger conserves: nothing appears, nothing vanishes, nothing goes below zero, whatever is posted."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error
from services.quota.domain.allocation import Allocation, Give, Reduction, give
from services.quota.domain.batches import Batches, BatchKey
from services.quota.domain.books import Books
from services.quota.domain.givers import Givers, Member
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
from services.quota.domain.reduction import Reduce, reduce
from tests.unit.quota.imbalances import imbalances

YEAR = 2024
ENTERPRISES = (NATIONAL, "group-a", "group-b", "mine-1")
KEYS = [AccountKey(name, YEAR, kind) for name in ENTERPRISES for kind in QuotaKind]
MASSES = st.integers(0, 10**12)
NOW = datetime(2024, 2, 6, tzinfo=UTC)
_cause = itertools.count()


def cause() -> bytes:
    return next(_cause).to_bytes(16, "big")


class Reserved(NamedTuple):
    key: AccountKey
    mass: int


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


def giving(batch: int, giver: str, receiver: str, masses: dict[QuotaKind, int]) -> Give:
    return Give(YEAR, batch, giver, receiver, masses)


def allowed(givers: Givers, command: Give) -> bool:
    try:
        givers.check(command.year, command.giver, command.receiver)
    except Error:
        return False
    return True


BATCHES = (1, 2)
SHARES = [BatchKey(name, YEAR, batch, kind) for name in ENTERPRISES for batch in BATCHES for kind in QuotaKind]
GIVES = st.builds(
    giving,
    st.sampled_from(BATCHES),
    st.sampled_from(ENTERPRISES),
    st.sampled_from(ENTERPRISES[1:]),
    st.dictionaries(st.sampled_from(QuotaKind), MASSES, min_size=1).filter(lambda masses: any(masses.values())),
)
# Take back of one of the allocations that were made, by its place among them.
REDUCES = st.tuples(
    st.integers(0, 9), st.dictionaries(st.sampled_from(QuotaKind), MASSES, min_size=1).filter(lambda m: any(m.values()))
)
RESERVES = st.builds(Reserved, st.sampled_from(KEYS[3:]), st.integers(1, 10**12))
ISSUED = st.dictionaries(st.tuples(st.sampled_from(BATCHES), st.sampled_from(QuotaKind)), st.integers(1, 10**12))


class Model:
    """What is given, taken back and reserved, and the books that it leaves."""

    def __init__(self, issued: dict[tuple[int, QuotaKind], int]) -> None:
        self.books = Books(Sheet({}), Givers({}), Batches({}))
        self.made: list[Allocation] = []
        for (batch, kind), mass in issued.items():
            self.books.sheet.post([issue(kind, mass)])
            self.books.batches.receive(BatchKey(NATIONAL, YEAR, batch, kind), mass)

    def state(self) -> tuple[object, ...]:
        sheet, givers, batches = self.books
        return {key: sheet.balance(key) for key in KEYS}, givers.changed(), {key: batches.share(key) for key in SHARES}

    def act(self, act: Give | Reserved | tuple[int, dict[QuotaKind, int]]) -> None:
        """Do it if it may be done; else it is refused and nothing moves."""
        before = self.state()
        try:
            match act:
                case Give():
                    self.give(act)
                case Reserved(key, mass):
                    self.books.sheet.post(
                        [Posting(key, Bucket.AVAILABLE, Bucket.RESERVED, mass, Code.RESERVE, cause())]
                    )
                case (place, masses) if self.made:
                    self.reduce(place % len(self.made), masses)
                case _:
                    pass
        except (Error, Overdrawn):
            assert self.state() == before, "what was refused moved something"

    def give(self, command: Give) -> None:
        over = any(mass > self.free(command, kind) for kind, mass in command.masses.items())
        refused = over or command.giver == command.receiver or not allowed(self.books.givers, command)
        allocation_id = cause()
        try:
            give(command, self.books, allocation_id)
        except Error:
            assert refused
            raise
        assert not refused
        self.made.append(
            Allocation(allocation_id, YEAR, command.batch, command.giver, command.receiver, command.masses, "", NOW)
        )

    def free(self, command: Give, kind: QuotaKind) -> int:
        share = BatchKey(command.giver, YEAR, command.batch, kind)
        return min(self.books.sheet.balance(share.account).available_mg, self.books.batches.share(share).rest_mg)

    def reduce(self, place: int, masses: dict[QuotaKind, int]) -> None:
        allocation = self.made[place]
        reduce(Reduce(allocation.allocation_id, masses, "wrong"), allocation, self.books, cause())
        done = Reduction(b"", masses, "wrong", "", NOW)
        self.made[place] = replace(allocation, reductions=(*allocation.reductions, done))


@given(ISSUED, st.lists(st.one_of(GIVES, GIVES, RESERVES, REDUCES), max_size=40))
def test_whatever_is_given_reserved_and_taken_back_the_sums_are_conserved(
    issued: dict[tuple[int, QuotaKind], int], acts: list[Give | Reserved | tuple[int, dict[QuotaKind, int]]]
) -> None:
    model = Model(issued)
    for act in acts:
        model.act(act)
    sheet, givers, batches = model.books
    balances = {key: sheet.balance(key) for key in KEYS}
    assert imbalances(balances) == []
    assert replay(sheet.posted) == dict(sheet.changed())
    for key in KEYS:
        shares = [batches.share(BatchKey(key.enterprise_id, YEAR, batch, key.kind)) for batch in BATCHES]
        assert sum(share.received_mg for share in shares) == balances[key].granted_mg
        assert sum(share.given_mg for share in shares) == balances[key].given_on_mg
        came = sum(one.standing(key.kind) for one in model.made if one.receiver == key.enterprise_id)
        assert came == balances[key].granted_mg or key.enterprise_id == NATIONAL
        assert balances[key].given_on_mg == sum(
            one.standing(key.kind) for one in model.made if one.giver == key.enterprise_id
        )
    for name in ENTERPRISES[1:]:
        has = any(balances[AccountKey(name, YEAR, kind)].granted_mg for kind in QuotaKind)
        assert (givers.giver(Member(name, YEAR)) is not None) == has, "bound exactly as long as something stands"


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
