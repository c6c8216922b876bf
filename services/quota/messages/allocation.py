"""Indicators and allocations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monazite.quota.v1 import quota_pb2

from services.chassis.fields import timestamp
from services.quota.domain.allocation import Allocation, BreakDown, EnterIndicator, Give, Indicator, Masses, Reduction
from services.quota.domain.ledger import NATIONAL
from services.quota.domain.ownership import named_enterprise
from services.quota.domain.reduction import Reduce
from services.quota.messages.fields import Fields, Query, parse_query, quota_kind


def parse_enter_indicator(request: quota_pb2.EnterIndicatorRequest) -> tuple[bytes, EnterIndicator]:
    """Request id and command. Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = EnterIndicator(
        year=fields.year(request.year),
        batch=fields.batch(request.batch),
        cumulative=request.cumulative,
        masses=fields.masses(request.masses),
        document=fields.text("document", request.document),
    )
    fields.done()
    return request_id, command


def parse_allocate(request: quota_pb2.AllocateRequest) -> tuple[bytes, Give]:
    """Request id and command: from the national account to a group. Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = Give(
        year=fields.year(request.year),
        batch=fields.batch(request.batch),
        giver=NATIONAL,
        receiver=fields.enterprise("enterprise_id", request.enterprise_id),
        masses=fields.masses(request.masses),
    )
    fields.done()
    named_enterprise(command.receiver, "enterprise_id")
    return request_id, command


def parse_break_down(request: quota_pb2.BreakDownRequest) -> tuple[bytes, BreakDown]:
    """Request id and command: from the calling group to a subsidiary. Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = BreakDown(
        year=fields.year(request.year),
        batch=fields.batch(request.batch),
        subsidiary=fields.enterprise("subsidiary_id", request.subsidiary_id),
        masses=fields.masses(request.masses),
    )
    fields.done()
    named_enterprise(command.subsidiary, "subsidiary_id")
    return request_id, command


def parse_reduce(request: quota_pb2.ReduceAllocationRequest) -> tuple[bytes, Reduce]:
    """Request id and command: take an allocation back. Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = Reduce(
        allocation_id=fields.allocation_id(request.allocation_id),
        masses=fields.masses(request.masses),
        reason=fields.text("reason", request.reason),
    )
    fields.done()
    return request_id, command


def parse_list_indicators(request: quota_pb2.ListIndicatorsRequest) -> int:
    """The year. Raises INVALID_FIELDS."""
    fields = Fields()
    year = fields.year(request.year)
    fields.done()
    return year


def parse_list_allocations(request: quota_pb2.ListAllocationsRequest) -> Query:
    """The query. Raises INVALID_FIELDS."""
    return parse_query(request, "ListAllocations", int, bytes)


def render_masses(masses: Masses) -> list[quota_pb2.KindMass]:
    """Masses in order of kind."""
    return [quota_pb2.KindMass(kind=quota_kind(kind), reo_mg=masses[kind]) for kind in sorted(masses)]


def render_indicator(indicator: Indicator) -> quota_pb2.Indicator:
    """One batch."""
    return quota_pb2.Indicator(
        year=indicator.year,
        batch=indicator.batch,
        cumulative=indicator.cumulative,
        increments=render_masses(indicator.increments),
        totals=render_masses(indicator.totals),
        document=indicator.document,
        entered_at=timestamp(indicator.entered_at),
        entered_by=indicator.entered_by,
    )


def render_indicators(indicators: Sequence[Indicator], as_of: datetime) -> quota_pb2.ListIndicatorsResponse:
    """The batches of a year, in order."""
    return quota_pb2.ListIndicatorsResponse(
        indicators=[render_indicator(indicator) for indicator in indicators], as_of=timestamp(as_of)
    )


def render_allocation(allocation: Allocation) -> quota_pb2.Allocation:
    """One allocation or break-down, with what was taken back of it."""
    return quota_pb2.Allocation(
        allocation_id=allocation.allocation_id.hex(),
        year=allocation.year,
        batch=allocation.batch,
        from_enterprise_id=allocation.giver,
        enterprise_id=allocation.receiver,
        masses=render_masses(allocation.masses),
        allocated_at=timestamp(allocation.allocated_at),
        allocated_by=allocation.allocated_by,
        reductions=[_render_reduction(reduction) for reduction in allocation.reductions],
    )


def _render_reduction(reduction: Reduction) -> quota_pb2.Reduction:
    return quota_pb2.Reduction(
        reduction_id=reduction.reduction_id.hex(),
        masses=render_masses(reduction.masses),
        reason=reduction.reason,
        reduced_at=timestamp(reduction.reduced_at),
        reduced_by=reduction.reduced_by,
    )


def render_allocations(
    allocations: Sequence[Allocation], next_page_token: str, as_of: datetime
) -> quota_pb2.ListAllocationsResponse:
    """A page, oldest first."""
    return quota_pb2.ListAllocationsResponse(
        allocations=[render_allocation(allocation) for allocation in allocations],
        next_page_token=next_page_token,
        as_of=timestamp(as_of),
    )
