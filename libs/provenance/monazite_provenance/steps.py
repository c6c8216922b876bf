"""The rule book: what each kind of step may spend and make, and what quota it needs.

Used by the registry before it signs and by every verifier after: one set of rules. Pure: values in, a verdict out, or a
ChainProblem raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from monazite_provenance import lot_ids, metering, uncertainty
from monazite_provenance.conservation import (
    ElementBalance,
    Finding,
    Portion,
    apportion,
    balance,
    check_physical,
    combine,
    findings,
)
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    CustodyModel,
    CustodyState,
    Details,
    LotContent,
    Mined,
    OpeningInventory,
    Recycled,
    RegisterDetails,
    TransformDetails,
)
from monazite_provenance.elements import FACTOR_TABLE
from monazite_provenance.errors import (
    CustodyModelLoosened,
    MassNotConserved,
    NotHolder,
    StepNotAllowed,
    UnsupportedVersion,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.metering import QuotaNeed, check_rights
from monazite_provenance.names import lot_urn, parse_spiffe, same_owner
from monazite_provenance.recovery import check_recovery
from monazite_provenance.settings import RuleSettings

__all__ = [
    "EXPORT_RECEIVER",
    "QuotaNeed",
    "StepVerdict",
    "accepted_outputs",
    "check_rights",
    "check_step",
    "is_export",
    "subject",
    "transit",
]

EXPORT_RECEIVER: Final = ("service", "export_license")
"""Path of the receiver that stands for customs: an offer to it is an offer to export."""


@dataclass(frozen=True, slots=True)
class StepVerdict:
    """What the rule book says of a step that it does not refuse.

    `required` is what quota the step needs, `drawn_mg` what it draws, `uncovered` what no draw covers: the registry
    then holds the outputs and opens a violation, because turning the step away would only hide it.
    """

    findings: tuple[Finding, ...] = ()
    required: tuple[QuotaNeed, ...] = ()
    drawn_mg: int = 0
    uncovered: tuple[QuotaNeed, ...] = ()
    balances: tuple[ElementBalance, ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    inputs: tuple[LotContent, ...]
    outputs: tuple[LotContent, ...]
    actor: str
    settings: RuleSettings


def check_step(
    kind: EventKind,
    inputs: Sequence[LotContent],
    outputs: Sequence[LotContent],
    details: Details,
    *,
    actor: str,
    settings: RuleSettings,
) -> StepVerdict:
    """Check one custody step. `inputs` stand in the order of the (ascending) spends; `actor` is the URI of who acts:
    the issuer, or the principal when a service signs on behalf.

    Raises the ChainProblem family, BadField for a wrong check digit or an unknown method, and UnsupportedVersion for a
    kind that this version has no rule for.
    """
    rule = _RULES.get(kind)
    if rule is None:
        raise UnsupportedVersion("no rule for this kind of step", kind=int(kind))
    if details.KIND is not kind:
        raise StepNotAllowed("details of another kind", kind=int(kind))
    if len(inputs) > settings.inputs_max or len(outputs) > settings.outputs_max:
        raise StepNotAllowed("too many inputs or outputs")
    step = _Step(tuple(inputs), tuple(outputs), actor, settings)
    _check_ids(step)
    return rule(step, details)


def subject(inputs: Sequence[LotContent], outputs: Sequence[LotContent]) -> str:
    """`sub` of a custody statement: the lot of output 0, else of spend 0. Raises StepNotAllowed without either."""
    for lots in (outputs, inputs):
        if lots:
            return lot_urn(lots[0].lot_id)
    raise StepNotAllowed("a custody step without lots")


def is_export(lot: LotContent) -> bool:
    """Whether a lot in transit is on its way to customs."""
    return lot.receiver is not None and parse_spiffe(lot.receiver).segments == EXPORT_RECEIVER


def transit(lot: LotContent) -> LotContent:
    """A lot taken out of transit: held by its shipper as before the offer."""
    return lot._replace(custody_state=CustodyState.HELD, receiver=None, remainder_lot_id=None, export=None)


def accepted_outputs(lot: LotContent, line: AcceptLine, site: str | None = None) -> tuple[LotContent, ...]:
    """What an acceptance makes of one lot in transit: the accepted part, then the returned part, each if over 0 g.

    The accepted part keeps the lot id and goes to the receiver at `site` (of an export: abroad, still the exporter's);
    the returned part takes the reserved id and goes back to the shipper. Raises MassNotConserved when the masses do not
    add up.
    """
    accepted, returned, _ = apportion(lot, (line.accepted_g, line.returned_g, line.shortage_g))
    back = transit(lot)
    outputs: list[LotContent] = []
    if line.accepted_g and is_export(lot):
        outputs.append(accepted.fill(back._replace(custody_state=CustodyState.ABROAD, site=site or lot.site)))
    elif line.accepted_g:
        receiver = str(parse_spiffe(lot.receiver or "").owner)
        outputs.append(accepted.fill(back._replace(holder=receiver, site=site or lot.site)))
    if line.returned_g:
        outputs.append(returned.fill(back._replace(lot_id=lot.remainder_lot_id or lot.lot_id)))
    return tuple(outputs)


def _check_ids(step: _Step) -> None:
    ids = [lot.lot_id for lot in step.outputs]
    reserved = [lot.remainder_lot_id for lot in step.outputs if lot.remainder_lot_id is not None]
    for lot_id in (*ids, *reserved):
        lot_ids.check(lot_id)
    if len({*ids, *reserved}) != len(ids) + len(reserved):
        raise StepNotAllowed("one lot id twice")


def _check_new_ids(step: _Step) -> None:
    if {lot.lot_id for lot in step.outputs} & {lot.lot_id for lot in step.inputs}:
        raise StepNotAllowed("a lot id that should have ended")


def _check_held(lots: Iterable[LotContent], actor: str) -> None:
    """Lots held, by who acts."""
    for lot in lots:
        if lot.custody_state is not CustodyState.HELD:
            raise StepNotAllowed("a lot that is not held", custody_state=int(lot.custody_state))
        if not same_owner(lot.holder, actor):
            raise NotHolder("a lot of another holder")


def _check_counts(step: _Step, inputs: range, outputs: range) -> None:
    if len(step.inputs) not in inputs or len(step.outputs) not in outputs:
        raise StepNotAllowed("number of inputs or outputs", inputs=len(step.inputs), outputs=len(step.outputs))


def _check_one_log(step: _Step) -> None:
    if len({lot.home_log for lot in (*step.inputs, *step.outputs)}) != 1:
        raise StepNotAllowed("lots of several home logs")


def _expect(actual: LotContent | None, expected: LotContent | None) -> None:
    """An output that the rules determine whole."""
    if actual == expected:
        return
    if actual is not None and expected is not None and Portion.of(actual) != Portion.of(expected):
        raise MassNotConserved("an output is not its exact part")
    raise StepNotAllowed("an output differs in more than this step may change")


def _check_measured(step: _Step) -> None:
    """Freshly measured outputs: physically possible, uncertainties from the table, factors of the version in force."""
    for lot in step.outputs:
        if lot.factor_table != FACTOR_TABLE:
            raise UnsupportedVersion("factor table unknown")
        check_physical(lot)
    uncertainty.check_lots(step.outputs)


def _check_model(step: _Step) -> None:
    """ISO 22095: never stricter than the inputs, and what is blended has lost its identity."""
    loosest = max(lot.custody_model for lot in step.inputs)
    if len(step.inputs) > 1:
        loosest = max(loosest, CustodyModel.SEGREGATED)
    if any(lot.custody_model < loosest for lot in step.outputs):
        raise CustodyModelLoosened("a stricter chain-of-custody model than the inputs allow", least=int(loosest))


def _quota_verdict(
    required: tuple[QuotaNeed, ...],
    details: RegisterDetails | TransformDetails,
    found: tuple[Finding, ...],
    balances: tuple[ElementBalance, ...] = (),
) -> StepVerdict:
    drawn_mg, uncovered = metering.cover(required, details.draws)
    for need in uncovered:
        metadata = {"quota_kind": need.kind.name, "uncovered_mg": str(need.reo_mg)}
        found = (*found, Finding("QUOTA_NOT_COVERED", "draws cover less than the step needs", metadata))
    return StepVerdict(found, required, drawn_mg, uncovered, balances)


def _register(step: _Step, details: Details) -> StepVerdict:
    assert isinstance(details, RegisterDetails)  # noqa: S101 - check_step compared the kinds
    _check_counts(step, range(1), range(1, step.settings.outputs_max + 1))
    _check_held(step.outputs, step.actor)
    _check_one_log(step)
    allowed = None
    if isinstance(details.origin, Mined):
        allowed = step.settings.mined_forms
    elif isinstance(details.origin, Recycled):
        allowed = step.settings.recycled_forms
    if allowed is not None and any(lot.form not in allowed for lot in step.outputs):
        raise StepNotAllowed("a form that this origin does not give")
    _check_measured(step)
    found: tuple[Finding, ...] = ()
    if isinstance(details.origin, OpeningInventory):
        found = (Finding("OPENING_INVENTORY", "stock that was there before the records; an officer must accept it"),)
    return _quota_verdict(metering.register_need(details.origin, step.outputs), details, found)


def _split(step: _Step, _details: Details) -> StepVerdict:
    _check_counts(step, range(1, 2), range(2, step.settings.outputs_max + 1))
    _check_held(step.inputs, step.actor)
    _check_new_ids(step)
    whole = step.inputs[0]
    for part, portion in zip(step.outputs, apportion(whole, [lot.gross_g for lot in step.outputs]), strict=True):
        _expect(part, portion.fill(whole._replace(lot_id=part.lot_id)))
    return StepVerdict()


def _merge(step: _Step, _details: Details) -> StepVerdict:
    _check_counts(step, range(2, step.settings.inputs_max + 1), range(1, 2))
    _check_held(step.inputs, step.actor)
    _check_new_ids(step)
    _check_one_log(step)
    if len({lot.form for lot in step.inputs}) != 1 or len({lot.factor_table for lot in step.inputs}) != 1:
        raise StepNotAllowed("lots of several forms or factor tables")
    _check_model(step)
    whole = step.outputs[0]
    portion, sources = combine(step.inputs)
    expected = step.inputs[0]._replace(
        lot_id=whole.lot_id, site=whole.site, custody_model=whole.custody_model, sources=sources
    )
    _expect(whole, portion.fill(expected))
    return StepVerdict()


def _transform(step: _Step, details: Details) -> StepVerdict:
    assert isinstance(details, TransformDetails)  # noqa: S101 - check_step compared the kinds
    _check_counts(step, range(1, step.settings.inputs_max + 1), range(1, step.settings.outputs_max + 1))
    _check_held((*step.inputs, *step.outputs), step.actor)
    _check_new_ids(step)
    _check_one_log(step)
    _check_model(step)
    _check_mineral(step)
    _check_measured(step)
    balances = balance(step.inputs, step.outputs, details.losses, details.reason_code, step.settings)
    found = (
        *findings(balances, details.reason_code, step.settings),
        *check_recovery(details.process, step.inputs, step.outputs),
    )
    required = metering.transform_need(step.inputs, step.outputs, step.settings)
    return _quota_verdict(required, details, found, balances)


def _check_mineral(step: _Step) -> None:
    """Nothing becomes mineral product again: it would be charged twice, or hide what it was."""
    mineral = step.settings.mined_forms
    if any(lot.form in mineral for lot in step.outputs) and any(lot.form not in mineral for lot in step.inputs):
        raise StepNotAllowed("mineral product made of something else")


def _offer(step: _Step, _details: Details) -> StepVerdict:
    _check_counts(step, range(1, step.settings.inputs_max + 1), range(len(step.inputs), len(step.inputs) + 1))
    _check_held(step.inputs, step.actor)
    taken = {lot.lot_id for lot in step.inputs}
    for held, offered in zip(step.inputs, step.outputs, strict=True):
        if offered.receiver is None or offered.remainder_lot_id is None:
            raise StepNotAllowed("an offer without receiver or without an id for the remainder")
        receiver = parse_spiffe(offered.receiver)
        if is_export(offered) is (offered.export is None):
            raise StepNotAllowed("an export limit stands in an offer to customs, and only there")
        if not is_export(offered) and (receiver.kind != "enterprise" or receiver != receiver.owner):
            raise StepNotAllowed("the receiver is not an enterprise")
        if same_owner(offered.receiver, held.holder):
            # Whoever is both sides of a transfer could write any mass off as a shortage that nobody else saw.
            raise StepNotAllowed("the receiver is the holder")
        if offered.remainder_lot_id in taken:
            raise StepNotAllowed("the remainder's id is taken")
        expected = held._replace(
            custody_state=CustodyState.IN_TRANSIT,
            receiver=offered.receiver,
            remainder_lot_id=offered.remainder_lot_id,
            export=offered.export,
        )
        _expect(offered, expected)
    return StepVerdict()


def _check_transit(lots: Iterable[LotContent]) -> None:
    for lot in lots:
        if lot.custody_state is not CustodyState.IN_TRANSIT:
            raise StepNotAllowed("a lot that is not in transit", custody_state=int(lot.custody_state))


def _cancel(step: _Step, _details: Details) -> StepVerdict:
    _check_counts(step, range(1, step.settings.inputs_max + 1), range(len(step.inputs), len(step.inputs) + 1))
    _check_transit(step.inputs)
    for offered, back in zip(step.inputs, step.outputs, strict=True):
        if not same_owner(offered.holder, step.actor):
            raise NotHolder("only the shipper takes an offer back")
        _expect(back, transit(offered))
    return StepVerdict()


def _accept(step: _Step, details: Details) -> StepVerdict:
    assert isinstance(details, AcceptDetails)  # noqa: S101 - check_step compared the kinds
    _check_counts(step, range(1, step.settings.inputs_max + 1), range(2 * len(step.inputs) + 1))
    _check_transit(step.inputs)
    if len(details.lines) != len(step.inputs):
        raise StepNotAllowed("not one line for each lot in transit")
    left = list(step.outputs)
    for offered, line in zip(step.inputs, details.lines, strict=True):
        _check_line(offered, line, step.actor)
        site = left[0].site if left and line.accepted_g else None
        expected = accepted_outputs(offered, line, site)
        for actual, wanted in zip_longest(left[: len(expected)], expected):
            _expect(actual, wanted)
        del left[: len(expected)]
    if left:
        raise StepNotAllowed("an output that no line of the acceptance makes")
    return StepVerdict(_shortage_findings(details))


def _check_line(offered: LotContent, line: AcceptLine, actor: str) -> None:
    if not same_owner(offered.receiver or "", actor):
        raise NotHolder("only the receiver accepts")
    if line.accepted_g + line.returned_g + line.shortage_g != offered.gross_g:
        raise MassNotConserved(
            "accepted, returned and shortage are not what was offered",
            offered_g=offered.gross_g,
            accepted_g=line.accepted_g,
            returned_g=line.returned_g,
            shortage_g=line.shortage_g,
        )
    if (line.returned_g or line.shortage_g) and not line.reason_code:
        raise StepNotAllowed("returned or short without a reason")
    if offered.export is not None and line.accepted_g > offered.export.max_gross_g:
        raise MassNotConserved(
            "more leaves than was offered for export", accepted_g=line.accepted_g, limit_g=offered.export.max_gross_g
        )


def _shortage_findings(details: AcceptDetails) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            "SHORTAGE",
            "less arrived than was sent",
            {"shortage_g": str(line.shortage_g), "reason_code": line.reason_code},
        )
        for line in details.lines
        if line.shortage_g
    )


_RULES: Final[dict[EventKind, Callable[[_Step, Details], StepVerdict]]] = {
    EventKind.REGISTER: _register,
    EventKind.SPLIT: _split,
    EventKind.MERGE: _merge,
    EventKind.TRANSFORM: _transform,
    EventKind.OFFER: _offer,
    EventKind.CANCEL: _cancel,
    EventKind.ACCEPT: _accept,
}
