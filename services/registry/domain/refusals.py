"""Every refusal of the registry's own, one constructor each, so that reason, kind and metadata are said in one
place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from monazite_provenance.contents import QuotaKind
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Error, Kind, Violation
from services.registry.domain.records import ActState


class Moved(Error):  # noqa: N818 - a signal to the pipeline before it is an error
    """What a signed statement was built on has changed since: build it again. Leaves as CONFLICT when that never
    ends.
    """

    def __init__(self) -> None:
        super().__init__(Kind.CONFLICT, "CONFLICT", "others keep changing the same thing; try again")


def outpoint_name(outpoint: Outpoint) -> str:
    """`<statement id>:<index>`, for messages."""
    return f"{outpoint.statement_id.hex()}:{outpoint.index}"


STALE: Final = "STALE"


def stale(outpoint: Outpoint, spender: bytes) -> Error:
    """STALE: the head was spent by another statement, which is named."""
    return Error(
        Kind.CONFLICT,
        STALE,
        "this head has been spent",
        metadata={"outpoint": outpoint_name(outpoint), "spent_by": spender.hex()},
    )


def issued_at_out_of_range(issued_at: int, now: int, *, earliest: int, latest: int) -> Error:
    """ISSUED_AT_OUT_OF_RANGE: a statement submitted too long after it was made, or before; Unix seconds."""
    return Error(
        Kind.PRECONDITION,
        "ISSUED_AT_OUT_OF_RANGE",
        "the statement was issued too long ago, or later than now",
        metadata={"issued_at": issued_at, "now": now, "earliest": earliest, "latest": latest},
    )


def lot_held(lot_id: str, holds: tuple[str, ...]) -> Error:
    """LOT_HELD: a lot on hold is not spent."""
    return Error(
        Kind.PRECONDITION, "LOT_HELD", f"{lot_id} is on hold", metadata={"lot_id": lot_id, "holds": ",".join(holds)}
    )


def export_locked(lot_id: str, act_id: bytes) -> Error:
    """EXPORT_LOCKED: an open export act has locked the lot."""
    return Error(
        Kind.PRECONDITION,
        "EXPORT_LOCKED",
        f"{lot_id} is locked for export",
        metadata={"lot_id": lot_id, "act_id": act_id.hex()},
    )


def export_act_ended(act_id: bytes, state: ActState) -> Error:
    """EXPORT_ACT_ENDED: an act ends once."""
    return Error(
        Kind.PRECONDITION,
        "EXPORT_ACT_ENDED",
        f"the export act has ended {state.name}",
        metadata={"act_id": act_id.hex(), "state": state.name},
    )


def export_act_differs(act_id: bytes) -> Error:
    """EXPORT_ACT_DIFFERS: the act is open with other heads or another licence."""
    return Error(
        Kind.PRECONDITION,
        "EXPORT_ACT_DIFFERS",
        "the export act was locked with other lots or another licence",
        metadata={"act_id": act_id.hex()},
    )


def not_in_transit(lot_id: str, why: str) -> Error:
    """NOT_IN_TRANSIT: the lot is not offered to whom it must be, or not under this licence."""
    return Error(Kind.PRECONDITION, "NOT_IN_TRANSIT", f"{lot_id} {why}", metadata={"lot_id": lot_id})


def lot_id_unknown(lot_id: str) -> Error:
    """LOT_ID_UNKNOWN: never issued, or not to this enterprise."""
    return Error(
        Kind.PRECONDITION,
        "LOT_ID_UNKNOWN",
        f"{lot_id} was not issued to this enterprise",
        metadata={"lot_id": lot_id},
    )


def lot_id_used(lot_id: str) -> Error:
    """LOT_ID_USED: a lot was born with it, or an offer reserves it."""
    return Error(Kind.EXISTS, "LOT_ID_USED", f"{lot_id} is in use already", metadata={"lot_id": lot_id})


def right_missing(right_id: bytes) -> Error:
    """RIGHT_MISSING: the registry has not seen the right of this holder; present it with the draw."""
    return Error(
        Kind.PRECONDITION,
        "RIGHT_MISSING",
        "this right has not been presented here; send it with the draw",
        metadata={"right_id": right_id.hex()},
    )


def right_closed(right_id: bytes, drawn_mg: int) -> Error:
    """RIGHT_CLOSED: nothing more is drawn on it."""
    return Error(
        Kind.PRECONDITION,
        "RIGHT_CLOSED",
        "this right is closed",
        metadata={"right_id": right_id.hex(), "drawn_mg": drawn_mg},
    )


def right_not_yours(right_id: bytes, why: str) -> Error:
    """RIGHT_NOT_YOURS: of another holder, another site, or good at another registry."""
    return Error(Kind.DENIED, "RIGHT_NOT_YOURS", f"this right {why}", metadata={"right_id": right_id.hex(), "why": why})


def right_expired(right_id: bytes, expires_at: int, now: int) -> Error:
    """RIGHT_EXPIRED: by the registry's clock, Unix seconds."""
    return Error(
        Kind.PRECONDITION,
        "RIGHT_EXPIRED",
        "this right has expired",
        metadata={"right_id": right_id.hex(), "expired_at": expires_at, "now": now},
    )


