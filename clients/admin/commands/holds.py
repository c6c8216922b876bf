"""`monazite holds`: lots that may not move until an officer has looked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from monazite.registry.v1.registry_pb2 import (
    ListLotsRequest,
    ListLotsResponse,
    Lot,
    PlaceHoldRequest,
    ReleaseHoldRequest,
    StepResponse,
)
from monazite.registry.v1.registry_pb2_grpc import LotServiceStub

from clients.admin.arguments import EnterpriseOption, names, outpoint_text
from clients.admin.output import Output
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
from clients.masses import gross_tonnes

if TYPE_CHECKING:
    from monazite.registry.v1.registry_pb2_grpc import LotServiceAsyncStub

app = typer.Typer(no_args_is_help=True, help="Lots on hold.")

LotIdArgument = Annotated[str, typer.Argument(help="Lot id.")]
ReasonCodeOption = Annotated[
    str,
    typer.Option(
        "--reason", help="Reason code, of the office's own choosing: capitals, digits, underscores, e.g. SITE_CHECK."
    ),
]


@app.command("list")
def list_holds(
    context: typer.Context,
    *,
    enterprise: EnterpriseOption = "",
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Lots on hold, with the reasons, page by page up to the limit."""

    async def work(session: Session) -> None:
        stub = LotServiceStub(session.channel("registry"))

        async def page(size: int, token: str) -> ListLotsResponse:
            request = ListLotsRequest(page_size=size, page_token=token, enterprise_id=enterprise, held_only=True)
            return await session.ask(stub.ListLots, request)

        found = await collect(page, lambda each: len(each.lots), limit=limit, page_token=page_token)
        session.show(found, lambda: _table(session.output, found.lots))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


@app.command("place")
def place(
    context: typer.Context,
    *,
    lot_id: LotIdArgument,
    reason: ReasonCodeOption,
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Puts a lot on hold, by a signed statement: it does not move until the hold of this reason is released.

    Any lot that has not ended can be held, one abroad too.
    """

    async def ask(session: Session, stub: LotServiceAsyncStub) -> StepResponse:
        new_id = session.new_request_id(request_id)
        return await session.ask(stub.PlaceHold, PlaceHoldRequest(request_id=new_id, lot_id=lot_id, reason_code=reason))

    _run(context, ask, as_json=as_json)


@app.command("release")
def release(
    context: typer.Context,
    *,
    lot_id: LotIdArgument,
    reason: ReasonCodeOption,
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ends the hold of this reason; the lot moves again when none is left."""

    async def ask(session: Session, stub: LotServiceAsyncStub) -> StepResponse:
        new_id = session.new_request_id(request_id)
        request = ReleaseHoldRequest(request_id=new_id, lot_id=lot_id, reason_code=reason)
        return await session.ask(stub.ReleaseHold, request)

    _run(context, ask, as_json=as_json)


def _run(
    context: typer.Context, ask: Callable[[Session, LotServiceAsyncStub], Awaitable[StepResponse]], *, as_json: bool
) -> None:
    async def work(session: Session) -> None:
        done = await ask(session, LotServiceStub(session.channel("registry")))
        session.show(done, lambda: _step(session.output, done))

    run(context, work, as_json=as_json)


def _table(output: Output, lots: Iterable[Lot]) -> None:
    rows = [
        [each.lot_id, each.holder.rpartition("/")[2], each.site, gross_tonnes(each.material.gross_g), names(each.holds)]
        for each in lots
    ]
    output.table("Lots on hold", ["Lot", "Holder", "Site", ">t gross", "Reasons"], rows)


def _step(output: Output, step: StepResponse) -> None:
    for head in step.heads:
        held = ("on hold for", names(head.holds)) if head.holds else ("on hold", "no more")
        facts = [("head", outpoint_text(head.outpoint)), held]
        output.facts(f"Lot {head.lot_id}", facts)
