"""Export licensing's API in a test's words. Refusals come as the suite's Error."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import asyncpg
import grpc
from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.export_license.v1 import export_license_pb2_grpc as rpc
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Error
from services.chassis.fields import outpoint_message as head
from tests.service.calling import Calls, new_id


class Lot(Protocol):
    """Whatever has a head."""

    head: Outpoint


DY_MAGNET = "1C905.a"
TB_MAGNET = "1C904.a"
MAGNET_HS = "8505111000"
END_USER = pb.Party(name="Motoren AG", country="DE", address="Stuttgart")
CONSIGNEE = pb.Party(name="Spedition GmbH", country="DE")


def new_act() -> bytes:
    """An act id."""
    return uuid.uuid4().bytes


def line(gross_g: int, code: str = DY_MAGNET, hs_code: str = MAGNET_HS) -> pb.LicenceLine:
    """A line."""
    return pb.LicenceLine(control_code=code, hs_code=hs_code, gross_g=gross_g)


class Api(Calls):
    """One principal's view."""

    peer = "export_license"

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.cases = rpc.CaseServiceStub(channel)
        self.licences = rpc.LicenceServiceStub(channel)
        self.customs = rpc.CustomsServiceStub(channel)
        self.log = TransparencyServiceStub(channel)

    @staticmethod
    def submission(lots: Sequence[Lot], lines: Sequence[pb.LicenceLine], request_id: str = "") -> pb.SubmitCaseRequest:
        """An application that nothing is wrong with but what the test puts into it."""
        return pb.SubmitCaseRequest(
            request_id=request_id or new_id(),
            lots=[head(lot.head) for lot in lots],
            end_user=END_USER,
            consignee=CONSIGNEE,
            end_use="traction motors",
            destination="DE",
            lines=lines,
        )

    async def submit(self, lots: Sequence[Lot], *lines: pb.LicenceLine, request_id: str = "") -> pb.Case:
        """SubmitCase."""
        return await self.call(self.cases.SubmitCase, self.submission(lots, lines, request_id))

    async def get_case(self, case_id: str) -> pb.Case:
        """GetCase."""
        return await self.call(self.cases.GetCase, pb.GetCaseRequest(case_id=case_id))

    async def propose(
        self,
        case: pb.Case,
        outcome: pb.Decision.Outcome.ValueType = pb.Decision.OUTCOME_GRANT,
        *,
        request_id: str = "",
        etag: str = "",
    ) -> pb.Case:
        """ProposeDecision."""
        request = pb.ProposeDecisionRequest(
            request_id=request_id or new_id(),
            case_id=case.case_id,
            outcome=outcome,
            reason="in order",
            etag=etag or case.etag,
        )
        return await self.call(self.cases.ProposeDecision, request)

    async def reject(self, case: pb.Case, reason: str = "end use unclear") -> pb.Case:
        """RejectProposal."""
        request = pb.RejectProposalRequest(request_id=new_id(), case_id=case.case_id, reason=reason, etag=case.etag)
        return await self.call(self.cases.RejectProposal, request)

    async def countersign(
        self, case: pb.Case, *, days: int | None = 100, request_id: str = "", etag: str = ""
    ) -> pb.Case:
        """CountersignDecision."""
        request = pb.CountersignDecisionRequest(
            request_id=request_id or new_id(), case_id=case.case_id, etag=etag or case.etag
        )
        if days is not None:
            request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=days))
        return await self.call(self.cases.CountersignDecision, request)

    async def get_licence(self, licence_id: bytes) -> pb.Licence:
        """GetLicence."""
        return await self.call(self.licences.GetLicence, pb.GetLicenceRequest(licence_id=licence_id))

    async def suspend(self, licence_id: bytes, request_id: str = "") -> pb.ChangeLicenceResponse:
        """SuspendLicence."""
        request = pb.SuspendLicenceRequest(
            request_id=request_id or new_id(), licence_id=licence_id, reason="facts changed, art. 18"
        )
        return await self.call(self.licences.SuspendLicence, request)

    async def reinstate(self, licence_id: bytes) -> pb.ChangeLicenceResponse:
        """ReinstateLicence."""
        request = pb.ReinstateLicenceRequest(request_id=new_id(), licence_id=licence_id, reason="clarified")
        return await self.call(self.licences.ReinstateLicence, request)

    async def declare(
        self,
        act_id: bytes,
        licence_id: bytes,
        *lots: tuple[Lot, int],
        code: str = DY_MAGNET,
        declaration: str = "DECL-1",
        destination: str = "DE",
        timeout_s: float = 20,
    ) -> pb.ExportAct:
        """DeclareExport."""
        request = pb.DeclareExportRequest(
            act_id=act_id,
            licence_id=licence_id,
            declaration_number=declaration,
            destination=destination,
            lots=[pb.DeclaredLot(head=head(lot.head), control_code=code, gross_g=gross_g) for lot, gross_g in lots],
        )
        return await self.call(self.customs.DeclareExport, request, timeout_s)

    async def write_off(self, act_id: bytes, *lots: tuple[Lot, int], timeout_s: float = 20) -> pb.ExportAct:
        """WriteOffExport."""
        request = pb.WriteOffExportRequest(
            act_id=act_id, lots=[pb.WrittenOffLot(head=head(lot.head), gross_g=gross_g) for lot, gross_g in lots]
        )
        return await self.call(self.customs.WriteOffExport, request, timeout_s)

    async def cancel(self, act_id: bytes, reason_code: str = "WITHDRAWN", timeout_s: float = 20) -> pb.ExportAct:
        """CancelExport."""
        request = pb.CancelExportRequest(act_id=act_id, reason_code=reason_code)
        return await self.call(self.customs.CancelExport, request, timeout_s)

    async def get_export(self, act_id: bytes) -> pb.ExportAct:
        """GetExport."""
        return await self.call(self.customs.GetExport, pb.GetExportRequest(act_id=act_id))

    async def until(self, act_id: bytes, state: str, timeout_s: float = 20) -> pb.ExportAct:
        """The act once it is in the state; fails with what it is otherwise. Each read gives the server its turn."""
        deadline = datetime.now(UTC) + timedelta(seconds=timeout_s)
        while True:
            act = await self.get_export(act_id)
            if act.state == pb.ExportAct.State.Value(f"STATE_{state}"):
                return act
            assert datetime.now(UTC) < deadline, f"still {pb.ExportAct.State.Name(act.state)}"


def balances(licence: pb.Licence) -> list[tuple[int, int, int]]:
    """(reserved, used, available) of each line, and that they add up to the grant."""
    for one in licence.lines:
        assert one.line.gross_g == one.reserved_g + one.used_g + one.available_g
    return [(one.reserved_g, one.used_g, one.available_g) for one in licence.lines]


async def refused(act: Awaitable[object]) -> Error:
    """What a call is refused with."""
    try:
        await act
    except Error as error:
        return error
    raise AssertionError("was not refused")


async def fetch(url: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    """Rows as they are stored."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()
