"""Which output was spent by what: the graph of custody statements of a bundle, walked without recursion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from monazite_provenance._frozen import dataclass
from monazite_provenance._opened import Head
from monazite_provenance.contents import LotContent
from monazite_provenance.errors import (
    ChainTooLong,
    DoubleSpend,
    MissingParent,
    OwnSignatureOnly,
    StepNotAllowed,
    Undisclosed,
)
from monazite_provenance.names import parse_spiffe
from monazite_provenance.statement import Outpoint
from monazite_provenance.verifier import Statement

DEPTH_MAX: Final = 1_000
"""Most custody statements on one path from a register to the target."""
WALK_MAX: Final = 1_000_000
"""Most statements passed in all while looking for what adjustments descend from."""


_NOBODY: Final = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Hidden:
    """An output nobody spent yet and nobody showed; as `Head`."""

    depth: int
    alone: frozenset[str]


class Graph:
    """Takes statements, parents first. Methods raise the ChainProblem family on what does not stand."""

    def __init__(self) -> None:
        self._heads: dict[Outpoint, Head] = {}
        self._hidden: dict[Outpoint, Hidden] = {}
        self._outputs: dict[bytes, int] = {}
        self._spends: dict[bytes, tuple[Outpoint, ...]] = {}
        self._spent: dict[Outpoint, bytes] = {}
        self._born: dict[str, bytes] = {}
        self._walk_left = WALK_MAX

    @property
    def spent(self) -> Mapping[Outpoint, bytes]:
        """Spenders by outpoint."""
        return self._spent

    @property
    def born(self) -> Mapping[str, bytes]:
        """The statements at which lot ids began, by lot id."""
        return self._born

    def holds(self, statement_id: bytes) -> bool:
        """Whether a custody statement was taken."""
        return statement_id in self._outputs

    def shows(self, spends: Iterable[Outpoint]) -> bool:
        """Whether none of these outpoints is one that nobody showed."""
        return not self._hidden or self._hidden.keys().isdisjoint(spends)

    def find(self, spend: Outpoint) -> Head:
        """An unspent output that was shown."""
        head = self._heads.get(spend)
        if head is not None:
            return head
        if spend in self._spent:
            raise DoubleSpend("an output is spent twice in the bundle")
        if spend.statement_id not in self._outputs:
            raise MissingParent("a spent statement is not in the bundle before its spender")
        raise StepNotAllowed("spends an output that its parent does not have")

    def find_any(self, spend: Outpoint) -> Head | Hidden:
        """An unspent output, shown or not."""
        return self._hidden.get(spend) or self.find(spend)

    def target(self, target: Outpoint) -> Head:
        """The output that a bundle speaks for."""
        head = self._heads.get(target)
        if head is not None:
            return head
        if target in self._spent:
            raise DoubleSpend("the target is spent in its own bundle")
        if target in self._hidden:
            raise Undisclosed("the target")
        raise MissingParent("the target is not in the bundle")

    def bear(self, lots: Iterable[LotContent], statement_id: bytes) -> None:
        """Lot ids begin at this statement. Each is born once."""
        for lot in lots:
            if self._born.setdefault(lot.lot_id, statement_id) != statement_id:
                raise DoubleSpend("a lot id is born twice")

    def begin(self, outpoint: Outpoint, head: Head) -> None:
        """An output of a statement that is not in the bundle, by a cut. Where its lot id was born, the bundle may show
        or not.
        """
        self._heads[outpoint] = head

    def take(self, statement: Statement, outputs: Mapping[int, Head], hidden: Hidden | None = None) -> None:
        """A statement, whose spends were found: its outputs by index, and how the others stand that are not shown."""
        statement_id, spends = statement.id, statement.claims.spends
        for index in range(statement.outputs_count):
            head = outputs.get(index)
            if head is not None:
                self._heads[Outpoint(statement_id, index)] = head
            elif hidden is not None:
                self._hidden[Outpoint(statement_id, index)] = hidden
        for spend in spends:
            self._spent[spend] = statement_id
            if self._heads.pop(spend, None) is None:
                self._hidden.pop(spend, None)
        self._outputs[statement_id] = statement.outputs_count
        self._spends[statement_id] = spends

    def ancestors(self, statement_id: bytes) -> set[bytes]:
        """The statements that one rests on, itself included; what a cut stands for is not in the bundle."""
        wanted = {statement_id}
        stack = [statement_id]
        while stack:
            for spend in self._spends.get(stack.pop(), ()):
                if spend.statement_id not in wanted:
                    wanted.add(spend.statement_id)
                    stack.append(spend.statement_id)
        return wanted

    def spends(self, statement_ids: Iterable[bytes]) -> set[Outpoint]:
        """All that these statements spent."""
        return {spend for statement_id in statement_ids for spend in self._spends.get(statement_id, ())}

    def descends(self, statement_id: bytes, ancestor: bytes) -> bool:
        """Whether a statement rests on another. Raises ChainTooLong when asked too much in all."""
        seen = {statement_id}
        stack = [statement_id]
        while stack and ancestor not in seen:
            self._walk_left -= 1
            if self._walk_left < 0:
                raise ChainTooLong("more ways back to corrected statements than this verifier goes", limit=WALK_MAX)
            parents = {spend.statement_id for spend in self._spends.get(stack.pop(), ())}
            stack += parents - seen
            seen |= parents
        return ancestor in seen


def depth_of(inputs: Sequence[Head | Hidden]) -> int:
    """How deep the statement stands that spends these. Raises ChainTooLong."""
    depth = 1
    for head in inputs:
        depth = max(depth, head.depth + 1)
    if depth > DEPTH_MAX:
        raise ChainTooLong("the history is deeper than the bound", limit=DEPTH_MAX)
    return depth


def alone_of(statement: Statement, inputs: Sequence[Head | Hidden]) -> frozenset[str]:
    """Owners who signed, here or before, with a key that counts as their only signature.

    A statement stands in its log after all that it spends: one signed on behalf of them here is too late, whatever the
    log says. Raises OwnSignatureOnly.
    """
    claims = statement.claims
    alone = _NOBODY
    for head in inputs:
        alone |= head.alone
    if not alone and not statement.key.own_signature_only:
        return alone
    owner = str(parse_spiffe(claims.actor).owner)
    if claims.on_behalf is not None and owner in alone:
        raise OwnSignatureOnly("signed on behalf of one that signed alone before")
    # One set for all that follow the first signature: of thousands of heads each would else have a copy.
    return alone | {owner} if statement.key.own_signature_only and owner not in alone else alone
