"""`monazite exports`: the act of export, as customs carries it out: declare, write off, cancel."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated

import typer
from monazite.export_license.v1.export_license_pb2 import (
    CancelExportRequest,
    DeclaredLot,
    DeclareExportRequest,
    ExportAct,
    GetExportRequest,
    WriteOffExportRequest,
    WrittenOffLot,
)
from monazite.export_license.v1.export_license_pb2_grpc import CustomsServiceStub
from monazite.type.v1.statement_pb2 import Outpoint

from clients.admin.arguments import outpoint_text
from clients.admin.bundles import resolve
from clients.admin.licences import find
from clients.admin.output import Output, when
from clients.admin.session import JsonOption, Session, run
from clients.errors import CallError
from clients.masses import gross_tonnes, parse_gross_tonnes

app = typer.Typer(no_args_is_help=True, help="Acts of export at customs.")

ActArgument = Annotated[str, typer.Argument(help="Act id: a UUID, with or without dashes.")]


@app.command("declare")
def declare(
    context: typer.Context,
    *,
    licence: Annotated[str, typer.Argument(help="Licence number or id.")],
    lots: Annotated[
        list[str],
        typer.Option(
            "--lot", help="LOT,CODE,TONNES: a lot offered under the licence, its control code, the most that may leave."
        ),
    ],
    number: Annotated[str, typer.Option("--number", help="Number of the customs declaration.")],
    destination: Annotated[
        str, typer.Option("--destination", help="Of the declaration, ISO 3166-1 alpha-2; must be the licence's.")
    ],
    act_id: Annotated[
        str,
        typer.Option(
            "--act-id",
            help="UUID that names the act for good; give it again to get the first answer again. Default: a new one.",
            show_default=False,
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Reserves the licence's lines and locks the lots; all lots or none."""
    wanted = [_declared(text) for text in lots]
    act = _act_id(act_id, "--act-id") if act_id else uuid.uuid4().bytes

    async def work(session: Session) -> None:
        stub = CustomsServiceStub(session.channel("export_license"))
        found = await find(session, licence)
        session.for_act(act)
        known = await _declared_before(session, act) if act_id else ()
        request = DeclareExportRequest(
            act_id=act,
            licence_id=found.licence_id,
            declaration_number=number,
            destination=destination,
            lots=[
                DeclaredLot(head=await _head(session, lot, known), control_code=code, gross_g=gross_g)
                for lot, code, gross_g in wanted
            ],
        )
        _show(session, await session.ask(stub.DeclareExport, request))

    run(context, work, as_json=as_json)


@app.command("write-off")
def write_off(
    context: typer.Context,
    *,
    act_id: ActArgument,
    lots: Annotated[
        list[str] | None,
        typer.Option("--lot", help="LOT,TONNES: what really left of a lot; 0 sends it back. Default: all as declared."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Writes off what really left; the rest goes back to the exporter. The licence is checked again."""
    act = _act_id(act_id, "ACT_ID")
    wanted = [_left(text) for text in lots or ()]

    async def work(session: Session) -> None:
        stub = CustomsServiceStub(session.channel("export_license"))
        session.for_act(act)
        declared = (await session.ask(stub.GetExport, GetExportRequest(act_id=act))).declared
        left = [WrittenOffLot(head=await _head(session, lot, declared), gross_g=gross_g) for lot, gross_g in wanted]
        left = left or [WrittenOffLot(head=each.head, gross_g=each.gross_g) for each in declared]
        _show(session, await session.ask(stub.WriteOffExport, WriteOffExportRequest(act_id=act, lots=left)))

    run(context, work, as_json=as_json)


@app.command("cancel")
def cancel(
    context: typer.Context,
    *,
    act_id: ActArgument,
    reason: Annotated[str, typer.Option("--reason", help="Reason code: capitals, digits and underscores.")],
    as_json: JsonOption = False,
) -> None:
    """Ends an act without export: nothing leaves, the lots are free and the licence's lines too."""
    request = CancelExportRequest(act_id=_act_id(act_id, "ACT_ID"), reason_code=reason)

    async def work(session: Session) -> None:
        session.for_act(request.act_id)
        stub = CustomsServiceStub(session.channel("export_license"))
        _show(session, await session.ask(stub.CancelExport, request))

    run(context, work, as_json=as_json)


@app.command("show")
def show(context: typer.Context, *, act_id: ActArgument, as_json: JsonOption = False) -> None:
    """One act: what was declared, what was written off, where the lots are now."""
    request = GetExportRequest(act_id=_act_id(act_id, "ACT_ID"))

    async def work(session: Session) -> None:
        stub = CustomsServiceStub(session.channel("export_license"))
        _show(session, await session.ask(stub.GetExport, request))

    run(context, work, as_json=as_json)


async def _declared_before(session: Session, act: bytes) -> Sequence[DeclaredLot]:
    """The lots that an act was declared with; none where it is a new one."""
    stub = CustomsServiceStub(session.channel("export_license"))
    try:
        return (await session.ask(stub.GetExport, GetExportRequest(act_id=act))).declared
    except CallError as error:
        if error.reason != "NOT_FOUND":
            raise
        return ()


async def _head(session: Session, lot: str, declared: Sequence[DeclaredLot]) -> Outpoint:
    """The head that `lot` names in an act. Who asks a second time means the one that was declared, though the lot has
    another by now: it may be abroad.
    """
    for each in declared:
        if each.lot_id == lot:
            return each.head
    return await resolve(session, lot)


def _act_id(text: str, name: str) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except ValueError as error:
        raise typer.BadParameter("not a UUID", param_hint=name) from error


def _declared(text: str) -> tuple[str, str, int]:
    match [part.strip() for part in text.split(",")]:
        case [lot, code, tonnes]:
            return lot, code, _grams(tonnes)
        case _:
            raise typer.BadParameter(f"{text!r} is not LOT,CODE,TONNES", param_hint="--lot")


def _left(text: str) -> tuple[str, int]:
    lot, comma, tonnes = text.partition(",")
    if not comma:
        raise typer.BadParameter(f"{text!r} is not LOT,TONNES", param_hint="--lot")
    return lot.strip(), _grams(tonnes)


def _grams(tonnes: str) -> int:
    try:
        return parse_gross_tonnes(tonnes)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--lot") from error


def _show(session: Session, act: ExportAct) -> None:
    session.show(act, lambda: _act(session.output, act))


def _act(output: Output, act: ExportAct) -> None:
    output.facts(
        f"Act of export {uuid.UUID(bytes=act.act_id)}",
        [
            ("state", ExportAct.State.Name(act.state).removeprefix("STATE_")),
            ("licence", act.licence_id.hex()),
            ("declaration", act.declaration_number),
            ("port", act.port),
            *_heads("abroad", act.abroad),
            *_heads("back with the exporter", act.returned),
            ("as of", when(act.as_of)),
        ],
    )
    left = {outpoint_text(each.head): gross_tonnes(each.gross_g) for each in act.written_off}
    rows = [
        [each.lot_id, head, each.control_code, gross_tonnes(each.gross_g), left.get(head, "")]
        for each in act.declared
        for head in [outpoint_text(each.head)]
    ]
    output.table("Lots, t gross", ["Lot", "Head as declared", "Item", ">declared", ">written off"], rows)


def _heads(name: str, heads: Sequence[Outpoint]) -> list[tuple[str, str]]:
    return [(name, outpoint_text(each)) for each in heads]
