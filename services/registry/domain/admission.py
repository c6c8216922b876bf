"""Decides one write against the registry's rows: once on what was read before signing, once more on locked rows.

`admit` changes nothing: it returns the rows that become different. A flush merges them before it decides the next write
of the batch, so that of two writes that spend the same head the second loses, as it would have in its own transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from monazite_provenance.names import parse_spiffe
from monazite_provenance.statement import Outpoint

from services.chassis.errors import not_found
from services.registry.domain import exports, refusals, rights
from services.registry.domain.change import (
    ActChange,
    Attest,
    CertifyKey,
    Change,
    EnterpriseChange,
    FreezeRight,
    HeadChange,
    IssueNames,
    ListEnterprise,
    LockAct,
    Name,
    NameUse,
    PlaceCut,
    PlaceHold,
    ReleaseHold,
    RightChange,
    Spend,
    Step,
)
from services.registry.domain.records import EnterpriseRow, HeadRow, NameRow, NameState, Rows


@dataclass(frozen=True, slots=True)
class Terms:
    """What a decision depends on beside the rows: this registry's log and the clock, Unix seconds."""

    home_log: str
    now: int


def admit(change: Change, rows: Rows, statement_id: bytes, terms: Terms) -> Rows:
    """The rows that `change` makes different. `statement_id`: of its statement; 32 zero bytes while it is not drafted.

    Raises Error for what is refused, Moved when a signed statement no longer says what is.
    """
    changed = Rows()
    if isinstance(change, Step):
        _step(change, rows, changed, statement_id, terms)
    elif isinstance(change, HeadChange):
        _say(change, rows, changed, statement_id)
    elif isinstance(change, RightChange):
        _end_right(change, rows, changed, statement_id)
    elif isinstance(change, ActChange):
        _move_act(change, rows, changed, statement_id)
    elif isinstance(change, EnterpriseChange):
        _enterprise(change, rows, changed)
    else:
        _issue(change, rows, changed)
    return changed


def _say(change: HeadChange, rows: Rows, changed: Rows, statement_id: bytes) -> None:
    match change:
        case PlaceHold():
            _place(change, rows, changed)
        case ReleaseHold():
            _release(change, rows, changed, statement_id)
        case PlaceCut():
            _cut(change, rows, changed, statement_id)
        case Attest():
            # A head that was found once is there for good.
            pass


def _end_right(change: RightChange, rows: Rows, changed: Rows, statement_id: bytes) -> None:
    right = rows.rights.get(change.right_id)
    if isinstance(change, FreezeRight):
        changed.rights[change.right_id] = rights.freeze(right, change.right_id)
    else:
        changed.rights[change.right_id] = rights.close(right, change.total_drawn_mg, statement_id)


def _move_act(change: ActChange, rows: Rows, changed: Rows, statement_id: bytes) -> None:
    if isinstance(change, LockAct):
        exports.lock(change, rows, changed, statement_id)
    else:
        exports.void(change, rows, changed, statement_id)


def _enterprise(change: EnterpriseChange, rows: Rows, changed: Rows) -> None:
    if isinstance(change, ListEnterprise):
        if change.enterprise_id in rows.enterprises:
            raise refusals.exists("enterprise", change.enterprise_id)
        changed.enterprises[change.enterprise_id] = EnterpriseRow(change.enterprise_id, change.activities)
        return
    row = _listed(rows, change.enterprise_id)
    if isinstance(change, CertifyKey) and change.own_signature_only:
        changed.enterprises[change.enterprise_id] = replace(row, own_signature_only=True)


def _place(change: PlaceHold, rows: Rows, changed: Rows) -> None:
    head = _current(rows, change.lot_id, change.outpoint)
    if change.reason_code in head.holds:
        raise refusals.exists("hold", change.reason_code)
    changed.heads[head.outpoint] = replace(head, holds=(*head.holds, change.reason_code))


def _release(change: ReleaseHold, rows: Rows, changed: Rows, statement_id: bytes) -> None:
    """Ends the hold that the release refers to, and no other of the same reason that was placed meanwhile."""
    head = _current(rows, change.lot_id, change.outpoint)
    hold = rows.holds.get(change.hold_id)
    if hold is None or hold.released_by is not None:
        raise refusals.Moved
    changed.holds[hold.hold_id] = replace(hold, released_by=statement_id)
    holds = tuple(reason for reason in head.holds if reason != hold.reason_code)
    changed.heads[head.outpoint] = replace(head, holds=holds)


