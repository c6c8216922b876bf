"""What is vouched for of a lot: its assay (attest), how its head stands (status), all that it rests on (cut)."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Final, NamedTuple

from monazite_provenance._frozen import dataclass
from monazite_provenance.contents._fields import (
    Fields,
    as_blob,
    as_bytes,
    as_id,
    as_list,
    as_outpoint,
    as_positive,
    as_text,
    as_uint,
    ascending,
    bad,
)
from monazite_provenance.contents._lots import as_lot, encode_lot
from monazite_provenance.contents.lot import LotContent
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint

CHECKPOINT_BYTES_MAX: Final = 8_192
"""Largest checkpoint carried, COSE."""
CHECKPOINTS_MAX: Final = 16
"""Most logs whose checkpoint one status carries."""
ORIGIN_BYTES_MAX: Final = 1_100
"""Longest name of an origin: a mine and its licence, each as long as a text may be."""
ORIGINS_MAX: Final = 1_024
"""Most origins of one element that a cut names."""
DIGEST_BYTES: Final = 32


class AssayRow(NamedTuple):
    """What was found of one element, milligrams REO with standard uncertainty; 0 with u = LOD/√3 below detection."""

    element: int
    reo_mg: int
    u_random_mg: int
    u_common_mg: int


@dataclass(frozen=True, slots=True)
class AttestDetails:
    """The assay of a lot.

    `laboratory`: of a laboratory that signs itself, its URI. `method`: of the uncertainty table. `sample`: as the
    laboratory numbered it. `measured_at`: Unix seconds, the issuer's word. `rows` ascend by element and are masses per
    `dry_g` grams of dry lot, which need not be the lot's own mass: what is attested are fractions. `outpoint`: the head
    that was sampled; None of a lot that is yet to be registered or made.
    """

    KIND: ClassVar = EventKind.ATTEST
    lot_id: str
    laboratory: str
    method: str
    sample: str
    measured_at: int
    dry_g: int
    rows: tuple[AssayRow, ...]
    outpoint: Outpoint | None = None


@dataclass(frozen=True, slots=True)
class StatusDetails:
    """How an outpoint stood when the registry signed.

    `spender`: the statement that spent it, None while nobody did. `holds`: ids of its open holds, ascending. `digest`:
    SHA-256 over the ascending ids of every statement of its full bundle but this one, `count` of them. `checkpoints`:
    the latest heads of all logs that the registry knows, its own first (COSE). `expires_at`: Unix seconds.
    """

    KIND: ClassVar = EventKind.STATUS
    outpoint: Outpoint
    spender: bytes | None
    holds: tuple[bytes, ...]
    digest: bytes
    count: int
    checkpoints: tuple[bytes, ...]
    expires_at: int


class OriginMass(NamedTuple):
    """What of one element comes from one origin (as `origins.label` names it), milligrams REO."""

    origin: str
    reo_mg: int


class ElementOrigins(NamedTuple):
    """Where one element of a lot comes from: ascending by the origins' names, adding up to its mass."""

    element: int
    masses: tuple[OriginMass, ...]


@dataclass(frozen=True, slots=True)
class CutDetails:
    """The registry's word for all that an outpoint rests on, so that a bundle may begin there.

    `origins` ascend by element and cover every element of the lot, or none where they were not traced. `policy_hash`:
    SHA-256 of the rule settings that its history was judged by. `checkpoint`: the head of the registry's own log then.
    `findings`: codes of what was found in the history, ascending.
    """

    KIND: ClassVar = EventKind.CUT
    outpoint: Outpoint
    lot: LotContent
    origins: tuple[ElementOrigins, ...]
    policy_hash: bytes
    checkpoint: bytes
    findings: tuple[str, ...] = ()


_IDS = ascending(as_id)
_CODES = ascending(as_text)


def read_attest(fields: Fields) -> AttestDetails:
    """Details of an attestation. Raises BadField."""
    return AttestDetails(
        fields.required(1, "lot_id", as_text),
        fields.required(2, "laboratory", as_text),
        fields.required(3, "method", as_text),
        fields.required(4, "sample", as_text),
        fields.required(5, "measured_at", as_uint),
        fields.required(6, "dry_g", as_positive),
        fields.required(7, "rows", _assay_rows),
        fields.optional(8, "outpoint", as_outpoint),
    )


