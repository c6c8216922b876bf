"""Details of custody, export and key statements: what happened, beside what came of it."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Final, TypeAlias

from monazite_provenance._frozen import dataclass
from monazite_provenance.contents.amending import (
    AdjustDetails,
    AnnulDetails,
    ConsumeDetails,
    CorrectDetails,
    DivertDetails,
    ReturnDetails,
)
from monazite_provenance.contents.draws import Draw
from monazite_provenance.contents.vouching import AttestDetails, CutDetails, StatusDetails
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint

ACT_ID_BYTES: Final = 16
"""Size of the id of an export act, which customs chooses."""


class DepositType(IntEnum):
    """Deposit type, by which the indicator notices split mining."""

    ROCK = 1
    IONIC = 2


class QuotaKind(IntEnum):
    """What a right, a draw or an account is charged on."""

    MINING_ROCK = 1
    MINING_IONIC = 2
    SMELTING_SEPARATION = 3


ROOTS_ACTION: Final = 4
"""In place of a KeyAction: other root keys (`RootsDetails`)."""
ROOTS_MAX: Final = 16
"""Most root keys."""
LOG_RANGES_MAX: Final = 16
"""Most logs that one key signs for."""
LOG_SIZE_MAX: Final = 2**62
"""Largest size of a log, entries."""


class KeyAction(IntEnum):
    """What a `keys` statement does to a key."""

    CERTIFY = 1
    RETIRE = 2
    COMPROMISED = 3


class LicenceAction(IntEnum):
    """What a licence-change statement does to a licence."""

    SUSPEND = 1
    REINSTATE = 2
    REVOKE = 3
    SURRENDER = 4


@dataclass(frozen=True, slots=True)
class Mined:
    """Origin: a mine, its mining licence, the deposit type."""

    mine: str
    licence: str
    deposit_type: DepositType


@dataclass(frozen=True, slots=True)
class Imported:
    """Origin: country (ISO 3166-1 alpha-2) and customs declaration."""

    country: str
    declaration: str


@dataclass(frozen=True, slots=True)
class Recycled:
    """Origin: where the secondary material came from."""

    source: str


@dataclass(frozen=True, slots=True)
class OpeningInventory:
    """Origin: an inventory that stood when the records began."""

    inventory: str


Origin: TypeAlias = Mined | Imported | Recycled | OpeningInventory


@dataclass(frozen=True, slots=True)
class Loss:
    """A declared loss of one element, milligrams REO."""

    element: int
    reo_mg: int


@dataclass(frozen=True, slots=True)
class RegisterDetails:
    """Where the material came from and what it drew."""

    KIND: ClassVar = EventKind.REGISTER
    origin: Origin
    draws: tuple[Draw, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitDetails:
    """Nothing beside the parts."""

    KIND: ClassVar = EventKind.SPLIT


@dataclass(frozen=True, slots=True)
class MergeDetails:
    """Nothing beside the whole."""

    KIND: ClassVar = EventKind.MERGE


@dataclass(frozen=True, slots=True)
class CancelDetails:
    """Nothing beside what came back."""

    KIND: ClassVar = EventKind.CANCEL


@dataclass(frozen=True, slots=True)
class TransformDetails:
    """Process (a key of the recovery norms where it has one), losses ascending by element, draws, reason of a gap."""

    KIND: ClassVar = EventKind.TRANSFORM
    process: str
    losses: tuple[Loss, ...] = ()
    draws: tuple[Draw, ...] = ()
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class OfferDetails:
    """The transport document; may be empty for goods that do not move."""

    KIND: ClassVar = EventKind.OFFER
    transport_document: str


@dataclass(frozen=True, slots=True)
class AcceptLine:
    """What the receiver found of one lot: three masses in grams gross that add up to the offer, and why."""

    accepted_g: int
    returned_g: int
    shortage_g: int
    reason_code: str = ""


@dataclass(frozen=True, slots=True)
class AcceptDetails:
    """One line a spend, in the order of the spends. A refusal accepts 0 g."""

    KIND: ClassVar = EventKind.ACCEPT
    lines: tuple[AcceptLine, ...]


@dataclass(frozen=True, slots=True)
class ExportedMass:
    """A head, how much of it leaves, grams gross (0: it goes back whole), and the control items that it is, ascending:
    it draws the line of each.
    """

    outpoint: Outpoint
    gross_g: int
    control_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportIntentDetails:
    """Licensing's word to the registry that these masses may leave, under this act. Names every head of the act."""

    KIND: ClassVar = EventKind.EXPORT_INTENT
    act_id: bytes
    licence_id: bytes
    masses: tuple[ExportedMass, ...]
    declaration_number: str
    port: str
    destination: str


@dataclass(frozen=True, slots=True)
class ExportLockDetails:
    """Heads that no cancel may take back while the act is open."""

    KIND: ClassVar = EventKind.EXPORT_LOCK
    act_id: bytes
    licence_id: bytes
    outpoints: tuple[Outpoint, ...]


