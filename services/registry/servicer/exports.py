"""ExportService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.registry.v1 import registry_pb2 as pb
from monazite.registry.v1.registry_pb2_grpc import ExportServiceServicer

from services.registry.messages import exports as messages
from services.registry.messages.replies import give
from services.registry.messages.requests import asked_act
from services.registry.operations.exports import Exports


class ExportServicer(ExportServiceServicer):
    """The registry's half of an export; the act id serves as request id."""

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    async def LockExport(self, request: pb.LockExportRequest, context: object) -> pb.ExportActResponse:
        """Locks lots in transit."""
        lock = messages.parse_lock(request)
        return give(pb.ExportActResponse, await self._exports.lock(asked_act(request, lock.act_id), lock))

    async def CompleteExport(self, request: pb.CompleteExportRequest, context: object) -> pb.ExportActResponse:
        """Takes lots out of the country."""
        complete = messages.parse_complete(request)
        return give(pb.ExportActResponse, await self._exports.complete(asked_act(request, complete.act_id), complete))

    async def VoidExport(self, request: pb.VoidExportRequest, context: object) -> pb.ExportActResponse:
        """Ends an act without export."""
        void = messages.parse_void(request)
        return give(pb.ExportActResponse, await self._exports.void(asked_act(request, void.act_id), void))
