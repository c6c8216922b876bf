"""Offer, declare, write off, accept, close: either side may be killed between any two steps; the licence line and the
lots agree to the gram, and an act ends EXPORTED or VOID, once."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.export_license.v1.export_license_pb2 import (
    CancelExportRequest,
    CountersignDecisionRequest,
    Decision,
    DeclaredLot,
    DeclareExportRequest,
    ExportAct,
    GetExportRequest,
    GetLicenceRequest,
    Licence,
    LicenceLine,
    Party,
    ProposeDecisionRequest,
    SubmitCaseRequest,
    WriteOffExportRequest,
    WrittenOffLot,
)
from monazite.registry.v1.registry_pb2 import (
    CancelOfferRequest,
    Consignment,
    GetLotRequest,
    Imported,
    IssueLotIdsRequest,
    ListLotsRequest,
    NewLot,
    OfferLotsRequest,
    Origin,
    RegisterEnterpriseRequest,
    RegisterLotRequest,
)
from monazite.type.v1.material_pb2 import CUSTODY_STATE_ABROAD, CUSTODY_STATE_HELD
from monazite.type.v1.statement_pb2 import Outpoint
from monazite_provenance.contents import CustodyModel, Form

from clients.demo import assay
from tests.system.crash_points import CrashPoint, crash_points
from tests.system.crashing import Caller, Saboteur, assert_verified, callers, kill, request_id, until
from tools.local.deployment import Deployment
from tools.local.suite import Suite

LOT_G, LICENSED_G, DECLARED_G, LEFT_G = 100_000, 80_000, 60_000, 50_000
MAGNET = {"Nd": 30_000_000, "Dy": 1_000_000}
CONTROL_CODE, HS_CODE = "1C905.a", "8505111000"
REGISTRAR = "officer/registrar/zhao"
OFFICERS = ("officer/licensing/chen", "officer/licensing/wu")
CUSTOMS = "customs/tianjin/hu"
STEPS = ("offered", "declared", "written off")
REGISTRY_STEPS = ("offer", "lock_export", "complete_export", "void_export")
# See test_crash_points.py.
NO_SUCH_OUTCOME = (
    *("declare.exported", "declare.voided", "writeoff.locked", "writeoff.voided"),
    *("cancel.exported", "cancel.locked"),
)


def _on_this_path(point: CrashPoint) -> bool:
    if point.name.endswith(NO_SUCH_OUTCOME):
        return False
    if point.service == "export_license":
        return True
    wanted = tuple(f"registry.{step}." for step in REGISTRY_STEPS)
    return point.service == "registry" and point.name.startswith(
        ("registry.flush.", "sequencer.", "committer.", *wanted)
    )


POINTS = [point for point in crash_points() if _on_this_path(point)]
_numbers = itertools.count()
Between = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stock:
    """A lot that somebody wants to export."""

    exporter: str
    lot_id: str
    head: Outpoint


@dataclass(frozen=True, slots=True)
class Shipment:
    """A lot ready to be offered, and its licence."""

    lot_id: str
    head: Outpoint
    licence_id: bytes


async def nothing(_step: str) -> None:
    """Between two steps of an undisturbed run."""


async def a_stock(deployment: Deployment) -> Stock:
    """A fresh exporter with a lot of imported magnets."""
    exporter = f"enterprise/crash-exporter-{next(_numbers)}"
    async with callers(deployment, exporter, REGISTRAR) as (owner, registrar):
        await registrar.ask(
            registrar.enterprises.RegisterEnterprise,
            RegisterEnterpriseRequest(
                request_id=request_id(), enterprise_id=owner.id, display_name=owner.id, activities=["EXPORT", "IMPORT"]
            ),
        )
        (lot_id,) = await _issue(owner)
        material = assay.material(Form.MAGNET, LOT_G, MAGNET, "laboratory", CustodyModel.SEGREGATED)
        register = RegisterLotRequest(
            request_id=request_id(),
            origin=Origin(imported=Imported(country="MY", customs_declaration="I-1")),
            lots=[NewLot(lot_id=lot_id, site="warehouse", material=material)],
        )
        head = (await owner.ask(owner.lots.RegisterLot, register)).heads[0].outpoint
        return Stock(exporter, lot_id, head)


async def _issue(owner: Caller) -> list[str]:
    answer = await owner.ask(owner.lots.IssueLotIds, IssueLotIdsRequest(request_id=request_id(), count=1))
    return list(answer.lot_ids)


async def a_licence(deployment: Deployment, owner: Caller, stock: Stock) -> Shipment:
    """Application, proposal, countersignature: a licence for a part of the stock."""
    async with callers(deployment, *OFFICERS) as (first, second):
        licence_id = await _licence(owner, first, second, stock.head)
    return Shipment(stock.lot_id, stock.head, licence_id)


async def _licence(owner: Caller, first: Caller, second: Caller, head: Outpoint) -> bytes:
    user = Party(name="Motorenwerk", country="DE", address="Dresden")
    submit = SubmitCaseRequest(
        request_id=request_id(),
        lots=[head],
        end_user=user,
        consignee=user,
        end_use="motors",
        destination="DE",
        lines=[LicenceLine(control_code=CONTROL_CODE, hs_code=HS_CODE, gross_g=LICENSED_G)],
    )
    case = await owner.ask(owner.cases.SubmitCase, submit)
    propose = ProposeDecisionRequest(
        request_id=request_id(), case_id=case.case_id, outcome=Decision.OUTCOME_GRANT, reason="ok", etag=case.etag
    )
    proposed = await first.ask(first.cases.ProposeDecision, propose)
    expires = Timestamp()
    expires.FromDatetime(datetime.now(UTC) + timedelta(days=30))
    countersign = CountersignDecisionRequest(
        request_id=request_id(), case_id=case.case_id, etag=proposed.etag, expire_time=expires
    )
    return (await second.ask(second.cases.CountersignDecision, countersign)).licence.licence_id


async def offer(owner: Caller, shipment: Shipment, between: Between) -> tuple[Outpoint, str]:
    """The exporter's half; gives the head in transit and the id of the remainder."""
    (remainder,) = await _issue(owner)
    request = OfferLotsRequest(
        request_id=request_id(),
        consignments=[Consignment(spend=shipment.head, remainder_lot_id=remainder, max_gross_g=LICENSED_G)],
        receiver=owner.uri.replace(owner.path, "service/export_license"),
        transport_document="B/L 1",
        licence_id=shipment.licence_id,
    )
    offered = await owner.ask(owner.lots.OfferLots, request)
    await between("offered")
    return offered.heads[0].outpoint, remainder


