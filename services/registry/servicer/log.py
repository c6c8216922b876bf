"""LogService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.registry.v1.registry_pb2_grpc import LogServiceServicer
from monazite.type.v1.statement_pb2 import ListEntriesRequest, ListEntriesResponse

from services.chassis.log import Log


class LogServicer(LogServiceServicer):
    """The registry's log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def ListEntries(self, request: ListEntriesRequest, context: object) -> ListEntriesResponse:
        """A page of published entries."""
        return await self._log.list_entries(request)
