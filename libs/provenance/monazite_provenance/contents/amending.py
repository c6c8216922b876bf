"""Details of what changes the record of a lot, or ends it: return, divert, adjust, consume, annul, correct."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Final, TypeAlias

from monazite_provenance._frozen import dataclass
from monazite_provenance.contents._fields import (
    Fields,
    as_id,
    as_list,
    as_outpoint,
    as_positive,
    as_text,
    as_uint,
    ascending,
    bad,
    text_or_empty,
)
from monazite_provenance.contents._lots import as_lot, encode_lot
from monazite_provenance.contents.draws import Draw, draw_list, read_draws
from monazite_provenance.contents.lot import LotContent
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint


@dataclass(frozen=True, slots=True)
class ReturnDetails:
    """What of a lot abroad came back: grams gross, under which customs declaration, and why."""

    KIND: ClassVar = EventKind.RETURN
    returned_g: int
    declaration: str
    reason_code: str


@dataclass(frozen=True, slots=True)
class DivertDetails:
    """Why the receiver sends the goods on, and the transport document of the way there, which may be empty."""

    KIND: ClassVar = EventKind.DIVERT
    reason_code: str
    transport_document: str


@dataclass(frozen=True, slots=True)
class Attested:
    """An adjustment rests on an attestation, by its statement id."""

    attestation: bytes


@dataclass(frozen=True, slots=True)
class Stocktake:
    """An adjustment rests on the holder's own count, by the name of its record."""

    record: str


@dataclass(frozen=True, slots=True)
class Corrected:
    """An adjustment follows a correction of a statement that the lot descends from, by the correction's id."""

    correction: bytes


Basis: TypeAlias = Attested | Stocktake | Corrected


@dataclass(frozen=True, slots=True)
class AdjustDetails:
    """What a new measurement of a lot rests on. A reason where anything is more, or vanishes."""

    KIND: ClassVar = EventKind.ADJUST
    basis: Basis
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class ConsumeDetails:
    """The final use of a lot, and what it went into, which may be empty."""

    KIND: ClassVar = EventKind.CONSUME
    use: str
    product: str


@dataclass(frozen=True, slots=True)
class AnnulDetails:
    """The register that should not have been, by its statement id, and why."""

    KIND: ClassVar = EventKind.ANNUL
    register_id: bytes
    reason_code: str


class LotField(IntEnum):
    """Fields of a lot that can be corrected, by their keys in its map."""

    SITE = 3
    FORM = 4
    GROSS_G = 5
    NET_G = 6
    MOISTURE_G = 7
    ROWS = 8
    SOURCES = 9
    CUSTODY_MODEL = 10
    FACTOR_TABLE = 12


@dataclass(frozen=True, slots=True)
class CorrectDetails:
    """What a statement should have said of one of its outputs.

    `fields`: which of the lot's differ, ascending. `draws`: what the corrected statement draws when it is corrected,
    all of it. `lot`: of an output that was spent, as it should have been; of an unspent one it is the output of the
    correction, and None here.
    """

    KIND: ClassVar = EventKind.CORRECT
    outpoint: Outpoint
    fields: tuple[LotField, ...]
    reason_code: str
    draws: tuple[Draw, ...] = ()
    lot: LotContent | None = None


AmendingDetails: TypeAlias = (
    ReturnDetails | DivertDetails | AdjustDetails | ConsumeDetails | AnnulDetails | CorrectDetails
)

_FIELDS: Final = ascending(as_uint)
_CORRECTABLE: Final = {int(field): field for field in LotField}


def read_return(fields: Fields) -> ReturnDetails:
    """Details of a return. Raises BadField."""
    return ReturnDetails(
        fields.required(1, "returned_g", as_positive),
        fields.required(2, "declaration", as_text),
        fields.required(3, "reason_code", as_text),
    )


def read_divert(fields: Fields) -> DivertDetails:
    """Details of a diversion. Raises BadField."""
    return DivertDetails(
        fields.required(1, "reason_code", as_text), fields.required(2, "transport_document", text_or_empty)
    )


def read_adjust(fields: Fields) -> AdjustDetails:
    """Details of an adjustment. Raises BadField."""
    return AdjustDetails(fields.required(1, "basis", _basis), fields.optional(2, "reason_code", as_text))


def read_consume(fields: Fields) -> ConsumeDetails:
    """Details of a final use. Raises BadField."""
    return ConsumeDetails(fields.required(1, "use", as_text), fields.required(2, "product", text_or_empty))


def read_annul(fields: Fields) -> AnnulDetails:
    """Details of an annulment. Raises BadField."""
    return AnnulDetails(fields.required(1, "register_id", as_id), fields.required(2, "reason_code", as_text))


def read_correct(fields: Fields) -> CorrectDetails:
    """Details of a correction. Raises the Malformed family."""
    return CorrectDetails(
        fields.required(1, "outpoint", as_outpoint),
        fields.required(2, "fields", _lot_fields),
        fields.required(3, "reason_code", as_text),
        fields.required(4, "draws", read_draws),
        fields.optional(5, "lot", as_lot),
    )


def amending_map(details: AmendingDetails) -> dict[int, object]:
    """The CBOR map of any of these details. Raises BadField for a lot that is out of bounds."""
    match details:
        case ReturnDetails():
            return {1: details.returned_g, 2: details.declaration, 3: details.reason_code}
        case DivertDetails():
            return {1: details.reason_code, 2: details.transport_document}
        case AdjustDetails():
            basis = _basis_list(details.basis)
            return {1: basis} if details.reason_code is None else {1: basis, 2: details.reason_code}
        case ConsumeDetails():
            return {1: details.use, 2: details.product}
        case AnnulDetails():
            return {1: details.register_id, 2: details.reason_code}
        case CorrectDetails():
            return _correct_map(details)


def _correct_map(details: CorrectDetails) -> dict[int, object]:
    content: dict[int, object] = {
        1: details.outpoint.encode(),
        2: [int(field) for field in details.fields],
        3: details.reason_code,
        4: draw_list(details.draws),
    }
    if details.lot is not None:
        content[5] = encode_lot(details.lot)
    return content


def _basis(value: object, field: str) -> Basis:
    kind, what = as_list(value, field, 2)
    match as_uint(kind, field):
        case 1:
            return Attested(as_id(what, field))
        case 2:
            return Stocktake(as_text(what, field))
        case 3:
            return Corrected(as_id(what, field))
        case _:
            raise bad(field, "basis unknown")


def _basis_list(basis: Basis) -> list[object]:
    match basis:
        case Attested():
            return [1, basis.attestation]
        case Stocktake():
            return [2, basis.record]
        case Corrected():
            return [3, basis.correction]


def _lot_fields(value: object, field: str) -> tuple[LotField, ...]:
    keys = _FIELDS(value, field)
    if not keys or not _CORRECTABLE.keys() >= set(keys):
        raise bad(field, "no field of a lot, or one that is never corrected")
    return tuple(_CORRECTABLE[key] for key in keys)
