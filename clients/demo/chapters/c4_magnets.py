"""Chapter 4: oxides to metal to Dy-bearing magnets; the exporter gets them."""

from __future__ import annotations

from fractions import Fraction

from monazite.registry.v1.registry_pb2 import (
    NewLot,
    Part,
    PlaceHoldRequest,
    ReleaseHoldRequest,
    SplitLotRequest,
    TransformLotsRequest,
)
from monazite.type.v1.material_pb2 import Material
from monazite_provenance.contents import CustodyModel, Form

from clients.demo import assay, tables
from clients.demo.actors import EXPORTER, INSPECTOR, MAKER, Desk, request_id
from clients.demo.plot import Plot
from clients.demo.stage import Stage
from clients.masses import gross_tonnes, kilograms

TITLE = "Magnets: oxide to metal to NdFeB"
STEPS = 5

SITE = "ningbo-works"
LABORATORY = "ningbo-laboratory"
YIELD = Fraction(98, 100)
LOST = Fraction(1, 200)
MAGNET_YIELD = Fraction(97, 100)
METAL_PURITY = Fraction(999, 1000)
RESIDUE_GRADE = Fraction(1, 4)
EXPORT_G = 20_000_000
MODEL = CustodyModel.CONTROLLED_BLENDING


async def tell(stage: Stage, plot: Plot) -> None:
    """Accept, smelt, sinter, split, deliver."""
    maker = stage.desk(MAKER)
    oxides = [plot.maker_ndpr, plot.products["Dy oxide"]]
    await stage.accept_whole(maker, oxides, SITE)
    stage.step("The maker accepts both oxides; the registry signs on its behalf.")
    metals = await _smelt(stage, maker, oxides)
    plot.magnets = await _sinter(stage, maker, metals)
    await _inspect(stage, plot)
    await _deliver(stage, maker, plot)


async def _masses(stage: Stage, desk: Desk, lot_id: str) -> dict[str, int]:
    return assay.of_material((await stage.lot(desk, lot_id)).material)


async def _smelt(stage: Stage, maker: Desk, oxides: list[str]) -> list[str]:
    ndpr, dysprosium = [await _masses(stage, maker, lot_id) for lot_id in oxides]
    ids = await stage.issue(maker, 3)
    metals = [assay.part(ndpr, YIELD), assay.part(dysprosium, YIELD)]
    fed = assay.added(ndpr, dysprosium)
    lost = assay.part(fed, LOST)
    slag = assay.without(fed, lost, *metals)
    outputs = [
        _new_lot(lot_id, Form.METAL, assay.gross_for(assay.metal_mg(masses), METAL_PURITY), masses)
        for lot_id, masses in zip(ids, metals, strict=False)
    ]
    outputs.append(_new_lot(ids[2], Form.SECONDARY_MATERIAL, assay.gross_for(sum(slag.values()), RESIDUE_GRADE), slag))
    await _transform(stage, maker, oxides, outputs, lost=lost, process="metal-electrolysis")
    ndpr_kg, dysprosium_kg = (kilograms(assay.metal_mg(masses)) for masses in metals)
    stage.step(f"Electrolysis: {ndpr_kg} kg of Nd/Pr metal, {dysprosium_kg} kg of Dy metal.")
    return ids[:2]


async def _sinter(stage: Stage, maker: Desk, metals: list[str]) -> str:
    fed = assay.added(*[await _masses(stage, maker, lot_id) for lot_id in metals])
    magnets, scrap = await stage.issue(maker, 2)
    masses = assay.part(fed, MAGNET_YIELD)
    scraps = assay.without(fed, masses)
    gross_g = _magnet_gross(stage, masses)
    outputs = [
        _new_lot(magnets, Form.MAGNET, gross_g, masses),
        _new_lot(scrap, Form.SECONDARY_MATERIAL, assay.gross_for(sum(scraps.values()), RESIDUE_GRADE), scraps),
    ]
    await _transform(stage, maker, metals, outputs, lost={}, process="ndfeb-sintering")
    stage.step(
        f"Sintering: {gross_tonnes(gross_g)} t of Dy-bearing NdFeB magnets; the swarf is kept as secondary material."
    )
    return magnets


