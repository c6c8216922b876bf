"""Where each lot lives, from size to size of its log: no lot id has two living heads, whatever a bundle leaves out.

A lot keeps its id from hand to hand, so that a bundle may begin at several cuts of one id: later heads of one lot. Only
of lots that have such a cut is this asked; of all others the spends tell it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from itertools import pairwise
from typing import Final, NamedTuple

from monazite_provenance import tree
from monazite_provenance._graph import Graph
from monazite_provenance._taken import Taken
from monazite_provenance.contents import LotContent
from monazite_provenance.errors import DoubleSpend
from monazite_provenance.places import Place
from monazite_provenance.statement import Outpoint

_FOR_EVER: Final = tree.SIZE_MAX + 1


class _Life(NamedTuple):
    """A head: it is known to live at these sizes of this log, and behind them its lot may live at another head, unless
    this was its end. Made at index i and spent at index j, a head lives at the sizes i + 1 to j.
    """

    first: int
    last: int
    log: str
    is_end: bool = False


class _Word(NamedTuple):
    """What cuts say of a head: it lives at these sizes, the least and the largest of their checkpoints."""

    lot: LotContent
    first: int
    last: int


class Lives:
    """Takes cuts that stand for something, and holds them against each other and against all heads of a bundle."""

    def __init__(self) -> None:
        self._words: dict[Outpoint, _Word] = {}

    def vouch(self, outpoint: Outpoint, lot: LotContent, size: int) -> None:
        """A cut: at this size of the lot's home log, this is its living head."""
        known = self._words.get(outpoint, _Word(lot, size, size))
        self._words[outpoint] = _Word(lot, min(size, known.first), max(size, known.last))

    def finish(self, target: Outpoint, graph: Graph, taken: Taken, places: Mapping[bytes, Place]) -> None:
        """The bundle has ended: no lot that was cut lives at two heads at once, before its birth or behind its end.

        Raises DoubleSpend.
        """
        if not self._words:
            return
        lives: dict[str, list[_Life]] = {word.lot.lot_id: [] for word in self._words.values()}
        bundle = _Bundle(target, graph, taken, places, lives.keys())
        for outpoint, word in self._words.items():
            # Who asks for what rests on a cut shows what spent it, or asks for the head itself: nothing is behind that.
            life = bundle.life(outpoint, word.lot, word.first, unspent=_FOR_EVER)
            if life.last < word.last:
                raise DoubleSpend("a cut says that a head lives which was spent")
            lives[word.lot.lot_id].append(life)
        for lot_id, life in bundle.lives():
            lives[lot_id].append(life)
        for lot_id, found in lives.items():
            _check(found, bundle.born_at(lot_id))


class _Bundle:
    """What a bundle shows of the lots with these ids."""

    def __init__(
        self, target: Outpoint, graph: Graph, taken: Taken, places: Mapping[bytes, Place], lot_ids: Set[str]
    ) -> None:
        self._target = target
        self._graph = graph
        self._taken = taken
        self._places = places
        self._made = {
            Outpoint(statement_id, index): lot
            for statement_id, told in taken.told.items()
            for index, lot in enumerate(told.outputs)
            if lot is not None and lot.lot_id in lot_ids
        }
        self._carried = {(outpoint.statement_id, lot.lot_id) for outpoint, lot in self._made.items()}

    def lives(self) -> Iterator[tuple[str, _Life]]:
        """The heads that its statements made, each with its lot id."""
        for outpoint, lot in self._made.items():
            first = self._places[outpoint.statement_id].index + 1
            # What spent it may be behind a cut; the target lives.
            unspent = _FOR_EVER if outpoint == self._target else first
            yield lot.lot_id, self.life(outpoint, lot, first, unspent=unspent)

    def life(self, outpoint: Outpoint, lot: LotContent, first: int, *, unspent: int) -> _Life:
        """Of a head that lives at the size `first`; up to the size `unspent` if nothing in the bundle spends it."""
        spender = self._graph.spent.get(outpoint)
        if spender is None:
            return _Life(first, unspent, lot.home_log)
        goes_on = (spender, lot.lot_id) in self._carried or self._taken.hides_outputs(spender)
        return _Life(first, self._places[spender].index, lot.home_log, is_end=not goes_on)

    def born_at(self, lot_id: str) -> int | None:
        """The index of a lot's birth, where that is shown."""
        statement_id = self._graph.born.get(lot_id)
        return None if statement_id is None else self._places[statement_id].index


def _check(lives: list[_Life], born_at: int | None) -> None:
    """One lot's. Raises DoubleSpend."""
    if len({life.log for life in lives}) > 1:
        raise DoubleSpend("a lot id lives in two logs")
    lives.sort()
    if born_at is not None and lives[0].first <= born_at:
        raise DoubleSpend("a lot id is born behind a cut of it")
    if any(earlier.is_end or earlier.last >= later.first for earlier, later in pairwise(lives)):
        raise DoubleSpend("a lot id has two living heads")
