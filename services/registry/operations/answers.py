"""What commands answer with, as values. `messages` gives them their form; a form that was stored is given again as
it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from monazite_provenance.conservation import Finding
from monazite_provenance.statement import Outpoint

from services.registry.domain.change import NewHead
from services.registry.domain.records import ActState, HeadRow
from services.registry.storage.places import Place


@dataclass(frozen=True, slots=True)
class HeadMade:
    """A head; without an outpoint where nothing was signed."""

    lot_id: str
    outpoint: Outpoint | None
    holds: tuple[str, ...] = ()

    @classmethod
    def of(cls, head: HeadRow) -> HeadMade:
        """A head that exists."""
        return cls(head.lot_id, head.outpoint, head.holds)


def heads_made(statement_id: bytes | None, outputs: Sequence[NewHead]) -> tuple[HeadMade, ...]:
    """The heads that a statement makes."""
    return tuple(
        HeadMade(
            output.lot_id,
            None if statement_id is None else Outpoint(statement_id, index),
            () if output.hold is None else (output.hold,),
        )
        for index, output in enumerate(outputs)
    )


@dataclass(frozen=True, slots=True)
class StepDone:
    """A custody step, a hold or a release. `item` is None of a step that was only validated. `made_before`: it is of
    another request, and this one changed nothing.
    """

    item: bytes | None
    heads: tuple[HeadMade, ...]
    findings: tuple[Finding, ...] = ()
    made_before: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that lacks its signature alone: the bytes to sign, and the item with a signature of no bytes."""

    statement_id: bytes
    unsigned_item: bytes
    signing_input: bytes
    expires_at: datetime
    heads: tuple[HeadMade, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class IdsIssued:
    """New lot ids."""

    lot_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RightEnded:
    """The `right-closed` and what was drawn in all, milligrams REO."""

    item: bytes
    total_drawn_mg: int


@dataclass(frozen=True, slots=True)
class ActStands:
    """An export act with its lock, or with what ended it."""

    state: ActState
    item: bytes
    heads: tuple[HeadMade, ...]


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key of an enterprise and the item that certified it."""

    thumbprint: bytes
    certification: bytes
    retired: bool


@dataclass(frozen=True, slots=True)
class EnterpriseView:
    """An enterprise. `own_signature_from`: index in the log, None while the registry may sign for it."""

    enterprise_id: str
    display_name: str
    activities: Sequence[str]
    own_signature_from: int | None
    keys: Sequence[KeyView] = ()


@dataclass(frozen=True, slots=True)
class KeyEnded:
    """The `keys` statement that retired a key."""

    item: bytes


Answer: TypeAlias = StepDone | IdsIssued | RightEnded | ActStands | KeyView | EnterpriseView | KeyEnded
Render: TypeAlias = Callable[[Answer], bytes]
"""Gives an answer its stored form."""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer in its stored form, and the place of its statement as it is known now; None where there is no
    statement.
    """

    reply: bytes
    place: Place | None
