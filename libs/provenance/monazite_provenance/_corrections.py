"""Corrections in a bundle: what each is of, and how much more they found, which adjustments after them may take up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from monazite_provenance._graph import Graph
from monazite_provenance._opened import Opened, corrected_lots
from monazite_provenance._records import Records
from monazite_provenance._telling import Told
from monazite_provenance.conservation import ElementBalance, weigh
from monazite_provenance.contents import AdjustDetails, CorrectDetails, Corrected
from monazite_provenance.errors import BadField, LogProblem, MissingParent, StepNotAllowed, Undisclosed
from monazite_provenance.kinds import EventKind
from monazite_provenance.places import Place
from monazite_provenance.statement import Claims, Outpoint
from monazite_provenance.steps import Prior

NOTHING: Final[Mapping[int, int]] = {}


class Corrections:
    """Takes corrections that were judged, and answers for the adjustments that follow them."""

    def __init__(self, graph: Graph, records: Records) -> None:
        self._graph = graph
        self._records = records
        self._of: dict[bytes, Outpoint] = {}
        # By output as it first came to be, milligrams REO by atomic number: how much more is said of it now than when
        # it was spent, less what adjustments gained by that. What they lost does not count: a bundle need not hold them
        # all, and one that is missing must never make another look wrong.
        self._more: dict[Outpoint, dict[int, int]] = {}
        # By adjustment, what of that it took up when it was judged.
        self._took: dict[bytes, Mapping[int, int]] = {}
        self._last: dict[Outpoint, int] = {}

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
        if not opened.outputs:
            more = self._more.setdefault(self._records.origin(details.outpoint), {})
            for each in weigh([prior.outputs[prior.index]], [lot]):
                more[each.element] = more.get(each.element, 0) - each.difference_mg

    def explain(self, opened: Opened, place: Place) -> Mapping[int, int]:
        """Of an adjustment that follows a correction, what of that no other has taken up, milligrams REO by atomic
        number; of the correction of such a one, what it took up itself; of all else nothing.

        Raises BadField, MissingParent; StepNotAllowed where the lot does not descend from what was corrected,
        LogProblem where what speaks of one output is not in the order of its log.
        """
        if isinstance(opened.details, CorrectDetails):
            origin = self._records.origin(opened.details.outpoint)
            self._check_order(origin, place)
            return self._took.get(origin.statement_id, NOTHING)
        correction = _followed(opened)
        if correction is None:
            return NOTHING
        claims = opened.statement.claims
        if correction not in claims.refs:
            raise BadField("an adjustment does not refer to the correction that it follows", field="refs")
        corrected = self._of.get(correction)
        if corrected is None:
            raise MissingParent("the correction that an adjustment follows is not in the bundle before it")
        origin = self._records.origin(corrected)
        if not all(self._graph.descends(spend.statement_id, origin.statement_id) for spend in claims.spends):
            raise StepNotAllowed("an adjustment after a correction of what the lot does not descend from")
        self._check_order(origin, place)
        return {element: mass for element, mass in self._more.get(origin, NOTHING).items() if mass > 0}

    def _check_order(self, origin: Outpoint, place: Place) -> None:
        """What is said of an output last counts, and that is for its log to say: none need refer to another."""
        if place.index < self._last.get(origin, 0):
            raise LogProblem("corrections of one output, or what follows them, against the order of their log")
        self._last[origin] = place.index

    def check_shown(self, claims: Claims) -> None:
        """A statement of which not all is shown. Raises Undisclosed for an adjustment that follows a correction: others
        could take up the same again.
        """
        if claims.kind is EventKind.ADJUST and not self._of.keys().isdisjoint(claims.refs):
            raise Undisclosed("of an adjustment that follows a correction all must be disclosed")

    def take_up(self, opened: Opened, balances: Iterable[ElementBalance]) -> None:
        """An adjustment that follows a correction has these balances: what it gained is there no more."""
        correction = _followed(opened)
        if correction is None:
            return
        left = self._more.setdefault(self._records.origin(self._of[correction]), {})
        gained = {each.element: -each.difference_mg for each in balances if each.difference_mg < 0}
        self._took[opened.statement.id] = {
            element: min(mass, max(0, left.get(element, 0))) for element, mass in gained.items()
        }
        for element, mass in gained.items():
            left[element] = left.get(element, 0) - mass

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