def right_wrong_kind(right_id: bytes, kind: QuotaKind, needed: QuotaKind | None) -> Error:
    """RIGHT_WRONG_KIND: the step is charged on another kind of quota, or on none."""
    return Error(
        Kind.PRECONDITION,
        "RIGHT_WRONG_KIND",
        f"this right is for {kind.name}, the step needs {needed.name if needed else 'no quota'}",
        metadata={"right_id": right_id.hex(), "kind": kind.name, "needed": needed.name if needed else "NONE"},
    )


def right_exceeded(right_id: bytes, *, mass_mg: int, drawn_mg: int, asked_mg: int) -> Error:
    """RIGHT_EXCEEDED: with the numbers, milligrams REO."""
    return Error(
        Kind.PRECONDITION,
        "RIGHT_EXCEEDED",
        "the draw is more than is left on the right",
        metadata={
            "right_id": right_id.hex(),
            "mass_mg": mass_mg,
            "drawn_mg": drawn_mg,
            "left_mg": mass_mg - drawn_mg,
            "asked_mg": asked_mg,
        },
    )


def not_listed(enterprise_id: str, activity: str) -> Error:
    """ENTERPRISE_NOT_LISTED: the enterprise is not listed for what it does here (Order 71 art. 6)."""
    return Error(
        Kind.PRECONDITION,
        "ENTERPRISE_NOT_LISTED",
        f"{enterprise_id} is not listed for {activity}",
        metadata={"enterprise_id": enterprise_id, "activity": activity},
    )


def receivers_not_listed(receivers: Sequence[tuple[str, str]]) -> Error:
    """RECEIVER_NOT_LISTED: nobody on the register could ever accept it. `receivers`: (field of the request, URI)."""
    return Error(
        Kind.PRECONDITION,
        "RECEIVER_NOT_LISTED",
        "lots are offered to an enterprise that is not on the register",
        metadata={"receivers": ",".join(sorted({uri for _, uri in receivers}))},
        violations=[Violation(field, "is not an enterprise on this register") for field, _ in receivers],
    )


def own_signature_only(enterprise_id: str) -> Error:
    """OWN_SIGNATURE_ONLY: the registry may not sign for this enterprise."""
    return Error(
        Kind.DENIED,
        "OWN_SIGNATURE_ONLY",
        f"{enterprise_id} signs its own statements; use SubmitStatement",
        metadata={"enterprise_id": enterprise_id},
    )


def behind_a_cut() -> Error:
    """ACCESS_DENIED: what is behind a cut is shown to officers and to licensing."""
    return Error(Kind.DENIED, "ACCESS_DENIED", "only officers and export licensing may see what is behind a cut")


def provenance(
    outpoint: Outpoint, verdict: str, gaps: Sequence[str], findings: Sequence[str], numbers: Mapping[str, str]
) -> Error:
    """PROVENANCE_REFUSED: our own verification does not carry the lot, so that nobody vouches for it; with the numbers
    of the gaps.
    """
    return Error(
        Kind.PRECONDITION,
        "PROVENANCE_REFUSED",
        "the provenance of the lot does not stand",
        metadata={
            **numbers,
            "head": outpoint_name(outpoint),
            "verdict": verdict,
            "gaps": ",".join(gaps),
            "findings": ",".join(findings),
        },
    )


def step_not_allowed(message: str, **metadata: str | int) -> Error:
    """STEP_NOT_ALLOWED: the step is not what its kind is."""
    return Error(Kind.PRECONDITION, "STEP_NOT_ALLOWED", message, metadata=metadata)


def exists(what: str, name: str) -> Error:
    """ALREADY_EXISTS: there is one of this name already; sending the same again will not help."""
    return Error(Kind.EXISTS, "ALREADY_EXISTS", f"this {what} is there already", metadata={"what": what, "name": name})