def _magnet_gross(stage: Stage, masses: assay.Masses) -> int:
    """Grams of magnet: the Nd and Pr at hand at the middle of their range; Dy has to fall into its own."""
    rows: list[list[str]] = []
    ndpr_mg = assay.metal_mg({name: masses[name] for name in ("Nd", "Pr")})
    gross_g = assay.gross_for(ndpr_mg, tables.composition("Nd (with Pr)").middle)
    for component, elements in (("Nd (with Pr)", ("Nd", "Pr")), ("Dy", ("Dy",))):
        bounds = tables.composition(component)
        mass_mg = assay.metal_mg({name: masses[name] for name in elements})
        share = Fraction(mass_mg, gross_g * assay.MG_PER_G)
        stage.check(
            bounds.low <= share <= bounds.high, f"{component} is out of its range in the magnets: {float(share):.4f}"
        )
        hundredths = round(share * 10_000)
        percent = f"{hundredths // 100}.{hundredths % 100:02d} %"
        rows.append(
            [
                component,
                kilograms(mass_mg),
                percent,
                f"{float(bounds.low):.1%} - {float(bounds.high):.1%}",
                bounds.status,
            ]
        )
    stage.table("Composition of the magnets", ["Component", ">kg", ">share", "Range", "Status"], rows)
    return gross_g


def _new_lot(lot_id: str, form: Form, gross_g: int, masses: assay.Masses) -> NewLot:
    material: Material = assay.material(form, gross_g, masses, LABORATORY, MODEL)
    return NewLot(lot_id=lot_id, site=SITE, material=material)


async def _transform(
    stage: Stage, maker: Desk, inputs: list[str], outputs: list[NewLot], *, lost: assay.Masses, process: str
) -> None:
    request = TransformLotsRequest(
        request_id=request_id(),
        spends=[stage.heads[lot_id] for lot_id in inputs],
        outputs=outputs,
        losses=assay.losses(lost),
        process=process,
    )
    stage.record(await maker.ask(maker.lots.TransformLots, request))


async def _inspect(stage: Stage, plot: Plot) -> None:
    inspector, maker = stage.desk(INSPECTOR), stage.desk(MAKER)
    await inspector.ask(
        inspector.lots.PlaceHold,
        PlaceHoldRequest(request_id=request_id(), lot_id=plot.magnets, reason_code="SITE_CHECK"),
    )
    split = SplitLotRequest(
        request_id=request_id(), spend=stage.heads[plot.magnets], parts=await _parts(stage, maker, plot.magnets)
    )
    attempt = maker.ask(maker.lots.SplitLot, split)
    await stage.refused("A lot that an inspector holds", attempt, "LOT_HELD")
    await inspector.ask(
        inspector.lots.ReleaseHold,
        ReleaseHoldRequest(request_id=request_id(), lot_id=plot.magnets, reason_code="SITE_CHECK"),
    )


async def _parts(stage: Stage, maker: Desk, lot_id: str) -> list[Part]:
    gross_g = (await stage.lot(maker, lot_id)).material.gross_g
    ids = await stage.issue(maker, 2)
    return [Part(lot_id=ids[0], gross_g=EXPORT_G), Part(lot_id=ids[1], gross_g=gross_g - EXPORT_G)]


async def _deliver(stage: Stage, maker: Desk, plot: Plot) -> None:
    parts = await _parts(stage, maker, plot.magnets)
    request = SplitLotRequest(request_id=request_id(), spend=stage.heads[plot.magnets], parts=parts)
    stage.record(await maker.ask(maker.lots.SplitLot, request))
    plot.export_lot, plot.magnets = parts[0].lot_id, parts[1].lot_id
    await stage.offer(maker, [plot.export_lot], EXPORTER, "truck waybill NB-7714")
    await stage.accept_whole(stage.desk(EXPORTER), [plot.export_lot], "tianjin-port")
    stage.step(f"{gross_tonnes(EXPORT_G)} t go to the exporter: offered by the maker, accepted by the exporter.")
