"""Indicators and who gives what to whom (Order 71 of 2025, arts. on total quantity control; Decree 785 art. 10).

The State's indicators come in batches and are issued into the national account; officers allocate from there to
groups, groups break down to their subsidiaries (givers.py). Nobody gives more than stands available to him, nor more of
a batch than he has of it (batches.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error, Kind, Violation, invalid
from services.quota.domain.batches import Batches, BatchKey
from services.quota.domain.books import Books
from services.quota.domain.givers import Member
from services.quota.domain.ledger import NATIONAL, AccountKey, Bucket, Code, Overdrawn, Posting, spelled, spoken, tonnes

Masses = Mapping[QuotaKind, int]
"""Milligrams REO by kind of quota; a kind that is not named is not meant."""


@dataclass(frozen=True, slots=True)
class EnterIndicator:
    """Command: one batch of a year's national indicators, as the notice `document` has it."""

    year: int
    batch: int
    cumulative: bool
    masses: Masses
    document: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """A batch as entered: what it added and the year's totals after it, mg REO by kind."""

    year: int
    batch: int
    cumulative: bool
    increments: Masses
    totals: Masses
    document: str
    entered_by: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class BreakDown:
    """Command of a group: a part of its available quota to a subsidiary. The caller's identity says which group."""

    year: int
    batch: int
    subsidiary: str
    masses: Masses

    def by(self, group: str) -> Give:
        """The same as a give of that group."""
        return Give(self.year, self.batch, group, self.subsidiary, self.masses)


@dataclass(frozen=True, slots=True)
class Give:
    """Command: a part of what the giver has of a batch to the receiver, all kinds or none.

    The giver is `NATIONAL` for an allocation and the group for a break-down.
    """

    year: int
    batch: int
    giver: str
    receiver: str
    masses: Masses

    @property
    def code(self) -> Code:
        """ALLOCATE from the national account, BREAK_DOWN from any other."""
        return Code.ALLOCATE if self.giver == NATIONAL else Code.BREAK_DOWN

    def members(self) -> tuple[Member, Member]:
        """Giver and receiver, in the year."""
        return Member(self.giver, self.year), Member(self.receiver, self.year)

    def accounts(self) -> Iterator[AccountKey]:
        """Every account that it moves."""
        for kind in self.masses:
            yield AccountKey(self.giver, self.year, kind)
            yield AccountKey(self.receiver, self.year, kind)

    def shares(self) -> Iterator[BatchKey]:
        """What giver and receiver have of the batch."""
        for key in self.accounts():
            yield BatchKey(key.enterprise_id, self.year, self.batch, key.kind)


@dataclass(frozen=True, slots=True)
class Reduction:
    """A take-back as recorded: what of an allocation, why and by whom."""

    reduction_id: bytes
    masses: Masses
    reason: str
    reduced_by: str
    reduced_at: datetime


@dataclass(frozen=True, slots=True)
class Allocation:
    """A give as recorded, and what was taken back of it since, oldest first."""

    allocation_id: bytes
    year: int
    batch: int
    giver: str
    receiver: str
    masses: Masses
    allocated_by: str
    allocated_at: datetime
    reductions: tuple[Reduction, ...] = ()

    def members(self) -> tuple[Member, Member]:
        """Giver and receiver, in the year."""
        return Member(self.giver, self.year), Member(self.receiver, self.year)

    def standing(self, kind: QuotaKind) -> int:
        """What still stands of it, mg REO."""
        return self.masses.get(kind, 0) - sum(one.masses.get(kind, 0) for one in self.reductions)


def enter_indicator(
    command: EnterIndicator, earlier: Sequence[Indicator], *, officer: str, now: datetime
) -> tuple[Indicator, tuple[Posting, ...]]:
    """The batch to record and the postings that issue it.

    A cumulative batch restates the year's total so far; what it adds is the difference. Batches come in order, since
    a cumulative figure means nothing without those before it. Raises INDICATOR_EXISTS for a (year, batch) that was
    entered, INVALID_FIELDS for a batch out of order or a cumulative figure below what was issued.
    """
    for indicator in earlier:
        if indicator.batch == command.batch:
            raise _exists(indicator)
    expected = len(earlier) + 1
    if command.batch != expected:
        raise invalid([Violation("batch", f"the next batch of {command.year} is {expected}")])
    before: Masses = earlier[-1].totals if earlier else {}
    increments = _increments(command, before)
    totals = {kind: before.get(kind, 0) + increments.get(kind, 0) for kind in QuotaKind}
    cause = hashlib.sha256(f"indicator\0{command.year}\0{command.batch}".encode()).digest()
    postings = tuple(
        Posting(AccountKey(NATIONAL, command.year, kind), Bucket.GRANTED, Bucket.AVAILABLE, mass, Code.INDICATOR, cause)
        for kind, mass in sorted(increments.items())
        if mass
    )
    indicator = Indicator(
        command.year, command.batch, command.cumulative, increments, totals, command.document, officer, now
    )
    return indicator, postings


def _increments(command: EnterIndicator, before: Masses) -> dict[QuotaKind, int]:
    if not command.cumulative:
        return {kind: command.masses.get(kind, 0) for kind in QuotaKind}
    below = [
        Violation("masses", f"{spoken(kind)}: {tonnes(mass)} t, below the {tonnes(before[kind])} t already issued")
        for kind, mass in sorted(command.masses.items())
        if mass < before.get(kind, 0)
    ]
    if below:
        raise invalid(below)
    return {kind: command.masses.get(kind, before.get(kind, 0)) - before.get(kind, 0) for kind in QuotaKind}


