"""What the registry's log says and the ledger cannot believe is refused for its reason, and stops nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from monazite_provenance.contents import QuotaKind

from services.quota.domain.ledger import AccountKey, Code
from services.quota.domain.right import Right, State
from services.quota.domain.settlement import Drawn, Ended, Fact, Refusal, Settled, Settlement, apply_facts

LOG = "urn:monazite:log:registry:0"
HOLDER = "spiffe://monazite.example/enterprise/mine-1"
RIGHT_ID = bytes(31) + b"\1"
RIGHT = Right(
    right_id=RIGHT_ID,
    key=AccountKey("mine-1", 2024, QuotaKind.MINING_ROCK),
    holder=HOLDER,
    site="bayan-obo",
    registry_log=LOG,
    mass_mg=100,
    expires_at=datetime(2025, 1, 1, tzinfo=UTC),
)


def drawn(index: int, mass_mg: int, *, drawer: str = HOLDER, right_id: bytes = RIGHT_ID) -> Drawn:
    return Drawn(index, index.to_bytes(32, "big"), right_id, mass_mg, drawer)


def ended(index: int, total_mg: int) -> Ended:
    return Ended(index, index.to_bytes(32, "big"), RIGHT_ID, total_mg, "RELEASED")


@pytest.mark.parametrize(
    ("right", "fact", "code"),
    [
        (RIGHT, drawn(7, 10, right_id=bytes(32)), "RIGHT_NOT_OURS"),
        (replace(RIGHT, registry_log="urn:monazite:log:registry:1"), drawn(7, 10), "RIGHT_OF_ANOTHER_REGISTRY"),
        (replace(RIGHT, registry_log="urn:monazite:log:registry:1"), ended(7, 0), "RIGHT_OF_ANOTHER_REGISTRY"),
        (RIGHT, drawn(7, 10, drawer=HOLDER + "1"), "DRAWN_BY_ANOTHER"),
        (RIGHT, drawn(7, 0), "DRAW_WITHOUT_MASS"),
        (RIGHT, drawn(7, 101), "DRAWN_OVER_MASS"),
        (replace(RIGHT, settled_mg=60), drawn(7, 41), "DRAWN_OVER_MASS"),
        (replace(RIGHT, state=State.CLOSING, settled_mg=60, drawn_mg=70), drawn(7, 11), "DRAWN_OVER_CLOSED_TOTAL"),
        (RIGHT, ended(7, 101), "CLOSED_OVER_MASS"),
        (RIGHT, ended(7, -1), "CLOSED_OVER_MASS"),
        (replace(RIGHT, settled_mg=60), ended(7, 59), "CLOSED_BELOW_SETTLED"),
        (replace(RIGHT, state=State.CLOSING, drawn_mg=70), ended(7, 71), "CLOSED_TWICE_WITH_OTHER_TOTALS"),
    ],
)
def test_what_cannot_be_true_is_refused_for_its_reason(right: Right, fact: Fact, code: str) -> None:
    outcome = apply_facts([fact], {RIGHT_ID: right}, {}, LOG)
    assert outcome.refusals == (Refusal(7, fact.statement_id, fact.right_id, code),)
    assert (dict(outcome.rights), outcome.postings, outcome.settlements) == ({}, (), ())


def test_a_refusal_stops_nothing_else() -> None:
    facts = [drawn(1, 30), drawn(2, 71), drawn(3, 70)]
    outcome = apply_facts(facts, {RIGHT_ID: RIGHT}, {}, LOG)
    assert [refusal.index for refusal in outcome.refusals] == [2]
    assert outcome.settlements == (
        Settlement(RIGHT_ID, facts[0].statement_id, 30, 30, 1),
        Settlement(RIGHT_ID, facts[2].statement_id, 70, 100, 3),
    )
    # Drawn out: it starts to close by itself.
    assert outcome.rights[RIGHT_ID].state is State.CLOSING
    assert outcome.rights[RIGHT_ID].close_reason == "DRAWN_OUT"


def test_the_very_edges_are_taken() -> None:
    """All of a right may be drawn, and it may be ended at just what is settled."""
    outcome = apply_facts([drawn(1, 60), ended(2, 60)], {RIGHT_ID: RIGHT}, {}, LOG)
    assert outcome.refusals == ()
    right = outcome.rights[RIGHT_ID]
    assert (right.state, right.settled_mg, right.freed_mg) == (State.CLOSED, 60, 40)
    assert [(posting.code, posting.reo_mg) for posting in outcome.postings] == [(Code.SETTLE, 60), (Code.FREE, 40)]


def test_a_draw_is_posted_once_and_another_settlement_of_it_is_refused() -> None:
    first = drawn(1, 30)
    known = {(RIGHT_ID, first.statement_id): Settled(30, 1)}
    again = apply_facts([first], {RIGHT_ID: replace(RIGHT, settled_mg=30)}, known, LOG)
    assert (again.postings, again.settlements, again.refusals) == ((), (), ()), "the same again is nothing new"
    for other in (replace(first, mass_mg=31), replace(first, index=2)):
        # Known from before, and from earlier in the same stretch.
        for facts, settled in (([other], known), ([first, other], {})):
            outcome = apply_facts(facts, {RIGHT_ID: RIGHT}, settled, LOG)
            refusal = Refusal(other.index, first.statement_id, RIGHT_ID, "SETTLED_OTHERWISE")
            assert outcome.refusals == (refusal,)
            assert sum(posting.reo_mg for posting in outcome.postings) == (30 if len(facts) == 2 else 0)
