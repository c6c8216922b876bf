"""Chapter 2: a mine draws on a right in parts; an import needs none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from monazite.quota.v1.quota_pb2 import GetBalanceRequest, ReleaseRightRequest, ReserveRequest, Right
from monazite.registry.v1 import registry_pb2
from monazite.registry.v1.registry_pb2 import Draw, Imported, Mined, NewLot, Origin, RegisterLotRequest
from monazite.type.v1.material_pb2 import DEPOSIT_TYPE_ROCK, QUOTA_KIND_MINING_ROCK, Material, QuotaKind
from monazite.type.v1.statement_pb2 import StatementItem
from monazite_provenance.contents import CustodyModel, Form
from monazite_provenance.item import Item
from monazite_provenance.statement import parse

from clients.demo import assay, tables
from clients.demo.actors import IMPORTER, MINE, QUOTA_OFFICER, Desk, request_id
from clients.demo.plot import REO_OF_CONCENTRATE_PCT, Plot
from clients.demo.stage import Stage
from clients.masses import MG_PER_TONNE, gross_tonnes, kilograms, tonnes

TITLE = "Mine and import: a right is drawn on in parts; an import needs none"
STEPS = 5

RESERVED_MG = 400 * MG_PER_TONNE
LOTS_GROSS_G = (250_000_000, 250_000_000, 120_000_000)
IMPORT_GROSS_G = 100_000_000
MOISTURE_PCT = 2
RIGHT_DAYS = 30


async def tell(stage: Stage, plot: Plot) -> None:
    """Reserve, register three lots, release the rest; then import."""
    mine = stage.desk(MINE)
    right = await reserve(stage, mine, QUOTA_KIND_MINING_ROCK, RESERVED_MG, "bayan-obo")
    stage.step(
        f"The Bayan Obo mine reserves {tonnes(RESERVED_MG)} t of rock quota: signed right {right.right_id.hex()[:16]}."
    )
    lots = await stage.issue(mine, len(LOTS_GROSS_G))
    drawn_mg = 0
    for lot_id, gross_g in zip(lots, LOTS_GROSS_G, strict=True):
        drawn_mg += await _register_mined(stage, mine, lot_id, gross_g, right)
    plot.mine_lots, plot.mine_stock = lots[:-1], lots[-1]
    stage.step(f"It registers {len(lots)} lots of concentrate and draws {tonnes(drawn_mg)} t in {len(lots)} parts.")
    await _show_assay(stage, mine, lots[0])
    plot.mining_right = await _release(stage, mine, right, drawn_mg)
    await _import(stage, plot)


async def reserve(stage: Stage, desk: Desk, kind: QuotaKind.ValueType, reo_mg: int, site: str) -> Right:
    """A signed right, with its receipt: without one the registry does not take it."""
    expires = Timestamp()
    expires.FromDatetime(datetime.now(UTC) + timedelta(days=RIGHT_DAYS))
    request = ReserveRequest(
        request_id=request_id(), year=stage.year, kind=kind, reo_mg=reo_mg, site=site, expire_time=expires
    )
    answer = await desk.ask(desk.rights.Reserve, request)
    if not answer.admission.receipt_pending:
        return answer.right
    return await stage.right(desk, answer.right.right_id, _registered, "get a place in quota's log")


def _registered(right: Right) -> bool:
    return bool(parse(Item.decode(right.statement.item).statement).receipts)


def concentrate(gross_g: int, deposit: str, laboratory: str) -> Material:
    """Ore concentrate with the deposit's distribution of REO; moisture and grade are the demonstration's."""
    moisture_g = gross_g * MOISTURE_PCT // 100
    reo_mg = (gross_g - moisture_g) * assay.MG_PER_G * REO_OF_CONCENTRATE_PCT // 100
    masses = assay.mined(reo_mg, tables.distribution(deposit))
    model = CustodyModel.IDENTITY_PRESERVED
    return assay.material(Form.ORE_CONCENTRATE, gross_g, masses, laboratory, model, moisture_g=moisture_g)


def mined_lot(
    lot_id: str, material: Material, right: StatementItem, right_id: bytes, reo_mg: int
) -> RegisterLotRequest:
    """Registration of one mined lot, drawing `reo_mg` on a right."""
    return RegisterLotRequest(
        request_id=request_id(),
        origin=Origin(
            mined=Mined(mine="Bayan Obo main pit", mining_licence="C1000002011", deposit_type=DEPOSIT_TYPE_ROCK)
        ),
        lots=[NewLot(lot_id=lot_id, site="bayan-obo", material=material)],
        draws=[Draw(right=right, right_id=right_id, reo_mg=reo_mg)],
    )


async def _register_mined(stage: Stage, mine: Desk, lot_id: str, gross_g: int, right: Right) -> int:
    material = concentrate(gross_g, tables.BAYAN_OBO, "baotou-assay-1")
    reo_mg = sum(each.reo_mg for each in material.elements)
    request = mined_lot(lot_id, material, right.statement, right.right_id, reo_mg)
    stage.record(await mine.ask(mine.lots.RegisterLot, request))
    return reo_mg


async def _show_assay(stage: Stage, mine: Desk, lot_id: str) -> None:
    lot = await stage.lot(mine, lot_id)
    found = tables.distribution(tables.BAYAN_OBO)
    rows = [
        [name, kilograms(mass), kilograms(each.u_random_mg), kilograms(each.u_common_mg)]
        for each in lot.material.elements
        for name, mass in assay.of_material(Material(elements=[each])).items()
    ]
    title = f"Assay of {lot_id}; distribution {tables.demonstration(found.status)}"
    stage.table(title, ["Element", ">kg REO", ">u random, kg", ">u common, kg"], rows)


async def _release(stage: Stage, mine: Desk, right: Right, drawn_mg: int) -> Right:
    await mine.ask(mine.rights.ReleaseRight, ReleaseRightRequest(request_id=request_id(), right_id=right.right_id))
    closed = await stage.right(mine, right.right_id, lambda each: each.state == Right.STATE_CLOSED, "close")
    stage.check(closed.settled_mg == drawn_mg, f"settled {closed.settled_mg} mg, drawn {drawn_mg} mg")
    stage.check(
        closed.settled_mg + closed.freed_mg == closed.mass_mg, "settled and freed are not the mass of the right"
    )
    at_registry = await mine.ask(mine.registry_rights.GetRight, registry_pb2.GetRightRequest(right_id=right.right_id))
    stage.check(at_registry.drawn_mg == drawn_mg, "the registry has drawn another mass than quota settled")
    stage.step(
        f"What it leaves goes back through CloseRight: settled {tonnes(closed.settled_mg)} t from the registry's log, "
        f"freed {tonnes(closed.freed_mg)} t."
    )
    closed.statement.CopyFrom(right.statement)
    return closed


async def _import(stage: Stage, plot: Plot) -> None:
    importer = stage.desk(IMPORTER)
    (plot.import_lot,) = await stage.issue(importer, 1)
    material = concentrate(IMPORT_GROSS_G, tables.MOUNTAIN_PASS, "tianjin-port-assay")
    request = RegisterLotRequest(
        request_id=request_id(),
        origin=Origin(imported=Imported(country="US", customs_declaration="020220241000123456")),
        lots=[NewLot(lot_id=plot.import_lot, site="tianjin-port", material=material)],
    )
    before = await _mining_used(stage)
    stage.record(await importer.ask(importer.lots.RegisterLot, request))
    reo_mg = sum(each.reo_mg for each in material.elements)
    stage.step(
        f"An importer registers {gross_tonnes(IMPORT_GROSS_G)} t of Mountain Pass concentrate ({tonnes(reo_mg)} t REO) "
        "with its customs declaration."
    )
    stage.check(await _mining_used(stage) == before, "the import used mining quota")
    stage.step("No mining quota is asked of an import, and none is used.")


async def _mining_used(stage: Stage) -> int:
    officer = stage.desk(QUOTA_OFFICER)
    request = GetBalanceRequest(enterprise_id=MINE.id, year=stage.year, kind=QUOTA_KIND_MINING_ROCK)
    balance = await officer.ask(officer.ledger.GetBalance, request)
    return balance.used_mg + balance.reserved_mg
