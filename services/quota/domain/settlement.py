"""What a stretch of the registry's log does to our rights.

Runs twice over the same facts: once on rights as read, to learn which `settled` statements to sign, and once more on
locked rows when they are committed; both must come to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from services.quota.domain.ledger import Posting
from services.quota.domain.right import Contradiction, Right, Step, note_closed, settle


@dataclass(frozen=True, slots=True)
class Drawn:
    """A verified register or transform draws `mass_mg` on a right; `drawer` is the enterprise that acted."""

    index: int
    statement_id: bytes
    right_id: bytes
    mass_mg: int
    drawer: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A verified right-closed of the registry."""

    index: int
    statement_id: bytes
    right_id: bytes
    total_drawn_mg: int
    reason: str


Fact: TypeAlias = Drawn | Ended


@dataclass(frozen=True, slots=True)
class Settlement:
    """A draw that was posted: content of the `settled` statement to sign."""

    right_id: bytes
    drawing_id: bytes
    mass_mg: int
    total_mg: int
    index: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something in the log that was not posted, and why: kept as evidence, and shown to officers' monitoring."""

    index: int
    statement_id: bytes
    right_id: bytes
    code: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rights as they stand after the stretch (only those that changed), and what that posts and signs."""

    rights: Mapping[bytes, Right]
    postings: tuple[Posting, ...]
    settlements: tuple[Settlement, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """How a draw was settled: its mass, mg REO, and its index in the registry's log."""

    mass_mg: int
    index: int


def apply_facts(
    facts: Iterable[Fact],
    rights: Mapping[bytes, Right],
    settled: Mapping[tuple[bytes, bytes], Settled],
    registry_log: str,
) -> Outcome:
    """Apply facts in log order.

    `rights` holds every right of ours that a fact names; `settled` the pairs (right, drawing statement) that were
    posted before: the same again is skipped, another mass or index is a contradiction. What contradicts the ledger is
    refused, one by one, and stops nothing else.
    """
    now = dict(rights)
    done = dict(settled)
    postings: list[Posting] = []
    settlements: list[Settlement] = []
    refusals: list[Refusal] = []
    for fact in facts:
        pair = (fact.right_id, fact.statement_id)
        try:
            if isinstance(fact, Drawn) and _is_settled(fact, done.get(pair)):
                continue
            step = _step(fact, now.get(fact.right_id), registry_log)
        except Contradiction as error:
            refusals.append(Refusal(fact.index, fact.statement_id, fact.right_id, error.code))
            continue
        now[fact.right_id] = step.right
        postings.extend(step.postings)
        if isinstance(fact, Drawn):
            done[pair] = Settled(fact.mass_mg, fact.index)
            settlements.append(Settlement(*pair, fact.mass_mg, step.right.settled_mg, fact.index))
    changed = {right_id: right for right_id, right in now.items() if right != rights[right_id]}
    return Outcome(changed, tuple(postings), tuple(settlements), tuple(refusals))


def _is_settled(fact: Drawn, before: Settled | None) -> bool:
    """Whether the draw was posted before. Raises Contradiction when it was posted otherwise: a statement has one mass
    and one place in a log."""
    if before is not None and before != Settled(fact.mass_mg, fact.index):
        raise Contradiction("SETTLED_OTHERWISE")
    return before is not None


def _step(fact: Fact, right: Right | None, registry_log: str) -> Step:
    if right is None:
        raise Contradiction("RIGHT_NOT_OURS")
    if right.registry_log != registry_log:
        raise Contradiction("RIGHT_OF_ANOTHER_REGISTRY")
    if isinstance(fact, Ended):
        return note_closed(right, fact.total_drawn_mg, fact.reason)
    if fact.drawer != right.holder:
        raise Contradiction("DRAWN_BY_ANOTHER")
    return settle(right, fact.statement_id, fact.mass_mg)
