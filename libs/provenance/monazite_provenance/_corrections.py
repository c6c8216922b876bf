"""Corrections in a bundle: what each is of, and how much more it found, which adjustments after it may take up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from monazite_provenance._graph import Graph
from monazite_provenance._opened import Opened, corrected_lots
from monazite_provenance._records import Records
from monazite_provenance._telling import Told
from monazite_provenance.conservation import ElementBalance
from monazite_provenance.contents import AdjustDetails, CorrectDetails, Corrected, LotContent
from monazite_provenance.errors import BadField, MissingParent, StepNotAllowed
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import Prior

NOTHING: Final[Mapping[int, int]] = {}


class Corrections:
    """Takes corrections that were judged, and answers for the adjustments that follow them."""

    def __init__(self, graph: Graph, records: Records) -> None:
        self._graph = graph
        self._records = records
        self._of: dict[bytes, Outpoint] = {}
        # By correction, milligrams REO by atomic number that no adjustment has taken up.
        self._more: dict[bytes, dict[int, int]] = {}

    def take(self, opened: Opened, prior: Prior) -> None:
        """A correction, and the statement as it stood before it; nothing of any other kind."""
        details = opened.details
        if not isinstance(details, CorrectDetails):
            return
        (lot,) = corrected_lots(opened)
        corrected = Outpoint(opened.statement.id, 0) if opened.outputs else None
        self._records.correct(details.outpoint, corrected, lot, details.draws)
        self._of[opened.statement.id] = details.outpoint
        # Of an unspent lot the correction itself makes the difference.
        more = {} if opened.outputs else _more(prior.outputs[prior.index], lot)
        self._more[opened.statement.id] = more

    def explain(self, opened: Opened) -> Mapping[int, int]:
        """Of an adjustment that follows a correction, what of that no other has taken up, milligrams REO by atomic
        number; of all else nothing.

        Raises BadField, MissingParent; StepNotAllowed where the lot does not descend from what was corrected.
        """
        correction = _followed(opened)
        if correction is None:
            return NOTHING
        claims = opened.statement.claims
        if correction not in claims.refs:
            raise BadField("an adjustment does not refer to the correction that it follows", field="refs")
        corrected = self._of.get(correction)
        if corrected is None:
            raise MissingParent("the correction that an adjustment follows is not in the bundle before it")
        if not self._graph.descends(claims.spends[0].statement_id, self._records.origin(corrected).statement_id):
            raise StepNotAllowed("an adjustment after a correction of what the lot does not descend from")
        return self._more[correction]

    def take_up(self, opened: Opened, balances: Iterable[ElementBalance]) -> None:
        """An adjustment that follows a correction has these balances: what it gained is there no more."""
        correction = _followed(opened)
        if correction is None:
            return
        left = self._more[correction]
        for each in balances:
            left_mg = left.get(each.element, 0)
            left[each.element] = left_mg - min(left_mg, max(0, -each.difference_mg))

    def beside(self, statement_ids: Collection[bytes], told: Mapping[bytes, Told]) -> Iterator[bytes]:
        """The corrections of what these statements made that make nothing themselves: nothing leads to them."""
        for correction, corrected in self._of.items():
            if not told[correction].inputs and self._records.origin(corrected).statement_id in statement_ids:
                yield correction


def _followed(opened: Opened) -> bytes | None:
    details = opened.details
    if isinstance(details, AdjustDetails) and isinstance(details.basis, Corrected):
        return details.basis.correction
    return None


def _more(before: LotContent, after: LotContent) -> dict[int, int]:
    known = before.element_masses()
    found = {element: mass - known.get(element, 0) for element, mass in after.element_masses().items()}
    return {element: mass for element, mass in found.items() if mass > 0}
