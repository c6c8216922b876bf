"""Content of a lot: what one output of a custody statement commits to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Final, NamedTuple, overload

from monazite_provenance import _forms
from monazite_provenance._frozen import dataclass
from monazite_provenance.contents._fields import (
    MASS_MAX,
    Fields,
    as_bytes,
    as_list,
    as_text,
    as_uint,
    bad,
    members,
    one_of,
)
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.names import parse_enterprise, parse_spiffe

SOURCES_MAX: Final = 32
"""Most sources of one lot."""
ROWS_MAX: Final = 128
"""Most element rows of one lot."""
ID_BYTES: Final = 32
"""Size of a statement id, and so of the id of a right, a licence or an attestation."""


class Form(IntEnum):
    """Material form. Decides the physical check and where quota is metered."""

    ORE_CONCENTRATE = 1
    MIXED_COMPOUND = 2
    SEPARATED_COMPOUND = 3
    METAL = 4
    ALLOY = 5
    MAGNET = 6
    SECONDARY_MATERIAL = 7
    RESIDUE = 8


class CustodyModel(IntEnum):
    """ISO 22095 chain-of-custody model, strictest first: a larger number is looser."""

    IDENTITY_PRESERVED = 1
    SEGREGATED = 2
    CONTROLLED_BLENDING = 3
    MASS_BALANCE = 4
    BOOK_AND_CLAIM = 5


class CustodyState(IntEnum):
    """Where a lot stands."""

    HELD = 1
    IN_TRANSIT = 2
    ABROAD = 3


class ElementRow(NamedTuple):
    """REO mass of one element from one source, integer milligrams, with its standard uncertainty in milligrams."""

    element: int
    reo_mg: int
    u_random_mg: int
    u_common_mg: int
    source_index: int


class ElementRows(Sequence[ElementRow]):
    """Element rows as they were read: equal to the tuple of them, which is made of their encoding when first asked for.

    Most readers of a lot ask who has it and what became of it, and none of its rows.
    """

    __slots__ = ("_count", "_rows", "encoded")

    def __init__(self, encoded: bytes, count: int) -> None:
        """`encoded`: so many rows one after the other, their form, bounds and order checked by the caller."""
        self.encoded: Final = encoded
        self._count = count
        self._rows: tuple[ElementRow, ...] | None = None

    def _all(self) -> tuple[ElementRow, ...]:
        if self._rows is None:
            self._rows = tuple(map(_row, _forms.integers_of(self.encoded)))
        return self._rows

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ElementRow]:
        return iter(self._all())

    @overload
    def __getitem__(self, index: int) -> ElementRow: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[ElementRow, ...]: ...

    def __getitem__(self, index: int | slice) -> ElementRow | tuple[ElementRow, ...]:
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ElementRows):
            return self.encoded == other.encoded
        return self._all() == other

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


class MassSource(NamedTuple):
    """Who measured and how: laboratory or declarant, method (of the uncertainty table), attestation (32 bytes)."""

    laboratory: str
    method: str
    attestation: bytes | None = None


@dataclass(frozen=True, slots=True)
class ExportLimit:
    """Under which licence a lot in transit may leave the country, and the most of it, grams gross."""

    licence_id: bytes
    max_gross_g: int


class LotContent(NamedTuple):
    """A lot at one outpoint. Masses in grams, element rows in milligrams REO.

    `rows` ascend strictly by (element, source_index) and hold no zero mass. The last three fields stand only while in
    transit, the last of them only of an export.
    """

    lot_id: str
    holder: str
    site: str
    form: Form
    gross_g: int
    net_g: int
    moisture_g: int
    rows: Sequence[ElementRow]
    sources: tuple[MassSource, ...]
    custody_model: CustodyModel
    custody_state: CustodyState
    factor_table: str
    home_log: str
    receiver: str | None = None
    remainder_lot_id: str | None = None
    export: ExportLimit | None = None

    @property
    def dry_g(self) -> int:
        """Dry mass: net less moisture, grams."""
        return self.net_g - self.moisture_g

    @property
    def reo_mg(self) -> int:
        """Sum over all elements, milligrams REO."""
        return sum(map(_REO_MG, self.rows))

    def element_masses(self) -> dict[int, int]:
        """Milligrams REO by atomic number, sources summed up."""
        masses: dict[int, int] = {}
        for row in self.rows:
            masses[row.element] = masses.get(row.element, 0) + row.reo_mg
        return masses


# To look an enumeration's member up takes longer than to compare it.
_row = _forms.retyped(ElementRow)
_IN_TRANSIT: Final = CustodyState.IN_TRANSIT
_REO_MG, _SOURCE_INDEX = map(itemgetter, map(ElementRow._fields.index, ("reo_mg", "source_index")))
_FORM: Final = one_of(Form)
_MODEL: Final = one_of(CustodyModel)
_STATE: Final = one_of(CustodyState)


def _rows(value: object, field: str) -> tuple[ElementRow, ...]:
    # One loop without calls: the rows are most of a lot, and most of what reading it costs.
    rows: list[ElementRow] = []
    previous = -1
    for member in as_list(value, field):
        element, reo_mg, u_random_mg, u_common_mg, source = as_list(member, field, 5)
        if (
            type(element) is not int
            or element not in ATOMIC_NUMBERS
            or type(reo_mg) is not int
            or not 0 < reo_mg <= MASS_MAX
            or type(u_random_mg) is not int
            or not 0 <= u_random_mg <= MASS_MAX
            or type(u_common_mg) is not int
            or not 0 <= u_common_mg <= MASS_MAX
            or type(source) is not int
            or not 0 <= source < SOURCES_MAX
        ):
            raise bad(field)
        rank = element * SOURCES_MAX + source
        if rank <= previous:
            raise bad(field, "element rows do not ascend")
        previous = rank
        rows.append(ElementRow(element, reo_mg, u_random_mg, u_common_mg, source))
    return tuple(rows)


def _source(value: object, field: str) -> MassSource:
    laboratory, method, attestation = as_list(value, field, 3)
    return MassSource(
        as_text(laboratory, field),
        as_text(method, field),
        None if attestation is None else as_bytes(attestation, field, ID_BYTES),
    )


def _export(value: object, field: str) -> ExportLimit:
    licence_id, max_gross_g = as_list(value, field, 2)
    return ExportLimit(as_bytes(licence_id, field, ID_BYTES), as_uint(max_gross_g, field))


_SOURCES: Final = members(_source)


def enterprise_field(value: object, field: str) -> str:
    """Reader of the URI of an enterprise."""
    text = as_text(value, field)
    parse_enterprise(text)
    return text


def party_field(value: object, field: str) -> str:
    """Reader of any SPIFFE id."""
    text = as_text(value, field)
    parse_spiffe(text)
    return text


def read_lot(value: object) -> LotContent:
    """The lot in a decoded map. Raises BadField."""
    fields = Fields(value, "lot")
    lot = LotContent(
        lot_id=fields.required(1, "lot_id", as_text),
        holder=fields.required(2, "holder", enterprise_field),
        site=fields.required(3, "site", as_text),
        form=fields.required(4, "form", _FORM),
        gross_g=fields.required(5, "gross_g", as_uint),
        net_g=fields.required(6, "net_g", as_uint),
        moisture_g=fields.required(7, "moisture_g", as_uint),
        rows=fields.required(8, "rows", _rows),
        sources=fields.required(9, "sources", _SOURCES),
        custody_model=fields.required(10, "custody_model", _MODEL),
        custody_state=fields.required(11, "custody_state", _STATE),
        factor_table=fields.required(12, "factor_table", as_text),
        home_log=fields.required(13, "home_log", as_text),
        receiver=fields.optional(14, "receiver", party_field),
        remainder_lot_id=fields.optional(15, "remainder_lot_id", as_text),
        export=fields.optional(16, "export", _export),
    )
    fields.done()
    check_lot(lot, max(map(_SOURCE_INDEX, lot.rows), default=0))
    return lot


def check_lot(lot: LotContent, last_source: int) -> None:
    """What holds of one lot for itself: sources named, masses nested, transit fields in transit only.

    `last_source` is the largest index of a source that a row names.
    """
    if not 0 < len(lot.rows) <= ROWS_MAX:
        raise bad("lot.rows")
    sources = lot.sources
    if not 0 < len(sources) <= SOURCES_MAX or len(set(sources)) != len(sources):
        raise bad("lot.sources")
    if last_source >= len(sources):
        raise bad("lot.rows", "source index names no source")
    if not lot.gross_g >= lot.net_g >= lot.moisture_g or lot.gross_g == 0:
        raise bad("lot.gross_g", "masses are not gross >= net >= moisture")
    in_transit = lot.custody_state is _IN_TRANSIT
    if in_transit is (lot.receiver is None) or in_transit is (lot.remainder_lot_id is None):
        raise bad("lot.receiver", "receiver and remainder stand in transit, and only then")
    if lot.export is not None and (not in_transit or not 0 < lot.export.max_gross_g <= lot.gross_g):
        raise bad("lot.export", "an export limit stands in transit and within the gross mass")


def lot_map(lot: LotContent) -> dict[int, object]:
    """The CBOR map of a lot, keys ascending."""
    content: dict[int, object] = {
        1: lot.lot_id,
        2: lot.holder,
        3: lot.site,
        4: int(lot.form),
        5: lot.gross_g,
        6: lot.net_g,
        7: lot.moisture_g,
        8: [list(row) for row in lot.rows],
        9: [[source.laboratory, source.method, source.attestation] for source in lot.sources],
        10: int(lot.custody_model),
        11: int(lot.custody_state),
        12: lot.factor_table,
        13: lot.home_log,
    }
    if lot.receiver is not None:
        content[14] = lot.receiver
    if lot.remainder_lot_id is not None:
        content[15] = lot.remainder_lot_id
    if lot.export is not None:
        content[16] = [lot.export.licence_id, lot.export.max_gross_g]
    return content
