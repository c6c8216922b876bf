"""A case: two persons, etags, rules of the day, replay; and the state machine against a plain model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from monazite_provenance.names import same_person

from services.chassis.errors import Error
from services.export_license.domain import cases, control_items
from services.export_license.domain.cases import NEXT, Case, LineWanted, Outcome, State
from services.export_license.domain.control_items import LotFacts
from tests.unit.export_license.examples import DAY, LI, NOW, RULES, WANG, case, case_lot

EXPIRES = NOW + timedelta(days=100)


def proposed(outcome: Outcome = Outcome.GRANT, officer: str = WANG) -> Case:
    return cases.propose(case(), outcome, "in order", officer=officer, etag="1", rules=RULES, now=NOW, day=DAY)


def countersigned(before: Case, officer: str = LI, **changes: object) -> Case:
    arguments: dict[str, object] = {"etag": before.etag, "now": NOW, "expires_at": EXPIRES, "days_max": 365}
    return cases.countersign(before, officer=officer, **{**arguments, **changes})  # type: ignore[arg-type]


def test_two_officers_grant() -> None:
    granted = countersigned(proposed())
    assert granted.state is State.GRANTED
    assert (granted.countersigned_by, granted.countersigned_at) == (LI, NOW)
    assert granted.proposed is not None
    assert granted.proposed.proposed_by == WANG


def test_two_officers_refuse_without_an_expiry() -> None:
    refused = countersigned(proposed(Outcome.REFUSE), expires_at=None)
    assert refused.state is State.REFUSED
    with pytest.raises(Error) as caught:
        countersigned(proposed(Outcome.REFUSE))
    assert caught.value.violations[0].field == "expire_time"


@pytest.mark.parametrize("officer", [WANG, WANG.replace("wang", "Wang"), WANG.replace("licensing", "quota")])
def test_one_person_is_not_two(officer: str) -> None:
    with pytest.raises(Error) as caught:
        countersigned(proposed(), officer)
    assert caught.value.reason == "SAME_OFFICER"


def test_a_name_sake_in_another_domain_is_another_person() -> None:
    assert not same_person(WANG, WANG.replace("monazite.example", "other.example"))


@pytest.mark.parametrize("expires_at", [None, NOW, NOW - timedelta(days=1), NOW + timedelta(days=366)])
def test_a_grant_expires_within_a_year(expires_at: object) -> None:
    with pytest.raises(Error) as caught:
        countersigned(proposed(), expires_at=expires_at)
    assert [violation.field for violation in caught.value.violations] == ["expire_time"]


def test_a_grant_may_last_the_year_to_its_last_moment() -> None:
    assert countersigned(proposed(), expires_at=NOW + timedelta(days=365)).state is State.GRANTED


def test_an_old_etag_is_refused_everywhere() -> None:
    before = proposed()

    def propose() -> Case:
        return cases.propose(case(), Outcome.GRANT, "x", officer=WANG, etag="0", rules=RULES, now=NOW, day=DAY)

    attempts: list[Callable[[], Case]] = [
        propose,
        lambda: cases.reject_proposal(before, etag="1"),
        lambda: countersigned(before, etag="1"),
    ]
    for attempt in attempts:
        with pytest.raises(Error, match="ETAG_MISMATCH"):
            attempt()


def test_a_decision_can_be_replayed_and_a_changed_rule_set_shows() -> None:
    decided = proposed()
    assert (decided.rule_set_hash, decided.rules_day) == (RULES.digest, DAY)
    cases.replay(decided, RULES)
    with pytest.raises(Error, match="no longer give the control codes"):
        cases.replay(replace(decided, rules_day=date(2025, 1, 1)), RULES)
    tables = dict(RULES.tables)
    tables["control_items.csv"] += b"\n"
    with pytest.raises(Error):
        cases.replay(decided, control_items.load(tables))


def test_a_refusal_says_what_the_case_is_and_cannot_become() -> None:
    decided = proposed()
    with pytest.raises(Error, match="a case that is DECISION_PROPOSED cannot become DECISION_PROPOSED"):
        cases.propose(decided, Outcome.GRANT, "x", officer=WANG, etag=decided.etag, rules=RULES, now=NOW, day=DAY)
    opened = case()
    with pytest.raises(Error, match=f"a case that is {opened.state.name} cannot become GRANTED or REFUSED"):
        cases.countersign(opened, officer=WANG, etag=opened.etag, now=NOW, expires_at=None, days_max=1)


def test_a_rule_that_came_into_force_stops_the_grant_and_not_the_refusal() -> None:
    opened = case(lots=(case_lot(facts=LotFacts("MAGNET", 10_000, {"Dy": 90_000, "Ho": 5_000})),))
    later = date(2026, 12, 1)

    def decide(outcome: Outcome) -> Case:
        return cases.propose(opened, outcome, "x", officer=WANG, etag="1", rules=RULES, now=NOW, day=later)

    with pytest.raises(Error) as caught:
        decide(Outcome.GRANT)
    assert caught.value.reason == "CASE_STATE"
    assert caught.value.metadata["control_codes_missing"] == "1C909.a"
    assert decide(Outcome.REFUSE).lots[0].control_codes == ("1C905.a", "1C909.a")


def test_lines_and_lots_say_the_same() -> None:
    both = LotFacts("MAGNET", 10_000, {"Tb": 1, "Dy": 1})
    uncontrolled = LotFacts("SEPARATED_COMPOUND", 10_000, {"Nd": 1})
    cases.check_lines(
        [LineWanted("1C904.a", "8505111000", 10_000), LineWanted("1C905.a", "8505111000", 1)], [case_lot(1, both)]
    )
    with pytest.raises(Error) as caught:
        cases.check_lines(
            [
                LineWanted("1C905.a", "8505111000", 20_001),
                LineWanted("1C905.a", "8505111000", 1),
                LineWanted("1C908.b", "28469011", 1),
            ],
            [case_lot(1, both), case_lot(2), case_lot(3, uncontrolled)],
        )
    found = {violation.field: violation.description for violation in caught.value.violations}
    assert set(found) == {"lots[0]", "lots[2]", "lines[0].gross_g", "lines[1].control_code", "lines[2].control_code"}
    assert "1C904.a" in found["lots[0]"]
    assert "20000 g" in found["lines[0].gross_g"]


def test_only_the_applicant_sees_a_case() -> None:
    assert cases.visible_to(case(), case().applicant)
    assert not cases.visible_to(case(), WANG)


class CaseMachine(RuleBasedStateMachine):
    """Officers do anything in any order; a plain model says what may come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.case = case()
        self.model = "IN_REVIEW"
        self.proposer = ""
        self.outcome = Outcome.GRANT

    def attempt(self, allowed: bool, change: Callable[[], Case]) -> None:
        before = self.case
        try:
            after = change()
        except Error:
            assert not allowed
            assert self.case == before
            return
        assert allowed
        assert after.version == before.version + 1
        self.case = after

    @rule(officer=st.sampled_from([WANG, LI]), outcome=st.sampled_from(Outcome), fresh=st.booleans())
    def propose(self, officer: str, outcome: Outcome, fresh: bool) -> None:
        allowed = fresh and self.model == "IN_REVIEW"
        etag = self.case.etag if fresh else "0"
        self.attempt(
            allowed,
            lambda: cases.propose(self.case, outcome, "x", officer=officer, etag=etag, rules=RULES, now=NOW, day=DAY),
        )
        if allowed:
            self.model, self.proposer, self.outcome = "DECISION_PROPOSED", officer, outcome

    @rule(officer=st.sampled_from([WANG, LI]), fresh=st.booleans())
    def countersign(self, officer: str, fresh: bool) -> None:
        allowed = fresh and self.model == "DECISION_PROPOSED" and officer != self.proposer
        etag = self.case.etag if fresh else "0"
        expires_at = EXPIRES if self.outcome is Outcome.GRANT else None
        self.attempt(
            allowed,
            lambda: cases.countersign(
                self.case, officer=officer, etag=etag, now=NOW, expires_at=expires_at, days_max=365
            ),
        )
        if allowed:
            self.model = "GRANTED" if self.outcome is Outcome.GRANT else "REFUSED"

    @rule(fresh=st.booleans())
    def reject(self, fresh: bool) -> None:
        allowed = fresh and self.model == "DECISION_PROPOSED"
        etag = self.case.etag if fresh else "0"
        self.attempt(allowed, lambda: cases.reject_proposal(self.case, etag=etag))
        if allowed:
            self.model = "IN_REVIEW"

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.case.state.name == self.model
        decided = self.case.state in {State.GRANTED, State.REFUSED}
        assert decided == bool(self.case.countersigned_by)
        assert decided == (not NEXT[self.case.state])
        assert (self.case.proposed is None) == (self.case.state is State.IN_REVIEW)
        if decided:
            assert self.case.proposed is not None
            assert self.case.proposed.proposed_by != self.case.countersigned_by


TestCaseMachine = CaseMachine.TestCase
TestCaseMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
