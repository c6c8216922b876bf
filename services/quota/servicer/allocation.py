"""AllocationService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.quota.v1 import quota_pb2
from monazite.quota.v1.quota_pb2_grpc import AllocationServiceServicer

from services.chassis.call import current_call
from services.quota.messages import allocation as messages
from services.quota.operations.allocation import Allocations
from services.quota.operations.reading import Reading


class AllocationServicer(AllocationServiceServicer):
    """Indicators and who gives what to whom."""

    def __init__(self, allocations: Allocations, reading: Reading) -> None:
        self._allocations = allocations
        self._reading = reading

    async def EnterIndicator(self, request: quota_pb2.EnterIndicatorRequest, context: object) -> quota_pb2.Indicator:
        """One batch of the year's national indicators."""
        request_id, command = messages.parse_enter_indicator(request)
        reply = await self._allocations.enter_indicator(current_call().principal, request_id, command)
        return quota_pb2.Indicator.FromString(reply)

    async def ListIndicators(
        self, request: quota_pb2.ListIndicatorsRequest, context: object
    ) -> quota_pb2.ListIndicatorsResponse:
        """The batches of a year."""
        year = messages.parse_list_indicators(request)
        indicators, as_of = await self._reading.indicators(year)
        return messages.render_indicators(indicators, as_of)

    async def Allocate(self, request: quota_pb2.AllocateRequest, context: object) -> quota_pb2.Allocation:
        """From the national account to a group."""
        request_id, command = messages.parse_allocate(request)
        reply = await self._allocations.allocate(current_call().principal, request_id, command)
        return quota_pb2.Allocation.FromString(reply)

    async def BreakDown(self, request: quota_pb2.BreakDownRequest, context: object) -> quota_pb2.Allocation:
        """From the calling group to a subsidiary."""
        request_id, command = messages.parse_break_down(request)
        reply = await self._allocations.break_down(current_call().principal, request_id, command)
        return quota_pb2.Allocation.FromString(reply)

    async def ReduceAllocation(
        self, request: quota_pb2.ReduceAllocationRequest, context: object
    ) -> quota_pb2.Allocation:
        """An officer takes an allocation back, in whole or in part."""
        request_id, command = messages.parse_reduce(request)
        reply = await self._allocations.reduce(current_call().principal, request_id, command)
        return quota_pb2.Allocation.FromString(reply)

    async def ListAllocations(
        self, request: quota_pb2.ListAllocationsRequest, context: object
    ) -> quota_pb2.ListAllocationsResponse:
        """What was given and got."""
        query = messages.parse_list_allocations(request)
        page = await self._reading.allocations(current_call().principal, query.enterprise_id, query.year, query.page)
        return messages.render_allocations(page.rows, page.next_page_token, page.as_of)
