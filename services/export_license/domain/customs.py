"""An act of export at customs: declared, locked, written off or cancelled; it ends EXPORTED or VOID, once.

The act id names the act for good, here and at the registry. What the registry answers is a signed statement, and
`settle` says what that does to the act; anything that does not fit is an incident and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from monazite_provenance.contents import CustodyState, LotContent
from monazite_provenance.names import same_owner
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Error
from services.export_license import refusals
from services.export_license.domain import licences
from services.export_license.domain.licences import Licence


class State(Enum):
    """Where an act stands."""

    DECLARING = 1
    LOCKED = 2
    WRITING_OFF = 3
    VOIDING = 4
    EXPORTED = 5
    VOID = 6


ENDED = frozenset({State.EXPORTED, State.VOID})
# States in which the registry is being asked; a worker asks again until it answers.
PENDING = frozenset({State.DECLARING, State.WRITING_OFF, State.VOIDING})


class Answer(Enum):
    """What the registry says of an act."""

    LOCKED = 1
    EXPORTED = 2
    VOID = 3


@dataclass(frozen=True, slots=True)
class DeclaredLot:
    """One lot of a declaration: the most that will leave, grams gross, and the items it really is."""

    outpoint: Outpoint
    lot_id: str
    control_code: str
    control_codes: tuple[str, ...]
    gross_g: int


@dataclass(frozen=True, slots=True, order=True)
class WrittenOff:
    """What really left of one declared lot, grams gross; of 0 g it goes back whole."""

    outpoint: Outpoint
    gross_g: int


@dataclass(frozen=True, slots=True)
class Act:
    """An act of export."""

    act_id: bytes
    state: State
    licence_id: bytes
    customs: str
    certificate_sha256: bytes
    port: str
    declaration_number: str
    declared: tuple[DeclaredLot, ...]
    written_off: tuple[WrittenOff, ...] = ()
    # Statement ids: our intent, the registry's lock, the registry's accept or void.
    intent_id: bytes = b""
    lock_id: bytes = b""
    end_id: bytes = b""
    abroad: tuple[Outpoint, ...] = ()
    returned: tuple[Outpoint, ...] = ()
    # Why it ends without export: what it was given up or cancelled for, and of a void act what the registry signed.
    void_reason: str = ""
    # When it was stored; unknown of one that is not yet.
    declared_at: datetime | None = None

    def reserved(self) -> dict[str, int]:
        """Grams by control code that the declaration reserves; a lot draws every line of what it is."""
        return _by_code(self.declared, {lot.outpoint: lot.gross_g for lot in self.declared})

    def left(self) -> tuple[WrittenOff, ...]:
        """What was written off, as far as it may have left: nothing of an act that ends, or ended, without export."""
        return () if self.state in {State.VOIDING, State.VOID} else self.written_off

    def exported(self) -> dict[str, int]:
        """Grams by control code that were written off."""
        return _by_code(self.declared, {lot.outpoint: lot.gross_g for lot in self.written_off})


@dataclass(frozen=True, slots=True)
class Accepted:
    """The registry's accept of our intent, read from its verified statement."""

    accepted_g: Mapping[Outpoint, int]
    abroad: tuple[Outpoint, ...]
    returned: tuple[Outpoint, ...]


def lot_misfits(licence: Licence, lot: DeclaredLot, content: LotContent, *, receiver: str) -> list[Error]:
    """Why a lot may not leave under this licence; none where it may: offered to us under it by the licensee, as what it
    is, no more than offered.

    NOT_IN_TRANSIT where it is not on offer, LICENCE_MISMATCH naming what does not fit, LICENCE_EXCEEDED over the offer.
    """
    misfits: list[Error] = []

    def mismatch(what: str, **numbers: str | int) -> None:
        misfits.append(refusals.licence_mismatch(licence.licence_id, what, {"lot_id": lot.lot_id, **numbers}))

    if not same_owner(content.holder, licence.licensee):
        mismatch("licensee")
    if content.custody_state is not CustodyState.IN_TRANSIT or content.export is None:
        misfits.append(refusals.not_on_offer(lot.lot_id, content.custody_state.name))
    else:
        if content.receiver is None or not same_owner(content.receiver, receiver):
            mismatch("receiver")
        if content.export.licence_id != licence.licence_id:
            mismatch("licence")
        if lot.gross_g > content.export.max_gross_g:
            numbers: dict[str, str | int] = {
                "lot_id": lot.lot_id,
                "wanted_g": lot.gross_g,
                "offered_g": content.export.max_gross_g,
            }
            misfits.append(refusals.licence_exceeded(licence.licence_id, numbers))
    if lot.control_code not in lot.control_codes:
        mismatch("control_code", declared=lot.control_code, found=", ".join(lot.control_codes) or "none")
    return misfits


def code_misfits(licence: Licence, control_code: str) -> list[Error]:
    """LICENCE_MISMATCH for an item that is on no line of the licence; all that can be said of one whose lot is not
    seen.
    """
    licensed = [line.control_code for line in licence.lines]
    if control_code in licensed:
        return []
    numbers = {"declared": control_code, "licensed": ", ".join(licensed)}
    return [refusals.licence_mismatch(licence.licence_id, "control_code", numbers)]


def destination_misfits(licence: Licence, destination: str) -> list[Error]:
    """LICENCE_MISMATCH with both destinations: a change of it is a new application, not a declaration (Decree 792)."""
    if destination == licence.destination:
        return []
    numbers = {"declared": destination, "licensed": licence.destination}
    return [refusals.licence_mismatch(licence.licence_id, "destination", numbers)]


