"""What callers ask for, parsed and bounded; ids and masses in the units of the records. No rule of a step is applied
yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from monazite_provenance.contents import AssayRow, CustodyModel, ElementRow, Form, Loss, MassSource, Origin
from monazite_provenance.statement import Outpoint


class NewLot(NamedTuple):
    """A lot to be born. A row whose two uncertainties are 0 takes them from the table."""

    lot_id: str
    site: str
    form: Form
    gross_g: int
    net_g: int
    moisture_g: int
    rows: tuple[ElementRow, ...]
    sources: tuple[MassSource, ...]
    custody_model: CustodyModel


@dataclass(frozen=True, slots=True)
class DrawAsked:
    """A draw, milligrams REO. `item`: the right as quota signed it, encoded, if the caller sent it."""

    right_id: bytes
    reo_mg: int
    item: bytes | None


@dataclass(frozen=True, slots=True)
class RegisterLot:
    """First entry of material."""

    origin: Origin
    lots: tuple[NewLot, ...]
    draws: tuple[DrawAsked, ...]


@dataclass(frozen=True, slots=True)
class SplitLot:
    """One lot into parts: (lot id, grams gross)."""

    spend: Outpoint
    parts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class MergeLots:
    """Several lots into one."""

    spends: tuple[Outpoint, ...]
    lot_id: str
    site: str
    custody_model: CustodyModel


@dataclass(frozen=True, slots=True)
class TransformLots:
    """A process step."""

    spends: tuple[Outpoint, ...]
    outputs: tuple[NewLot, ...]
    losses: tuple[Loss, ...]
    reason_code: str | None
    process: str
    draws: tuple[DrawAsked, ...]


@dataclass(frozen=True, slots=True)
class Consignment:
    """A lot to be offered. `max_gross_g`: of an export, the most that may leave; 0 means all."""

    spend: Outpoint
    remainder_lot_id: str
    max_gross_g: int


@dataclass(frozen=True, slots=True)
class OfferLots:
    """Shipper's half of a transfer; with a licence id, of an export."""

    consignments: tuple[Consignment, ...]
    receiver: str
    transport_document: str
    licence_id: bytes | None


@dataclass(frozen=True, slots=True)
class CancelOffer:
    """Shipper takes lots back."""

    spends: tuple[Outpoint, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the receiver found of one lot in transit, grams gross."""

    spend: Outpoint
    accepted_g: int
    returned_g: int
    shortage_g: int
    reason_code: str


@dataclass(frozen=True, slots=True)
class AcceptLots:
    """Receiver's half of a transfer."""

    receipts: tuple[Receipt, ...]
    site: str


@dataclass(frozen=True, slots=True)
class SubmitStatement:
    """A step that the enterprise built and signed itself, with rights that the registry may not have seen."""

    item: bytes
    rights: tuple[bytes, ...]


StepCommand: TypeAlias = RegisterLot | SplitLot | MergeLots | TransformLots | OfferLots | CancelOffer | AcceptLots


@dataclass(frozen=True, slots=True)
class PrepareStatement:
    """A step whose statement the enterprise signs itself, and the kid of the key that will. `on_present_heads`: a head
    that was spent gives way to the present one of its lot.
    """

    kid: bytes
    step: StepCommand
    on_present_heads: bool = False


def spends_of(command: StepCommand) -> tuple[Outpoint, ...]:
    """The heads that a command wants to spend, ascending."""
    match command:
        case RegisterLot():
            return ()
        case SplitLot():
            return (command.spend,)
        case OfferLots():
            return tuple(sorted(consignment.spend for consignment in command.consignments))
        case AcceptLots():
            return tuple(sorted(receipt.spend for receipt in command.receipts))
        case _:
            return tuple(sorted(command.spends))


def draws_of(command: StepCommand) -> tuple[DrawAsked, ...]:
    """The draws that a command names."""
    return command.draws if isinstance(command, RegisterLot | TransformLots) else ()


@dataclass(frozen=True, slots=True)
class HoldLot:
    """A hold to place, or the one of this reason to release."""

    lot_id: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class AttestLot:
    """An assay of what was sampled at a head: rows ascend and are masses in `dry_g` grams of dry lot. `measured_at` in
    Unix seconds.
    """

    head: Outpoint
    laboratory: str
    method: str
    sample: str
    measured_at: int
    dry_g: int
    rows: tuple[AssayRow, ...]


@dataclass(frozen=True, slots=True)
class CutLot:
    """A head that bundles are to begin at: this one, or the present one of the lot."""

    head: Outpoint | None
    lot_id: str


@dataclass(frozen=True, slots=True)
class EndRight:
    """A right to end, and why."""

    right_id: bytes
    reason_code: str


@dataclass(frozen=True, slots=True)
class LockExport:
    """Lots to lock under a licence; heads ascend."""

    act_id: bytes
    heads: tuple[Outpoint, ...]
    licence_id: bytes


@dataclass(frozen=True, slots=True)
class CompleteExport:
    """An act to end by export. `intent` and the `licence` that it is under: encoded items."""

    act_id: bytes
    intent: bytes
    licence: bytes


@dataclass(frozen=True, slots=True)
class VoidExport:
    """An act to end without export."""

    act_id: bytes
    reason_code: str


@dataclass(frozen=True, slots=True)
class RegisterEnterprise:
    """An enterprise to list."""

    enterprise_id: str
    display_name: str
    activities: frozenset[str]


@dataclass(frozen=True, slots=True)
class CertifyKey:
    """A key to certify for the caller: COSE_Key, and the signature that proves that the caller has it."""

    cose_key: bytes
    proof: bytes
    own_signature_only: bool
