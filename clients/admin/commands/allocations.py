"""`monazite allocate`, `break-down`, `take-back`, `allocations`: from the nation to groups and their subsidiaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from monazite.quota.v1.quota_pb2 import (
    AllocateRequest,
    Allocation,
    BreakDownRequest,
    ListAllocationsRequest,
    ListAllocationsResponse,
    ReduceAllocationRequest,
)
from monazite.quota.v1.quota_pb2_grpc import AllocationServiceStub
from monazite.type.v1.material_pb2 import QuotaKind

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


def take_back(
    context: typer.Context,
    *,
    allocation_id: Annotated[str, typer.Argument(help="The allocation or break-down, as `allocations` lists it.")],
    reason: Annotated[str, typer.Option("--reason", help="Recorded, and shown to both sides.")],
    mining_rock: RockOption = "",
    mining_ionic: IonicOption = "",
    smelting_separation: SeparationOption = "",
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Corrects a wrong allocation or break-down: takes back a part of it, or all. What was given stays on record."""
    masses = kind_masses(mining_rock, mining_ionic, smelting_separation)

    async def work(session: Session) -> None:
        stub = AllocationServiceStub(session.channel("quota"))
        request = ReduceAllocationRequest(
            request_id=session.new_request_id(request_id), allocation_id=allocation_id, masses=masses, reason=reason
        )
        reduced = await session.ask(stub.ReduceAllocation, request)
        session.show(reduced, lambda: _table(session.output, [reduced]))

    run(context, work, as_json=as_json)


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


def _table(output: Output, allocations: Sequence[Allocation]) -> None:
    rows = [
        [
            each.allocation_id,
            f"{each.year}, {each.batch}",
            each.from_enterprise_id,
            each.enterprise_id,
            kind_name(mass.kind),
            tonnes(mass.reo_mg),
            tonnes(_taken_back(each, mass.kind)),
            when(each.allocated_at),
        ]
        for each in allocations
        for mass in each.masses
    ]
    columns = ["Allocation", "Year, batch", "From", "To", "Kind", ">given, t REO", ">taken back", "When"]
    output.table("Allocations", columns, rows)
    corrections = [
        [
            each.allocation_id,
            kind_name(mass.kind),
            tonnes(mass.reo_mg),
            reduction.reason,
            reduction.reduced_by,
            when(reduction.reduced_at),
        ]
        for each in allocations
        for reduction in each.reductions
        for mass in reduction.masses
    ]
    if corrections:
        columns = ["Allocation", "Kind", ">taken back, t REO", "Reason", "By", "When"]
        output.table("Corrections", columns, corrections)


def _taken_back(allocation: Allocation, kind: QuotaKind.ValueType) -> int:
    """Milligrams REO of one kind that its corrections took back."""
    return sum(mass.reo_mg for reduction in allocation.reductions for mass in reduction.masses if mass.kind == kind)
