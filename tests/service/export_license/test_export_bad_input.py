"""Everything a caller can get wrong: all violations at once, wrong role, no deadline, settings that do not fit."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.type.v1 import statement_pb2

from services.chassis.errors import Kind, decode
from services.chassis.server import serving
from services.chassis.settings import BadSettings
from services.export_license import settings
from services.export_license.server import MIGRATIONS, build
from tests.service.export_license.api import Api, fetch, refused
from tests.service.export_license.conftest import Licensing, Office

HUGE = "x" * 513
OTHER_PAGE = "?"
BAD_HEAD = statement_pb2.Outpoint(statement_id=b"short", output_index=70_000)


async def test_an_application_hears_of_everything_at_once(office: Office, database: str) -> None:
    good = statement_pb2.Outpoint(statement_id=bytes(32))
    request = pb.SubmitCaseRequest(
        request_id="1",
        lots=[BAD_HEAD, good, good],
        end_user=pb.Party(name="", country="de", address=HUGE),
        consignee=pb.Party(name="a\x00b", country="DEU"),
        end_use="",
        destination="Germany",
        lines=[pb.LicenceLine(control_code="Dy", hs_code="85-05", gross_g=-1), pb.LicenceLine(gross_g=1 << 62)],
    )
    refusal = await refused(office.exporter.call(office.exporter.cases.SubmitCase, request))
    assert (refusal.reason, refusal.kind) == ("INVALID_FIELDS", Kind.INVALID)
    assert {one.field for one in refusal.violations} == {
        "request_id",
        "lots[0].statement_id",
        "lots[0].output_index",
        "lots[2]",
        "end_user.name",
        "end_user.country",
        "end_user.address",
        "consignee.name",
        "consignee.country",
        "end_use",
        "destination",
        "lines[0].control_code",
        "lines[0].hs_code",
        "lines[0].gross_g",
        "lines[1].control_code",
        "lines[1].hs_code",
        "lines[1].gross_g",
    }
    assert not office.registry.asked
    assert not await fetch(database, "SELECT 1 FROM export_case UNION ALL SELECT 1 FROM request LIMIT 1")


@pytest.mark.parametrize(
    ("method", "caller", "request_", "fields"),
    [
        ("cases.SubmitCase", "exporter", pb.SubmitCaseRequest(), {"request_id", "lots", "lines"}),
        ("cases.GetCase", "exporter", pb.GetCaseRequest(), {"case_id"}),
        (
            "cases.ListCases",
            "wang",
            pb.ListCasesRequest(page_size=-1, page_token=OTHER_PAGE),
            {"page_size", "page_token"},
        ),
        ("cases.ProposeDecision", "wang", pb.ProposeDecisionRequest(), {"case_id", "outcome", "reason", "etag"}),
        ("cases.CountersignDecision", "wang", pb.CountersignDecisionRequest(), {"case_id", "etag"}),
        ("cases.RejectProposal", "wang", pb.RejectProposalRequest(), {"case_id", "reason", "etag"}),
        ("licences.GetLicence", "exporter", pb.GetLicenceRequest(licence_id=b"1"), {"licence_id"}),
        (
            "licences.GetLicence",
            "exporter",
            pb.GetLicenceRequest(licence_id=bytes(32), licence_number="EL-1"),
            {"licence_id"},
        ),
        ("licences.ListLicences", "exporter", pb.ListLicencesRequest(page_token=OTHER_PAGE), {"page_token"}),
        ("licences.SuspendLicence", "wang", pb.SuspendLicenceRequest(), {"request_id", "licence_id", "reason"}),
        ("licences.ReinstateLicence", "wang", pb.ReinstateLicenceRequest(), {"request_id", "licence_id", "reason"}),
        (
            "customs.DeclareExport",
            "customs",
            pb.DeclareExportRequest(lots=[pb.DeclaredLot()]),
            {"act_id", "licence_id", "declaration_number", "destination", "lots[0].control_code", "lots[0].gross_g"},
        ),
        (
            "customs.WriteOffExport",
            "customs",
            pb.WriteOffExportRequest(lots=[pb.WrittenOffLot(head=BAD_HEAD, gross_g=-1)] * 32),
            {"act_id", "lots", "lots[0].gross_g", "lots[0].head.output_index"},
        ),
        ("customs.CancelExport", "customs", pb.CancelExportRequest(reason_code="no"), {"act_id", "reason_code"}),
        ("customs.GetExport", "customs", pb.GetExportRequest(act_id=bytes(17)), {"act_id"}),
    ],
)
async def test_each_method_refuses_bad_fields(
    office: Office, method: str, caller: str, request_: Message, fields: set[str]
) -> None:
    api: Api = getattr(office, caller)
    refusal = await refused(api.call(attrgetter(method)(api), request_))
    assert refusal.reason == "INVALID_FIELDS"
    assert fields <= {one.field for one in refusal.violations}


@pytest.mark.parametrize(
    ("service", "method", "request_", "allowed"),
    [
        ("cases", "SubmitCase", pb.SubmitCaseRequest(), {"exporter"}),
        ("cases", "GetCase", pb.GetCaseRequest(), {"exporter", "licensing"}),
        ("cases", "ListCases", pb.ListCasesRequest(page_size=-1), {"exporter", "licensing"}),
        ("cases", "ProposeDecision", pb.ProposeDecisionRequest(), {"licensing"}),
        ("cases", "CountersignDecision", pb.CountersignDecisionRequest(), {"licensing"}),
        ("cases", "RejectProposal", pb.RejectProposalRequest(), {"licensing"}),
        ("licences", "GetLicence", pb.GetLicenceRequest(), {"exporter", "licensing", "customs"}),
        ("licences", "ListLicences", pb.ListLicencesRequest(page_size=-1), {"exporter", "licensing"}),
        ("licences", "SuspendLicence", pb.SuspendLicenceRequest(), {"licensing"}),
        ("licences", "ReinstateLicence", pb.ReinstateLicenceRequest(), {"licensing"}),
        ("customs", "DeclareExport", pb.DeclareExportRequest(), {"customs"}),
        ("customs", "WriteOffExport", pb.WriteOffExportRequest(), {"customs"}),
        ("customs", "CancelExport", pb.CancelExportRequest(), {"customs"}),
        ("customs", "GetExport", pb.GetExportRequest(), {"customs", "exporter", "licensing"}),
        ("customs", "ListExports", pb.ListExportsRequest(page_size=-1), {"customs", "exporter", "licensing"}),
    ],
)
async def test_each_method_takes_its_own_callers_only(
    licensing: Licensing, service: str, method: str, request_: Message, allowed: set[str]
) -> None:
    callers = {
        "exporter": "enterprise/exporter",
        "licensing": "officer/licensing/wang",
        "quota": "officer/quota/wang",
        "customs": "customs/shanghai/zhao",
        "registry": "service/registry",
    }
    for name, uri in callers.items():
        async with licensing.caller(uri) as api:
            refusal = await refused(api.call(getattr(getattr(api, service), method), request_))
            assert refusal.reason == ("INVALID_FIELDS" if name in allowed else "ACCESS_DENIED"), name


async def test_a_call_without_a_deadline_is_not_taken(office: Office) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await office.exporter.cases.GetCase(pb.GetCaseRequest(case_id="case-1"))
    assert decode(caught.value).reason == "DEADLINE_REQUIRED"


async def test_the_service_does_not_start_without_its_registry_or_its_rules(stopped: Licensing, tmp_path: Path) -> None:
    broken = tmp_path / "classification.csv"
    broken.write_text("element,form\nDy,MAGNET\n")
    wrong = (
        stopped.settings.model_copy(update={"peers": {}}),
        stopped.settings.model_copy(update={"rules": settings.Rules(classification=broken)}),
        stopped.settings.model_copy(update={"rules": settings.Rules(control_items=tmp_path / "none.csv")}),
    )
    for each in wrong:
        with pytest.raises(BadSettings):
            async with serving(each, build, MIGRATIONS):
                pass
