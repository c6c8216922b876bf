"""Export acts: requests."""

from __future__ import annotations

from monazite.registry.v1 import registry_pb2

from services.registry.domain.commands import CompleteExport, LockExport, VoidExport
from services.registry.messages.fields import Fields


def parse_lock(request: registry_pb2.LockExportRequest) -> LockExport:
    """Lots to lock, in order of their outpoints."""
    fields = Fields()
    command = LockExport(
        fields.act_id(request.act_id),
        tuple(sorted(fields.outpoints("heads", request.heads))),
        fields.identifier("licence_id", request.licence_id),
    )
    fields.done()
    return command


def parse_complete(request: registry_pb2.CompleteExportRequest) -> CompleteExport:
    """An act to end by export."""
    fields = Fields()
    command = CompleteExport(
        fields.act_id(request.act_id),
        fields.item("intent", request.intent.item),
        fields.item("licence", request.licence.item),
    )
    fields.done()
    return command


def parse_void(request: registry_pb2.VoidExportRequest) -> VoidExport:
    """An act to end without export."""
    fields = Fields()
    command = VoidExport(fields.act_id(request.act_id), fields.reason("reason_code", request.reason_code))
    fields.done()
    return command
