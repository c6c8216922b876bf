"""What the rules of the steps are made of: a step, what is said of it, and the checks that several rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from monazite_provenance import metering, uncertainty
from monazite_provenance._frozen import dataclass, field
from monazite_provenance.conservation import ElementBalance, Finding, Portion, check_physical
from monazite_provenance.contents import (
    CustodyModel,
    CustodyState,
    Details,
    Draw,
    LotContent,
    Mined,
    OpeningInventory,
    Origin,
    Recycled,
)
from monazite_provenance.elements import FACTOR_TABLE
from monazite_provenance.errors import (
    CustodyModelLoosened,
    MassNotConserved,
    MissingParent,
    NotHolder,
    StepNotAllowed,
    UnsupportedVersion,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.metering import QuotaNeed
from monazite_provenance.names import same_owner
from monazite_provenance.settings import RuleSettings


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
class Prior:
    """The statement that a correction or an annulment speaks of, as it stands: with what was corrected of it before.

    `actor`: whose act it was. `index`: which of its outputs is corrected.
    """

    kind: EventKind
    actor: str
    inputs: tuple[LotContent, ...]
    outputs: tuple[LotContent, ...]
    details: Details
    index: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A custody step as the rules see it. `actor`: URI of who acts. `prior`, `explained`: see `check_step`.

    `charged_mg`: of a statement as corrected, what it drew and does not give back; it may draw that much, needed or
    not.
    """

    inputs: tuple[LotContent, ...]
    outputs: tuple[LotContent, ...]
    actor: str
    settings: RuleSettings
    prior: Prior | None = None
    explained: Mapping[int, int] = field(default_factory=dict[int, int])
    charged_mg: int = 0


def check_new_ids(step: Step) -> None:
    """Lots that end here: no output has the id of an input."""
    if {lot.lot_id for lot in step.outputs} & {lot.lot_id for lot in step.inputs}:
        raise StepNotAllowed("a lot id that should have ended")


def check_held(lots: Iterable[LotContent], actor: str) -> None:
    """Lots held, by who acts."""
    for lot in lots:
        if lot.custody_state is not CustodyState.HELD:
            raise StepNotAllowed("a lot that is not held", custody_state=int(lot.custody_state))
        if not same_owner(lot.holder, actor):
            raise NotHolder("a lot of another holder")


def check_counts(kind: EventKind, spent: int, made: int, settings: RuleSettings) -> None:
    """How many lots a step of this kind spends and makes, whether they are shown or not. Raises StepNotAllowed."""
    if spent > settings.inputs_max or made > settings.outputs_max:
        raise StepNotAllowed("too many inputs or outputs")
    if not _COUNTS[kind](spent, made):
        raise StepNotAllowed("number of inputs or outputs", inputs=spent, outputs=made)


def _each_one(spent: int, made: int) -> bool:
    return spent == made > 0


def _all_end(spent: int, made: int) -> bool:
    return spent > 0 == made


_COUNTS: Final[Mapping[EventKind, Callable[[int, int], bool]]] = {
    EventKind.REGISTER: lambda spent, made: spent == 0 < made,
    EventKind.RETURN: lambda spent, made: spent == 1 <= made <= 2,  # noqa: PLR2004 - what came back, what did not
    EventKind.SPLIT: lambda spent, made: spent == 1 < made,
    EventKind.MERGE: lambda spent, made: spent > 1 == made,
    EventKind.TRANSFORM: lambda spent, made: spent > 0 < made,
    EventKind.OFFER: _each_one,
    EventKind.CANCEL: _each_one,
    EventKind.ACCEPT: lambda spent, made: spent > 0 and made <= 2 * spent,
    EventKind.DIVERT: _each_one,
    EventKind.ADJUST: lambda spent, made: spent == made == 1,
    EventKind.CONSUME: _all_end,
    EventKind.ANNUL: _all_end,
    EventKind.CORRECT: lambda spent, made: spent == made <= 1,
}


def check_one_log(step: Step) -> None:
    """All lots have one home log."""
    if len({lot.home_log for lot in (*step.inputs, *step.outputs)}) != 1:
        raise StepNotAllowed("lots of several home logs")


def expect(actual: LotContent | None, expected: LotContent | None) -> None:
    """An output that the rules determine whole."""
    if actual == expected:
        return
    if actual is not None and expected is not None and Portion.of(actual) != Portion.of(expected):
        raise MassNotConserved("an output is not its exact part")
    raise StepNotAllowed("an output differs in more than this step may change")


def check_measured(lots: Sequence[LotContent]) -> None:
    """Freshly measured: physically possible, uncertainties from the table, factors of the version in force."""
    for lot in lots:
        check_factors(lot)
        check_physical(lot)
    uncertainty.check_lots(lots)


def check_origin(origin: Origin, lots: Iterable[LotContent], settings: RuleSettings) -> tuple[Finding, ...]:
    """Lots of a register have forms that their origin gives. Gives what of the origin wants an explanation."""
    allowed = None
    if isinstance(origin, Mined):
        allowed = settings.mined_forms
    elif isinstance(origin, Recycled):
        allowed = settings.recycled_forms
    if allowed is not None and any(lot.form not in allowed for lot in lots):
        raise StepNotAllowed("a form that this origin does not give")
    if isinstance(origin, OpeningInventory):
        return (Finding("OPENING_INVENTORY", "stock that was there before the records; an officer must accept it"),)
    return ()


def check_factors(lot: LotContent) -> None:
    """A lot reckoned with the factors of the version in force."""
    if lot.factor_table != FACTOR_TABLE:
        raise UnsupportedVersion("factor table unknown")


def quota_verdict(
    required: tuple[QuotaNeed, ...],
    draws: Sequence[Draw],
    found: tuple[Finding, ...],
    balances: tuple[ElementBalance, ...] = (),
    *,
    charged_mg: int = 0,
) -> StepVerdict:
    """The verdict on a step that needs quota; what no draw covers is a finding. `charged_mg`: see `Step`."""
    drawn_mg, uncovered = metering.cover(required, draws, charged_mg)
    for need in uncovered:
        metadata = {"quota_kind": need.kind.name, "uncovered_mg": str(need.reo_mg)}
        found = (*found, Finding("QUOTA_NOT_COVERED", "draws cover less than the step needs", metadata))
    return StepVerdict(found, required, drawn_mg, uncovered, balances)


def check_model(step: Step) -> None:
    """ISO 22095: never stricter than the inputs, and what is blended has lost its identity."""
    loosest = max(lot.custody_model for lot in step.inputs)
    if len(step.inputs) > 1:
        loosest = max(loosest, CustodyModel.SEGREGATED)
    if any(lot.custody_model < loosest for lot in step.outputs):
        raise CustodyModelLoosened("a stricter chain-of-custody model than the inputs allow", least=int(loosest))


def check_transit(lots: Iterable[LotContent]) -> None:
    """Lots in transit."""
    for lot in lots:
        if lot.custody_state is not CustodyState.IN_TRANSIT:
            raise StepNotAllowed("a lot that is not in transit", custody_state=int(lot.custody_state))


def known_prior(step: Step) -> Prior:
    """The statement that this one speaks of. Raises MissingParent."""
    if step.prior is None:
        raise MissingParent("the statement that is corrected or annulled is not there")
    if not same_owner(step.prior.actor, step.actor):
        raise NotHolder("only whose statement it was corrects or annuls it")
    return step.prior
