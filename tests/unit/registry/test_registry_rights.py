"""A right against a plain model: whatever is tried in whatever order, no more is drawn than its mass, nothing
after its end.
"""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from monazite_provenance.contents import QuotaKind
from monazite_provenance.names import log_urn

from services.chassis.errors import Error
from services.registry.domain import rights
from services.registry.domain.change import DrawOn
from services.registry.domain.records import RightRow, RightState, RightTerms
from services.registry.domain.refusals import Moved

LOG = log_urn("registry")
HOLDER = "spiffe://monazite.example/enterprise/mine-1"
OTHER = "spiffe://monazite.example/enterprise/mine-2"
SITE = "bayan-obo"
EXPIRY = 1_000
ID = b"r" * 32


def terms(mass_mg: int) -> RightTerms:
    """A right of mine-1."""
    return RightTerms(ID, QuotaKind.MINING_ROCK, mass_mg, HOLDER, SITE, LOG, EXPIRY)


def asked(reo_mg: int, presented: RightTerms | None, kind: QuotaKind = QuotaKind.MINING_ROCK) -> DrawOn:
    """A draw."""
    return DrawOn(ID, reo_mg, kind, frozenset({SITE}), presented)


class RightMachine(RuleBasedStateMachine):
    """The rules on one side; on the other a number that counts down and a flag."""

    def __init__(self) -> None:
        super().__init__()
        self.terms = terms(1_000)
        self.row: RightRow | None = None
        self.now = 0
        # The model.
        self.left = 1_000
        self.frozen = False
        self.closed_total: int | None = None

    @rule(reo_mg=st.integers(1, 700), presented=st.booleans(), holder=st.sampled_from([HOLDER, HOLDER, OTHER]))
    def draw(self, reo_mg: int, presented: bool, holder: str) -> None:
        """Draw, with or without the right itself, as its holder or as another."""
        known = self.row is not None and self.row.terms is not None
        allowed = (
            holder == HOLDER and (presented or known) and not self.frozen and self.now < EXPIRY and reo_mg <= self.left
        )
        try:
            self.row = rights.draw(
                self.row,
                asked(reo_mg, self.terms if presented else None),
                holder=holder,
                home_log=LOG,
                now=self.now,
            )
        except Error:
            assert not allowed
        else:
            assert allowed
            self.left -= reo_mg

    @rule(seconds=st.integers(1, 400))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.now += seconds

    @rule()
    def freeze(self) -> None:
        """Quota asks to close."""
        self.row = rights.freeze(self.row, ID)
        self.frozen = True

    @rule(wrong_by=st.integers(-1, 1))
    def close(self, wrong_by: int) -> None:
        """The `right-closed` commits, with the right total or with one that is out of date."""
        total = 1_000 - self.left + wrong_by
        try:
            self.row = rights.close(self.row, total, b"c" * 32)
        except Moved:
            assert wrong_by or not self.frozen or self.closed_total is not None
        else:
            assert wrong_by == 0
            assert self.closed_total is None
            self.closed_total = total

    @invariant()
    def nothing_over_the_mass(self) -> None:
        """What the row says is what the model counted."""
        drawn = 0 if self.row is None else self.row.drawn_mg
        assert drawn == 1_000 - self.left
        assert 0 <= drawn <= 1_000

    @precondition(lambda self: self.closed_total is not None)
    @invariant()
    def the_end_stands(self) -> None:
        """A closed right keeps its total."""
        assert self.row is not None
        assert self.row.state is RightState.CLOSED
        assert self.row.drawn_mg == self.closed_total


TestRightMachine = RightMachine.TestCase


def test_a_tombstone_refuses_the_right_when_it_comes() -> None:
    row = rights.close(rights.freeze(None, ID), 0, b"c" * 32)
    with pytest.raises(Error) as refused:
        rights.draw(row, asked(1, terms(10)), holder=HOLDER, home_log=LOG, now=0)
    assert refused.value.reason == "RIGHT_CLOSED"


@pytest.mark.parametrize(
    ("presented", "reason"),
    [
        (replace(terms(100), holder=OTHER), "RIGHT_NOT_YOURS"),
        (replace(terms(100), site="elsewhere"), "RIGHT_NOT_YOURS"),
        (replace(terms(100), registry_log=log_urn("registry", 1)), "RIGHT_NOT_YOURS"),
        (replace(terms(100), kind=QuotaKind.SMELTING_SEPARATION), "RIGHT_WRONG_KIND"),
        (replace(terms(100), expires_at=0), "RIGHT_EXPIRED"),
        (replace(terms(100), mass_mg=9), "RIGHT_EXCEEDED"),
    ],
)
def test_a_right_that_does_not_fit(presented: RightTerms, reason: str) -> None:
    with pytest.raises(Error) as refused:
        rights.draw(None, asked(10, presented), holder=HOLDER, home_log=LOG, now=0)
    assert refused.value.reason == reason


def test_anothers_right_looks_as_if_it_were_unknown() -> None:
    row = RightRow(ID, RightState.OPEN, 0, terms(100))
    reasons: list[str] = []
    for known in (row, None):
        with pytest.raises(Error) as refused:
            rights.draw(known, asked(10, None), holder=OTHER, home_log=LOG, now=0)
        reasons.append(str(refused.value))
    assert reasons[0] == reasons[1]
