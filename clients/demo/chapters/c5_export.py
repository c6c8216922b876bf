"""Chapter 5: licence, declaration, write-off of a part; the rest goes back."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from monazite.export_license.v1.export_license_pb2 import (
    Case,
    CountersignDecisionRequest,
    Decision,
    DeclaredLot,
    DeclareExportRequest,
    ExportAct,
    GetLicenceRequest,
    Licence,
    LicenceLine,
    Party,
    ProposeDecisionRequest,
    SubmitCaseRequest,
    WriteOffExportRequest,
    WrittenOffLot,
)
from monazite.registry.v1.registry_pb2 import Consignment, OfferLotsRequest
from monazite.type.v1.material_pb2 import CUSTODY_STATE_ABROAD, CUSTODY_STATE_HELD
from monazite_provenance.names import parse_log
from monazite_provenance.report import LotReport, Verdict

from clients.admin.lot_report import print_report
from clients.admin.output import Output
from clients.demo.actors import CUSTOMS, EXPORTER, LICENSING_FIRST, LICENSING_SECOND, Desk, request_id
from clients.demo.plot import Plot
from clients.demo.stage import Stage
from clients.masses import gross_tonnes

TITLE = "Export: two officers, one licence, a part leaves"
STEPS = 8

CONTROL_CODE = "1C905.a"
HS_CODE = "8505111000"
LICENSED_G = 15_000_000
DECLARED_G = 12_000_000
LEFT_G = 10_000_000
LICENCE_DAYS = 180
END_USER = Party(name="Elbtal Antriebe GmbH", country="DE", address="Industriestrasse 7, Dresden")


async def tell(stage: Stage, plot: Plot) -> None:
    """Application, decision, offer, declaration, write-off, agreement."""
    exporter = stage.desk(EXPORTER)
    await stage.proven(exporter, stage.heads[plot.export_lot])
    case = await exporter.ask(exporter.cases.SubmitCase, application(stage, plot.export_lot, LICENSED_G))
    found = case.lots[0]
    stage.step(
        f"The exporter applies; export_license fetches the bundle and verifies {found.statements} statements itself: "
        f"{found.verdict}; control items {', '.join(found.control_codes)}."
    )
    plot.licence = await _decide(stage, case)
    offered_g = (await stage.lot(exporter, plot.export_lot)).material.gross_g
    plot.returned_lot = await offer_to_customs(stage, exporter, plot, plot.export_lot, LICENSED_G)
    stage.step(f"The exporter offers the lot to customs under the licence, at most {gross_tonnes(LICENSED_G)} t.")
    act = await _declare_and_write_off(stage, plot)
    await _agree(stage, plot, act, offered_g)
    await _trace(stage, plot)


def application(stage: Stage, lot_id: str, gross_g: int) -> SubmitCaseRequest:
    """An application for one lot of Dy-bearing magnets."""
    return SubmitCaseRequest(
        request_id=request_id(),
        lots=[stage.heads[lot_id]],
        end_user=END_USER,
        consignee=END_USER,
        end_use="Traction motors of passenger trains",
        destination=END_USER.country,
        lines=[LicenceLine(control_code=CONTROL_CODE, hs_code=HS_CODE, gross_g=gross_g)],
    )


async def offer_to_customs(stage: Stage, exporter: Desk, plot: Plot, lot_id: str, max_gross_g: int) -> str:
    """Shipper's half of an export; returns the id reserved for what does not leave."""
    (remainder,) = await stage.issue(exporter, 1)
    request = OfferLotsRequest(
        request_id=request_id(),
        consignments=[Consignment(spend=stage.heads[lot_id], remainder_lot_id=remainder, max_gross_g=max_gross_g)],
        receiver=stage.surroundings.uri("service/export_license"),
        transport_document="bill of lading COSU-88120",
        licence_id=plot.licence.licence_id,
    )
    stage.record(await exporter.ask(exporter.lots.OfferLots, request))
    return remainder


def declaration(stage: Stage, plot: Plot, lot_id: str, gross_g: int) -> DeclareExportRequest:
    """A declaration of one lot under the licence, with a fresh act id."""
    return DeclareExportRequest(
        act_id=os.urandom(16),
        licence_id=plot.licence.licence_id,
        declaration_number="020220240000456789",
        destination=END_USER.country,
        lots=[DeclaredLot(head=stage.heads[lot_id], control_code=CONTROL_CODE, gross_g=gross_g)],
    )


async def propose(stage: Stage, case: Case) -> Case:
    """The first officer's half of a grant."""
    first = stage.desk(LICENSING_FIRST)
    request = ProposeDecisionRequest(
        request_id=request_id(),
        case_id=case.case_id,
        outcome=Decision.OUTCOME_GRANT,
        reason="end use and end user checked",
        etag=case.etag,
    )
    return await first.ask(first.cases.ProposeDecision, request)


def countersignature(case: Case) -> CountersignDecisionRequest:
    """The other half."""
    expires = Timestamp()
    expires.FromDatetime(datetime.now(UTC) + timedelta(days=LICENCE_DAYS))
    return CountersignDecisionRequest(
        request_id=request_id(), case_id=case.case_id, etag=case.etag, expire_time=expires
    )