def _cut(change: PlaceCut, rows: Rows, changed: Rows, statement_id: bytes) -> None:
    """What was verified is still so: nobody has spent the head or placed a hold on it, and it has no cut yet."""
    head = _current(rows, change.lot_id, change.outpoint)
    if head.holds:
        raise refusals.lot_held(head.lot_id, head.holds)
    if change.outpoint in rows.cuts:
        raise refusals.Moved
    changed.cuts[change.outpoint] = statement_id


def _listed(rows: Rows, enterprise_id: str) -> EnterpriseRow:
    row = rows.enterprises.get(enterprise_id)
    if row is None:
        raise refusals.not_listed(enterprise_id, "anything")
    return row


def _step(step: Step, rows: Rows, changed: Rows, statement_id: bytes, terms: Terms) -> None:
    if step.act is None:
        enterprise = _listed(rows, step.enterprise_id)
        if step.on_behalf and enterprise.own_signature_only:
            raise refusals.own_signature_only(step.enterprise_id)
        for activity in sorted(step.activities - enterprise.activities):
            raise refusals.not_listed(step.enterprise_id, activity)
        _check_receivers(step, rows)
    else:
        exports.end(step.act, rows, changed, statement_id)
    for spend in step.spends:
        changed.heads[spend.outpoint] = _spend(spend, rows, statement_id)
    for name in step.names:
        changed.names[name.lot_id] = _name(name, step, rows, statement_id)
    for asked in step.draws:
        row = changed.rights.get(asked.right_id) or rows.rights.get(asked.right_id)
        changed.rights[asked.right_id] = rights.draw(
            row, asked, holder=step.holder, home_log=terms.home_log, now=terms.now
        )


def _check_receivers(step: Step, rows: Rows) -> None:
    """Only who is on the register can accept: an offer to anybody else would sit in transit until it is cancelled."""
    home = parse_spiffe(step.holder).domain
    unlisted = [
        # A caller that lets us sign names one receiver for all lots.
        ("receiver" if step.on_behalf else f"statement.outputs[{index}].receiver", str(receiver))
        for index, receiver in step.receivers
        if receiver.domain != home or receiver.segments[1] not in rows.enterprises
    ]
    if unlisted:
        raise refusals.receivers_not_listed(list(dict.fromkeys(unlisted)))


def _spend(spend: Spend, rows: Rows, statement_id: bytes) -> HeadRow:
    head = rows.heads.get(spend.outpoint)
    if head is None:
        raise not_found("lot", refusals.outpoint_name(spend.outpoint))
    if head.spent_by is not None:
        raise refusals.stale(spend.outpoint, head.spent_by)
    if head.act_id != spend.unlocks:
        if head.act_id is None:
            raise refusals.Moved
        raise refusals.export_locked(head.lot_id, head.act_id)
    if head.holds:
        if spend.unlocks is not None:
            # The act must end void instead.
            raise refusals.Moved
        raise refusals.lot_held(head.lot_id, head.holds)
    return replace(head, spent_by=statement_id, act_id=None)


def _name(name: Name, step: Step, rows: Rows, statement_id: bytes) -> NameRow:
    row = rows.names.get(name.lot_id)
    if row is None:
        raise refusals.lot_id_unknown(name.lot_id)
    head = row.head if name.output is None else Outpoint(statement_id, name.output)
    match name.use:
        case NameUse.BEAR | NameUse.RESERVE:
            if row.enterprise_id != step.enterprise_id:
                raise refusals.lot_id_unknown(name.lot_id)
            if row.state is not NameState.ISSUED:
                raise refusals.lot_id_used(name.lot_id)
            state = NameState.BORN if name.use is NameUse.BEAR else NameState.RESERVED
        case NameUse.BEAR_RESERVED:
            if row.state is not NameState.RESERVED:
                raise refusals.lot_id_used(name.lot_id)
            state = NameState.BORN
        case NameUse.GIVE_BACK:
            state = NameState.ISSUED
        case NameUse.KEEP:
            state = NameState.BORN
    return replace(row, state=state, head=head)


def _current(rows: Rows, lot_id: str, outpoint: Outpoint) -> HeadRow:
    """The head that a hold speaks about, if it is still the lot's."""
    head = rows.heads.get(outpoint)
    if head is None:
        raise not_found("lot", lot_id)
    if head.spent_by is not None:
        raise refusals.Moved
    return head


def _issue(change: IssueNames, rows: Rows, changed: Rows) -> None:
    _listed(rows, change.enterprise_id)
    for lot_id in change.lot_ids:
        if lot_id in rows.names:
            # 60 random bits met twice: draw others.
            raise refusals.Moved
        changed.names[lot_id] = NameRow(lot_id, change.enterprise_id, NameState.ISSUED)
