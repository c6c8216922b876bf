"""What changes the record of a lot, or ends it, without a process: adjust, consume, annul, correct."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from monazite_provenance import uncertainty
from monazite_provenance._frozen import replace
from monazite_provenance._step_checks import (
    Prior,
    Step,
    StepVerdict,
    check_factors,
    check_held,
    known_prior,
)
from monazite_provenance.conservation import (
    Finding,
    Portion,
    apportion,
    check_physical,
    record_findings,
    refuse_gains,
    refuse_losses,
    weigh,
)
from monazite_provenance.contents import (
    AdjustDetails,
    Attested,
    ConsumeDetails,
    CorrectDetails,
    Details,
    LotContent,
    LotField,
    RegisterDetails,
    Stocktake,
    TransformDetails,
)
from monazite_provenance.errors import CustodyModelLoosened, StepNotAllowed
from monazite_provenance.kinds import EventKind
from monazite_provenance.metering import still_charged

_LotFields = dict[LotField, str]
_NAMES: Final[_LotFields] = {field: field.name.lower() for field in LotField}
_MEASURED: Final = frozenset(
    {LotField.GROSS_G, LotField.NET_G, LotField.MOISTURE_G, LotField.ROWS, LotField.SOURCES, LotField.FACTOR_TABLE}
)


def changed(old: LotContent, new: LotContent) -> tuple[LotField, ...]:
    """Which fields of a lot differ, ascending. Raises StepNotAllowed where any other does, or none at all."""
    fields = tuple(field for field, name in _NAMES.items() if getattr(old, name) != getattr(new, name))
    if old._replace(**{_NAMES[field]: getattr(new, _NAMES[field]) for field in fields}) != new:
        raise StepNotAllowed("an output differs in more than this step may change")
    if not fields:
        raise StepNotAllowed("nothing is changed")
    return fields


def adjust(step: Step, details: Details) -> StepVerdict:
    """A lot is measured again. What is more than was on record wants a reason and is a finding; so is what vanishes."""
    assert isinstance(details, AdjustDetails)  # noqa: S101 - check_step compared the kinds
    check_held((*step.inputs, *step.outputs), step.actor)
    (old,), (new,) = step.inputs, step.outputs
    if not _MEASURED.issuperset(changed(old, new)):
        raise StepNotAllowed("an adjustment of more than what was measured")
    check_factors(new)
    check_physical(new)
    fresh = _fresh(old, new, details)
    uncertainty.check_lots([new._replace(rows=fresh.rows)])
    _check_sources(fresh, details)
    balances = weigh([old], [new])
    if not isinstance(details.basis, Attested):
        refuse_gains(balances, step.settings, step.explained)
    if details.reason_code is None and any(each.difference_mg < 0 for each in balances):
        raise StepNotAllowed("more than was on record, and no reason is given")
    refuse_losses(balances, details.reason_code, step.settings)
    return StepVerdict(record_findings(balances, details.reason_code, step.settings), balances=balances)


def _fresh(old: LotContent, new: LotContent, details: AdjustDetails) -> LotContent:
    """The new lot with only those rows that were not there before. A count that finds less takes its part of all."""
    if isinstance(details.basis, Stocktake) and new.gross_g <= old.gross_g and new.sources == old.sources:
        part, _ = apportion(old, (new.gross_g, old.gross_g - new.gross_g))
        if part == Portion.of(new):
            return new._replace(rows=())
    known = {(*row[:4], old.sources[row.source_index]) for row in old.rows}
    return new._replace(rows=tuple(row for row in new.rows if (*row[:4], new.sources[row.source_index]) not in known))


def _check_sources(fresh: LotContent, details: AdjustDetails) -> None:
    basis = details.basis
    attestation = basis.attestation if isinstance(basis, Attested) else None
    if any(fresh.sources[row.source_index].attestation != attestation for row in fresh.rows):
        raise StepNotAllowed("a new mass of another source than the adjustment rests on")
    if attestation is not None and not fresh.rows:
        raise StepNotAllowed("an adjustment that takes nothing from its attestation")


def consume(step: Step, details: Details) -> StepVerdict:
    """Lots end in use. Feed that no smelting-separation quota was charged on is a finding: it never will be."""
    assert isinstance(details, ConsumeDetails)  # noqa: S101 - check_step compared the kinds
    check_held(step.inputs, step.actor)
    return StepVerdict(
        tuple(
            Finding(
                "CONSUMED_UNCHARGED",
                "feed used up before smelting-separation was charged on it",
                {"lot_id": lot.lot_id, "reo_mg": str(lot.reo_mg), "use": details.use},
            )
            for lot in step.inputs
            if lot.form in step.settings.metered_feeds
        )
    )


def annul(step: Step, _details: Details) -> StepVerdict:
    """A register that nothing followed is taken back, with all that it made, by whose it was."""
    check_held(step.inputs, step.actor)
    prior = known_prior(step)
    if prior.kind is not EventKind.REGISTER:
        raise StepNotAllowed("only a register is annulled", kind=int(prior.kind))
    if prior.outputs != step.inputs:
        raise StepNotAllowed("an annulment of some of what the register made, or of what was corrected since")
    return StepVerdict()


def correct(step: Step, details: Details, again: Callable[[EventKind, Step, Details], StepVerdict]) -> StepVerdict:
    """What a statement should have said of one output: the rule of the statement is applied `again` with the corrected
    lot in its place. Of a spent one nothing is made; adjustments of what came of it follow.
    """
    assert isinstance(details, CorrectDetails)  # noqa: S101 - check_step compared the kinds
    prior = known_prior(step)
    index = prior.index
    old, new = _pair(step, details, prior)
    check_held((old, new), step.actor)
    outputs = (*prior.outputs[:index], new, *prior.outputs[index + 1 :])
    told = _with_draws(prior.details, details)
    if changed(old, new) != details.fields:
        raise StepNotAllowed("other fields differ than the correction names")
    if new.custody_model < old.custody_model:
        raise CustodyModelLoosened("a correction to a stricter chain-of-custody model", least=int(old.custody_model))
    verdict = _judged_again(step, prior, outputs, told, again)
    balances = weigh([old], [new])
    metadata = {
        "statement_id": details.outpoint.statement_id.hex(),
        "lot_id": new.lot_id,
        "fields": ", ".join(_NAMES[field] for field in details.fields),
        "reason_code": details.reason_code,
    }
    found = (
        Finding("CORRECTED", "said otherwise since", metadata),
        *record_findings(balances, details.reason_code, step.settings),
        *verdict.findings,
    )
    return replace(verdict, findings=found)


def _judged_again(
    step: Step,
    prior: Prior,
    outputs: tuple[LotContent, ...],
    told: Details,
    again: Callable[[EventKind, Step, Details], StepVerdict],
) -> StepVerdict:
    """The verdict on the corrected statement, which draws no less than what stays charged."""
    charged_mg = 0
    if isinstance(prior.details, RegisterDetails | TransformDetails) and prior.details.draws:
        bare = replace(prior.details, draws=())
        before, after = (
            again(prior.kind, Step(prior.inputs, lots, prior.actor, step.settings), bare).required
            for lots in (prior.outputs, outputs)
        )
        charged_mg = still_charged(_drawn_mg(prior.details), before, after, spent=not step.inputs)
    if _drawn_mg(told) < charged_mg:
        raise StepNotAllowed("a correction gives back what is still charged", charged_mg=charged_mg)
    corrected = Step(prior.inputs, outputs, prior.actor, step.settings, explained=step.explained, charged_mg=charged_mg)
    return again(prior.kind, corrected, told)


def _drawn_mg(told: Details) -> int:
    draws = told.draws if isinstance(told, RegisterDetails | TransformDetails) else ()
    return sum(draw.reo_mg for draw in draws)


def _pair(step: Step, details: CorrectDetails, prior: Prior) -> tuple[LotContent, LotContent]:
    """The lot as the statement has it, and as it should have."""
    if prior.index >= len(prior.outputs):
        raise StepNotAllowed("a correction of an output that the statement does not have")
    old = prior.outputs[prior.index]
    if step.inputs:
        if details.lot is not None or step.inputs[0] != old:
            raise StepNotAllowed("a correction of an unspent output spends it, and makes what it should have been")
        return old, step.outputs[0]
    if details.lot is None:
        raise StepNotAllowed("a correction of a spent output that does not say what it should have been")
    return old, details.lot


def _with_draws(told: Details, details: CorrectDetails) -> Details:
    if isinstance(told, RegisterDetails | TransformDetails):
        return replace(told, draws=details.draws)
    if details.draws:
        raise StepNotAllowed("draws in a correction of a step that needs no quota")
    return told
