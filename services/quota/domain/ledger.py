"""The ledger: accounts per (enterprise, year, kind of quota), moved by double-entry postings, integer milligrams REO.

Each posting takes mass out of one bucket (debit) and puts it into another (credit) of the same account, so an account
always balances: `granted = available + given_on + reserved + used`. `granted` is the contra bucket: what came in from
outside, of the national account what the State issued. What passes between two accounts is two linked postings, one in
each, that stand or fall together; so over all accounts of a year and kind the mass given on equals the mass granted to
enterprises, and available + reserved + used equals the national total.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from monazite_provenance.contents import QuotaKind

NATIONAL: Final = "national"
"""The account that the State issues into; no enterprise may bear this name."""
REO_MG_MAX: Final = 10**16
"""Largest mass of one command, mg REO: ten million tonnes, some forty years' worth of the real totals."""
GRANTED_MG_MAX: Final = 10**18
"""Largest mass an account may ever be granted, mg REO; well inside a BIGINT."""
MG_PER_TONNE: Final = 10**9
"""Milligrams in a tonne."""


class Bucket(StrEnum):
    """Where mass stands in an account."""

    GRANTED = "granted"
    AVAILABLE = "available"
    GIVEN_ON = "given_on"
    RESERVED = "reserved"
    USED = "used"


class Code(StrEnum):
    """Why a posting was made."""

    INDICATOR = "INDICATOR"
    ALLOCATE = "ALLOCATE"
    BREAK_DOWN = "BREAK_DOWN"
    REDUCE = "REDUCE"
    RESERVE = "RESERVE"
    SETTLE = "SETTLE"
    FREE = "FREE"


class AccountKey(NamedTuple):
    """Names an account. Sorted keys are the order in which accounts are locked."""

    enterprise_id: str
    year: int
    kind: QuotaKind

    def bucket(self, bucket: Bucket) -> str:
        """Name of one bucket of the account, for people and reports."""
        return f"{self.enterprise_id}/{self.year}/{self.kind.name}/{bucket}"


class Overdrawn(Exception):  # noqa: N818 - a signal inside the domain that never leaves it
    """A posting would take a bucket below zero, or an account over its bound. Callers turn it into their own error."""

    def __init__(self, posting: Posting, balance: Balance) -> None:
        super().__init__(f"{posting.code} overdraws {posting.key.bucket(posting.debit)}")
        self.posting = posting
        self.balance = balance


@dataclass(frozen=True, slots=True)
class Balance:
    """One account's buckets, mg REO, none negative."""

    available_mg: int = 0
    given_on_mg: int = 0
    reserved_mg: int = 0
    used_mg: int = 0

    @property
    def granted_mg(self) -> int:
        """What ever came in: the sum of where it stands now."""
        return self.available_mg + self.given_on_mg + self.reserved_mg + self.used_mg


@dataclass(frozen=True, slots=True)
class Posting:
    """Moves `reo_mg` from bucket `debit` to bucket `credit` of one account.

    Into `granted` goes only what an allocation that is taken back had brought out of it.

    `cause` names what it was made for; the id derives from it, so that one cause cannot post twice.
    """

    key: AccountKey
    debit: Bucket
    credit: Bucket
    reo_mg: int
    code: Code
    cause: bytes
    right_id: bytes | None = None
    drawing_id: bytes | None = None

    @property
    def posting_id(self) -> bytes:
        """16 bytes, the same for the same account, code and cause."""
        enterprise_id, year, kind = self.key
        named = "\0".join((self.code, self.debit, enterprise_id, str(year), str(int(kind)), ""))
        return hashlib.sha256(named.encode() + self.cause).digest()[:16]


def moved(balance: Balance, posting: Posting) -> Balance:
    """The balance after one posting. Raises Overdrawn; ValueError for a posting that is none."""
    taken_back = posting.credit is not Bucket.GRANTED or posting.code is Code.REDUCE
    if posting.reo_mg <= 0 or posting.debit is posting.credit or not taken_back:
        raise ValueError("a posting moves a positive mass between two buckets; into `granted` only what is taken back")
    after = Balance(
        balance.available_mg + _change(posting, Bucket.AVAILABLE),
        balance.given_on_mg + _change(posting, Bucket.GIVEN_ON),
        balance.reserved_mg + _change(posting, Bucket.RESERVED),
        balance.used_mg + _change(posting, Bucket.USED),
    )
    least = min(after.available_mg, after.given_on_mg, after.reserved_mg, after.used_mg)
    if least < 0 or after.granted_mg > GRANTED_MG_MAX:
        raise Overdrawn(posting, balance)
    return after


def _change(posting: Posting, bucket: Bucket) -> int:
    if posting.credit is bucket:
        return posting.reo_mg
    return -posting.reo_mg if posting.debit is bucket else 0


class Sheet:
    """Balances as loaded and locked, with what one batch of commands does to them laid over.

    An account that was not loaded stands at zero. `post` is atomic over its legs: all move or none.
    """

    def __init__(self, loaded: Mapping[AccountKey, Balance]) -> None:
        self._balances = dict(loaded)
        self._touched: set[AccountKey] = set()
        self._posted: list[Posting] = []

    def balance(self, key: AccountKey) -> Balance:
        """Balance of an account after everything posted so far."""
        return self._balances.get(key, Balance())

    def post(self, legs: Iterable[Posting]) -> None:
        """Post linked legs. Raises Overdrawn, and then nothing has moved."""
        legs = tuple(legs)
        after: dict[AccountKey, Balance] = {}
        for leg in legs:
            after[leg.key] = moved(after.get(leg.key, self.balance(leg.key)), leg)
        self._balances.update(after)
        self._touched.update(after)
        self._posted.extend(legs)

    @property
    def posted(self) -> Sequence[Posting]:
        """Everything posted through this sheet, in order."""
        return self._posted

    def changed(self) -> list[tuple[AccountKey, Balance]]:
        """The accounts that moved, in key order, as they stand now."""
        return [(key, self._balances[key]) for key in sorted(self._touched)]


def replay(postings: Iterable[Posting]) -> dict[AccountKey, Balance]:
    """Balances from nothing but their postings: what the stored balances must equal."""
    sheet = Sheet({})
    for posting in postings:
        sheet.post((posting,))
    return dict(sheet.changed())


def tonnes(reo_mg: int) -> str:
    """Milligrams as tonnes for people to read, exact: 1500000000 -> "1.5". Integers only."""
    whole, rest = divmod(abs(reo_mg), MG_PER_TONNE)
    text = f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if reo_mg < 0 else text


def spoken(kind: QuotaKind) -> str:
    """Name of a kind of quota in a sentence."""
    return {
        QuotaKind.MINING_ROCK: "mining (rock type)",
        QuotaKind.MINING_IONIC: "mining (ionic type)",
        QuotaKind.SMELTING_SEPARATION: "smelting-separation",
    }[kind]


def spelled(kind: QuotaKind, figures: Mapping[str, int]) -> dict[str, str]:
    """Numbers of one kind for the metadata of a refusal: each in milligrams and in tonnes."""
    prefix = kind.name.lower()
    return {
        **{f"{prefix}_{name}_mg": str(mass) for name, mass in figures.items()},
        **{f"{prefix}_{name}_t": tonnes(mass) for name, mass in figures.items()},
    }
