"""The registry's rows as values: what `admission` reads, and what it says they become."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from monazite_provenance.contents import CustodyState, QuotaKind
from monazite_provenance.statement import Outpoint


class Activity(StrEnum):
    """What a listed enterprise may do (Order 71 art. 6; Decree 785 art. 10, 11)."""

    MINE = "MINE"
    SEPARATE = "SEPARATE"
    SMELT_METAL = "SMELT_METAL"
    MAKE_MAGNETS = "MAKE_MAGNETS"
    IMPORT = "IMPORT"
    EXPORT = "EXPORT"
    RECYCLE = "RECYCLE"


class NameState(IntEnum):
    """Life of a lot id. RESERVED: an offer named it for what will not be accepted."""

    ISSUED = 1
    RESERVED = 2
    BORN = 3


class RightState(IntEnum):
    """Life of a right at the registry. CLOSING: nothing more is drawn, the `right-closed` is not committed yet."""

    OPEN = 1
    CLOSING = 2
    CLOSED = 3


class ActState(IntEnum):
    """Life of an export act; the numbers are those of the API."""

    LOCKED = 1
    EXPORTED = 2
    VOID = 3


@dataclass(frozen=True, slots=True)
class EnterpriseRow:
    """A listed enterprise. `own_signature_only`: the registry may not sign for it."""

    enterprise_id: str
    activities: frozenset[str]
    own_signature_only: bool = False


@dataclass(frozen=True, slots=True)
class NameRow:
    """A lot id: to which enterprise it was issued and where its newest head is."""

    lot_id: str
    enterprise_id: str
    state: NameState
    head: Outpoint | None = None


@dataclass(frozen=True, slots=True)
class HeadRow:
    """One output: what about it can change, and what access depends on. Its content cannot change."""

    outpoint: Outpoint
    lot_id: str
    holder: str
    receiver: str | None
    state: CustodyState
    spent_by: bytes | None = None
    holds: tuple[str, ...] = ()
    act_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold by its statement: why, and the release that ended it. Its head's row repeats the reasons of open ones."""

    hold_id: bytes
    outpoint: Outpoint
    reason_code: str
    released_by: bytes | None = None


@dataclass(frozen=True, slots=True)
class RightTerms:
    """What quota signed: mass in milligrams REO, expiry in Unix seconds."""

    right_id: bytes
    kind: QuotaKind
    mass_mg: int
    holder: str
    site: str
    registry_log: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class RightRow:
    """A right here. `terms` is None of a tombstone: closed before anybody presented it."""

    right_id: bytes
    state: RightState
    drawn_mg: int
    terms: RightTerms | None
    closed_by: bytes | None = None


@dataclass(frozen=True, slots=True)
class ActRow:
    """An export act. `licence_id`, `lock_id` and `heads` are empty of a tombstone; `intent_id` is that of an
    exported one.
    """

    act_id: bytes
    state: ActState
    licence_id: bytes | None
    heads: tuple[Outpoint, ...]
    lock_id: bytes | None = None
    ended_by: bytes | None = None
    intent_id: bytes | None = None


def _no_rows() -> dict[Any, Any]:
    # A parametrised `dict[...]` takes seven times as long to make, and every decision makes seven.
    return {}


@dataclass(slots=True)
class Rows:
    """Rows by key: those that were loaded, or those that a decision changed. A key that is not there does not exist."""

    enterprises: dict[str, EnterpriseRow] = field(default_factory=_no_rows)
    names: dict[str, NameRow] = field(default_factory=_no_rows)
    heads: dict[Outpoint, HeadRow] = field(default_factory=_no_rows)
    holds: dict[bytes, HoldRow] = field(default_factory=_no_rows)
    rights: dict[bytes, RightRow] = field(default_factory=_no_rows)
    acts: dict[bytes, ActRow] = field(default_factory=_no_rows)
    # The cut of a head, where it has one.
    cuts: dict[Outpoint, bytes] = field(default_factory=_no_rows)

    def merge(self, changed: Rows) -> None:
        """Take over what a decision changed, so that the next one sees it."""
        self.enterprises.update(changed.enterprises)
        self.names.update(changed.names)
        self.heads.update(changed.heads)
        self.holds.update(changed.holds)
        self.rights.update(changed.rights)
        self.acts.update(changed.acts)
        self.cuts.update(changed.cuts)
