"""Material: what a lot is made of, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from monazite.registry.v1 import registry_pb2
from monazite.type.v1 import material_pb2
from monazite_provenance import uncertainty
from monazite_provenance.contents import CustodyModel, ElementRow, Form, LotContent, MassSource
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.statement import OUTPUTS_MAX

from services.registry.domain.commands import NewLot
from services.registry.messages.fields import REO_MG_MAX, Fields

SOURCES_MAX: Final = 32
ROWS_MAX: Final = 128
_FORMS: Final = {int(form): form for form in Form}
_MODELS: Final = {int(model): model for model in CustodyModel}
_METHODS: Final = frozenset(uncertainty.methods())
# What a row is of: element and source.
_PLACE: Final = itemgetter(ElementRow._fields.index("element"), ElementRow._fields.index("source_index"))


def parse_new_lots(fields: Fields, field: str, messages: Sequence[registry_pb2.NewLot]) -> tuple[NewLot, ...]:
    """Lots to be born."""
    fields.count(field, messages, 1, OUTPUTS_MAX)
    lots = tuple(_new_lot(fields, f"{field}[{number}]", message) for number, message in enumerate(messages))
    fields.distinct(f"{field}[].lot_id", [lot.lot_id for lot in lots])
    return lots


def parse_model(fields: Fields, field: str, value: int) -> CustodyModel:
    """A chain-of-custody model."""
    model = _MODELS.get(value)
    if model is None:
        fields.wrong(field, "must be a chain-of-custody model")
        return CustodyModel.BOOK_AND_CLAIM
    return model


def _new_lot(fields: Fields, field: str, message: registry_pb2.NewLot) -> NewLot:
    material = message.material
    inner = f"{field}.material"
    form = _FORMS.get(material.form)
    if form is None:
        fields.wrong(f"{inner}.form", "must be a form")
        form = Form.RESIDUE
    sources = _sources(fields, f"{inner}.sources", material.sources)
    if not material.gross_g >= material.net_g >= material.moisture_g:
        fields.wrong(inner, "must have gross_g >= net_g >= moisture_g")
    return NewLot(
        lot_id=fields.lot_id(f"{field}.lot_id", message.lot_id),
        site=fields.text(f"{field}.site", message.site),
        form=form,
        gross_g=fields.grams(f"{inner}.gross_g", material.gross_g, least=1),
        net_g=fields.grams(f"{inner}.net_g", material.net_g),
        moisture_g=fields.grams(f"{inner}.moisture_g", material.moisture_g),
        rows=_rows(fields, f"{inner}.elements", material.elements, len(sources)),
        sources=sources,
        custody_model=parse_model(fields, f"{inner}.custody_model", material.custody_model),
    )


def _sources(fields: Fields, field: str, messages: Sequence[material_pb2.MassSource]) -> tuple[MassSource, ...]:
    fields.count(field, messages, 1, SOURCES_MAX)
    sources: list[MassSource] = []
    for number, message in enumerate(messages):
        if message.method not in _METHODS:
            fields.wrong(f"{field}[{number}].method", "must be a method of the uncertainty table")
        attestation = message.attestation_id or None
        if attestation is not None:
            fields.identifier(f"{field}[{number}].attestation_id", attestation)
        laboratory = fields.text(f"{field}[{number}].laboratory", message.laboratory)
        sources.append(MassSource(laboratory, message.method, attestation))
    fields.distinct(f"{field}[]", sources)
    return tuple(sources)


def _rows(
    fields: Fields, field: str, messages: Sequence[material_pb2.ElementMass], sources: int
) -> tuple[ElementRow, ...]:
    """Rows in the order that contents want, whatever order they came in."""
    fields.count(field, messages, 1, ROWS_MAX)
    rows: list[ElementRow] = []
    for number, message in enumerate(messages):
        row = ElementRow(
            message.element, message.reo_mg, message.u_random_mg, message.u_common_mg, message.source_index
        )
        element, reo_mg, u_random_mg, u_common_mg, source_index = row
        if not (
            element in ATOMIC_NUMBERS
            and source_index < sources
            and 0 < reo_mg <= REO_MG_MAX
            and 0 <= u_random_mg <= REO_MG_MAX
            and 0 <= u_common_mg <= REO_MG_MAX
        ):
            _blame(fields, f"{field}[{number}]", row, sources)
        rows.append(row)
    rows.sort(key=_PLACE)
    if len(set(map(_PLACE, rows))) != len(rows):
        fields.wrong(field, "names an element twice from one source")
    return tuple(rows)


def _blame(fields: Fields, name: str, row: ElementRow, sources: int) -> None:
    """Name what is wrong with a row. Rows are many and seldom wrong, so their fields' names are made only here."""
    if row.element not in ATOMIC_NUMBERS:
        fields.wrong(f"{name}.element", "must be one of the 17 rare earths")
    if row.source_index >= sources:
        fields.wrong(f"{name}.source_index", "names no source")
    fields.reo_mg(f"{name}.reo_mg", row.reo_mg, least=1)
    fields.reo_mg(f"{name}.u_random_mg", row.u_random_mg)
    fields.reo_mg(f"{name}.u_common_mg", row.u_common_mg)


def render_material(lot: LotContent) -> material_pb2.Material:
    """What a lot is made of."""
    return material_pb2.Material(
        form=material_pb2.Form.ValueType(lot.form),
        gross_g=lot.gross_g,
        net_g=lot.net_g,
        moisture_g=lot.moisture_g,
        elements=[
            material_pb2.ElementMass(
                element=material_pb2.Element.ValueType(row.element),
                reo_mg=row.reo_mg,
                u_random_mg=row.u_random_mg,
                u_common_mg=row.u_common_mg,
                source_index=row.source_index,
            )
            for row in lot.rows
        ],
        sources=[
            material_pb2.MassSource(
                laboratory=source.laboratory, method=source.method, attestation_id=source.attestation or b""
            )
            for source in lot.sources
        ],
        custody_model=material_pb2.CustodyModel.ValueType(lot.custody_model),
    )
