"""Export acts: locked, then exported or void, once. An act never seen can be voided, and is void from then on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monazite_provenance.contents import AcceptLine, CustodyState, ExportIntentDetails, LotContent
from monazite_provenance.statement import Outpoint

from services.chassis.errors import not_found
from services.registry.domain import refusals
from services.registry.domain.change import ExportEnd, LockAct, VoidAct
from services.registry.domain.records import ActRow, ActState, Rows


def lock(change: LockAct, rows: Rows, changed: Rows, statement_id: bytes) -> None:
    """Open an act and lock its heads.

    Raises EXPORT_ACT_ENDED, EXPORT_LOCKED, LOT_HELD, STALE, NOT_FOUND; CONFLICT when the act is open with something
    else.
    """
    act = rows.acts.get(change.act_id)
    if act is not None:
        raise refusals.Moved() if act.state is ActState.LOCKED else refusals.export_act_ended(act.act_id, act.state)
    for outpoint in change.heads:
        head = rows.heads.get(outpoint)
        if head is None:
            raise not_found("lot", refusals.outpoint_name(outpoint))
        if head.spent_by is not None:
            raise refusals.stale(outpoint, head.spent_by)
        if head.act_id is not None:
            raise refusals.export_locked(head.lot_id, head.act_id)
        if head.holds:
            raise refusals.lot_held(head.lot_id, head.holds)
        changed.heads[outpoint] = replace(head, act_id=change.act_id)
    changed.acts[change.act_id] = ActRow(change.act_id, ActState.LOCKED, change.licence_id, change.heads, statement_id)


def void(change: VoidAct, rows: Rows, changed: Rows, statement_id: bytes) -> None:
    """End an act without export and unlock its heads. Raises Moved when it ended meanwhile, or was locked meanwhile."""
    act = rows.acts.get(change.act_id)
    heads = () if act is None else act.heads
    if heads != change.heads or (act is not None and act.state is not ActState.LOCKED):
        raise refusals.Moved
    for outpoint in heads:
        head = rows.heads[outpoint]
        changed.heads[outpoint] = replace(head, act_id=None)
    known = act or ActRow(change.act_id, ActState.VOID, None, ())
    changed.acts[change.act_id] = replace(known, state=ActState.VOID, ended_by=statement_id)


def end(export: ExportEnd, rows: Rows, changed: Rows, statement_id: bytes) -> None:
    """End an act by its export. Raises Moved unless it is open."""
    act = rows.acts.get(export.act_id)
    if act is None or act.state is not ActState.LOCKED:
        raise refusals.Moved
    ended = replace(act, state=ActState.EXPORTED, ended_by=statement_id, intent_id=export.intent_id)
    changed.acts[export.act_id] = ended


def check_offered(lot: LotContent, *, licensing: str, licence_id: bytes) -> None:
    """Check that a lot is in transit to licensing under the licence. Raises NOT_IN_TRANSIT."""
    if lot.custody_state is not CustodyState.IN_TRANSIT or lot.receiver != licensing:
        raise refusals.not_in_transit(lot.lot_id, "is not offered for export")
    if lot.export is None or lot.export.licence_id != licence_id:
        raise refusals.not_in_transit(lot.lot_id, "is not offered under this licence")


@dataclass(frozen=True, slots=True)
class ExportedLot:
    """One locked head, its content, and how much of it the intent lets leave, grams gross."""

    outpoint: Outpoint
    lot: LotContent
    gross_g: int


def check_intent(intent: ExportIntentDetails, act: ActRow, lots: dict[Outpoint, LotContent]) -> tuple[ExportedLot, ...]:
    """The locked lots with the mass that leaves, in order of their outpoints.

    Raises STEP_NOT_ALLOWED when the intent is of another act or licence, names other heads, or more than was offered.
    """
    if intent.act_id != act.act_id or intent.licence_id != act.licence_id:
        raise refusals.step_not_allowed("the export-intent is of another act or licence")
    masses = {mass.outpoint: mass.gross_g for mass in intent.masses}
    if len(masses) != len(intent.masses) or not set(masses) == set(lots) == set(act.heads):
        raise refusals.step_not_allowed("the export-intent names other lots than were locked")
    exported: list[ExportedLot] = []
    for outpoint in sorted(masses):
        lot = lots[outpoint]
        most_g = lot.export.max_gross_g if lot.export is not None else 0
        if masses[outpoint] > most_g:
            raise refusals.step_not_allowed(
                "the export-intent lets more leave than was offered",
                lot_id=lot.lot_id,
                offered_g=most_g,
                asked_g=masses[outpoint],
            )
        exported.append(ExportedLot(outpoint, lot, masses[outpoint]))
    return tuple(exported)


def accept_lines(exported: tuple[ExportedLot, ...], reason_code: str) -> tuple[AcceptLine, ...]:
    """What is accepted out of the country and what goes back, in order of the spends."""
    return tuple(
        AcceptLine(
            each.gross_g, each.lot.gross_g - each.gross_g, 0, "" if each.gross_g == each.lot.gross_g else reason_code
        )
        for each in exported
    )
