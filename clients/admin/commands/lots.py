"""`monazite lot`: what exists, who holds it, where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from monazite.registry.v1.registry_pb2 import (
    CutLotRequest,
    GetLotRequest,
    ListLotsRequest,
    ListLotsResponse,
    Lot,
    StepResponse,
)
from monazite.registry.v1.registry_pb2_grpc import LotServiceStub
from monazite.type.v1.material_pb2 import CustodyModel, CustodyState, Element, ElementMass, Form

from clients.admin.arguments import EnterpriseOption, custody_name, names, outpoint_text, parse_outpoint
from clients.admin.bundles import chunks, fetch, resolve, verify
from clients.admin.lot_report import conclude
from clients.admin.output import Output, when
from clients.admin.session import (
    LIMIT_DEFAULT,
    JsonOption,
    LimitOption,
    PageTokenOption,
    RequestIdOption,
    Session,
    collect,
    run,
)
from clients.masses import gross_tonnes, kilograms, tonnes

app = typer.Typer(no_args_is_help=True, help="Lots.")

LotArgument = Annotated[str, typer.Argument(help="Lot id, or an outpoint as HEX:INDEX.")]


@app.command("list")
def list_lots(
    context: typer.Context,
    *,
    enterprise: EnterpriseOption = "",
    every: Annotated[bool, typer.Option("--all", help="Also lots that have ended.")] = False,
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Lots; officers see everybody's."""

    async def work(session: Session) -> None:
        stub = LotServiceStub(session.channel("registry"))

        async def page(size: int, token: str) -> ListLotsResponse:
            request = ListLotsRequest(
                page_size=size, page_token=token, enterprise_id=enterprise, unspent_only=not every
            )
            return await session.ask(stub.ListLots, request)

        found = await collect(page, lambda each: len(each.lots), limit=limit, page_token=page_token)
        session.show(found, lambda: _table(session.output, found.lots))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


@app.command("show")
def show(
    context: typer.Context, *, lot_id: Annotated[str, typer.Argument(help="Lot id.")], as_json: JsonOption = False
) -> None:
    """One lot: holder, custody, masses, assay."""

    async def work(session: Session) -> None:
        lot = await session.ask(LotServiceStub(session.channel("registry")).GetLot, GetLotRequest(lot_id=lot_id))
        session.show(lot, lambda: _lot(session.output, lot))

    run(context, work, as_json=as_json)


@app.command("trace")
def trace(context: typer.Context, *, lot: LotArgument, as_json: JsonOption = False) -> None:
    """Chain of custody of a lot as a tree, from a bundle that is verified here first."""

    async def work(session: Session) -> None:
        trust = session.configuration.trust_file()
        head = await resolve(session, lot)
        with await fetch(session, head) as fetched:
            report = verify(chunks(fetched), trust, lot=lot)
        conclude(session.output, report)

    run(context, work, as_json=as_json)


@app.command("cut")
def cut(
    context: typer.Context,
    *,
    lot: LotArgument,
    check: Annotated[bool, typer.Option("--check", help="Say whether the lot can be cut, and sign nothing.")] = False,
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Has the registry verify all that a lot rests on and sign for it: buyers' bundles begin there from then on."""

    async def work(session: Session) -> None:
        stub = LotServiceStub(session.channel("registry"))
        # Of a lot the registry finds the head itself: by the time of a second request it may be another.
        head = parse_outpoint(lot)
        request = CutLotRequest(
            request_id=session.new_request_id(request_id),
            head=head,
            lot_id=lot if head is None else "",
            validate_only=check,
        )
        done = await session.ask(stub.CutLot, request)
        session.show(done, lambda: _cut(session.output, done))

    run(context, work, as_json=as_json)


def _cut(output: Output, done: StepResponse) -> None:
    facts = [("lot", done.heads[0].lot_id), ("head", outpoint_text(done.heads[0].outpoint))]
    if done.HasField("admission"):
        place = "pending" if done.admission.receipt_pending else str(done.admission.index)
        facts += [("cut", done.admission.statement_id.hex()), ("entry", place)]
        facts += [("made", when(done.admission.committed_at))]
    title = "Had been cut before: nothing was signed now" if done.made_before else "Cut"
    output.facts(title if done.statement.item else "Can be cut", facts)
    if done.findings:
        rows = [[each.code, each.metadata.get("count", ""), each.message] for each in done.findings]
        output.table("Findings that the cut names", ["Code", ">Times", "What"], rows)


def _state(lot: Lot) -> str:
    return custody_name(CustodyState.Name(lot.custody_state).removeprefix("CUSTODY_STATE_")) if lot.unspent else "ended"


def _form(lot: Lot) -> str:
    return Form.Name(lot.material.form).removeprefix("FORM_").replace("_", " ").lower()


def _table(output: Output, lots: Iterable[Lot]) -> None:
    rows = [
        [
            each.lot_id,
            _form(each),
            each.holder.rpartition("/")[2],
            each.receiver.rpartition("/")[2],
            each.site,
            _state(each),
            gross_tonnes(each.material.gross_g),
            tonnes(sum(mass.reo_mg for mass in each.material.elements)),
            names(each.holds),
        ]
        for each in lots
    ]
    output.table(
        "Lots", ["Lot", "Form", "Holder", "Receiver", "Site", "Custody", ">t gross", ">t REO", "On hold for"], rows
    )


def _lot(output: Output, lot: Lot) -> None:
    material = lot.material
    output.facts(
        f"Lot {lot.lot_id}",
        [
            ("head", outpoint_text(lot.head)),
            ("custody", _state(lot)),
            ("holder", lot.holder),
            ("receiver", lot.receiver),
            ("site", lot.site),
            ("form", _form(lot)),
            ("custody model", CustodyModel.Name(material.custody_model).removeprefix("CUSTODY_MODEL_")),
            ("gross, t", gross_tonnes(material.gross_g)),
            ("net, t", gross_tonnes(material.net_g)),
            ("moisture, t", gross_tonnes(material.moisture_g)),
            ("on hold for", names(lot.holds)),
            ("export act", lot.export_act_id.hex()),
            ("as of", when(lot.as_of)),
        ],
    )
    columns = ["Element", ">kg REO", ">u random, kg", ">u common, kg", "Laboratory", "Method"]
    output.table("Element masses", columns, [_element(lot, each) for each in material.elements])


def _element(lot: Lot, mass: ElementMass) -> list[str]:
    sources = lot.material.sources
    source = sources[mass.source_index] if mass.source_index < len(sources) else None
    return [
        Element.Name(mass.element).removeprefix("ELEMENT_").title(),
        kilograms(mass.reo_mg),
        kilograms(mass.u_random_mg),
        kilograms(mass.u_common_mg),
        source.laboratory if source else "",
        source.method if source else "",
    ]
