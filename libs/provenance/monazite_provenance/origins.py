"""Origin shares: for each output and element, how many milligrams come from which origin.

Integers, largest remainder at every step, drawn without replacement from what went in: over a split or a transfer the
shares of the parts add up to the shares of the whole. Exact under controlled blending; under a mass balance model they
are the proportional shares, which bound nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from monazite_provenance.conservation import largest_remainder
from monazite_provenance.contents import Imported, LotContent, Mined, OpeningInventory, Origin, Recycled

UNEXPLAINED: Final = "unexplained"
"""Mass of an element that no input held (within the uncertainty of the step)."""

Shares = Mapping[int, Mapping[str, int]]
"""Atomic number to origin to milligrams REO."""


def label(origin: Origin) -> str:
    """An origin in words: what shares are kept under."""
    match origin:
        case Mined():
            return f"mined {origin.mine} ({origin.deposit_type.name.lower()}, licence {origin.licence})"
        case Imported():
            return f"imported {origin.country} (declaration {origin.declaration})"
        case Recycled():
            return f"recycled {origin.source}"
        case OpeningInventory():
            return f"opening inventory {origin.inventory}"


def born(lot: LotContent, origin: str) -> Shares:
    """Shares of a registered lot: everything from one origin."""
    return {element: {origin: mass} for element, mass in lot.element_masses().items()}


def cost(inputs: Sequence[Shares], outputs: Sequence[LotContent]) -> int:
    """Most shares that `carry` can make of these, to be asked before it is called."""
    return len(outputs) * sum(len(names) for shares in inputs for names in shares.values())


def carry(inputs: Sequence[Shares], outputs: Sequence[LotContent]) -> list[Shares]:
    """Shares of a step's outputs from those of its inputs.

    Where more of an element comes out than went in, what went in is scaled up first; what nothing went in of is
    UNEXPLAINED.
    """
    masses = [lot.element_masses() for lot in outputs]
    shares: list[dict[int, dict[str, int]]] = [{} for _ in outputs]
    for element in sorted({element for each in masses for element in each}):
        pool = _pool(element, inputs, sum(each.get(element, 0) for each in masses))
        names = sorted(pool)
        for share, each in zip(shares, masses, strict=True):
            mass = each.get(element, 0)
            if not mass:
                continue
            taken = largest_remainder(mass, [pool[name] for name in names])
            share[element] = {name: part for name, part in zip(names, taken, strict=True) if part}
            for name, part in zip(names, taken, strict=True):
                pool[name] -= part
    return list[Shares](shares)


def _pool(element: int, inputs: Sequence[Shares], output_mg: int) -> dict[str, int]:
    pool: dict[str, int] = {}
    for shares in inputs:
        for name, mass in shares.get(element, {}).items():
            pool[name] = pool.get(name, 0) + mass
    if not pool:
        return {UNEXPLAINED: output_mg}
    if sum(pool.values()) >= output_mg:
        return pool
    names = sorted(pool)
    return dict(zip(names, largest_remainder(output_mg, [pool[name] for name in names]), strict=True))