def attest_map(details: AttestDetails) -> dict[int, object]:
    """The CBOR map of an attestation."""
    content: dict[int, object] = {
        1: details.lot_id,
        2: details.laboratory,
        3: details.method,
        4: details.sample,
        5: details.measured_at,
        6: details.dry_g,
        7: [list(row) for row in details.rows],
    }
    if details.outpoint is not None:
        content[8] = details.outpoint.encode()
    return content


def read_status(fields: Fields) -> StatusDetails:
    """Details of a status. Raises BadField."""
    return StatusDetails(
        fields.required(1, "outpoint", as_outpoint),
        fields.required(2, "spender", _spender),
        fields.required(3, "holds", _IDS),
        fields.required(4, "digest", _digest),
        fields.required(5, "count", as_positive),
        fields.required(6, "checkpoints", _checkpoints),
        fields.required(7, "expires_at", as_uint),
    )


def status_map(details: StatusDetails) -> dict[int, object]:
    """The CBOR map of a status."""
    return {
        1: details.outpoint.encode(),
        2: details.spender,
        3: list(details.holds),
        4: details.digest,
        5: details.count,
        6: list(details.checkpoints),
        7: details.expires_at,
    }


def read_cut(fields: Fields) -> CutDetails:
    """Details of a cut. Raises the Malformed family."""
    details = CutDetails(
        fields.required(1, "outpoint", as_outpoint),
        fields.required(2, "lot", as_lot),
        fields.required(3, "origins", _origins),
        fields.required(4, "policy_hash", _digest),
        fields.required(5, "checkpoint", _checkpoint),
        fields.required(6, "findings", _CODES),
    )
    sums = {each.element: sum(mass.reo_mg for mass in each.masses) for each in details.origins}
    if sums and sums != details.lot.element_masses():
        raise bad("cut.origins", "origins do not add up to the lot")
    return details


def cut_map(details: CutDetails) -> dict[int, object]:
    """The CBOR map of a cut. Raises BadField for a lot that is out of bounds."""
    return {
        1: details.outpoint.encode(),
        2: encode_lot(details.lot),
        3: [[each.element, [list(mass) for mass in each.masses]] for each in details.origins],
        4: details.policy_hash,
        5: details.checkpoint,
        6: list(details.findings),
    }


def _spender(value: object, field: str) -> bytes | None:
    return None if value is None else as_id(value, field)


def _digest(value: object, field: str) -> bytes:
    return as_bytes(value, field, DIGEST_BYTES)


def _checkpoint(value: object, field: str) -> bytes:
    return as_blob(value, field, CHECKPOINT_BYTES_MAX)


def _checkpoints(value: object, field: str) -> tuple[bytes, ...]:
    checkpoints = tuple(_checkpoint(member, field) for member in as_list(value, field))
    if not 0 < len(checkpoints) <= CHECKPOINTS_MAX:
        raise bad(field, "checkpoints missing or too many")
    return checkpoints


def _assay_rows(value: object, field: str) -> tuple[AssayRow, ...]:
    rows = tuple(_assay_row(member, field) for member in as_list(value, field))
    if not rows or any(left.element >= right.element for left, right in pairwise(rows)):
        raise bad(field, "rows missing or not ascending")
    return rows


def _assay_row(value: object, field: str) -> AssayRow:
    element, *masses = (as_uint(member, field) for member in as_list(value, field, len(AssayRow._fields)))
    if element not in ATOMIC_NUMBERS:
        raise bad(field, "element unknown")
    return AssayRow(element, *masses)


def _origins(value: object, field: str) -> tuple[ElementOrigins, ...]:
    origins = tuple(_element_origins(member, field) for member in as_list(value, field))
    if any(left.element >= right.element for left, right in pairwise(origins)):
        raise bad(field, "elements do not ascend")
    return origins


def _element_origins(value: object, field: str) -> ElementOrigins:
    element, listed = as_list(value, field, 2)
    if as_uint(element, field) not in ATOMIC_NUMBERS:
        raise bad(field, "element unknown")
    masses = tuple(_origin_mass(member, field) for member in as_list(listed, field, most=ORIGINS_MAX))
    if not masses or any(left.origin >= right.origin for left, right in pairwise(masses)):
        raise bad(field, "origins missing or not ascending")
    return ElementOrigins(as_uint(element, field), masses)


def _origin_mass(value: object, field: str) -> OriginMass:
    origin, reo_mg = as_list(value, field, 2)
    return OriginMass(as_text(origin, field, most=ORIGIN_BYTES_MAX), as_positive(reo_mg, field))
