"""CaseService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.export_license.v1 import export_license_pb2_grpc as rpc

from services.chassis.call import current_call
from services.chassis.log.composition import LogParts
from services.export_license.messages import cases as messages
from services.export_license.operations.cases import Cases
from services.export_license.servicer.licences import registered


class CaseServicer(rpc.CaseServiceServicer):
    """Cases: from application to decision."""

    def __init__(self, cases: Cases, log: LogParts) -> None:
        self._cases = cases
        self._log = log

    async def SubmitCase(self, request: pb.SubmitCaseRequest, context: object) -> pb.Case:
        """Verify the lots ourselves and open the case."""
        command, asked = messages.submit(request)
        return pb.Case.FromString(await self._cases.submit(command, asked, messages.reply))

    async def GetCase(self, request: pb.GetCaseRequest, context: object) -> pb.Case:
        """One case of the caller, any for an officer."""
        case_id = messages.get(request)
        return await self._registered(messages.render(await self._cases.get(case_id, current_call().principal)))

    async def ListCases(self, request: pb.ListCasesRequest, context: object) -> pb.ListCasesResponse:
        """Cases of the caller, all for an officer."""
        page, state = messages.page(request)
        found, as_of = await self._cases.page(page, state, current_call().principal)
        return messages.render_page(found, page, as_of)

    async def ProposeDecision(self, request: pb.ProposeDecisionRequest, context: object) -> pb.Case:
        """One officer's half of the decision."""
        command, asked = messages.propose(request)
        return pb.Case.FromString(await self._cases.propose(command, asked, messages.reply))

    async def CountersignDecision(self, request: pb.CountersignDecisionRequest, context: object) -> pb.Case:
        """The other officer's half; a grant comes back with its licence."""
        command, asked = messages.countersign(request)
        reply = await self._cases.countersign(command, asked, messages.reply)
        return await self._registered(pb.Case.FromString(reply))

    async def RejectProposal(self, request: pb.RejectProposalRequest, context: object) -> pb.Case:
        """Back to review."""
        command, asked = messages.reject(request)
        return pb.Case.FromString(await self._cases.reject(command, asked, messages.reply))

    async def _registered(self, case: pb.Case) -> pb.Case:
        if case.HasField("licence"):
            case.licence.CopyFrom(await registered(case.licence, self._log))
        return case
