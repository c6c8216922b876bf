"""LicenceService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.export_license.v1 import export_license_pb2_grpc as rpc
from monazite.type.v1.statement_pb2 import Admission, StatementItem
from monazite_provenance.contents import LicenceAction

from services.chassis.call import current_call
from services.chassis.log.composition import LogParts
from services.chassis.log.receipts import carrying
from services.chassis.log.servicer import admit
from services.export_license.messages import licences as messages
from services.export_license.operations.licences import Licences


class LicenceServicer(rpc.LicenceServiceServicer):
    """Licences and their draw-down."""

    def __init__(self, licences: Licences, log: LogParts) -> None:
        self._licences = licences
        self._log = log

    async def GetLicence(self, request: pb.GetLicenceRequest, context: object) -> pb.Licence:
        """One licence with its balances."""
        name = messages.get(request)
        return await registered(messages.render(await self._licences.get(name, current_call().principal)), self._log)

    async def ListLicences(self, request: pb.ListLicencesRequest, context: object) -> pb.ListLicencesResponse:
        """Licences of the caller, all for an officer."""
        page = messages.page(request)
        found, as_of = await self._licences.page(page, current_call().principal)
        return messages.render_page(found, page, as_of)

    async def SuspendLicence(self, request: pb.SuspendLicenceRequest, context: object) -> pb.ChangeLicenceResponse:
        """Stop the use of a licence."""
        command, asked = messages.change(request, LicenceAction.SUSPEND)
        reply = await self._licences.change(command, asked, messages.reply)
        return await self._changed(pb.ChangeLicenceResponse.FromString(reply))

    async def ReinstateLicence(self, request: pb.ReinstateLicenceRequest, context: object) -> pb.ChangeLicenceResponse:
        """Let a suspended licence be used again."""
        command, asked = messages.change(request, LicenceAction.REINSTATE)
        reply = await self._licences.change(command, asked, messages.reply)
        return await self._changed(pb.ChangeLicenceResponse.FromString(reply))

    async def _changed(self, reply: pb.ChangeLicenceResponse) -> pb.ChangeLicenceResponse:
        await _register(reply.admission, reply.change, self._log)
        reply.licence.CopyFrom(await registered(reply.licence, self._log))
        return reply


async def registered(licence: pb.Licence, log: LogParts) -> pb.Licence:
    """The same with the place and the receipt of the signed licence, for which it waits as long as the call allows."""
    licence.admission.statement_id = licence.licence_id
    await _register(licence.admission, licence.statement, log)
    return licence


async def _register(admission: Admission, statement: StatementItem, log: LogParts) -> None:
    """Place and receipt of a statement, put into the admission that names it and into its item."""
    statement_id = admission.statement_id
    known = await log.log.admission(statement_id)
    if known is not None:
        found = await log.receipts.obtain(statement_id)
        admission.CopyFrom(admit(known, found))
        statement.item = carrying(statement.item, found)
