"""Assays that inspectors have signed: they travel with what came of the lot, and every verifier compares."""

from __future__ import annotations

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.registry.v1 import registry_pb2 as pb
from monazite.type.v1 import material_pb2
from monazite_provenance.contents import AssayRow, AttestDetails, decode_details
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint, parse

from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.fields import outpoint_message
from services.registry.settings import RegistrySettings
from tests.service.calling import new_id
from tests.service.registry.api import CE, DY, IMPORTED, ND, Api, outpoint
from tests.service.registry.conftest import Checker
from tests.service.registry.test_registry_status_service import Saved

AS_DECLARED = {CE: 600_000, ND: 400_000}
"""What `Api.register` declares of 2 000 g."""


def differing(report: LotReport) -> list[tuple[bytes, str]]:
    """Of the findings of assays: which statement, which element."""
    found = [each for each in report.findings if each.finding.code == "ASSAY_DIFFERS"]
    return [(each.statement_id, each.finding.metadata["element"]) for each in found]


async def test_an_assay_travels_with_what_came_of_the_lot(
    plant: Api, trader: Api, inspector: Api, checker: Checker
) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    kept = Saved(await plant.bundle(head, with_status=True))

    done = await inspector.attest(head, {**AS_DECLARED, DY: 0})

    item = Item.decode(done.statement.item)
    claims = parse(item.statement).claims
    assert (claims.kind, claims.refs) == (EventKind.ATTEST, (head.statement_id,))
    assert claims.on_behalf is not None
    assert claims.on_behalf.principal.endswith("/officer/inspector/zhao")
    assert item.details is not None
    details = decode_details(EventKind.ATTEST, item.details.content)
    assert isinstance(details, AttestDetails)
    assert (details.lot_id, details.outpoint, details.dry_g) == (done.heads[0].lot_id, head, 2_000)
    assert details.rows == (AssayRow(CE, 600_000, 1_000, 0), AssayRow(ND, 400_000, 1_000, 0), AssayRow(DY, 0, 1_000, 0))

    report = await checker.report(plant, head)
    assert report.verdict is Verdict.VERIFIED
    assert done.admission.statement_id in report.registered
    assert differing(report) == []
    assert checker.verify(kept.with_status(await plant.status(head))).gap_codes() == {"INCOMPLETE"}
    moving = outpoint((await plant.offer(head, trader.uri)).heads[0])
    assert done.admission.statement_id in (await checker.report(trader, moving)).registered


async def test_what_an_assay_finds_otherwise_is_found_by_every_verifier(
    plant: Api, inspector: Api, registrar: Api, checker: Checker
) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    parts = [outpoint(each) for each in (await plant.split(head, [500, 1_500])).heads]
    # The result comes when the lot has gone on: it is of what was sampled.
    done = await inspector.attest(head, {CE: 100_000, ND: 400_000})
    for part in parts:
        report = await checker.report(plant, part)
        assert report.verdict is Verdict.VERIFIED, "a finding refutes nothing"
        assert differing(report) == [(done.admission.statement_id, "Ce")]
    # An assay of one part is nothing to who got the other.
    other = await inspector.attest(parts[0], {CE: 1}, dry_g=500)
    assert other.admission.statement_id in (await checker.report(plant, parts[0])).registered
    assert other.admission.statement_id not in (await checker.report(plant, parts[1])).registered
    cut = await registrar.cut(parts[1])
    assert [each.code for each in cut.findings] == ["ASSAY_DIFFERS"]


