"""Taking an allocation back, in whole or in part: an officer's correction of a wrong allocation or break-down.

What was given stays on record; the correction is a reversing posting of its own, with its reason. It takes nothing that
was handed on, reserved or used: whoever wants that back takes back the break-down, or ends the right, first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error, Kind, Violation, invalid
from services.quota.domain.allocation import Allocation, Masses
from services.quota.domain.batches import BatchKey
from services.quota.domain.books import Books
from services.quota.domain.givers import Member
from services.quota.domain.ledger import AccountKey, Bucket, Code, Posting, spelled, spoken, tonnes

REDUCTIONS_MAX: Final = 20
"""Corrections of one allocation; a page of allocations carries them all."""


@dataclass(frozen=True, slots=True)
class Reduce:
    """Command: take back these masses of an allocation, all kinds or none."""

    allocation_id: bytes
    masses: Masses
    reason: str


def accounts(allocation: Allocation) -> Iterator[AccountKey]:
    """Every account that taking it back must see: the giver's of its kinds, and all of the receiver's year."""
    for kind in allocation.masses:
        yield AccountKey(allocation.giver, allocation.year, kind)
    for kind in QuotaKind:
        yield AccountKey(allocation.receiver, allocation.year, kind)


def shares(allocation: Allocation) -> Iterator[BatchKey]:
    """What giver and receiver have of its batch."""
    for enterprise_id in (allocation.giver, allocation.receiver):
        for kind in allocation.masses:
            yield BatchKey(enterprise_id, allocation.year, allocation.batch, kind)


def reduce(command: Reduce, allocation: Allocation, books: Books, reduction_id: bytes) -> tuple[Posting, ...]:
    """Post a take-back: for each kind two linked legs, out of the receiver and back to the giver. A receiver to whom
    nothing of the year is left is bound to its giver no longer.

    `allocation` comes with every reduction so far. Raises ALLOCATION_IN_USE with the numbers of every kind of which
    less is free than asked, INVALID_FIELDS for one corrected REDUCTIONS_MAX times; and then nothing has moved.
    """
    if len(allocation.reductions) >= REDUCTIONS_MAX:
        raise invalid([Violation("allocation_id", f"was corrected {REDUCTIONS_MAX} times, and no more is kept of one")])
    kinds = [kind for kind in sorted(command.masses) if command.masses[kind]]
    over = {kind: free for kind in kinds if command.masses[kind] > (free := _free(allocation, kind, books))}
    if over:
        raise _in_use(command, allocation, over, books)
    legs = tuple(leg for kind in kinds for leg in _legs(allocation, kind, command.masses[kind], reduction_id))
    books.sheet.post(legs)
    for kind in kinds:
        giver, receiver = _keys(allocation, kind)
        books.batches.receive(receiver, -command.masses[kind])
        books.batches.pass_on(giver, -command.masses[kind])
    if not any(_granted(allocation, kind, books) for kind in QuotaKind):
        books.givers.unbind(Member(allocation.receiver, allocation.year))
    return legs


def _keys(allocation: Allocation, kind: QuotaKind) -> tuple[BatchKey, BatchKey]:
    giver = BatchKey(allocation.giver, allocation.year, allocation.batch, kind)
    return giver, giver._replace(enterprise_id=allocation.receiver)


def _free(allocation: Allocation, kind: QuotaKind, books: Books) -> int:
    """What of it can be taken back: no more than stands, than its receiver has available, and has left of the batch."""
    _, receiver = _keys(allocation, kind)
    available = books.sheet.balance(receiver.account).available_mg
    return min(allocation.standing(kind), available, books.batches.share(receiver).rest_mg)


def _granted(allocation: Allocation, kind: QuotaKind, books: Books) -> int:
    return books.sheet.balance(AccountKey(allocation.receiver, allocation.year, kind)).granted_mg


def _legs(allocation: Allocation, kind: QuotaKind, mass: int, cause: bytes) -> tuple[Posting, Posting]:
    giver, receiver = (key.account for key in _keys(allocation, kind))
    return (
        Posting(receiver, Bucket.AVAILABLE, Bucket.GRANTED, mass, Code.REDUCE, cause),
        Posting(giver, Bucket.GIVEN_ON, Bucket.AVAILABLE, mass, Code.REDUCE, cause),
    )


def _in_use(command: Reduce, allocation: Allocation, over: Masses, books: Books) -> Error:
    metadata = {
        "allocation_id": allocation.allocation_id.hex(),
        "receiver": allocation.receiver,
        "kinds": ",".join(kind.name for kind in over),
    }
    sentences: list[str] = []
    for kind, free in over.items():
        _, receiver = _keys(allocation, kind)
        balance, share = books.sheet.balance(receiver.account), books.batches.share(receiver)
        figures = {
            "asked": command.masses[kind],
            "free": free,
            "standing": allocation.standing(kind),
            "available": balance.available_mg,
            "reserved": balance.reserved_mg,
            "used": balance.used_mg,
            "given_on": balance.given_on_mg,
            "batch_remaining": share.rest_mg,
        }
        metadata |= spelled(kind, figures)
        sentences.append(
            f"{spoken(kind)}: asked back {tonnes(figures['asked'])} t; of the {tonnes(figures['standing'])} t that "
            f"stand {tonnes(free)} t are free"
        )
    return Error(Kind.PRECONDITION, "ALLOCATION_IN_USE", "; ".join(sentences), metadata=metadata)
