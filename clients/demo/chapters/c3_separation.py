"""Chapter 3: a separation plant that signs its own statements receives, reserves, and separates."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from monazite.quota.v1.quota_pb2 import Right
from monazite.registry.v1.registry_pb2 import Consignment, OfferLotsRequest, PrepareStatementRequest
from monazite.type.v1.material_pb2 import QUOTA_KIND_SMELTING_SEPARATION
from monazite_provenance.contents import (
    AcceptLine,
    CustodyModel,
    Draw,
    Form,
    Loss,
    LotContent,
    TransformDetails,
)
from monazite_provenance.elements import BY_SYMBOL
from monazite_provenance.metering import transform_need
from monazite_provenance.settings import DEFAULT_SETTINGS

from clients.demo import assay
from clients.demo.actors import IMPORTER, MAKER, MINE, PLANT, Desk
from clients.demo.chapters.c2_mine_and_import import reserve
from clients.demo.own_signature import OwnSignature, Spend, library_outpoint
from clients.demo.plot import Plot
from clients.demo.stage import Stage, StoryError
from clients.masses import MG_PER_TONNE, gross_tonnes, kilograms, tonnes

TITLE = "Separation: two feeds, one quota, conservation per element"
STEPS = 6

SITE = "baotou-huamei"
LABORATORY = "huamei-laboratory"
RESERVED_MG = 400 * MG_PER_TONNE
SHORT_G = 2_000_000
RETURNED_G = 8_000_000
# What becomes product and what is lost, of each element; the rest is residue. The demonstration's figures, over the
# norms of recovery_norms.csv (separation of mixed-type ore or bastnaesite: over 96 %).
RECOVERY = Fraction(985, 1000)
LOST = Fraction(1, 200)
PURITY = Fraction(995, 1000)
RESIDUE_GRADE = Fraction(1, 10)
PRODUCTS = {
    "Nd/Pr oxide": ("Nd", "Pr"),
    "Dy oxide": ("Dy",),
    "Tb oxide": ("Tb",),
    "La oxide": ("La",),
    "Ce oxide": ("Ce",),
}
MAKER_NDPR_G = 10_000_000


async def tell(stage: Stage, plot: Plot) -> None:
    """Key, transfers, right, transform, settlement, delivery."""
    plant = OwnSignature(stage.desk(PLANT), plot.plant_key)
    await plant.certify()
    stage.step(
        f"The plant has its own key certified ({plot.plant_key.public.kid.hex()}) and signs for itself from here on."
    )
    await stage.offer(stage.desk(MINE), plot.mine_lots, PLANT, "rail waybill 24-0817")
    await stage.offer(stage.desk(IMPORTER), [plot.import_lot], PLANT, "truck waybill TJ-5521")
    feeds = await _accept(stage, plot, plant)
    right = await reserve(stage, plant.desk, QUOTA_KIND_SMELTING_SEPARATION, RESERVED_MG, SITE)
    plot.separation_right = right
    stage.step(
        f"It reserves {tonnes(RESERVED_MG)} t of smelting-separation quota, for the mined and the imported feed alike."
    )
    await _separate(stage, plot, plant, feeds, right)
    settled = await stage.right(
        plant.desk, right.right_id, lambda each: each.settled_mg >= plot.separated_mg, "get settled"
    )
    stage.check(
        settled.settled_mg == plot.separated_mg, f"settled {settled.settled_mg} mg, charged {plot.separated_mg} mg"
    )
    stage.step(f"Quota settles {tonnes(settled.settled_mg)} t from the registry's log.")
    await _deliver(stage, plot, plant)


async def spend_of(stage: Stage, desk: Desk, lot_id: str) -> Spend:
    """A head with its content, from a bundle that is verified before anything is signed over it."""
    report = stage.verify(await stage.bundle(desk, stage.heads[lot_id]))
    if report.target is None:
        raise StoryError(f"the bundle of {lot_id} does not verify: {report.verdict.name}")
    return Spend(library_outpoint(stage.heads[lot_id]), report.target)


async def _accept(stage: Stage, plot: Plot, plant: OwnSignature) -> list[str]:
    offered: list[tuple[Spend, AcceptLine]] = []
    for lot_id in plot.mine_lots:
        spend = await spend_of(stage, plant.desk, lot_id)
        offered.append((spend, AcceptLine(spend.lot.gross_g, 0, 0)))
    spend = await spend_of(stage, plant.desk, plot.import_lot)
    kept_g = spend.lot.gross_g - RETURNED_G - SHORT_G
    offered.append((spend, AcceptLine(kept_g, RETURNED_G, SHORT_G, "SHORTAGE_MOISTURE_LOSS")))
    plot.import_returned = spend.lot.remainder_lot_id or ""
    stage.record(await plant.submit(plant.accept(offered, SITE)))
    stage.step(
        f"It verifies each bundle, then accepts: the mine's {len(plot.mine_lots)} lots whole; of the import "
        f"{gross_tonnes(kept_g)} t, {gross_tonnes(RETURNED_G)} t go back, {gross_tonnes(SHORT_G)} t are short."
    )
    return [*plot.mine_lots, plot.import_lot]


async def _separate(stage: Stage, plot: Plot, plant: OwnSignature, feeds: Sequence[str], right: Right) -> None:
    # The rules judge inputs in the order of the spends, so everything stands in it.
    spends = sorted([await spend_of(stage, plant.desk, lot_id) for lot_id in feeds], key=lambda each: each.outpoint)
    fed = assay.added(*(assay.of_content(each.lot) for each in spends))
    ids = await stage.issue(plant.desk, len(PRODUCTS) + 1)
    outputs, lost = _outputs(plant.desk.uri, spends[0].lot.home_log, fed, ids)
    (need,) = transform_need([each.lot for each in spends], outputs, DEFAULT_SETTINGS)
    details = TransformDetails(
        process="separation-rock",
        losses=tuple(Loss(BY_SYMBOL[name].number, mass) for name, mass in _by_number(lost)),
        draws=(Draw(right.right_id, need.reo_mg),),
    )
    item = plant.sign(spends, outputs, details, refs=[right.right_id])
    stage.record(await plant.submit(item, [right.statement]))
    plot.separated_mg = need.reo_mg
    plot.products = dict(zip((*PRODUCTS, "residue"), ids, strict=True))
    stage.step(
        f"It separates {tonnes(sum(fed.values()))} t REO; {tonnes(need.reo_mg)} t of output are charged, "
        "residue is not."
    )
    _show_balance(stage, fed, outputs, lost)


def _outputs(
    holder: str, home_log: str, fed: assay.Masses, ids: Sequence[str]
) -> tuple[list[LotContent], dict[str, int]]:
    lost = assay.part(fed, LOST)
    made = [assay.part(fed, RECOVERY, elements) for elements in PRODUCTS.values()]
    residue = assay.without(fed, lost, *made)
    materials = [(Form.SEPARATED_COMPOUND, masses, PURITY) for masses in made] + [
        (Form.RESIDUE, residue, RESIDUE_GRADE)
    ]
    outputs = [
        assay.content(
            lot_id=lot_id,
            holder=holder,
            site=SITE,
            form=form,
            gross_g=assay.gross_for(sum(masses.values()), grade),
            masses=masses,
            laboratory=LABORATORY,
            model=CustodyModel.CONTROLLED_BLENDING,
            home_log=home_log,
        )
        for lot_id, (form, masses, grade) in zip(ids, materials, strict=True)
    ]
    return outputs, lost


def _by_number(masses: assay.Masses) -> list[tuple[str, int]]:
    return sorted(masses.items(), key=lambda pair: BY_SYMBOL[pair[0]].number)


def _show_balance(stage: Stage, fed: assay.Masses, outputs: Sequence[LotContent], lost: assay.Masses) -> None:
    products = assay.added(*(assay.of_content(lot) for lot in outputs[:-1]))
    residue = assay.of_content(outputs[-1])
    rows: list[list[str]] = []
    for name, in_mg in _by_number(fed):
        out = (products.get(name, 0), residue.get(name, 0), lost.get(name, 0))
        rows.append([name, kilograms(in_mg), *(kilograms(mg) for mg in out), kilograms(in_mg - sum(out))])
    stage.table("Conservation, kg REO", ["El.", ">in", ">products", ">residue", ">loss", ">diff."], rows)


async def _deliver(stage: Stage, plot: Plot, plant: OwnSignature) -> None:
    whole = await spend_of(stage, plant.desk, plot.products["Nd/Pr oxide"])
    ids = await stage.issue(plant.desk, 4)
    parts = [(ids[0], MAKER_NDPR_G), (ids[1], whole.lot.gross_g - MAKER_NDPR_G)]
    stage.record(await plant.submit(plant.split(whole, parts)))
    plot.maker_ndpr, plot.products["Nd/Pr oxide"] = ids[0], ids[1]
    leaving = [plot.maker_ndpr, plot.products["Dy oxide"]]
    consignments = [
        Consignment(spend=stage.heads[lot_id], remainder_lot_id=remainder)
        for lot_id, remainder in zip(leaving, ids[2:], strict=True)
    ]
    offering = OfferLotsRequest(
        consignments=consignments, receiver=stage.uri(MAKER), transport_document="truck waybill BT-0093"
    )
    prepared = await plant.prepare(PrepareStatementRequest(offer_lots=offering))
    stage.check(
        {(lot.lot_id, lot.receiver) for lot in prepared.outputs} == {(lot_id, stage.uri(MAKER)) for lot_id in leaving},
        "the registry wrote another offer than the plant asked for",
    )
    stage.record(await plant.submit(prepared.sign(plot.plant_key)))
    stage.step(
        f"It splits off {gross_tonnes(MAKER_NDPR_G)} t of Nd/Pr oxide and offers it with the Dy oxide to the maker. "
        f"The registry writes that offer; the plant reads its {len(prepared.text().splitlines())} lines, then signs."
    )
