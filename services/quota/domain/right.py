"""One right's life: reserved, drawn in parts, closed by the registry's word, the rest freed.

    OPEN ----ask----> CLOSING ----every draw settled----> CLOSED
      \\_______the registry's right-closed______/

Nothing comes back to its holder on our own judgement, nor by a clock: only when the registry has said for good what
was drawn, and draws settled here add up to exactly that. Draws and the close may be learnt in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error, Kind, Violation, invalid
from services.quota.domain.ledger import AccountKey, Bucket, Code, Overdrawn, Posting, Sheet, spoken, tonnes


class State(IntEnum):
    """Where a right stands; the numbers are those of the API."""

    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class CloseReason(StrEnum):
    """Why we ask the registry to end a right."""

    DRAWN_OUT = "DRAWN_OUT"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class Contradiction(Exception):  # noqa: N818 - kept as evidence, never sent to a caller
    """The registry's log says of a right what cannot be; `code` is stable. The right stays as it was."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reserve:
    """Command: mass of the caller's own quota for one site, mg REO, to be drawn until `expires_at` (whole seconds)."""

    year: int
    kind: QuotaKind
    reo_mg: int
    site: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Right:
    """A right as the ledger knows it. `drawn_mg` is what the registry said was drawn in all, once it has said so."""

    right_id: bytes
    key: AccountKey
    holder: str
    site: str
    registry_log: str
    mass_mg: int
    expires_at: datetime
    state: State = State.OPEN
    settled_mg: int = 0
    freed_mg: int = 0
    drawn_mg: int | None = None
    close_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A right after one event and what that posts."""

    right: Right
    postings: tuple[Posting, ...] = ()


def check_expiry(expires_at: datetime, *, now: datetime, lifetime_max: timedelta) -> None:
    """A right ends in the future and within the setting. Raises INVALID_FIELDS."""
    if expires_at <= now:
        raise invalid([Violation("expire_time", "must lie in the future")])
    if expires_at > now + lifetime_max:
        raise invalid([Violation("expire_time", f"must lie within {lifetime_max.days} days")])


def reserve(right: Right, sheet: Sheet) -> Posting:
    """Post a new right's mass from available to reserved. Raises QUOTA_EXCEEDED with the account's numbers."""
    posting = Posting(
        right.key, Bucket.AVAILABLE, Bucket.RESERVED, right.mass_mg, Code.RESERVE, right.right_id, right.right_id
    )
    try:
        sheet.post((posting,))
    except Overdrawn as error:
        raise _exceeded(right, sheet) from error
    return posting


def _exceeded(right: Right, sheet: Sheet) -> Error:
    balance = sheet.balance(right.key)
    figures = {
        "asked": right.mass_mg,
        "available": balance.available_mg,
        "granted": balance.granted_mg,
        "given_on": balance.given_on_mg,
        "reserved": balance.reserved_mg,
        "used": balance.used_mg,
    }
    metadata = {
        "enterprise_id": right.key.enterprise_id,
        "year": str(right.key.year),
        "kind": right.key.kind.name,
        **{f"{name}_mg": str(mass) for name, mass in figures.items()},
        **{f"{name}_t": tonnes(mass) for name, mass in figures.items()},
    }
    message = (
        f"{spoken(right.key.kind)} {right.key.year}: asked {tonnes(right.mass_mg)} t, "
        f"available {tonnes(balance.available_mg)} t of {tonnes(balance.granted_mg)} t granted"
    )
    return Error(Kind.PRECONDITION, "QUOTA_EXCEEDED", message, metadata=metadata)


def ask_close(right: Right, reason: CloseReason) -> Right:
    """Mark that the registry is to end the right. One that is already ending stays as it is: the first reason counts.

    Raises RIGHT_STATE when it has ended.
    """
    if right.state is State.CLOSED:
        raise Error(
            Kind.PRECONDITION,
            "RIGHT_STATE",
            "the right is closed",
            metadata={
                "right_id": right.right_id.hex(),
                "state": right.state.name,
                "close_reason": right.close_reason or "",
            },
        )
    if right.state is State.CLOSING:
        return right
    return replace(right, state=State.CLOSING, close_reason=str(reason))


def settle(right: Right, drawing_id: bytes, mass_mg: int) -> Step:
    """Post one draw, reserved to used. A right that is drawn out starts closing.

    Raises Contradiction when more is drawn than the right bears, or than the registry said in closing it.
    """
    settled = right.settled_mg + mass_mg
    if mass_mg <= 0:
        raise Contradiction("DRAW_WITHOUT_MASS")
    if settled > right.mass_mg:
        raise Contradiction("DRAWN_OVER_MASS")
    if right.drawn_mg is not None and settled > right.drawn_mg:
        raise Contradiction("DRAWN_OVER_CLOSED_TOTAL")
    posting = Posting(
        right.key,
        Bucket.RESERVED,
        Bucket.USED,
        mass_mg,
        Code.SETTLE,
        right.right_id + drawing_id,
        right.right_id,
        drawing_id,
    )
    after = replace(right, settled_mg=settled)
    if after.state is State.OPEN and settled == right.mass_mg:
        after = ask_close(after, CloseReason.DRAWN_OUT)
    return _freed(after, (posting,))


def note_closed(right: Right, total_drawn_mg: int, reason: str) -> Step:
    """Take in the registry's right-closed. The same again changes nothing.

    Raises Contradiction when the total does not fit the right, what was settled, or what the registry said before.
    """
    if right.drawn_mg is not None:
        if right.drawn_mg != total_drawn_mg:
            raise Contradiction("CLOSED_TWICE_WITH_OTHER_TOTALS")
        return Step(right)
    if not 0 <= total_drawn_mg <= right.mass_mg:
        raise Contradiction("CLOSED_OVER_MASS")
    if total_drawn_mg < right.settled_mg:
        raise Contradiction("CLOSED_BELOW_SETTLED")
    # Whichever locked the registry's row first won: its reason stands, not the one we asked with.
    return _freed(replace(right, state=State.CLOSING, drawn_mg=total_drawn_mg, close_reason=reason), ())


def _freed(right: Right, postings: tuple[Posting, ...]) -> Step:
    """Free the rest once settled draws add up to what the registry said was drawn."""
    if right.drawn_mg is None or right.settled_mg != right.drawn_mg:
        return Step(right, postings)
    rest = right.mass_mg - right.settled_mg
    closed = replace(right, state=State.CLOSED, freed_mg=rest)
    if not rest:
        return Step(closed, postings)
    freeing = Posting(right.key, Bucket.RESERVED, Bucket.AVAILABLE, rest, Code.FREE, right.right_id, right.right_id)
    return Step(closed, (*postings, freeing))
