"""The rule book: what each kind of step may spend and make, and what quota it needs.

Used by the registry before it signs and by every verifier after: one set of rules. Pure: values in, a verdict out, or a
ChainProblem raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from monazite_provenance import lot_ids, metering
from monazite_provenance._amendments import adjust, annul, consume, correct
from monazite_provenance._step_checks import (
    Prior,
    Step,
    StepVerdict,
    check_counts,
    check_held,
    check_measured,
    check_model,
    check_new_ids,
    check_one_log,
    check_origin,
    expect,
    quota_verdict,
)
from monazite_provenance._transfers import (
    EXPORT_RECEIVER,
    accept,
    accepted_outputs,
    cancel,
    divert,
    give_back,
    is_export,
    offer,
    returned_outputs,
    transit,
)
from monazite_provenance.conservation import apportion, balance, combine, findings
from monazite_provenance.contents import (
    CorrectDetails,
    Details,
    LotContent,
    RegisterDetails,
    TransformDetails,
)
from monazite_provenance.errors import StepNotAllowed
from monazite_provenance.kinds import EventKind
from monazite_provenance.metering import QuotaNeed, check_rights
from monazite_provenance.names import lot_urn
from monazite_provenance.recovery import check_recovery
from monazite_provenance.settings import RuleSettings

__all__ = [
    "EXPORT_RECEIVER",
    "Prior",
    "QuotaNeed",
    "StepVerdict",
    "accepted_outputs",
    "attested",
    "check_ids",
    "check_rights",
    "check_step",
    "is_export",
    "returned_outputs",
    "subject",
    "transit",
]


def check_step(
    kind: EventKind,
    inputs: Sequence[LotContent],
    outputs: Sequence[LotContent],
    details: Details,
    *,
    actor: str,
    settings: RuleSettings,
    prior: Prior | None = None,
    explained: Mapping[int, int] | None = None,
) -> StepVerdict:
    """Check one custody step. `inputs` stand in the order of the (ascending) spends; `actor` is the URI of who acts:
    the issuer, or the principal when a service signs on behalf. `prior`: the statement that is annulled or corrected.
    `explained`: of an adjustment that follows a correction, milligrams REO by atomic number that corrections found more
    of what was spent, and that no adjustment has taken up before; of the correction of such a one, what it took up.

    Raises the ChainProblem family, BadField for a wrong check digit or an unknown method, and UnsupportedVersion for a
    factor table that is not known here.
    """
    rule = _RULES.get(kind)
    if rule is None:
        raise StepNotAllowed("not a custody step", kind=int(kind))
    if details.KIND is not kind:
        raise StepNotAllowed("details of another kind", kind=int(kind))
    check_counts(kind, len(inputs), len(outputs), settings)
    step = Step(tuple(inputs), tuple(outputs), actor, settings, prior, explained or {})
    check_ids(step.outputs)
    return rule(step, details)


def subject(inputs: Sequence[LotContent], outputs: Sequence[LotContent], details: Details | None = None) -> str:
    """`sub` of a custody statement: the lot of output 0, else of spend 0, else (of a correction of what was spent) the
    lot in the details. Raises StepNotAllowed without any.
    """
    for lots in (outputs, inputs):
        if lots:
            return lot_urn(lots[0].lot_id)
    if isinstance(details, CorrectDetails) and details.lot is not None:
        return lot_urn(details.lot.lot_id)
    raise StepNotAllowed("a custody step without lots")


def attested(lots: Iterable[LotContent]) -> frozenset[bytes]:
    """Ids of the attestations that the lots' masses name: a statement that measures them refers to each."""
    return frozenset(source.attestation for lot in lots for source in lot.sources if source.attestation is not None)


def check_ids(outputs: Sequence[LotContent]) -> None:
    """The ids of a step's outputs, remainders included, have the right check characters and stand once.

    Raises BadField, StepNotAllowed.
    """
    ids = [lot.lot_id for lot in outputs]
    reserved = [lot.remainder_lot_id for lot in outputs if lot.remainder_lot_id is not None]
    for lot_id in (*ids, *reserved):
        lot_ids.check(lot_id)
    if len({*ids, *reserved}) != len(ids) + len(reserved):
        raise StepNotAllowed("one lot id twice")


def _register(step: Step, details: Details) -> StepVerdict:
    assert isinstance(details, RegisterDetails)  # noqa: S101 - check_step compared the kinds
    check_held(step.outputs, step.actor)
    check_one_log(step)
    found = check_origin(details.origin, step.outputs, step.settings)
    check_measured(step.outputs)
    required = metering.register_need(details.origin, step.outputs)
    return quota_verdict(required, details.draws, found, charged_mg=step.charged_mg)


def _split(step: Step, _details: Details) -> StepVerdict:
    check_held(step.inputs, step.actor)
    check_new_ids(step)
    whole = step.inputs[0]
    for part, portion in zip(step.outputs, apportion(whole, [lot.gross_g for lot in step.outputs]), strict=True):
        expect(part, portion.fill(whole._replace(lot_id=part.lot_id)))
    return StepVerdict()


def _merge(step: Step, _details: Details) -> StepVerdict:
    check_held(step.inputs, step.actor)
    check_new_ids(step)
    check_one_log(step)
    if len({lot.form for lot in step.inputs}) != 1 or len({lot.factor_table for lot in step.inputs}) != 1:
        raise StepNotAllowed("lots of several forms or factor tables")
    check_model(step)
    whole = step.outputs[0]
    portion, sources = combine(step.inputs)
    expected = step.inputs[0]._replace(
        lot_id=whole.lot_id, site=whole.site, custody_model=whole.custody_model, sources=sources
    )
    expect(whole, portion.fill(expected))
    return StepVerdict()


def _transform(step: Step, details: Details) -> StepVerdict:
    assert isinstance(details, TransformDetails)  # noqa: S101 - check_step compared the kinds
    check_held((*step.inputs, *step.outputs), step.actor)
    check_new_ids(step)
    check_one_log(step)
    check_model(step)
    _check_mineral(step)
    check_measured(step.outputs)
    balances = balance(step.inputs, step.outputs, details.losses, details.reason_code, step.settings)
    found = (
        *findings(balances, details.reason_code, step.settings),
        *check_recovery(details.process, step.inputs, step.outputs),
    )
    required = metering.transform_need(step.inputs, step.outputs, step.settings)
    return quota_verdict(required, details.draws, found, balances, charged_mg=step.charged_mg)


def _check_mineral(step: Step) -> None:
    """Nothing becomes mineral product again: it would be charged twice, or hide what it was."""
    mineral = step.settings.mined_forms
    if any(lot.form in mineral for lot in step.outputs) and any(lot.form not in mineral for lot in step.inputs):
        raise StepNotAllowed("mineral product made of something else")


_RULES: Final[dict[EventKind, Callable[[Step, Details], StepVerdict]]] = {
    EventKind.REGISTER: _register,
    EventKind.RETURN: give_back,
    EventKind.SPLIT: _split,
    EventKind.MERGE: _merge,
    EventKind.TRANSFORM: _transform,
    EventKind.OFFER: offer,
    EventKind.CANCEL: cancel,
    EventKind.ACCEPT: accept,
    EventKind.DIVERT: divert,
    EventKind.ADJUST: adjust,
    EventKind.CONSUME: consume,
    EventKind.ANNUL: annul,
    EventKind.CORRECT: lambda step, details: correct(step, details, _again),
}


def _again(kind: EventKind, step: Step, details: Details) -> StepVerdict:
    check_ids(step.outputs)
    return _RULES[kind](step, details)
