"""The refusals of export licensing, one function each: kind, reason, message, and the numbers in the metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from monazite_provenance.statement import Outpoint

from services.chassis import errors
from services.chassis.errors import Error, Kind, Violation

_MISFITS = {
    "licensee": "the lot is not the licensee's",
    "receiver": "the lot is offered to somebody else",
    "licence": "the lot is offered under another licence",
    "control_code": "the item is not the lot's, or is on no line of the licence",
    "destination": "the destination is not the licence's",
}
# Reasons to void an act that read better in words.
_VOID_FOR = {"LOT_HELD": "a lot of it is on hold"}
_MORE = re.compile(r"and (\d+) more")
_OF_THE_REQUEST = frozenset({"licence_id", "what"})
INCIDENT_REGISTRY_ANSWER = "export-license-registry-answer"


def invalid(violations: Iterable[tuple[str, str]]) -> Error:
    """INVALID_FIELDS with every (field, description) at once."""
    return errors.invalid(Violation(field, description) for field, description in violations)


def provenance(
    outpoint: Outpoint,
    *,
    verdict: str,
    gaps: Sequence[str],
    findings: Sequence[str],
    numbers: Mapping[str, str | int],
) -> Error:
    """PROVENANCE_REFUSED: our own verification, or the registry's word, does not carry the lot."""
    # What closes the gate stands first; findings alone would not close it.
    metadata = {
        "verdict": verdict,
        "gaps": _whole(gaps, errors.TEXT_LENGTH_MAX),
        **numbers,
        "head": outpoint_text(outpoint),
        "findings": _whole(findings, errors.TEXT_LENGTH_MAX),
    }
    return Error(Kind.PRECONDITION, "PROVENANCE_REFUSED", "the provenance of a lot does not stand", metadata=metadata)


def not_holder(outpoint: Outpoint) -> Error:
    """APPLICANT_NOT_HOLDER: somebody else holds the lot, which is on its way to the applicant."""
    metadata = {"head": outpoint_text(outpoint)}
    return Error(Kind.PRECONDITION, "APPLICANT_NOT_HOLDER", "the applicant does not hold a lot", metadata=metadata)


def case_state(case_id: str, state: str, wanted: str) -> Error:
    """CASE_STATE: the case stands where this cannot be done."""
    metadata = {"case_id": case_id, "state": state, "wanted": wanted}
    message = f"a case that is {state} cannot become {wanted.replace(', ', ' or ')}"
    return Error(Kind.PRECONDITION, "CASE_STATE", message, metadata=metadata)


def replay_differs(case_id: str, state: str) -> Error:
    """CASE_STATE: the rules that are kept for the case no longer give what its decision stood on."""
    metadata = {"case_id": case_id, "state": "REPLAY_DIFFERS", "wanted": state}
    message = "the kept rules and facts no longer give the control codes of the case"
    return Error(Kind.PRECONDITION, "CASE_STATE", message, metadata=metadata)


def rules_changed(case_id: str, missing: Sequence[str]) -> Error:
    """CASE_STATE: under the rules of the decision's day, a lot is an item that no line covers."""
    metadata = {"case_id": case_id, "control_codes_missing": ",".join(missing)}
    return Error(
        Kind.PRECONDITION,
        "CASE_STATE",
        "the control lists changed and the case no longer covers them",
        metadata=metadata,
    )


def same_officer(case_id: str) -> Error:
    """SAME_OFFICER: a decision takes two persons."""
    return Error(
        Kind.PRECONDITION,
        "SAME_OFFICER",
        "the officer who proposed a decision may not countersign it",
        metadata={"case_id": case_id},
    )


def etag_mismatch(case_id: str, etag: str) -> Error:
    """ETAG_MISMATCH: the case changed since it was read."""
    metadata = {"what": "case", "case_id": case_id, "etag": etag}
    return Error(Kind.CONFLICT, "ETAG_MISMATCH", "the case changed since it was read", metadata=metadata)


def licence_not_usable(licence_id: bytes, state: str) -> Error:
    """LICENCE_NOT_USABLE: suspended, expired, revoked."""
    metadata = {"licence_id": licence_id.hex(), "state": state}
    return Error(Kind.PRECONDITION, "LICENCE_NOT_USABLE", "the licence cannot be used as it stands", metadata=metadata)


def licence_exceeded(licence_id: bytes, numbers: Mapping[str, str | int]) -> Error:
    """LICENCE_EXCEEDED: more than the licence, the offer or the declaration bears; the numbers say which."""
    metadata = {"licence_id": licence_id.hex(), **numbers}
    return Error(Kind.PRECONDITION, "LICENCE_EXCEEDED", "this is more than may leave", metadata=metadata)