async def declare(customs: Caller, shipment: Shipment, head: Outpoint, between: Between) -> bytes:
    """The declaration, until the lot is locked; gives the act's id."""
    request = DeclareExportRequest(
        act_id=os.urandom(16),
        licence_id=shipment.licence_id,
        declaration_number="D-1",
        destination="DE",
        lots=[DeclaredLot(head=head, control_code=CONTROL_CODE, gross_g=DECLARED_G)],
    )
    await customs.ask(customs.customs.DeclareExport, request)
    await _reaches(customs, request.act_id, ExportAct.STATE_LOCKED)
    await between("declared")
    return request.act_id


async def _reaches(customs: Caller, act_id: bytes, state: ExportAct.State.ValueType) -> ExportAct:
    async def seen() -> ExportAct:
        return await customs.ask(customs.customs.GetExport, GetExportRequest(act_id=act_id))

    return await until(seen, lambda act: act.state == state)


async def write_off(customs: Caller, act_id: bytes, head: Outpoint, between: Between) -> ExportAct:
    """The write-off, until the registry has accepted; twice the same, as a client does that lost an answer."""
    request = WriteOffExportRequest(act_id=act_id, lots=[WrittenOffLot(head=head, gross_g=LEFT_G)])
    await customs.ask(customs.customs.WriteOffExport, request)
    await between("written off")
    await customs.ask(customs.customs.WriteOffExport, request)
    return await _reaches(customs, act_id, ExportAct.STATE_EXPORTED)


