"""Holds in a bundle: which were placed, which release ended which, and what is still held.

A release names the hold that it ends by statement id, so that neither order nor number decides: each of several holds
on one head needs its own release.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from monazite_provenance._frozen import dataclass
from monazite_provenance.contents import HoldDetails, ReleaseDetails
from monazite_provenance.errors import MissingParent, StepNotAllowed
from monazite_provenance.names import parse_spiffe
from monazite_provenance.report import Gap
from monazite_provenance.statement import Outpoint
from monazite_provenance.verifier import Statement

INSPECTOR: Final = ("officer", "inspector")
"""How the path of an inspector begins: the registry holds by rule or for one, and releases for one only."""
ON_HOLD: Final = "ON_HOLD"
"""Code of the finding, and of the gap, that an open hold is."""


def hold_gap(hold_id: bytes) -> Gap:
    """What an open hold leaves unchecked."""
    return Gap(ON_HOLD, "that this hold has ended is not in the bundle", hold_id)


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold without its release. `hold_id` is its statement's."""

    hold_id: bytes
    outpoint: Outpoint
    lot_id: str
    reason_code: str


class Holds:
    """Takes verified hold and release statements, each hold before its release."""

    def __init__(self) -> None:
        self._placed: dict[bytes, OpenHold] = {}
        self._released: set[bytes] = set()

    def place(self, statement: Statement, details: HoldDetails) -> None:
        """Take a hold. Raises StepNotAllowed when it is on behalf of anybody but an inspector."""
        if statement.claims.on_behalf is not None:
            check_inspector(statement)
        self._placed[statement.id] = OpenHold(statement.id, details.outpoint, details.lot_id, details.reason_code)

    def release(self, statement: Statement, details: ReleaseDetails) -> None:
        """Take a release. Raises MissingParent without the hold that it names, StepNotAllowed when that is of another
        head or lot or has ended before, or when no inspector commanded it.
        """
        if statement.claims.on_behalf is None:
            raise StepNotAllowed("a release that no officer commanded")
        check_inspector(statement)
        hold = self._placed.get(details.hold_id)
        if hold is None:
            raise MissingParent("a release without the hold that it ends")
        if (hold.outpoint, hold.lot_id) != (details.outpoint, details.lot_id):
            raise StepNotAllowed("a release of another head than its hold's")
        if details.hold_id in self._released:
            raise StepNotAllowed("one hold released twice")
        self._released.add(details.hold_id)

    def check_lots(self, lot_at: Callable[[Outpoint], str | None]) -> None:
        """Raises StepNotAllowed for a hold that names another lot than stands at its head; `lot_at` gives None where
        the bundle does not say.
        """
        for hold in self._placed.values():
            if lot_at(hold.outpoint) not in {None, hold.lot_id}:
                raise StepNotAllowed("a hold on a head that is another lot's")

    def still_open(self, outpoints: Collection[Outpoint]) -> tuple[OpenHold, ...]:
        """The holds on these heads that no release ends."""
        return tuple(
            hold
            for hold_id, hold in self._placed.items()
            if hold_id not in self._released and hold.outpoint in outpoints
        )


def check_inspector(statement: Statement) -> None:
    """Raises StepNotAllowed for what the registry signed on behalf of anybody but an inspector."""
    if parse_spiffe(statement.claims.actor).segments[: len(INSPECTOR)] != INSPECTOR:
        raise StepNotAllowed("holds and attestations are signed for inspectors only")
