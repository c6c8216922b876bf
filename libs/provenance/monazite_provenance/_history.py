"""What the custody statements of a bundle say of one head: of what that rests on, and of nothing beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Final, NamedTuple

from monazite_provenance import origins
from monazite_provenance._attestations import compared
from monazite_provenance._corrections import Corrections
from monazite_provenance._draws import Draws
from monazite_provenance._evidence import Evidence
from monazite_provenance._frozen import dataclass
from monazite_provenance._graph import Graph
from monazite_provenance._holds import ON_HOLD, hold_gap
from monazite_provenance._taken import Taken
from monazite_provenance._telling import Steps, Told
from monazite_provenance.conservation import Finding
from monazite_provenance.contents import LotContent
from monazite_provenance.errors import Undisclosed
from monazite_provenance.report import Gap, StepFinding, StepView, Vouched
from monazite_provenance.settings import RuleSettings
from monazite_provenance.statement import Outpoint

OrderUnknown = Callable[[bytes, str], bool]
"""Whether an owner (URI) wants its own signature only, by a word of which nobody knows whether it stands before this
statement."""


@dataclass(frozen=True, slots=True)
class History:
    """What the custody statements say of one head."""

    lot: LotContent
    steps: Sequence[StepView]
    findings: tuple[StepFinding, ...]
    gaps: tuple[Gap, ...]
    origins: origins.Shares
    vouched: tuple[Vouched, ...]


class Past(NamedTuple):
    """All that was taken in of a bundle, from which the history of a head is told."""

    graph: Graph
    taken: Taken
    corrections: Corrections
    draws: Draws
    evidence: Evidence

    def of(self, target: Outpoint, order_unknown: OrderUnknown, settings: RuleSettings) -> History:
        """What the target rests on. Raises MissingParent, DoubleSpend, Undisclosed."""
        head = self.graph.target(target)
        ancestors = self._ancestors(target.statement_id)
        if self.taken.is_blind(ancestors):
            raise Undisclosed("an output that was spent on the way to the target")
        steps = [self.taken.told[statement_id] for statement_id in ancestors]
        chain = {target, *self.graph.spends(ancestors)}
        held = self._held(chain)
        vouched = self.taken.cuts_of(chain)
        gaps = [
            *self.taken.gaps_of(ancestors),
            *(gap for told in steps if told.drawn for gap in self.draws.unsettled(told)),
            *_order_gaps(steps, order_unknown),
            *self.taken.not_disclosed,
            *(hold_gap(each.statement_id) for each in held),
            *map(_vouched_gap, vouched),
            *([_NOT_TRACED] if head.shares is None else []),
        ]
        known = frozenset(ancestors)
        found = (each for each in self.taken.findings if each.statement_id in known)
        return History(
            lot=head.lot,
            steps=Steps(steps),
            findings=(*found, *self._assayed(chain, settings), *held),
            gaps=tuple(gaps),
            origins=head.shares or {},
            vouched=vouched,
        )

    def _ancestors(self, statement_id: bytes) -> list[bytes]:
        """The custody statements a statement rests on, itself included, in the bundle's order: parents first."""
        told = self.taken.told
        wanted = self.graph.ancestors(statement_id)
        wanted.update(list(self.corrections.beside(wanted, told)))
        return [each for each in told if each in wanted]

    def _held(self, chain: Set[Outpoint]) -> tuple[StepFinding, ...]:
        """Open holds on the target and on all that was spent on the way to it; a head on hold is not spent."""
        message = "on hold, and no release of this hold is in the bundle"
        return tuple(
            StepFinding(
                hold.hold_id,
                Finding(ON_HOLD, message, {"lot_id": hold.lot_id, "reason_code": hold.reason_code}),
            )
            for hold in self.evidence.holds.still_open(chain)
        )

    def _assayed(self, chain: Set[Outpoint], settings: RuleSettings) -> Iterator[StepFinding]:
        """What assays of the target, and of what was spent on the way to it, say otherwise than the record."""
        for outpoint, attestation, attested in self.evidence.attestations.of_heads():
            shown = self.taken.shown(outpoint) if outpoint in chain else None
            if shown is not None:
                yield from (StepFinding(attestation, each) for each in compared(shown.lot, attested, settings))


_NOT_TRACED: Final = Gap(
    "ORIGINS_NOT_TRACED", "the shares of the origins were not worked out: too many, withheld, or none in a cut"
)


def _vouched_gap(cut: Vouched) -> Gap:
    return Gap("VOUCHED", "the registry's word stands for all that this lot rests on", cut.statement_id)


def _order_gaps(steps: Sequence[Told], order_unknown: OrderUnknown) -> list[Gap]:
    message = "signed on behalf of one that wants its own signature only"
    return [
        Gap("OWN_SIGNATURE_ORDER", message, told.statement_id)
        for told in steps
        if told.claims.on_behalf and order_unknown(told.statement_id, told.claims.actor)
    ]