def field_of(misfit: Error) -> str:
    """Which field of a declared lot is at fault, with the dot before it; empty for the lot itself."""
    if misfit.reason == "LICENCE_EXCEEDED":
        return ".gross_g"
    return ".control_code" if misfit.metadata.get("what") == "control_code" else ""


def declare(licence: Licence, act: Act, *, now: datetime) -> Licence:
    """Reserve the licence lines for a declaration, all of its lots or none.

    Raises:
        Error: LICENCE_NOT_USABLE, LICENCE_MISMATCH, LICENCE_EXCEEDED.
    """
    licences.check_usable(licence, now=now)
    return licences.reserve(licence, act.reserved())


def begin_write_off(licence: Licence, act: Act, lots: Sequence[WrittenOff], *, now: datetime) -> Act:
    """Authorise what really left; this is where a suspension takes effect.

    Raises:
        Error: ACT_STATE, INVALID_FIELDS, LICENCE_NOT_USABLE, LICENCE_EXCEEDED.
    """
    if act.state is not State.LOCKED:
        raise refusals.act_state(act.act_id, act.state.name, State.WRITING_OFF.name)
    _check_same_lots(act, lots)
    declared = {lot.outpoint: lot for lot in act.declared}
    for lot in lots:
        if lot.gross_g > declared[lot.outpoint].gross_g:
            numbers: dict[str, str | int] = {
                "lot_id": declared[lot.outpoint].lot_id,
                "wanted_g": lot.gross_g,
                "declared_g": declared[lot.outpoint].gross_g,
            }
            raise refusals.licence_exceeded(licence.licence_id, numbers)
    licences.check_usable(licence, now=now)
    return replace(act, state=State.WRITING_OFF, written_off=tuple(sorted(lots)))


def begin_cancel(act: Act, reason_code: str) -> Act:
    """Start to void an act that is not yet authorised.

    Raises:
        Error: ACT_STATE once the intent is signed or the act has ended.
    """
    if act.state not in {State.DECLARING, State.LOCKED}:
        raise refusals.act_state(act.act_id, act.state.name, State.VOIDING.name)
    return give_up(act, reason_code)


def give_up(act: Act, reason_code: str) -> Act:
    """Start to void an act that the registry will not take; what it answers to the void decides."""
    return replace(act, state=State.VOIDING, void_reason=reason_code)


def settle(
    act: Act, answer: Answer, statement_id: bytes, accepted: Accepted | None = None, *, void_reason: str = ""
) -> Act:
    """What the registry's verified answer makes of the act; `void_reason` is that of a signed export-void.

    Raises:
        Error: INTERNAL when the answer does not fit the act: nothing is released, nothing is used.
    """
    if answer is Answer.LOCKED and act.state is State.DECLARING:
        return replace(act, state=State.LOCKED, lock_id=statement_id)
    if answer is Answer.VOID and act.state in PENDING:
        return replace(act, state=State.VOID, end_id=statement_id, void_reason=void_reason)
    exportable = act.state in {State.WRITING_OFF, State.VOIDING} and act.intent_id
    if answer is Answer.EXPORTED and exportable and accepted is not None:
        if dict(accepted.accepted_g) != {lot.outpoint: lot.gross_g for lot in act.written_off}:
            raise refusals.incident("the registry accepted other masses than the intent names", act.act_id)
        return replace(
            act,
            state=State.EXPORTED,
            end_id=statement_id,
            abroad=accepted.abroad,
            returned=accepted.returned,
            void_reason="",
        )
    raise refusals.incident(f"the registry answers {answer.name} to an act {act.state.name}", act.act_id)


def check_not_void(act: Act) -> Act:
    """The act, unless it ends or ended without export: then nothing of it may leave.

    Raises:
        Error: LOT_HELD, or what else the act is void for.
    """
    if act.state in {State.VOIDING, State.VOID}:
        lot_ids = [lot.lot_id for lot in act.declared]
        raise refusals.act_void(act.act_id, act.state.name, lot_ids, act.void_reason)
    return act


def settle_licence(licence: Licence, before: Act, after: Act) -> Licence:
    """What the end of an act does to the licence: release on VOID, use on EXPORTED, nothing otherwise."""
    if before.state in ENDED or after.state not in ENDED:
        return licence
    if after.state is State.VOID:
        return licences.release(licence, after.reserved())
    return licences.write_off(licence, after.reserved(), after.exported())


def visible_to(act: Act, caller: str, port: str) -> bool:
    """Whether a customs officer may see the act: those of the same customs and port."""
    return act.port == port and _domain(act.customs) == _domain(caller)


def _domain(uri: str) -> str:
    return uri.removeprefix("spiffe://").partition("/")[0]


def _by_code(declared: Sequence[DeclaredLot], masses: Mapping[Outpoint, int]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for lot in declared:
        for code in lot.control_codes:
            totals[code] = totals.get(code, 0) + masses.get(lot.outpoint, 0)
    return totals


def _check_same_lots(act: Act, lots: Sequence[WrittenOff]) -> None:
    declared = {lot.outpoint for lot in act.declared}
    named = [lot.outpoint for lot in lots]
    violations = [
        (f"lots[{position}].head", "was not declared, or stands here twice")
        for position, outpoint in enumerate(named)
        if outpoint not in declared or outpoint in named[:position]
    ]
    if declared - set(named):
        violations.append(("lots", "leaves out a declared lot; of one that stays behind say 0 g"))
    if not any(lot.gross_g for lot in lots):
        violations.append(("lots", "nothing of any lot left; end the act with CancelExport instead"))
    if violations:
        raise refusals.invalid(violations)
