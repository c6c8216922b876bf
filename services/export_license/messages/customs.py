"""Acts of export: requests and replies. The act id serves as request id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.type.v1 import statement_pb2
from monazite_provenance.statement import Outpoint

from services.chassis.fields import outpoint_message, timestamp
from services.chassis.pagination import Key, PageRequest
from services.export_license.domain.customs import Act, State, WrittenOff
from services.export_license.messages.fields import (
    LOTS_MAX,
    Fields,
    asked,
)
from services.export_license.operations import Asked
from services.export_license.operations.commands import (
    ActView,
    CancelExport,
    DeclareExport,
    ListExports,
    LotToDeclare,
    WriteOffExport,
)

_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def declare(request: pb.DeclareExportRequest) -> tuple[DeclareExport, Asked]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    fields.count("lots", request.lots, 1, LOTS_MAX)
    command = DeclareExport(
        act_id=fields.act_id(request.act_id),
        licence_id=fields.identifier("licence_id", request.licence_id),
        declaration_number=fields.text("declaration_number", request.declaration_number),
        destination=fields.country("destination", request.destination),
        lots=tuple(_lot(fields, f"lots[{number}]", lot) for number, lot in enumerate(request.lots)),
    )
    fields.distinct("lots[]", [lot.named for lot in command.lots])
    fields.done()
    return command, asked(
        command.act_id,
        command.licence_id,
        command.declaration_number,
        command.destination,
        [[*_name(lot.named), lot.control_code, lot.gross_g] for lot in command.lots],
    )


def _name(named: Outpoint | str) -> tuple[bytes | str, int]:
    return (named, 0) if isinstance(named, str) else (named.statement_id, named.index)


def _lot(fields: Fields, name: str, lot: pb.DeclaredLot) -> LotToDeclare:
    by_id = lot.lot_id and not lot.HasField("head")
    return LotToDeclare(
        fields.lot_id(f"{name}.lot_id", lot.lot_id) if by_id else fields.outpoint(f"{name}.head", lot.head),
        fields.control_code(f"{name}.control_code", lot.control_code),
        fields.gross_g(f"{name}.gross_g", lot.gross_g),
    )


def write_off(request: pb.WriteOffExportRequest) -> tuple[WriteOffExport, Asked]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    fields.count("lots", request.lots, 1, LOTS_MAX)
    command = WriteOffExport(
        act_id=fields.act_id(request.act_id),
        lots=tuple(
            WrittenOff(
                fields.outpoint(f"lots[{number}].head", lot.head),
                fields.gross_g(f"lots[{number}].gross_g", lot.gross_g, least=0),
            )
            for number, lot in enumerate(request.lots)
        ),
    )
    fields.distinct("lots[]", [lot.outpoint for lot in command.lots])
    fields.done()
    return command, asked(command.act_id)


def cancel(request: pb.CancelExportRequest) -> tuple[CancelExport, Asked]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    command = CancelExport(fields.act_id(request.act_id), fields.reason("reason_code", request.reason_code))
    fields.done()
    return command, asked(command.act_id)


def get(request: pb.GetExportRequest) -> bytes:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    act_id = fields.act_id(request.act_id)
    fields.done()
    return act_id


def page(request: pb.ListExportsRequest) -> ListExports:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    state = None
    if request.state != pb.ExportAct.STATE_UNSPECIFIED:
        if request.state in pb.ExportAct.State.values():
            state = State[pb.ExportAct.State.Name(request.state).removeprefix("STATE_")]
        else:
            fields.wrong("state", "must be a state of an act of export")
    licence_id = fields.identifier("licence_id", request.licence_id) if request.licence_id else b""
    query = ("ListExports", int(request.state), licence_id)
    command = ListExports(fields.page(request, query=query, key_types=(int, bytes)), state, licence_id)
    fields.done()
    return command


def render_page(acts: Sequence[Act], request: PageRequest, as_of: datetime) -> pb.ListExportsResponse:
    """A page of acts, without their statements."""
    found = [render(ActView(act, (), as_of)) for act in acts]
    token = request.token(found, _key(acts[-1]) if acts else None)
    return pb.ListExportsResponse(acts=found, next_page_token=token, as_of=timestamp(as_of))


def _key(act: Act) -> Key:
    assert act.declared_at is not None  # noqa: S101 - it was read
    return (act.declared_at - _EPOCH) // timedelta(microseconds=1), act.act_id


def render(view: ActView) -> pb.ExportAct:
    """An act for a reply."""
    act = view.act
    return pb.ExportAct(
        act_id=act.act_id,
        state=pb.ExportAct.State.Value(f"STATE_{act.state.name}"),
        licence_id=act.licence_id,
        declaration_number=act.declaration_number,
        declared=[
            pb.DeclaredLot(
                head=outpoint_message(lot.outpoint),
                control_code=lot.control_code,
                gross_g=lot.gross_g,
                lot_id=lot.lot_id,
            )
            for lot in act.declared
        ],
        written_off=[pb.WrittenOffLot(head=outpoint_message(lot.outpoint), gross_g=lot.gross_g) for lot in act.left()],
        statements=[statement_pb2.StatementItem(item=item) for item in view.items],
        abroad=[outpoint_message(head) for head in act.abroad],
        returned=[outpoint_message(head) for head in act.returned],
        port=act.port,
        void_reason=act.void_reason,
        as_of=timestamp(view.as_of),
    )
