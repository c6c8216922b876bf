"""A case: from application to decision, by two different officers.

States that the officers' verbs of today reach: IN_REVIEW, DECISION_PROPOSED, GRANTED, REFUSED; the rest of the life of
a case (draft, information requested, advice) is in the table and waits for its verbs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from monazite_provenance.names import same_person
from monazite_provenance.statement import Outpoint

from services.export_license import refusals
from services.export_license.domain.control_items import LotFacts, RuleSet
from services.export_license.domain.lots import Finding


class State(Enum):
    """Where a case stands."""

    DRAFT = 1
    SUBMITTED = 2
    INFORMATION_REQUESTED = 3
    IN_REVIEW = 4
    ADVICE = 5
    DECISION_PROPOSED = 6
    GRANTED = 7
    REFUSED = 8


class Outcome(Enum):
    """What a decision says."""

    GRANT = 1
    REFUSE = 2


NEXT: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.SUBMITTED}),
    State.SUBMITTED: frozenset({State.INFORMATION_REQUESTED, State.IN_REVIEW}),
    State.INFORMATION_REQUESTED: frozenset({State.SUBMITTED, State.IN_REVIEW}),
    State.IN_REVIEW: frozenset({State.INFORMATION_REQUESTED, State.ADVICE, State.DECISION_PROPOSED}),
    State.ADVICE: frozenset({State.IN_REVIEW, State.DECISION_PROPOSED}),
    State.DECISION_PROPOSED: frozenset({State.IN_REVIEW, State.GRANTED, State.REFUSED}),
    State.GRANTED: frozenset(),
    State.REFUSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Party:
    """A named party with its country (ISO 3166-1 alpha-2) and address."""

    name: str
    country: str
    address: str


@dataclass(frozen=True, slots=True)
class LineWanted:
    """A control item and the most of it that is to leave, grams gross."""

    control_code: str
    hs_code: str
    gross_g: int


@dataclass(frozen=True, slots=True)
class CaseLot:
    """A lot of a case with what our verification of it said, kept so that the decision can be replayed."""

    outpoint: Outpoint
    lot_id: str
    gross_g: int
    facts: LotFacts
    verdict: str
    findings: tuple[Finding, ...]
    statements: int
    control_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One officer's half of a decision."""

    outcome: Outcome
    reason: str
    proposed_by: str
    proposed_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """An application for a licence. `version` is its etag."""

    case_id: str
    applicant: str
    state: State
    lots: tuple[CaseLot, ...]
    end_user: Party
    consignee: Party
    end_use: str
    destination: str
    lines: tuple[LineWanted, ...]
    rule_set_hash: bytes
    # The day the rules were applied to: of the decision, and before there is one, of the submission.
    rules_day: date
    submitted_at: datetime
    # When the lots were last verified: at the submission, and anew when a grant is countersigned.
    verified_at: datetime
    version: int = 1
    proposed: Proposal | None = None
    countersigned_by: str = ""
    countersigned_at: datetime | None = None
    licence_id: bytes = b""

    @property
    def etag(self) -> str:
        """Changes with every change of the case."""
        return str(self.version)


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One step of a case: the state it led to, what was proposed if it was a proposal, by whom and why."""

    state: State
    outcome: Outcome | None
    actor: str
    reason: str
    at: datetime


def check_lines(lines: Sequence[LineWanted], lots: Sequence[CaseLot]) -> None:
    """Lines and lots say the same: every item of every lot has its line, no line is idle or larger than its lots.

    A lot that is two items (a magnet with terbium and dysprosium) needs and draws both lines.

    Raises:
        Error: INVALID_FIELDS with all violations.
    """
    violations: list[tuple[str, str]] = []
    shown: dict[str, int] = {}
    named = [line.control_code for line in lines]
    for position, lot in enumerate(lots):
        field = f"lots[{position}]"
        if not lot.control_codes:
            violations.append((field, "is no controlled item today and needs no licence"))
        for code in lot.control_codes:
            shown[code] = shown.get(code, 0) + lot.gross_g
        missing = [code for code in lot.control_codes if code not in named]
        if missing:
            violations.append((field, f"is {', '.join(missing)}, which no line covers"))
    for position, line in enumerate(lines):
        field = f"lines[{position}]"
        if line.control_code in named[:position]:
            violations.append((f"{field}.control_code", f"{line.control_code} has a line already"))
        elif line.control_code not in shown:
            violations.append((f"{field}.control_code", f"none of the lots is {line.control_code}"))
        elif line.gross_g > shown[line.control_code]:
            violations.append((f"{field}.gross_g", f"the lots of this item weigh {shown[line.control_code]} g"))
    if violations:
        raise refusals.invalid(violations)


def visible_to(case: Case, caller: str) -> bool:
    """Whether an enterprise may see the case: the applicant only."""
    return case.applicant == caller


def propose(
    case: Case, outcome: Outcome, reason: str, *, officer: str, etag: str, rules: RuleSet, now: datetime, day: date
) -> Case:
    """One officer's half of the decision, under the rules of its day.

    Raises:
        Error: ETAG_MISMATCH, CASE_STATE; CASE_STATE too when a grant would leave an item of a lot uncovered because
            the rules changed since the case was opened.
    """
    _check_etag(case, etag)
    _check_step(case, State.DECISION_PROPOSED)
    lots = reclassify(case.lots, rules, day)
    if outcome is Outcome.GRANT:
        _check_covered(case, lots)
    return replace(
        case,
        state=State.DECISION_PROPOSED,
        proposed=Proposal(outcome, reason, officer, now),
        lots=lots,
        rule_set_hash=rules.digest,
        rules_day=day,
        version=case.version + 1,
    )


def reject_proposal(case: Case, *, etag: str) -> Case:
    """Send a proposal back to review. Raises ETAG_MISMATCH, CASE_STATE."""
    _check_etag(case, etag)
    if case.state is not State.DECISION_PROPOSED:
        raise refusals.case_state(case.case_id, case.state.name, State.IN_REVIEW.name)
    return replace(case, state=State.IN_REVIEW, proposed=None, version=case.version + 1)


def countersign(
    case: Case, *, officer: str, etag: str, now: datetime, expires_at: datetime | None, days_max: int
) -> Case:
    """The other officer's half: the proposal becomes the decision.

    `expires_at` is the last moment of a grant's validity, at most `days_max` days away (Decree 792 art. 15); a
    refusal has none.

    Raises:
        Error: ETAG_MISMATCH, CASE_STATE, SAME_OFFICER, INVALID_FIELDS.
    """
    _check_etag(case, etag)
    proposal = case.proposed
    if case.state is not State.DECISION_PROPOSED or proposal is None:
        raise refusals.case_state(case.case_id, case.state.name, "GRANTED, REFUSED")
    if same_person(proposal.proposed_by, officer):
        raise refusals.same_officer(case.case_id)
    granted = proposal.outcome is Outcome.GRANT
    if granted:
        _check_expiry(expires_at, now, days_max)
    elif expires_at is not None:
        raise refusals.invalid([("expire_time", "a refusal has none")])
    return replace(
        case,
        state=State.GRANTED if granted else State.REFUSED,
        countersigned_by=officer,
        countersigned_at=now,
        version=case.version + 1,
    )


def verified_anew(case: Case, lots: Sequence[CaseLot], *, at: datetime) -> Case:
    """The case with what verifying its lots again said; their control codes stay those of the decision."""
    pairs = zip(lots, case.lots, strict=True)
    kept = tuple(replace(lot, control_codes=before.control_codes) for lot, before in pairs)
    return replace(case, lots=kept, verified_at=at)


def reclassify(lots: Iterable[CaseLot], rules: RuleSet, day: date) -> tuple[CaseLot, ...]:
    """The lots with the control codes that the rules give them on that day."""
    return tuple(replace(lot, control_codes=rules.classify(lot.facts, day)) for lot in lots)


def replay(case: Case, rules: RuleSet) -> None:
    """Apply the stored rule set to the stored facts again and compare with what the decision stood on.

    Raises:
        Error: CASE_STATE when the rule set is another, or gives other codes than the case has.
    """
    if rules.digest != case.rule_set_hash or reclassify(case.lots, rules, case.rules_day) != case.lots:
        raise refusals.replay_differs(case.case_id, case.state.name)


def _check_etag(case: Case, etag: str) -> None:
    if etag != case.etag:
        raise refusals.etag_mismatch(case.case_id, case.etag)


def _check_step(case: Case, to: State) -> None:
    if to not in NEXT[case.state]:
        raise refusals.case_state(case.case_id, case.state.name, to.name)


def _check_covered(case: Case, lots: Sequence[CaseLot]) -> None:
    named = {line.control_code for line in case.lines}
    missing = sorted({code for lot in lots for code in lot.control_codes if code not in named})
    if missing:
        raise refusals.rules_changed(case.case_id, missing)


def _check_expiry(expires_at: datetime | None, now: datetime, days_max: int) -> None:
    if expires_at is None:
        raise refusals.invalid([("expire_time", "a grant needs its last day")])
    if expires_at <= now:
        raise refusals.invalid([("expire_time", "lies in the past")])
    if expires_at > now + timedelta(days=days_max):
        raise refusals.invalid([("expire_time", f"is more than {days_max} days away")])
