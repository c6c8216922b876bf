"""LogService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.quota.v1.quota_pb2_grpc import LogServiceServicer
from monazite.type.v1 import statement_pb2

from services.chassis.log import Log


class LogServicer(LogServiceServicer):
    """Quota's log: rights and settlements, in the order that the sequencer gave them."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def ListEntries(
        self, request: statement_pb2.ListEntriesRequest, context: object
    ) -> statement_pb2.ListEntriesResponse:
        """A page of published entries."""
        return await self._log.list_entries(request)
