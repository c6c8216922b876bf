"""`monazite exports`: the act of export, as customs carries it out: declare, write off, cancel."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer
from monazite.export_license.v1.export_license_pb2 import (
    CancelExportRequest,
    DeclaredLot,
    DeclareExportRequest,
    ExportAct,
    GetExportRequest,
    ListExportsRequest,
    ListExportsResponse,
    WriteOffExportRequest,
    WrittenOffLot,
)
from monazite.export_license.v1.export_license_pb2_grpc import CustomsServiceStub
from monazite.type.v1.statement_pb2 import Outpoint

from clients.admin.arguments import names, outpoint_text, parse_outpoint
from clients.admin.licences import find
from clients.admin.output import Output, when
from clients.admin.session import (
    LIMIT_DEFAULT,
    InputError,
    JsonOption,
    LimitOption,
    PageTokenOption,
    Session,
    collect,
    run,
)
from clients.masses import gross_tonnes, parse_gross_tonnes

app = typer.Typer(no_args_is_help=True, help="Acts of export at customs.")


class ActState(StrEnum):
    """States a list can be narrowed to."""

    DECLARING = "declaring"
    LOCKED = "locked"
    WRITING_OFF = "writing-off"
    VOIDING = "voiding"
    EXPORTED = "exported"
    VOID = "void"


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
        request = DeclareExportRequest(
            act_id=act,
            licence_id=found.licence_id,
            declaration_number=number,
            destination=destination,
            # Whose the lots are, and whether they are on offer, the service says: of all, beside what else is wrong.
            lots=[
                DeclaredLot(head=head, lot_id="" if head else lot, control_code=code, gross_g=gross_g)
                for lot, code, gross_g in wanted
                for head in [parse_outpoint(lot)]
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
        left = [WrittenOffLot(head=_declared_head(lot, declared), gross_g=gross_g) for lot, gross_g in wanted]
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


@app.command("list")
def list_acts(
    context: typer.Context,
    *,
    state: Annotated[
        ActState | None, typer.Option("--state", case_sensitive=False, help="Only acts in this state.")
    ] = None,
    licence: Annotated[
        str, typer.Option("--licence", help="Only acts under this licence, number or id.", show_default=False)
    ] = "",
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Acts of export, newest first: those of your port, or under your licences; licensing officers see all."""
    wanted = ExportAct.State.Value(f"STATE_{state.name}") if state else ExportAct.STATE_UNSPECIFIED

    async def work(session: Session) -> None:
        stub = CustomsServiceStub(session.channel("export_license"))
        licence_id = (await find(session, licence)).licence_id if licence else b""

        async def page(size: int, token: str) -> ListExportsResponse:
            request = ListExportsRequest(page_size=size, page_token=token, state=wanted, licence_id=licence_id)
            return await session.ask(stub.ListExports, request)

        found = await collect(page, lambda each: len(each.acts), limit=limit, page_token=page_token)
        session.show(found, lambda: _table(session.output, found.acts))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


@app.command("show")
def show(context: typer.Context, *, act_id: ActArgument, as_json: JsonOption = False) -> None:
    """One act: what was declared, what was written off, where the lots are now."""
    request = GetExportRequest(act_id=_act_id(act_id, "ACT_ID"))

    async def work(session: Session) -> None:
        stub = CustomsServiceStub(session.channel("export_license"))
        _show(session, await session.ask(stub.GetExport, request))

    run(context, work, as_json=as_json)


def _declared_head(lot: str, declared: Sequence[DeclaredLot]) -> Outpoint:
    """The head that `lot`, an id or a head, names in an act: the one that was declared. Raises InputError."""
    for each in declared:
        if lot in {each.lot_id, outpoint_text(each.head)}:
            return each.head
    raise InputError(
        "no such lot was declared in this act", lot=lot, declared=names([each.lot_id for each in declared])
    )


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


def _table(output: Output, acts: Sequence[ExportAct]) -> None:
    rows = [
        [
            str(uuid.UUID(bytes=act.act_id)),
            names([ExportAct.State.Name(act.state).removeprefix("STATE_"), *_void_reason(act)]),
            act.declaration_number,
            act.port,
            names([each.lot_id for each in act.declared]),
            gross_tonnes(sum(each.gross_g for each in act.declared)),
            gross_tonnes(sum(each.gross_g for each in act.written_off)),
        ]
        for act in acts
    ]
    columns = ["Act", "State", "Declaration", "Port", "Lots", ">declared", ">written off"]
    output.table("Acts of export, t gross", columns, rows)


def _act(output: Output, act: ExportAct) -> None:
    output.facts(
        f"Act of export {uuid.UUID(bytes=act.act_id)}",
        [
            ("state", ExportAct.State.Name(act.state).removeprefix("STATE_")),
            *(("void for", each) for each in _void_reason(act)),
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


def _void_reason(act: ExportAct) -> list[str]:
    return [act.void_reason] if act.void_reason else []


def _heads(name: str, heads: Sequence[Outpoint]) -> list[tuple[str, str]]:
    return [(name, outpoint_text(each)) for each in heads]