async def test_behind_a_cut_an_assay_reaches_who_judges_and_a_hold_every_buyer(
    plant: Api, trader: Api, inspector: Api, registrar: Api, checker: Checker
) -> None:
    sampled = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    part = (await plant.split(sampled, [500, 1_500])).heads[0]
    await registrar.cut(outpoint(part))
    moving = outpoint((await plant.offer(outpoint(part), trader.uri)).heads[0])

    done = await inspector.attest(sampled, {CE: 100_000, ND: 400_000})

    assert differing(await checker.report(registrar, moving)) == [(done.admission.statement_id, "Ce")]
    of_buyer = await checker.report(trader, moving)
    assert done.admission.statement_id not in of_buyer.registered
    assert differing(of_buyer) == []
    assert of_buyer.gap_codes() == {"VOUCHED"}
    await inspector.hold(part.lot_id)
    assert (await checker.report(trader, moving)).gap_codes() == {"VOUCHED", "ON_HOLD"}


async def test_the_same_request_is_one_assay(plant: Api, inspector: Api, checker: Checker) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    first, second = new_id(), new_id()
    request = pb.AttestLotRequest(
        request_id=first,
        head=outpoint_message(head),
        laboratory="assay-2",
        method="ICP-MS",
        sample="S-1",
        measure_time=Timestamp(seconds=1),
        dry_g=2_000,
        rows=[pb.AssayRow(element=CE, reo_mg=600_000, u_random_mg=1_000)],
    )
    answers = [await inspector.call(inspector.lots.AttestLot, request) for _ in range(2)]
    assert answers[0].statement == answers[1].statement
    assert (await checker.report(plant, head)).statements == 3
    request.sample = "S-2"
    with pytest.raises(Error) as refused:
        await inspector.call(inspector.lots.AttestLot, request)
    assert refused.value.reason == "REQUEST_ID_REUSED"
    request.request_id = second
    await inspector.call(inspector.lots.AttestLot, request)
    assert (await checker.report(plant, head)).statements == 4


async def test_bad_fields_of_an_assay_are_all_named(plant: Api, inspector: Api) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    empty = pb.AttestLotRequest()
    bad = pb.AttestLotRequest(
        request_id=new_id(),
        head=outpoint_message(head),
        laboratory="assay-2",
        method="ICP-MS",
        sample="S-1",
        measure_time=Timestamp(seconds=1),
        dry_g=2_000,
        rows=[
            pb.AssayRow(element=CE, reo_mg=-1, u_random_mg=1),
            pb.AssayRow(element=CE, reo_mg=1),
            pb.AssayRow(element=material_pb2.Element.ValueType(1), reo_mg=1, u_common_mg=1),
        ],
    )
    for request, fields in (
        (empty, {"request_id", "head", "laboratory", "method", "sample", "measure_time", "dry_g", "rows"}),
        (bad, {"rows[1].element", "rows[0].reo_mg", "rows[1]", "rows[2].element"}),
    ):
        with pytest.raises(Error) as refused:
            await inspector.call(inspector.lots.AttestLot, request)
        assert refused.value.reason == "INVALID_FIELDS"
        assert {each.field.split(".statement_id")[0] for each in refused.value.violations} == fields
    del bad.rows[:]
    bad.rows.add(element=CE, reo_mg=1, u_random_mg=1)
    bad.measure_time.seconds = 2**33
    with pytest.raises(Error) as refused:
        await inspector.call(inspector.lots.AttestLot, bad)
    assert [each.field for each in refused.value.violations] == ["measure_time"]


async def test_only_inspectors_attest_and_only_what_is_there(plant: Api, registrar: Api, inspector: Api) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    for api in (plant, registrar):
        with pytest.raises(Error) as refused:
            await api.attest(head, AS_DECLARED)
        assert refused.value.reason == "ACCESS_DENIED"
    with pytest.raises(Error) as refused:
        await inspector.attest(Outpoint(bytes(32), 0), AS_DECLARED)
    assert refused.value.reason == "NOT_FOUND"


async def test_the_database_keeps_assays(settings: RegistrySettings, plant: Api, inspector: Api) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    await inspector.attest(head, AS_DECLARED)
    async with Database(settings.database_url, connections_max=1) as database:
        for change in ("DELETE FROM attestation", "UPDATE attestation SET output_index = 1"):
            async with database.connection() as connection:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(change)
