"""LogService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.export_license.v1 import export_license_pb2_grpc as rpc
from monazite.type.v1 import statement_pb2

from services.chassis.log import Log


class LogServicer(rpc.LogServiceServicer):
    """The licensing log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def ListEntries(
        self, request: statement_pb2.ListEntriesRequest, context: object
    ) -> statement_pb2.ListEntriesResponse:
        """A page of published entries."""
        return await self._log.list_entries(request)
