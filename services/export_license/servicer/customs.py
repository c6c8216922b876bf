"""CustomsService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.export_license.v1 import export_license_pb2_grpc as rpc

from services.chassis.call import current_call
from services.export_license.messages import customs as messages
from services.export_license.operations.customs import Customs


class CustomsServicer(rpc.CustomsServiceServicer):
    """Declaration, write-off, cancellation."""

    def __init__(self, customs: Customs) -> None:
        self._customs = customs

    async def DeclareExport(self, request: pb.DeclareExportRequest, context: object) -> pb.ExportAct:
        """Reserve the licence lines, lock the lots."""
        command, asked = messages.declare(request)
        return messages.render(await self._customs.declare(command, asked))

    async def WriteOffExport(self, request: pb.WriteOffExportRequest, context: object) -> pb.ExportAct:
        """Export what really left."""
        command, asked = messages.write_off(request)
        return messages.render(await self._customs.write_off(command, asked))

    async def CancelExport(self, request: pb.CancelExportRequest, context: object) -> pb.ExportAct:
        """End an act without export."""
        command, asked = messages.cancel(request)
        return messages.render(await self._customs.cancel(command, asked))

    async def GetExport(self, request: pb.GetExportRequest, context: object) -> pb.ExportAct:
        """One act of export."""
        act_id = messages.get(request)
        return messages.render(await self._customs.get(act_id, current_call().principal))

    async def ListExports(self, request: pb.ListExportsRequest, context: object) -> pb.ListExportsResponse:
        """Acts of export of the caller's port or licences, all for an officer."""
        command = messages.page(request)
        found, as_of = await self._customs.page(command, current_call().principal)
        return messages.render_page(found, command.page, as_of)