def licence_mismatch(licence_id: bytes, what: str, numbers: Mapping[str, str | int]) -> Error:
    """LICENCE_MISMATCH: the lot is not what, whose or where the licence says."""
    metadata = {"licence_id": licence_id.hex(), "what": what, **numbers}
    message = _MISFITS.get(what, "the lot does not fit the licence")
    return Error(Kind.PRECONDITION, "LICENCE_MISMATCH", message, metadata=metadata)


def not_on_offer(lot_id: str, custody_state: str) -> Error:
    """NOT_IN_TRANSIT: the licensee has not offered the lot for export."""
    metadata = {"lot_id": lot_id, "custody_state": custody_state}
    message = "the lot has left already" if custody_state == "ABROAD" else "the lot is not on offer for export"
    return Error(Kind.PRECONDITION, "NOT_IN_TRANSIT", message, metadata=metadata)


def together(found: Sequence[tuple[str, Error]]) -> Error:
    """The first of what is wrong with a request, with all of it, by field, as violations. `found` is not empty."""
    first = found[0][1]
    violations = [Violation(field, _in_a_line(each)) for field, each in found]
    return Error(first.kind, first.reason, first.message, metadata=first.metadata, violations=violations)


def _in_a_line(error: Error) -> str:
    """Without what is the same of all that is wrong with one request, or is said by the field."""
    told = {name: value for name, value in error.metadata.items() if value and name not in _OF_THE_REQUEST}
    codes = told.pop("findings", "").split(",")
    more = _MORE.fullmatch(codes[-1])
    said = f"{error.reason}: {error.message}"
    room = errors.DESCRIPTION_LENGTH_MAX - len(said) - len(" ()")
    numbers = _whole([f"{name} {value}" for name, value in told.items()], room, between=", ")
    # Last, with what room there is.
    room -= len(numbers) + len(", findings ")
    findings = _whole(codes[:-1], room, more=int(more[1])) if more else _whole(codes, room)
    parts = [numbers, f"findings {findings}" if findings else ""]
    inside = ", ".join(part for part in parts if part)
    return f"{said} ({inside})" if inside else said


def _whole(texts: Iterable[str], length_max: int, *, between: str = ",", more: int = 0) -> str:
    """Each of the texts once, as many as fit, and how many were left out, here or before (`more`); none is cut."""
    distinct = list(dict.fromkeys(texts))
    for count in range(len(distinct), -1, -1):
        left_out = len(distinct) - count + more
        whole = between.join([*distinct[:count], *([f"and {left_out} more"] if left_out else [])])
        if len(whole) <= length_max:
            return whole
    return ""


def act_state(act_id: bytes, state: str, wanted: str) -> Error:
    """ACT_STATE: the act stands where this cannot be done."""
    metadata = {"act_id": act_id.hex(), "state": state, "wanted": wanted}
    message = f"an act of export that is {state} cannot become {wanted}"
    return Error(Kind.PRECONDITION, "ACT_STATE", message, metadata=metadata)


def act_void(act_id: bytes, state: str, lot_ids: Sequence[str], void_reason: str) -> Error:
    """LOT_HELD, or what else the registry would not take the act for; ACT_STATE where that is no reason of the suite:
    the act ends, or ended, without export, and nothing of it may leave.
    """
    metadata = {"act_id": act_id.hex(), "state": state, "lot_ids": ",".join(lot_ids), "void_reason": void_reason}
    reason = void_reason if void_reason in errors.REASONS else "ACT_STATE"
    why = _VOID_FOR.get(void_reason, void_reason)
    return Error(Kind.PRECONDITION, reason, f"the act is void and nothing of it may leave: {why}", metadata=metadata)


def act_reused(act_id: bytes, state: str, declaration_number: str) -> Error:
    """REQUEST_ID_REUSED: the act id was used for other content; names the original."""
    return Error(
        Kind.EXISTS,
        "REQUEST_ID_REUSED",
        "this act id was used with other content",
        metadata={"act_id": act_id.hex(), "original_declaration": declaration_number, "original_state": state},
    )


def act_pending(act_id: bytes, state: str, peer: str) -> Error:
    """PEER_UNAVAILABLE: the act stands as it is and will be driven on when the peer is back."""
    metadata = {"act_id": act_id.hex(), "state": state, "peer": peer}
    return Error(
        Kind.UNAVAILABLE, "PEER_UNAVAILABLE", f"{peer} cannot be reached; the act goes on by itself", metadata=metadata
    )


def incident(message: str, act_id: bytes) -> Error:
    """INTERNAL: a signed answer that does not fit; nothing was released and nothing used."""
    metadata = {"incident": INCIDENT_REGISTRY_ANSWER, "act_id": act_id.hex()}
    return Error(Kind.INTERNAL, "INTERNAL", message, metadata=metadata)


def outpoint_text(outpoint: Outpoint) -> str:
    """An outpoint as people read it: hex of the statement id, colon, output index."""
    return f"{outpoint.statement_id.hex()}:{outpoint.index}"