async def assert_exported(
    deployment: Deployment, owner: Caller, shipment: Shipment, act: ExportAct, remainder: str
) -> None:
    """Licence line = lot abroad; abroad and returned = offered; both lots' bundles verify."""
    await _assert_line(owner, shipment, used_g=LEFT_G)
    abroad = await owner.ask(owner.lots.GetLot, GetLotRequest(lot_id=shipment.lot_id))
    assert (abroad.custody_state, abroad.material.gross_g) == (CUSTODY_STATE_ABROAD, LEFT_G)
    assert list(act.abroad) == [abroad.head]
    returned = await owner.ask(owner.lots.GetLot, GetLotRequest(lot_id=remainder))
    assert (returned.custody_state, returned.material.gross_g) == (CUSTODY_STATE_HELD, LOT_G - LEFT_G)
    assert list(act.returned) == [returned.head]
    lots = (await owner.ask(owner.lots.ListLots, ListLotsRequest(page_size=50, unspent_only=True))).lots
    assert {lot.lot_id for lot in lots} == {shipment.lot_id, remainder}
    assert sum(mass.reo_mg for lot in lots for mass in lot.material.elements) == sum(MAGNET.values())
    await assert_verified(deployment, owner, [lot.head for lot in lots])


async def _assert_line(owner: Caller, shipment: Shipment, *, used_g: int) -> None:
    async def seen() -> Licence:
        return await owner.ask(owner.licences.GetLicence, GetLicenceRequest(licence_id=shipment.licence_id))

    (line,) = (await seen()).lines
    assert (line.line.gross_g, line.reserved_g, line.used_g) == (LICENSED_G, 0, used_g)
    assert line.available_g == LICENSED_G - used_g


async def export(owner: Caller, customs: Caller, shipment: Shipment, between: Between) -> tuple[ExportAct, str]:
    """From the offer to the end of the act."""
    head, remainder = await offer(owner, shipment, between)
    act_id = await declare(customs, shipment, head, between)
    return await write_off(customs, act_id, head, between), remainder


async def an_export(deployment: Deployment, between: Between) -> None:
    """One exporter's whole story, and its sums."""
    stock = await a_stock(deployment)
    async with callers(deployment, stock.exporter, CUSTOMS) as (owner, customs):
        shipment = await a_licence(deployment, owner, stock)
        act, remainder = await export(owner, customs, shipment, between)
        await assert_exported(deployment, owner, shipment, act, remainder)


async def a_void(deployment: Deployment) -> None:
    """Declared and cancelled: the line is free again, the lock is gone, the shipper takes the lot back whole."""
    stock = await a_stock(deployment)
    async with callers(deployment, stock.exporter, CUSTOMS) as (owner, customs):
        shipment = await a_licence(deployment, owner, stock)
        head, _ = await offer(owner, shipment, nothing)
        act_id = await declare(customs, shipment, head, nothing)
        await customs.ask(customs.customs.CancelExport, CancelExportRequest(act_id=act_id, reason_code="WITHDRAWN"))
        await _reaches(customs, act_id, ExportAct.STATE_VOID)
        await _assert_line(owner, shipment, used_g=0)
        await owner.ask(owner.lots.CancelOffer, CancelOfferRequest(request_id=request_id(), spends=[head]))
        lot = await owner.ask(owner.lots.GetLot, GetLotRequest(lot_id=shipment.lot_id))
        assert (lot.custody_state, lot.material.gross_g) == (CUSTODY_STATE_HELD, LOT_G)


@pytest.mark.parametrize("service", ["export_license", "registry"])
async def test_crash_at_every_point(suite: Suite, service: str) -> None:
    points = [point for point in POINTS if point.service == service]
    async with Saboteur(suite, points) as saboteur:

        async def one_leaves_one_stays() -> None:
            await asyncio.gather(an_export(suite.deployment, nothing), a_void(suite.deployment))

        await saboteur.all_points(one_leaves_one_stays)
    assert saboteur.passed == [point.name for point in points]


@pytest.mark.parametrize("service", ["export_license", "registry"])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_between(suite: Suite, service: str, step: str) -> None:
    killed: list[str] = []

    async def between(passed: str) -> None:
        if passed == step:
            await kill(suite, service)
            killed.append(passed)

    await an_export(suite.deployment, between)
    assert killed == [step]
