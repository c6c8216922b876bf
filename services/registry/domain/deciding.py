"""From a drafted step to what it asks of the rows: the library's rule book first, then what only the registry knows.

The same for a step that the registry drafted and for one that an enterprise signed itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monazite_provenance.contents import (
    AcceptDetails,
    CustodyState,
    Draw,
    Form,
    Imported,
    LotContent,
    Mined,
    OpeningInventory,
    Origin,
    Recycled,
    RegisterDetails,
    TransformDetails,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import SpiffeId, parse_spiffe
from monazite_provenance.settings import RuleSettings
from monazite_provenance.steps import StepVerdict, attested, check_step, is_export

from services.registry.domain import refusals
from services.registry.domain.change import DrawOn, ExportEnd, Name, NameUse, NewHead, Spend, Step
from services.registry.domain.drafting import DraftedStep
from services.registry.domain.records import Activity, RightTerms

_FROM_TRANSIT = frozenset({EventKind.CANCEL, EventKind.ACCEPT})
QUOTA_NOT_COVERED = "QUOTA_NOT_COVERED"
"""Reason of the hold on what was registered without enough quota."""
OPENING_INVENTORY = "OPENING_INVENTORY"
"""Reason of the hold on stock that was there before the records."""


_OF_ORIGIN: Mapping[type[Origin], Activity] = {
    Mined: Activity.MINE,
    Imported: Activity.IMPORT,
    Recycled: Activity.RECYCLE,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Whose step it is. `uri` and `enterprise_id` of the holder in whose name it happens; `signed`: who acts, for
    the rule book.
    """

    enterprise_id: str
    uri: str
    acts_as: str
    on_behalf: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """A step that the rules allow: what it asks of the rows, and what the rule book said."""

    step: Step
    verdict: StepVerdict


def decide(
    drafted: DraftedStep,
    contents: Sequence[bytes],
    actor: Actor,
    presented: Mapping[bytes, RightTerms],
    *,
    home_log: str,
    settings: RuleSettings,
    export: ExportEnd | None = None,
) -> Decided:
    """Decide a step. `contents`: its outputs, encoded; `presented`: verified rights that came with it.

    Raises ProvenanceError from the rule book; STEP_NOT_ALLOWED for lots of another registry and draws without their
    refs.
    """
    if drafted.kind in _FROM_TRANSIT:
        for lot in drafted.inputs:
            if lot.custody_state is not CustodyState.IN_TRANSIT:
                raise refusals.not_in_transit(lot.lot_id, "is not in transit")
    verdict = check_step(
        drafted.kind, drafted.inputs, drafted.outputs, drafted.details, actor=actor.acts_as, settings=settings
    )
    if any(lot.home_log != home_log for lot in drafted.outputs):
        raise refusals.step_not_allowed("a lot of another registry's log")
    _check_attestations(drafted)
    draws = _draws(drafted, verdict, presented)
    hold = _hold(drafted, verdict)
    uses = _uses(drafted)
    step = Step(
        enterprise_id=actor.enterprise_id,
        holder=actor.uri,
        on_behalf=actor.on_behalf,
        activities=_activities(drafted),
        spends=tuple(
            Spend(spend, lot.lot_id, None if export is None else export.act_id)
            for spend, lot in zip(drafted.spends, drafted.inputs, strict=True)
        ),
        names=uses,
        outputs=_outputs(drafted, contents, uses, hold),
        draws=draws,
        act=export,
        receivers=_receivers(drafted),
    )
    return Decided(step, verdict)


def _check_attestations(drafted: DraftedStep) -> None:
    measures = drafted.kind in {EventKind.REGISTER, EventKind.TRANSFORM}
    if measures and not attested(drafted.outputs) <= set(drafted.refs):
        raise refusals.step_not_allowed("masses of an attestation that the statement does not refer to")


def _receivers(drafted: DraftedStep) -> tuple[tuple[int, SpiffeId], ...]:
    """The enterprises to which an offer is made, each with the output that goes there; licensing is no enterprise."""
    if drafted.kind is not EventKind.OFFER:
        return ()
    named = [(index, parse_spiffe(lot.receiver)) for index, lot in enumerate(drafted.outputs) if lot.receiver]
    return tuple((index, receiver) for index, receiver in named if receiver.kind == "enterprise")


def _hold(drafted: DraftedStep, verdict: StepVerdict) -> str | None:
    """Why the outputs may not be spent before an officer has looked: turning the step away would only hide it."""
    if verdict.uncovered:
        return QUOTA_NOT_COVERED
    if isinstance(drafted.details, RegisterDetails) and isinstance(drafted.details.origin, OpeningInventory):
        # Else anybody would have any stock, free of quota, by saying that it was always there.
        return OPENING_INVENTORY
    return None


