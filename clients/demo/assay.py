"""Material as the actors declare it: integer masses per element that add up, whatever they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from monazite.registry.v1.registry_pb2 import DeclaredLoss
from monazite.type.v1 import material_pb2
from monazite.type.v1.material_pb2 import Element, ElementMass, Material
from monazite_provenance.contents import CustodyModel, CustodyState, ElementRow, Form, LotContent, MassSource
from monazite_provenance.elements import BY_SYMBOL, FACTOR_SCALE, FACTOR_TABLE, symbol
from monazite_provenance.uncertainty import assessed

from clients.demo.tables import Distribution, apportion

MG_PER_G = 1000
METHOD = "ICP-MS"

Masses = Mapping[str, int]
"""Milligrams REO by element symbol."""


def mined(reo_mg: int, distribution: Distribution) -> dict[str, int]:
    """`reo_mg` spread over the elements of a deposit, exactly."""
    symbols = [name for name, _ in distribution.parts]
    parts = apportion(reo_mg, [weight for _, weight in distribution.parts])
    return {name: mass for name, mass in zip(symbols, parts, strict=True) if mass}


def added(*many: Masses) -> dict[str, int]:
    """Element by element sum."""
    total: dict[str, int] = {}
    for masses in many:
        for name, mass in masses.items():
            total[name] = total.get(name, 0) + mass
    return total


def part(masses: Masses, share: Fraction, only: Iterable[str] | None = None) -> dict[str, int]:
    """A share of each element (or `only` of some), rounded down to milligrams; nothing of which there would be 0."""
    wanted = masses if only is None else {name: masses.get(name, 0) for name in only}
    return {name: share_mg for name, mass in wanted.items() if (share_mg := int(mass * share))}


def without(masses: Masses, *taken: Masses) -> dict[str, int]:
    """What is left of `masses`; elements used up are left out."""
    gone = added(*taken)
    return {name: left for name, mass in masses.items() if (left := mass - gone.get(name, 0))}


def metal_mg(masses: Masses) -> int:
    """Mass of the elements themselves, milligrams: REO over the oxide factor, each rounded up."""
    return sum(-(-mass * FACTOR_SCALE // BY_SYMBOL[name].factor) for name, mass in masses.items())


def of_material(material: Material) -> dict[str, int]:
    """Milligrams REO by symbol of a lot as the registry shows it."""
    masses: dict[str, int] = {}
    for each in material.elements:
        name = symbol(int(each.element))
        masses[name] = masses.get(name, 0) + each.reo_mg
    return masses


def of_content(lot: LotContent) -> dict[str, int]:
    """The same of a lot as a statement has it."""
    return {symbol(number): mass for number, mass in lot.element_masses().items()}


def material(
    form: Form, gross_g: int, masses: Masses, laboratory: str, model: CustodyModel, *, moisture_g: int = 0
) -> Material:
    """A material for a request. Uncertainties are left 0: the registry fills them in from the method's table."""
    rows = [
        ElementMass(element=Element.Value(f"ELEMENT_{name.upper()}"), reo_mg=mass)
        for name, mass in sorted(masses.items(), key=lambda pair: BY_SYMBOL[pair[0]].number)
    ]
    return Material(
        form=material_pb2.Form.Value(f"FORM_{form.name}"),
        gross_g=gross_g,
        net_g=gross_g,
        moisture_g=moisture_g,
        elements=rows,
        sources=[material_pb2.MassSource(laboratory=laboratory, method=METHOD)],
        custody_model=material_pb2.CustodyModel.Value(f"CUSTODY_MODEL_{model.name}"),
    )


def content(
    *,
    lot_id: str,
    holder: str,
    site: str,
    form: Form,
    gross_g: int,
    masses: Masses,
    laboratory: str,
    model: CustodyModel,
    home_log: str,
) -> LotContent:
    """A lot for a statement of one's own, with the method's uncertainties."""
    sources = (MassSource(laboratory, METHOD),)
    numbered = sorted((BY_SYMBOL[name].number, mass) for name, mass in masses.items())
    return LotContent(
        lot_id=lot_id,
        holder=holder,
        site=site,
        form=form,
        gross_g=gross_g,
        net_g=gross_g,
        moisture_g=0,
        rows=assessed([ElementRow(number, mass, 0, 0, 0) for number, mass in numbered], sources),
        sources=sources,
        custody_model=model,
        custody_state=CustodyState.HELD,
        factor_table=FACTOR_TABLE,
        home_log=home_log,
    )


def losses(masses: Masses) -> list[DeclaredLoss]:
    """Declared losses for a request."""
    return [
        DeclaredLoss(element=Element.Value(f"ELEMENT_{name.upper()}"), reo_mg=mass) for name, mass in masses.items()
    ]


def gross_for(mass_mg: int, purity: Fraction) -> int:
    """Grams of a product that holds `mass_mg` at this purity, rounded up."""
    return -int(-(Fraction(mass_mg) / purity / MG_PER_G) // 1)
