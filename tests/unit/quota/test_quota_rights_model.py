"""Rights against a plain model: reserve, draw, close, in any order, with what the log says arriving late and twice.

The model is the registry's side of the truth: what was drawn on each right, and what it said in closing it. The code
under test is the ledger, which learns of it by facts. After each step the ledger must be conserved and must never have
given back what the registry could still find drawn; once everything is delivered the two agree to the milligram.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error
from services.quota.domain.allocation import Give, give
from services.quota.domain.batches import Batches, BatchKey, Share
from services.quota.domain.books import Books
from services.quota.domain.givers import Givers
from services.quota.domain.ledger import (
    NATIONAL,
    AccountKey,
    Balance,
    Bucket,
    Code,
    Posting,
    Sheet,
    replay,
)
from services.quota.domain.right import CloseReason, Right, State, ask_close, reserve
from services.quota.domain.settlement import Drawn, Ended, Fact, Outcome, Settled, apply_facts
from tests.unit.quota.imbalances import imbalances

LOG = "urn:monazite:log:registry:0"
HOLDER = "spiffe://monazite.example/enterprise/mine-1"
KEY = AccountKey("mine-1", 2024, QuotaKind.MINING_ROCK)
ISSUED = 1_000


@dataclass
class Model:
    """What the registry has on one right."""

    mass: int
    draws: list[int] = field(default_factory=list[int])
    closed: bool = False


class Rights(RuleBasedStateMachine):
    """Random lives of rights."""

    rights = Bundle("rights")

    def __init__(self) -> None:
        super().__init__()
        self.sheet = Sheet({})
        self.ledger: dict[bytes, Right] = {}
        self.settled: dict[tuple[bytes, bytes], Settled] = {}
        self.model: dict[bytes, Model] = {}
        # Facts not yet delivered, in the order they were made; delivery may take any of them.
        self.waiting: list[Fact] = []
        self.delivered: list[Fact] = []
        self.made = 0

    @initialize()
    def grant(self) -> None:
        national = AccountKey(NATIONAL, 2024, QuotaKind.MINING_ROCK)
        self.sheet.post([Posting(national, Bucket.GRANTED, Bucket.AVAILABLE, ISSUED, Code.INDICATOR, b"indicator")])
        batches = Batches({BatchKey(NATIONAL, 2024, 1, KEY.kind): Share(ISSUED)})
        found = Books(self.sheet, Givers({}), batches)
        give(Give(2024, 1, NATIONAL, KEY.enterprise_id, {KEY.kind: ISSUED}), found, b"allocation")

    @rule(target=rights, mass=st.integers(1, 400))
    def reserve(self, mass: int) -> bytes:
        self.made += 1
        right = Right(
            right_id=self.made.to_bytes(32, "big"),
            key=KEY,
            holder=HOLDER,
            site="bayan-obo",
            registry_log=LOG,
            mass_mg=mass,
            expires_at=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=1),
        )
        if mass > self.sheet.balance(KEY).available_mg:
            with pytest.raises(Error, match="QUOTA_EXCEEDED"):
                reserve(right, self.sheet)
            return b""
        reserve(right, self.sheet)
        self.ledger[right.right_id] = right
        self.model[right.right_id] = Model(mass)
        return right.right_id

    @rule(right_id=rights, mass=st.integers(1, 400))
    def draw(self, right_id: bytes, mass: int) -> None:
        """The registry takes a draw, if its row of the right allows it."""
        model = self.model.get(right_id)
        if model is None or model.closed or sum(model.draws) + mass > model.mass:
            return
        model.draws.append(mass)
        self.made += 1
        self.waiting.append(Drawn(self.made, self.made.to_bytes(32, "big"), right_id, mass, HOLDER))

    @rule(right_id=rights, reason=st.sampled_from(CloseReason))
    def close(self, right_id: bytes, reason: CloseReason) -> None:
        """We ask, and the registry ends the right; asked again it says the same."""
        model = self.model.get(right_id)
        if model is None or self.ledger[right_id].state is State.CLOSED:
            return
        self.ledger[right_id] = ask_close(self.ledger[right_id], reason)
        model.closed = True
        self.made += 1
        statement_id = self.made.to_bytes(32, "big")
        self.waiting.append(Ended(self.made, statement_id, right_id, sum(model.draws), str(reason)))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """A page arrives: some facts, in any order, some of them twice."""
        count = data.draw(st.integers(1, len(self.waiting)))
        page = data.draw(st.permutations(self.waiting))[:count]
        for fact in page:
            self.waiting.remove(fact)
        self.delivered.extend(page)
        self._apply(page + data.draw(st.lists(st.sampled_from(page), max_size=3)))

    @precondition(lambda self: self.delivered)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        """A page that was applied comes once more: it changes nothing."""
        page = data.draw(st.lists(st.sampled_from(self.delivered), min_size=1))
        before = (dict(self.ledger), self.sheet.balance(KEY), len(self.sheet.posted))
        outcome = self._apply(page)
        assert outcome.settlements == ()
        assert before == (dict(self.ledger), self.sheet.balance(KEY), len(self.sheet.posted))

    def _apply(self, page: list[Fact]) -> Outcome:
        outcome = apply_facts(page, self.ledger, self.settled, LOG)
        assert outcome.refusals == (), "the registry keeps its word in this model"
        self.sheet.post(outcome.postings)
        self.ledger.update(outcome.rights)
        for one in outcome.settlements:
            self.settled[one.right_id, one.drawing_id] = Settled(one.mass_mg, one.index)
        return outcome

    @invariant()
    def the_ledger_is_conserved(self) -> None:
        balances = dict(self.sheet.changed())
        assert replay(self.sheet.posted) == balances
        assert imbalances(balances) == []

    @invariant()
    def the_account_is_the_sum_of_its_rights(self) -> None:
        balance = self.sheet.balance(KEY)
        assert balance.reserved_mg == sum(one.mass_mg - one.settled_mg - one.freed_mg for one in self.ledger.values())
        assert balance.used_mg == sum(one.settled_mg for one in self.ledger.values())

    @invariant()
    def nothing_comes_back_that_is_or_could_still_be_drawn(self) -> None:
        for right_id, right in self.ledger.items():
            model = self.model[right_id]
            assert right.settled_mg <= sum(model.draws)
            if right.freed_mg:
                assert model.closed
                assert right.freed_mg == model.mass - sum(model.draws)

    def teardown(self) -> None:
        """Everything arrives in the end: then ledger and registry agree to the milligram."""
        if not self.ledger:
            return
        self._apply(list(self.waiting))
        for right_id, right in self.ledger.items():
            model = self.model[right_id]
            assert right.settled_mg == sum(model.draws)
            assert (right.state is State.CLOSED) == model.closed
        assert isinstance(self.sheet.balance(KEY), Balance)


TestRights = Rights.TestCase
TestRights.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