def _draws(drafted: DraftedStep, verdict: StepVerdict, presented: Mapping[bytes, RightTerms]) -> tuple[DrawOn, ...]:
    details = drafted.details
    if not isinstance(details, RegisterDetails | TransformDetails) or not details.draws:
        return ()
    sums = _sums(details.draws)
    if not set(sums) <= set(drafted.refs):
        raise refusals.step_not_allowed("a draw on a right that the statement does not refer to")
    if not verdict.required or 0 in sums.values():
        raise refusals.step_not_allowed("a draw of nothing")
    sites = frozenset(lot.site for lot in drafted.outputs if lot.form is not Form.RESIDUE)
    kind = verdict.required[0].kind
    return tuple(
        DrawOn(right_id, reo_mg, kind, sites, presented.get(right_id)) for right_id, reo_mg in sorted(sums.items())
    )


def _sums(draws: Sequence[Draw]) -> dict[bytes, int]:
    sums: dict[bytes, int] = {}
    for draw in draws:
        sums[draw.right_id] = sums.get(draw.right_id, 0) + draw.reo_mg
    return sums


def _activities(drafted: DraftedStep) -> frozenset[Activity]:
    """What an enterprise must be listed for to do this (Decree 785 art. 10, 11, 22)."""
    if isinstance(drafted.details, RegisterDetails):
        activity = _OF_ORIGIN.get(type(drafted.details.origin))
        return frozenset() if activity is None else frozenset({activity})
    if drafted.kind is EventKind.OFFER:
        return frozenset({Activity.EXPORT} if any(map(is_export, drafted.outputs)) else ())
    return _processing(drafted) if drafted.kind is EventKind.TRANSFORM else frozenset()


def _processing(drafted: DraftedStep) -> frozenset[Activity]:
    fed = {lot.form for lot in drafted.inputs}
    made = {lot.form for lot in drafted.outputs} - fed
    needed: set[Activity] = set()
    if fed & {Form.ORE_CONCENTRATE, Form.RESIDUE} and made - {Form.RESIDUE}:
        needed.add(Activity.SEPARATE)
    if made & {Form.METAL, Form.ALLOY}:
        needed.add(Activity.SMELT_METAL)
    if Form.MAGNET in made:
        needed.add(Activity.MAKE_MAGNETS)
    return frozenset(needed)


def _uses(drafted: DraftedStep) -> tuple[Name, ...]:
    """What becomes of every lot id that the step names."""
    match drafted.kind:
        case EventKind.OFFER:
            kept = [Name(lot.lot_id, NameUse.KEEP, index) for index, lot in enumerate(drafted.outputs)]
            return (*kept, *(Name(_remainder(lot), NameUse.RESERVE) for lot in drafted.outputs))
        case EventKind.CANCEL:
            kept = [Name(lot.lot_id, NameUse.KEEP, index) for index, lot in enumerate(drafted.outputs)]
            return (*kept, *(Name(_remainder(lot), NameUse.GIVE_BACK) for lot in drafted.inputs))
        case EventKind.ACCEPT:
            return _accepted_uses(drafted)
        case _:
            return tuple(Name(lot.lot_id, NameUse.BEAR, index) for index, lot in enumerate(drafted.outputs))


def _accepted_uses(drafted: DraftedStep) -> tuple[Name, ...]:
    """The accepted part keeps the id, the returned one is born with the reserved id, which is given back when
    nothing returns.
    """
    assert isinstance(drafted.details, AcceptDetails)  # noqa: S101 - the rule book compared the kinds
    uses: list[Name] = []
    index = 0
    for lot, line in zip(drafted.inputs, drafted.details.lines, strict=True):
        if line.accepted_g:
            uses.append(Name(lot.lot_id, NameUse.KEEP, index))
            index += 1
        if line.returned_g:
            uses.append(Name(_remainder(lot), NameUse.BEAR_RESERVED, index))
            index += 1
        else:
            uses.append(Name(_remainder(lot), NameUse.GIVE_BACK))
    return tuple(uses)


def _remainder(lot: LotContent) -> str:
    if lot.remainder_lot_id is None:
        raise refusals.not_in_transit(lot.lot_id, "is not in transit")
    return lot.remainder_lot_id


def _outputs(
    drafted: DraftedStep, contents: Sequence[bytes], uses: Sequence[Name], hold: str | None
) -> tuple[NewHead, ...]:
    born = {name.lot_id for name in uses if name.use in {NameUse.BEAR, NameUse.BEAR_RESERVED}}
    return tuple(
        NewHead(
            lot_id=lot.lot_id,
            holder=lot.holder,
            receiver=lot.receiver,
            state=lot.custody_state,
            gross_g=lot.gross_g,
            reo_mg=lot.reo_mg,
            content=content,
            born=lot.lot_id in born,
            hold=hold,
        )
        for lot, content in zip(drafted.outputs, contents, strict=True)
    )