def _exists(indicator: Indicator) -> Error:
    return Error(
        Kind.EXISTS,
        "INDICATOR_EXISTS",
        f"batch {indicator.batch} of {indicator.year} was entered before",
        metadata={
            "year": indicator.year,
            "batch": indicator.batch,
            "document": indicator.document,
            "entered_by": indicator.entered_by,
        },
    )


def check_issued(command: Give, batches: Collection[int]) -> None:
    """Raises NO_INDICATOR where the year has no batch of the number that is given of, INVALID_FIELDS as `give` does.

    `batches` are those it has, which are named to who gives for the nation: enterprises may not list indicators.
    """
    _check_parties(command)
    if command.batch in batches:
        return
    message = f"no indicator of batch {command.batch} of {command.year} has been entered"
    metadata: dict[str, str | int] = {"year": command.year, "batch": command.batch}
    if command.giver == NATIONAL:
        known = ", ".join(map(str, sorted(batches)))
        message += f"; those of {command.year} are {known}" if known else f"; none of {command.year} has been"
        metadata["batches"] = known
    raise Error(Kind.PRECONDITION, "NO_INDICATOR", message, metadata=metadata)


def _check_parties(command: Give) -> None:
    if command.giver == command.receiver:  # a group: the API lets nobody allocate to the national account
        raise invalid([Violation("subsidiary_id", "nobody gives quota to himself")])


def issue(indicator: Indicator, batches: Batches) -> None:
    """Note what the batch brought the nation."""
    for kind, mass in indicator.increments.items():
        if mass:
            batches.receive(BatchKey(NATIONAL, indicator.year, indicator.batch, kind), mass)


def give(command: Give, books: Books, allocation_id: bytes) -> tuple[Posting, ...]:
    """Post a give: for each kind two linked legs, out of the giver and into the receiver; and bind the receiver to the
    giver for the year.

    Raises INVALID_FIELDS when giver and receiver are the same, NOT_YOUR_SUBSIDIARY when the one may not give to the
    other, ALLOCATION_OVER_TOTAL or ALLOCATION_OVER_BATCH with the numbers of every kind that is over; and then nothing
    has moved.
    """
    _check_parties(command)
    books.givers.check(command.year, command.giver, command.receiver)
    _check_total(command, books)
    _check_batch(command, books)
    kinds = [kind for kind in sorted(command.masses) if command.masses[kind]]
    legs = tuple(leg for kind in kinds for leg in _legs(command, kind, allocation_id))
    try:
        books.sheet.post(legs)
    except Overdrawn as error:  # the receiver's account would pass its bound
        raise invalid([Violation("masses", "the receiver's account cannot hold so much")]) from error
    for kind in kinds:
        giver = BatchKey(command.giver, command.year, command.batch, kind)
        books.batches.pass_on(giver, command.masses[kind])
        books.batches.receive(giver._replace(enterprise_id=command.receiver), command.masses[kind])
    books.givers.bind(command.year, command.giver, command.receiver)
    return legs


def _legs(command: Give, kind: QuotaKind, cause: bytes) -> tuple[Posting, Posting]:
    giver = AccountKey(command.giver, command.year, kind)
    receiver = AccountKey(command.receiver, command.year, kind)
    mass = command.masses[kind]
    return (
        Posting(giver, Bucket.AVAILABLE, Bucket.GIVEN_ON, mass, command.code, cause),
        Posting(receiver, Bucket.GRANTED, Bucket.AVAILABLE, mass, command.code, cause),
    )


def _check_total(command: Give, books: Books) -> None:
    """Raises ALLOCATION_OVER_TOTAL where less is available of the year than is to be given."""
    over: dict[QuotaKind, dict[str, int]] = {}
    for kind in sorted(command.masses):
        balance = books.sheet.balance(AccountKey(command.giver, command.year, kind))
        if command.masses[kind] > balance.available_mg:
            over[kind] = {
                "total": balance.granted_mg,
                "allocated": balance.given_on_mg,
                "reserved": balance.reserved_mg,
                "used": balance.used_mg,
                "asked": command.masses[kind],
                "remaining": balance.available_mg,
            }
    if over:
        raise _over("ALLOCATION_OVER_TOTAL", command, over, "a total of")


def _check_batch(command: Give, books: Books) -> None:
    """Raises ALLOCATION_OVER_BATCH where less is left of the batch than is to be given in its name."""
    over: dict[QuotaKind, dict[str, int]] = {}
    for kind in sorted(command.masses):
        share = books.batches.share(BatchKey(command.giver, command.year, command.batch, kind))
        if command.masses[kind] > share.rest_mg:
            over[kind] = {
                "total": share.received_mg,
                "allocated": share.given_mg,
                "asked": command.masses[kind],
                "remaining": share.rest_mg,
            }
    if over:
        raise _over("ALLOCATION_OVER_BATCH", command, over, f"batch {command.batch}'s")


def _over(reason: str, command: Give, over: Mapping[QuotaKind, Mapping[str, int]], whose: str) -> Error:
    metadata = {
        "year": str(command.year),
        "batch": str(command.batch),
        "giver": command.giver,
        "receiver": command.receiver,
        "kinds": ",".join(kind.name for kind in over),
    }
    sentences: list[str] = []
    for kind, figures in over.items():
        metadata |= spelled(kind, figures)
        sentences.append(
            f"{spoken(kind)}: asked {tonnes(figures['asked'])} t; of {whose} {tonnes(figures['total'])} t "
            f"{tonnes(figures['allocated'])} t are allocated, {tonnes(figures['remaining'])} t remain"
        )
    return Error(Kind.PRECONDITION, reason, "; ".join(sentences), metadata=metadata)