async def _decide(stage: Stage, case: Case) -> Licence:
    proposed = await propose(stage, case)
    stage.step(f"Officer {LICENSING_FIRST.id} proposes to grant.")
    second = stage.desk(LICENSING_SECOND)
    granted = await second.ask(second.cases.CountersignDecision, countersignature(proposed))
    stage.check(granted.state == Case.STATE_GRANTED, "the case was not granted")
    licence = granted.licence
    stage.step(
        f"Officer {LICENSING_SECOND.id} countersigns: signed licence {licence.licence_number}, "
        f"{licence.licence_id.hex()[:16]}."
    )
    return licence


async def _declare_and_write_off(stage: Stage, plot: Plot) -> ExportAct:
    customs = stage.desk(CUSTOMS)
    request = declaration(stage, plot, plot.export_lot, DECLARED_G)
    declared = await customs.ask(customs.customs.DeclareExport, request)
    stage.check(declared.state == ExportAct.STATE_LOCKED, f"declared, but {ExportAct.State.Name(declared.state)}")
    head = stage.heads[plot.export_lot]
    act = await customs.ask(
        customs.customs.WriteOffExport,
        WriteOffExportRequest(act_id=request.act_id, lots=[WrittenOffLot(head=head, gross_g=LEFT_G)]),
    )
    stage.check(act.state == ExportAct.STATE_EXPORTED, f"written off, but {ExportAct.State.Name(act.state)}")
    stage.step(
        f"Customs at Tianjin declares {gross_tonnes(DECLARED_G)} t and writes off {gross_tonnes(LEFT_G)} t; "
        "the registry accepts on the signed intent, the rest goes back."
    )
    return act


async def _agree(stage: Stage, plot: Plot, act: ExportAct, offered_g: int) -> None:
    exporter = stage.desk(EXPORTER)
    plot.abroad_lot = plot.export_lot
    abroad = await stage.lot(exporter, plot.abroad_lot)
    returned = await stage.lot(exporter, plot.returned_lot)
    licence = await exporter.ask(exporter.licences.GetLicence, GetLicenceRequest(licence_id=plot.licence.licence_id))
    (line,) = licence.lines
    stage.heads[abroad.lot_id], stage.heads[returned.lot_id] = abroad.head, returned.head
    stage.check(abroad.custody_state == CUSTODY_STATE_ABROAD, "what left is not abroad")
    stage.check(abroad.head == act.abroad[0], "the act and the registry name different heads abroad")
    stage.check(abroad.material.gross_g == line.used_g == LEFT_G, "the licence line and the lot abroad disagree")
    stage.check(line.reserved_g == 0 and line.available_g == LICENSED_G - LEFT_G, "the licence line was not freed")
    stage.check(returned.custody_state == CUSTODY_STATE_HELD, "what stayed is not back")
    stage.check(returned.material.gross_g == offered_g - LEFT_G, "grams were lost between offer and write-off")
    rows = [
        [
            "licence line",
            CONTROL_CODE,
            *(gross_tonnes(g) for g in (line.line.gross_g, line.used_g, line.reserved_g, line.available_g)),
        ],
        ["lot abroad", abroad.lot_id, "", gross_tonnes(abroad.material.gross_g), "", ""],
        ["lot returned", returned.lot_id, "", "", "", gross_tonnes(returned.material.gross_g)],
    ]
    stage.table("Licence and lots, t gross", ["What", "Which", ">granted", ">used", ">reserved", ">available"], rows)
    stage.step("The licence line and the lots agree, to the gram.")


async def _trace(stage: Stage, plot: Plot) -> None:
    exporter = stage.desk(EXPORTER)
    plot.bundle = await stage.bundle(exporter, stage.heads[plot.abroad_lot])
    plot.report = report = stage.verify(plot.bundle)
    print_report(Output(as_json=False, console=stage.console), report)
    stage.check(report.verdict is Verdict.VERIFIED, f"the exported lot's bundle is {report.verdict.name}")
    _tell_of_the_log(stage, plot.bundle, report)


def _tell_of_the_log(stage: Stage, saved: bytes, report: LotReport) -> None:
    place = report.registered[report.outpoint.statement_id]
    (head,) = [each for each in report.heads if each.log == place.log]
    service, _shard = parse_log(place.log)
    stage.step(
        f"All this was checked offline. The lot's last statement is entry {place.index} of the log of {service}: the "
        f"receipt in the file leads to that log's signed head of {head.size} entries."
    )
    status = report.status
    stage.check(status is not None and status.fresh and status.complete, "the bundle has no fresh status")
    assert status is not None  # noqa: S101 - just checked
    later = stage.verify(saved, at=status.expires_at)
    stage.check(later.gap_codes() == frozenset({"STATUS_EXPIRED"}), f"once its status is old: {later.verdict.name}")
    stage.step(
        f"The registry's status, signed at {_clock(status.issued_at)}, says: unspent, not on hold, nothing left out. "
        f"From {_clock(status.expires_at)} on the same file is {later.verdict.name}, STATUS_EXPIRED, until it has a "
        "new one."
    )


def _clock(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M} UTC"
