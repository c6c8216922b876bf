"""What one write asks of the registry's rows. Known before anything is signed; `admission` decides it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from monazite_provenance.contents import CustodyState, QuotaKind
from monazite_provenance.names import SpiffeId
from monazite_provenance.statement import Outpoint

from services.registry.domain.records import Activity, RightTerms


@dataclass(frozen=True, slots=True)
class Spend:
    """Spends a head. `unlocks`: an export may spend what the act of this id has locked."""

    outpoint: Outpoint
    lot_id: str
    unlocks: bytes | None = None


class NameUse(Enum):
    """What becomes of a lot id: a new lot, reserved by an offer, born of a return, given back unused, or kept by its
    lot.
    """

    BEAR = "bear"
    RESERVE = "reserve"
    BEAR_RESERVED = "bear_reserved"
    GIVE_BACK = "give_back"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Name:
    """One lot id and what becomes of it. `output`: index of the output that is its new head, if it gets one."""

    lot_id: str
    use: NameUse
    output: int | None = None


class NewHead(NamedTuple):
    """An output of the statement: what its row says beside its content. Masses for reports: grams gross, milligrams
    REO.
    """

    lot_id: str
    holder: str
    receiver: str | None
    state: CustodyState
    gross_g: int
    reo_mg: int
    content: bytes
    born: bool
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class DrawOn:
    """A draw, milligrams REO, on a right of the kind that the step needs. `presented`: the verified right, if it was
    sent.
    """

    right_id: bytes
    reo_mg: int
    kind: QuotaKind
    sites: frozenset[str]
    presented: RightTerms | None = None


@dataclass(frozen=True, slots=True)
class ExportEnd:
    """The act that an acceptance ends, and the export-intent that it rests on."""

    act_id: bytes
    intent_id: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """A custody step of one enterprise, or the acceptance that ends an export (`act`).

    `receivers`: of an offer to enterprises, which output goes to which; one to licensing has none.
    """

    enterprise_id: str
    holder: str
    on_behalf: bool
    activities: frozenset[Activity]
    spends: tuple[Spend, ...] = ()
    names: tuple[Name, ...] = ()
    outputs: tuple[NewHead, ...] = ()
    draws: tuple[DrawOn, ...] = ()
    act: ExportEnd | None = None
    receivers: tuple[tuple[int, SpiffeId], ...] = ()


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Holds an unspent head."""

    lot_id: str
    outpoint: Outpoint
    reason_code: str


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Ends one hold of a head."""

    lot_id: str
    outpoint: Outpoint
    reason_code: str
    hold_id: bytes


@dataclass(frozen=True, slots=True)
class Attest:
    """Speaks of a head, spent or not, and changes nothing."""

    outpoint: Outpoint


@dataclass(frozen=True, slots=True)
class PlaceCut:
    """Vouches for an unspent head without holds."""

    lot_id: str
    outpoint: Outpoint


@dataclass(frozen=True, slots=True)
class FreezeRight:
    """Stops draws on a right, so that a `right-closed` can say what was drawn; creates the tombstone of an unseen
    one.
    """

    right_id: bytes


@dataclass(frozen=True, slots=True)
class CloseRight:
    """Ends a frozen right with the total that was signed."""

    right_id: bytes
    total_drawn_mg: int


@dataclass(frozen=True, slots=True)
class LockAct:
    """Opens an export act: locks heads in transit to licensing under the licence."""

    act_id: bytes
    licence_id: bytes
    heads: tuple[Outpoint, ...]


@dataclass(frozen=True, slots=True)
class VoidAct:
    """Ends an act without export; of an unseen one leaves the tombstone. `heads`: what was locked when it was
    signed.
    """

    act_id: bytes
    heads: tuple[Outpoint, ...]


@dataclass(frozen=True, slots=True)
class IssueNames:
    """New lot ids for an enterprise."""

    enterprise_id: str
    lot_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListEnterprise:
    """A new enterprise."""

    enterprise_id: str
    uri: str
    display_name: str
    activities: frozenset[str]
    registered_by: str


@dataclass(frozen=True, slots=True)
class CertifyKey:
    """Binds a key to an enterprise. `kinds` are event kinds that it may sign."""

    enterprise_id: str
    issuer: str
    thumbprint: bytes
    kid: bytes
    cose_key: bytes
    kinds: tuple[int, ...]
    own_signature_only: bool


@dataclass(frozen=True, slots=True)
class RetireKey:
    """Ends a key of an enterprise."""

    enterprise_id: str
    issuer: str
    thumbprint: bytes
    kid: bytes


# By what they speak of: whoever handles changes does it by these.
HeadChange: TypeAlias = PlaceHold | ReleaseHold | Attest | PlaceCut
"""The registry's word on a head, which it does not spend."""
RightChange: TypeAlias = FreezeRight | CloseRight
"""Ends a right, in two steps."""
ActChange: TypeAlias = LockAct | VoidAct
"""Begins an export act, or ends it without export."""
EnterpriseChange: TypeAlias = ListEnterprise | CertifyKey | RetireKey
"""An enterprise and its keys."""
Change: TypeAlias = Step | HeadChange | RightChange | ActChange | EnterpriseChange | IssueNames
