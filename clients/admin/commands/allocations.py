"""`monazite allocate`, `break-down`, `allocations`: from the national total to groups and their subsidiaries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from monazite.quota.v1.quota_pb2 import (
    AllocateRequest,
    Allocation,
    BreakDownRequest,
    ListAllocationsRequest,
    ListAllocationsResponse,
)
from monazite.quota.v1.quota_pb2_grpc import AllocationServiceStub

from clients.admin.arguments import (
    BatchOption,
    EnterpriseOption,
    IonicOption,
    RockOption,
    SeparationOption,
    YearOption,
    kind_masses,
    kind_name,
)
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
from clients.masses import tonnes


def allocate(
    context: typer.Context,
    *,
    enterprise_id: Annotated[str, typer.Argument(help="The group.")],
    year: YearOption,
    batch: BatchOption,
    mining_rock: RockOption = "",
    mining_ionic: IonicOption = "",
    smelting_separation: SeparationOption = "",
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Gives a part of the national indicator to a group."""
    masses = kind_masses(mining_rock, mining_ionic, smelting_separation)
    request = AllocateRequest(year=year, batch=batch, enterprise_id=enterprise_id, masses=masses)
    _give(context, request, request_id, as_json=as_json)


def break_down(
    context: typer.Context,
    *,
    subsidiary_id: Annotated[str, typer.Argument(help="The subsidiary.")],
    year: YearOption,
    batch: BatchOption,
    mining_rock: RockOption = "",
    mining_ionic: IonicOption = "",
    smelting_separation: SeparationOption = "",
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """With a group's certificate: gives a part of what it was allocated to a subsidiary."""
    masses = kind_masses(mining_rock, mining_ionic, smelting_separation)
    request = BreakDownRequest(year=year, batch=batch, subsidiary_id=subsidiary_id, masses=masses)
    _give(context, request, request_id, as_json=as_json)


def _give(
    context: typer.Context, request: AllocateRequest | BreakDownRequest, request_id: str, *, as_json: bool
) -> None:
    async def work(session: Session) -> None:
        stub = AllocationServiceStub(session.channel("quota"))
        request.request_id = session.new_request_id(request_id)
        if isinstance(request, AllocateRequest):
            made = await session.ask(stub.Allocate, request)
        else:
            made = await session.ask(stub.BreakDown, request)
        session.show(made, lambda: _table(session.output, [made]))

    run(context, work, as_json=as_json)


def allocations(
    context: typer.Context,
    *,
    year: YearOption,
    enterprise: EnterpriseOption = "",
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Who gave whom how much."""

    async def work(session: Session) -> None:
        stub = AllocationServiceStub(session.channel("quota"))

        async def page(size: int, token: str) -> ListAllocationsResponse:
            request = ListAllocationsRequest(page_size=size, page_token=token, year=year, enterprise_id=enterprise)
            return await session.ask(stub.ListAllocations, request)

        found = await collect(page, lambda each: len(each.allocations), limit=limit, page_token=page_token)
        session.show(found, lambda: _table(session.output, found.allocations))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


def _table(output: Output, allocations: Iterable[Allocation]) -> None:
    rows = [
        [
            str(each.year),
            str(each.batch),
            each.from_enterprise_id,
            each.enterprise_id,
            kind_name(mass.kind),
            tonnes(mass.reo_mg),
            when(each.allocated_at),
        ]
        for each in allocations
        for mass in each.masses
    ]
    output.table("Allocations", ["Year", "Batch", "From", "To", "Kind", ">t REO", "When"], rows)
