"""What is kept of the custody statements of a bundle once each was judged, and of the cuts that stand for others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set

from monazite_provenance._redacted import Partly
from monazite_provenance._telling import Steps, Told
from monazite_provenance.conservation import Finding
from monazite_provenance.report import Gap, LotView, StepFinding, StepView, Vouched, Withheld
from monazite_provenance.statement import Outpoint


class Taken:
    """`told`: by id, in the order of the bundle. `findings`: of all of them."""

    def __init__(self) -> None:
        self.told: dict[bytes, Told] = {}
        self.findings: list[StepFinding] = []
        self._gaps: dict[bytes, Sequence[Gap]] = {}
        self._partly: dict[bytes, tuple[Withheld, Gap]] = {}
        self._blind: set[bytes] = set()
        self._cuts: dict[Outpoint, Vouched] = {}

    def report(self, statement_id: bytes, gaps: Sequence[Gap], findings: Iterable[Finding]) -> None:
        """What a statement leaves unchecked, and what of it wants an explanation."""
        if gaps:
            self._gaps[statement_id] = gaps
        self.findings += [StepFinding(statement_id, finding) for finding in findings]

    def hide(self, partly: Partly) -> None:
        """A statement of which something is not shown, or of what it spends."""
        statement_id = partly.statement.id
        self.told[statement_id] = partly.told
        self._partly[statement_id] = partly.withheld, partly.gap
        if not partly.sees_all_inputs:
            self._blind.add(statement_id)

    def vouch(self, outpoint: Outpoint, cut: Vouched) -> None:
        """A cut that stands for all that is behind an outpoint."""
        self._cuts[outpoint] = cut

    @property
    def steps(self) -> Mapping[bytes, StepView]:
        """All statements, as a report shows them, by id."""
        return dict(zip(self.told, Steps(tuple(self.told.values())), strict=True))

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """What of the statements is not disclosed."""
        return tuple(withheld for withheld, _gap in self._partly.values() if withheld.outputs or withheld.details)

    def is_blind(self, statement_ids: Collection[bytes]) -> bool:
        """Whether one of these spends what nobody showed."""
        return not self._blind.isdisjoint(statement_ids)

    def gaps_of(self, statement_ids: Iterable[bytes]) -> list[Gap]:
        """What these statements leave unchecked."""
        return [gap for statement_id in statement_ids for gap in self._gaps.get(statement_id, ())]

    @property
    def not_disclosed(self) -> list[Gap]:
        """A gap for each statement that is not shown whole."""
        return [gap for _withheld, gap in self._partly.values()]

    def cuts_of(self, chain: Set[Outpoint]) -> tuple[Vouched, ...]:
        """The cuts that stand for what is behind these outpoints."""
        return tuple(cut for outpoint, cut in self._cuts.items() if outpoint in chain)

    def shown(self, outpoint: Outpoint) -> LotView | None:
        """The lot at an outpoint that a step of the bundle made, or that a cut stands for."""
        told = self.told.get(outpoint.statement_id)
        if told is None:
            return self._cuts[outpoint].lot if outpoint in self._cuts else None
        return told.lot_at(outpoint.index)

    def lot_at(self, outpoint: Outpoint) -> str | None:
        """The id of the lot there; empty where there is none, None where the bundle does not say."""
        shown = self.shown(outpoint)
        if shown is None:
            missing = outpoint.statement_id in self.told and not self.is_withheld(outpoint)
            return "" if missing else None
        return shown.lot_id

    def is_withheld(self, outpoint: Outpoint) -> bool:
        """Whether a statement of the bundle made it and does not show it."""
        partly = self._partly.get(outpoint.statement_id)
        return partly is not None and outpoint.index in partly[0].outputs

    def hides_outputs(self, statement_id: bytes) -> bool:
        """Whether an output of a statement is not shown."""
        partly = self._partly.get(statement_id)
        return partly is not None and bool(partly[0].outputs)

    def hides_details(self, statement_id: bytes) -> bool:
        """Whether the details of a statement are not shown."""
        partly = self._partly.get(statement_id)
        return partly is not None and partly[0].details
