"""Where a statement stands, and which part of a log something is good for.

A clock says nothing about a stolen key, which can write any date. What a verifier judges by is position: the index of a
statement in its log, or the size of the tree that a head signs over (docs/STATEMENTS.md, "Positions").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from monazite_provenance._frozen import dataclass
from monazite_provenance.errors import Compromised, EventNotAllowed, NotYetCertified, Retired


class Place(NamedTuple):
    """Where a statement is registered: the name of the log, and its index there, from 0."""

    log: str
    # The log's word; it hides tuple.index, and nobody searches a place.
    index: int  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]


@dataclass(frozen=True, slots=True)
class LogSpan:
    """The positions in one log at which a key is good: `first` and `last` among them, None for no end so far.

    Of a key that signs heads they are sizes of the tree, of a key that signs statements indexes. `compromised_from` is
    the position from which on nothing that it signed stands; what is below does.
    """

    first: int
    last: int | None = None
    compromised_from: int | None = None

    def check(self, position: int) -> None:
        """Return if the key is good at this position. Raises NotYetCertified, Compromised, Retired."""
        if position < self.first:
            raise NotYetCertified("the key was certified for a later part of the log", position=position)
        if self.compromised_from is not None and position >= self.compromised_from:
            raise Compromised("the key counts as compromised from before this place in the log", position=position)
        if self.last is not None and position > self.last:
            raise Retired("the key was retired before this place in the log", position=position)


def check_spans(spans: Mapping[str, LogSpan], log: str, position: int) -> None:
    """Return if a key with these spans is good there. Raises the KeyProblem family; EventNotAllowed for another log."""
    span = spans.get(log)
    if span is None:
        raise EventNotAllowed("the key is not certified for this log")
    span.check(position)
