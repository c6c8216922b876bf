"""Commands and views: what the servicers hand in and get back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from monazite_provenance.contents import LicenceAction
from monazite_provenance.statement import Outpoint

from services.chassis.pagination import PageRequest
from services.chassis.store import SignedStatement
from services.export_license.domain.cases import Case, CaseEvent, LineWanted, Outcome, Party
from services.export_license.domain.customs import Act, State, WrittenOff
from services.export_license.domain.licences import Licence


@dataclass(frozen=True, slots=True)
class SubmitCase:
    """An application for a licence over lots of the caller."""

    lots: tuple[Outpoint, ...]
    end_user: Party
    consignee: Party
    end_use: str
    destination: str
    lines: tuple[LineWanted, ...]


@dataclass(frozen=True, slots=True)
class ProposeDecision:
    """One officer's half of a decision."""

    case_id: str
    outcome: Outcome
    reason: str
    etag: str


@dataclass(frozen=True, slots=True)
class CountersignDecision:
    """The other officer's half."""

    case_id: str
    etag: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class RejectProposal:
    """Back to review."""

    case_id: str
    reason: str
    etag: str


@dataclass(frozen=True, slots=True)
class ChangeLicence:
    """Suspend or reinstate."""

    licence_id: bytes
    action: LicenceAction
    reason: str


@dataclass(frozen=True, slots=True)
class LotToDeclare:
    """One lot of a declaration, by its head or its id: the item it is declared as, the most that will leave, grams."""

    named: Outpoint | str
    control_code: str
    gross_g: int


@dataclass(frozen=True, slots=True)
class DeclareExport:
    """A declaration at customs; the act id names it for good."""

    act_id: bytes
    licence_id: bytes
    declaration_number: str
    destination: str
    lots: tuple[LotToDeclare, ...]


@dataclass(frozen=True, slots=True)
class WriteOffExport:
    """What really left."""

    act_id: bytes
    lots: tuple[WrittenOff, ...]


@dataclass(frozen=True, slots=True)
class CancelExport:
    """Nothing leaves."""

    act_id: bytes
    reason_code: str


@dataclass(frozen=True, slots=True)
class ListExports:
    """A page of acts; None and empty narrow nothing."""

    page: PageRequest
    state: State | None
    licence_id: bytes


@dataclass(frozen=True, slots=True)
class LicenceView:
    """A licence as it stands at an instant, with its signed statement."""

    licence: Licence
    item: bytes
    as_of: datetime


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case, with the licence of a granted one, and what happened to it where that is asked for."""

    case: Case
    licence: LicenceView | None
    history: Sequence[CaseEvent] = ()


@dataclass(frozen=True, slots=True)
class ActView:
    """An act of export with the statements that ended it."""

    act: Act
    items: tuple[bytes, ...]
    as_of: datetime


# Replies are stored with the change they answer, so rendering happens before the transaction.
RenderCase: TypeAlias = Callable[[CaseView], bytes]
RenderChange: TypeAlias = Callable[[LicenceView, SignedStatement], bytes]
