"""Attestations: requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from monazite.registry.v1 import registry_pb2
from monazite_provenance import uncertainty
from monazite_provenance.contents import AssayRow
from monazite_provenance.elements import ATOMIC_NUMBERS

from services.registry.domain.commands import AttestLot
from services.registry.messages.fields import Fields

_METHODS: Final = frozenset(uncertainty.methods())


def parse_attest(request: registry_pb2.AttestLotRequest) -> tuple[bytes, AttestLot]:
    """Request id and an assay of what was sampled at a head."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    if request.method not in _METHODS:
        fields.wrong("method", "must be a method of the uncertainty table")
    command = AttestLot(
        head=fields.outpoint("head", request.head),
        laboratory=fields.text("laboratory", request.laboratory),
        method=request.method,
        sample=fields.text("sample", request.sample),
        measured_at=int(_measured(fields, request).timestamp()),
        dry_g=fields.grams("dry_g", request.dry_g, least=1),
        rows=_rows(fields, request.rows),
    )
    fields.done()
    return request_id, command


def _measured(fields: Fields, request: registry_pb2.AttestLotRequest) -> datetime:
    return fields.instant("measure_time", request.measure_time, present=request.HasField("measure_time"))


def _rows(fields: Fields, messages: Sequence[registry_pb2.AssayRow]) -> tuple[AssayRow, ...]:
    """Ascending by element, whatever order they came in."""
    fields.count("rows", messages, 1, len(ATOMIC_NUMBERS))
    fields.distinct("rows[].element", [message.element for message in messages])
    for number, message in enumerate(messages):
        name = f"rows[{number}]"
        if message.element not in ATOMIC_NUMBERS:
            fields.wrong(f"{name}.element", "must be one of the 17 elements")
        for mass in ("reo_mg", "u_random_mg", "u_common_mg"):
            fields.reo_mg(f"{name}.{mass}", getattr(message, mass))
        if message.u_random_mg == message.u_common_mg == 0:
            fields.wrong(name, "must have an uncertainty: below detection it is that of the limit, over the root of 3")
    return tuple(sorted(AssayRow(each.element, each.reo_mg, each.u_random_mg, each.u_common_mg) for each in messages))
