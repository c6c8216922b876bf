"""`monazite indicator`: the year's national totals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from monazite.quota.v1.quota_pb2 import EnterIndicatorRequest, Indicator, KindMass, ListIndicatorsRequest
from monazite.quota.v1.quota_pb2_grpc import AllocationServiceStub
from monazite.type.v1.material_pb2 import QuotaKind

from clients.admin.arguments import BatchOption, IonicOption, RockOption, SeparationOption, YearOption, kind_masses
from clients.admin.output import Output, when
from clients.admin.session import JsonOption, RequestIdOption, Session, run
from clients.masses import tonnes

app = typer.Typer(no_args_is_help=True, help="National indicators.")


@app.command("enter")
def enter(
    context: typer.Context,
    *,
    year: YearOption,
    batch: BatchOption,
    document: Annotated[str, typer.Option("--document", help="The notice.")],
    mining_rock: RockOption = "",
    mining_ionic: IonicOption = "",
    smelting_separation: SeparationOption = "",
    cumulative: Annotated[
        bool, typer.Option("--cumulative", help="The figures restate the year's total so far.")
    ] = False,
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Enters one batch of the year's national indicators."""
    masses = kind_masses(mining_rock, mining_ionic, smelting_separation)

    async def work(session: Session) -> None:
        stub = AllocationServiceStub(session.channel("quota"))
        request = EnterIndicatorRequest(
            request_id=session.new_request_id(request_id),
            year=year,
            batch=batch,
            cumulative=cumulative,
            masses=masses,
            document=document,
        )
        entered = await session.ask(stub.EnterIndicator, request)
        session.show(entered, lambda: _table(session.output, [entered]))

    run(context, work, as_json=as_json)


@app.command("list")
def list_indicators(context: typer.Context, *, year: YearOption, as_json: JsonOption = False) -> None:
    """The batches of a year, with what each added and the total after it."""

    async def work(session: Session) -> None:
        stub = AllocationServiceStub(session.channel("quota"))
        found = await session.ask(stub.ListIndicators, ListIndicatorsRequest(year=year))
        session.show(found, lambda: _table(session.output, found.indicators))

    run(context, work, as_json=as_json)


_KINDS = (
    ("MINING_ROCK", "rock"),
    ("MINING_IONIC", "ionic"),
    ("SMELTING_SEPARATION", "smelting-separation"),
)


def _table(output: Output, indicators: Iterable[Indicator]) -> None:
    rows: list[list[str]] = []
    for each in indicators:
        head = [str(each.year), str(each.batch), each.document, when(each.entered_at)]
        rows.append([*head, "added", *_cells(each.increments)])
        rows.append([*head, "total", *_cells(each.totals)])
    columns = ["Year", "Batch", "Document", "Entered", "t REO", *(f">{label}" for _, label in _KINDS)]
    output.table("National indicators", columns, rows)


def _cells(masses: Iterable[KindMass]) -> list[str]:
    by_kind = {QuotaKind.Name(each.kind).removeprefix("QUOTA_KIND_"): each.reo_mg for each in masses}
    return [tonnes(by_kind.get(kind, 0)) for kind, _ in _KINDS]