@dataclass(frozen=True, slots=True)
class ExportVoidDetails:
    """The act ended and nothing left."""

    KIND: ClassVar = EventKind.EXPORT_VOID
    act_id: bytes
    reason_code: str


@dataclass(frozen=True, slots=True)
class HoldDetails:
    """A lot that may not be spent."""

    KIND: ClassVar = EventKind.HOLD
    outpoint: Outpoint
    lot_id: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class ReleaseDetails:
    """The end of one hold, named by its statement id; outpoint and lot are those of the hold."""

    KIND: ClassVar = EventKind.RELEASE
    outpoint: Outpoint
    lot_id: str
    reason_code: str
    hold_id: bytes


@dataclass(frozen=True, slots=True)
class RightDetails:
    """A reservation of quota: mass in milligrams REO, good at one registry's log for one holder until it expires."""

    KIND: ClassVar = EventKind.RIGHT
    year: int
    quota_kind: QuotaKind
    mass_mg: int
    holder: str
    site: str
    registry_log: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class SettledDetails:
    """Quota's word that a draw is in its ledger: by which statement, how much, how much in all, at which log index."""

    KIND: ClassVar = EventKind.SETTLED
    right_id: bytes
    drawing_id: bytes
    mass_mg: int
    total_settled_mg: int
    registry_index: int


@dataclass(frozen=True, slots=True)
class RightClosedDetails:
    """The registry's word that nothing more will be drawn on a right, and what was."""

    KIND: ClassVar = EventKind.RIGHT_CLOSED
    right_id: bytes
    total_drawn_mg: int
    reason_code: str


@dataclass(frozen=True, slots=True)
class EndUser:
    """Name, country (ISO 3166-1 alpha-2) and address."""

    name: str
    country: str
    address: str


@dataclass(frozen=True, slots=True)
class LicenceLine:
    """A control item, its customs code, and how much of it may leave, grams gross."""

    control_code: str
    hs_code: str
    gross_g: int


@dataclass(frozen=True, slots=True)
class LicenceDetails:
    """An export licence (Decree 792): to whom, for whom, where to, how much, until when, and by which two officers."""

    KIND: ClassVar = EventKind.LICENCE
    number: str
    licensee: str
    end_user: EndUser
    destination: str
    lines: tuple[LicenceLine, ...]
    expires_at: int
    case_id: str
    rule_set_hash: bytes
    proposer: str
    countersigner: str


@dataclass(frozen=True, slots=True)
class LicenceChangeDetails:
    """A licence suspended, reinstated, revoked or surrendered, by which officer and why."""

    KIND: ClassVar = EventKind.LICENCE_CHANGE
    licence_id: bytes
    action: LicenceAction
    reason: str
    officer: str


@dataclass(frozen=True, slots=True)
class LogRange:
    """Positions in one log, in what is said of a key: sizes where it signs heads, indexes where it signs statements.

    `first` is the first at which the key is good. `end`, of a certification and of a retirement, is the last at which
    it is, None for none so far; of a compromise it is the position from which on nothing that the key signed stands.
    """

    log: str
    first: int
    end: int | None = None


@dataclass(frozen=True, slots=True)
class KeysDetails:
    """A key bound to one issuer, to event kinds or to logs whose heads it signs, or its end.

    The proof is signed over `keys.possession_message`. `logs` are those whose heads it signs, by size; `statements`
    those in which its statements stand, by index. Both ascend by name.
    """

    KIND: ClassVar = EventKind.KEYS
    action: KeyAction
    issuer: str
    cose_key: bytes
    kinds: tuple[int, ...]
    proof_of_possession: bytes | None = None
    own_signature_only: bool = False
    logs: tuple[LogRange, ...] = ()
    statements: tuple[LogRange, ...] = ()


@dataclass(frozen=True, slots=True)
class NewRoot:
    """A root key as a COSE_Key, and its signature over `keys.possession_message` of its thumbprint and root URI."""

    cose_key: bytes
    proof_of_possession: bytes


@dataclass(frozen=True, slots=True)
class RootsDetails:
    """The root keys that take the place of those that sign this, and how many of them make an act from now on."""

    KIND: ClassVar = EventKind.KEYS
    threshold: int
    roots: tuple[NewRoot, ...]


Details: TypeAlias = (
    RegisterDetails
    | ReturnDetails
    | SplitDetails
    | MergeDetails
    | CancelDetails
    | TransformDetails
    | OfferDetails
    | AcceptDetails
    | DivertDetails
    | AdjustDetails
    | ConsumeDetails
    | AnnulDetails
    | CorrectDetails
    | ExportIntentDetails
    | ExportLockDetails
    | ExportVoidDetails
    | AttestDetails
    | HoldDetails
    | ReleaseDetails
    | StatusDetails
    | RightClosedDetails
    | CutDetails
    | RightDetails
    | SettledDetails
    | LicenceDetails
    | LicenceChangeDetails
    | KeysDetails
    | RootsDetails
)
