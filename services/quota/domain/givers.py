"""Who may give quota to whom in a year: the nation to groups, a group to its own subsidiaries, nobody else.

Totals are issued to listed groups, which break them down to their subsidiaries; quota is not tradable (Order 71 of
2025, arts. on total quantity control; Decree 785 art. 10). No list of groups comes with the notices, so the year's own
gives say who is what, for that year: what the nation allocates to is a group, what a group gives to is its subsidiary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from services.chassis.errors import Error, Kind
from services.quota.domain.ledger import NATIONAL


class Member(NamedTuple):
    """An enterprise in a year. Sorted members are the order in which their givers are locked."""

    enterprise_id: str
    year: int


class Givers:
    """Whom each enterprise has its quota of a year from, as loaded and locked, with what one batch adds laid over.

    `NATIONAL` is the giver of a group. A giver stays for the year, or until all that was given has been taken back.
    """

    def __init__(self, loaded: Mapping[Member, str]) -> None:
        self._loaded = dict(loaded)
        self._givers = dict(loaded)

    def giver(self, member: Member) -> str | None:
        """Whom it has its quota of that year from; None if it has been given none."""
        return self._givers.get(member)

    def check(self, year: int, giver: str, receiver: str) -> None:
        """May `giver` give to `receiver` in that year? Raises NOT_YOUR_SUBSIDIARY, which says who is whose.

        The nation gives to what no group has given to. A group, that is what the nation allocated to, gives to what
        has nothing yet or has its quota from it. All else gives nothing.
        """
        givers_from = self.giver(Member(giver, year))
        receivers_from = self.giver(Member(receiver, year))
        wrong = _wrong(year, (giver, givers_from), (receiver, receivers_from))
        if wrong is None:
            return
        metadata: dict[str, str | int] = {"year": year, "giver": giver, "receiver": receiver}
        if givers_from is not None:
            metadata["giver_from"] = givers_from
        if receivers_from is not None:
            metadata["receiver_from"] = receivers_from
        raise Error(Kind.PRECONDITION, "NOT_YOUR_SUBSIDIARY", wrong, metadata=metadata)

    def bind(self, year: int, giver: str, receiver: str) -> None:
        """Note a give that was made. Raises as `check` does."""
        self.check(year, giver, receiver)
        self._givers[Member(receiver, year)] = giver

    def unbind(self, member: Member) -> None:
        """Nothing of the year is left with it: it has its quota from nobody, and anybody may give it some anew."""
        self._givers.pop(member, None)

    def changed(self) -> list[tuple[Member, str | None]]:
        """Whose giver this batch changes, in order, and to whom; None for nobody any longer."""
        members = sorted({*self._loaded, *self._givers})
        return [(member, after) for member in members if (after := self.giver(member)) != self._loaded.get(member)]

    def left(self) -> list[Member]:
        """Who had a giver and has none, or another, after this batch."""
        return [member for member, _ in self.changed() if member in self._loaded]


def _wrong(year: int, giver: tuple[str, str | None], receiver: tuple[str, str | None]) -> str | None:
    """What is wrong with a give, of both sides the name and whom it has its quota from; None if nothing is."""
    match giver:
        case str(name), None if name != NATIONAL:
            return f"{name} was allocated no quota of {year}: only a group breaks down"
        case str(name), str(parent) if parent != NATIONAL:
            return f"{name} is a subsidiary of {parent} in {year}: only a group breaks down"
        case _:
            pass
    name, source = receiver
    if source is None or source == giver[0]:
        return None
    if source == NATIONAL:
        return f"{name} is a group in {year}, with an allocation of its own: no group's subsidiary"
    return f"{name} is a subsidiary of {source} in {year} and has its quota of that year from nobody else"
