"""Conservation of mass, per element, in integers: balances of process steps, exact parts and sums of lots.

Nothing here rounds but by the largest remainder, and nothing takes a root: thresholds compare squares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from monazite_provenance._frozen import dataclass, field, replace
from monazite_provenance.contents.details import Loss
from monazite_provenance.contents.lot import ElementRow, Form, LotContent, MassSource
from monazite_provenance.elements import ELEMENT_MASS_SCALE, ELEMENT_MASS_WEIGHTS, ELEMENTS, symbol
from monazite_provenance.errors import (
    LossWithoutReason,
    MassNotConserved,
    PhysicallyImpossible,
    StepNotAllowed,
)
from monazite_provenance.settings import RuleSettings

MILLIGRAMS_PER_GRAM: Final = 1000
ROUNDING_DENOMINATOR: Final = 12
"""A mass rounded to a whole milligram has variance 1/12: variances are kept as integers over this."""
_METALLIC: Final = frozenset({Form.METAL, Form.ALLOY, Form.MAGNET})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not stop a step and that somebody must explain. `code` is stable, e.g. `MATTER_VANISHES`."""

    code: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ElementBalance:
    """Balance of one element over a step, milligrams REO. `variance` is that of the difference, in mg²/12."""

    element: int
    input_mg: int
    output_mg: int
    residue_mg: int
    loss_mg: int
    variance: int

    @property
    def difference_mg(self) -> int:
        """d: positive when matter vanishes, negative when it appears."""
        return self.input_mg - self.output_mg - self.residue_mg - self.loss_mg

    @property
    def u_mg(self) -> int:
        """Standard uncertainty of the difference, milligrams, rounded up: for show, never for comparing."""
        return math.isqrt(max(0, -(-self.variance // ROUNDING_DENOMINATOR) - 1)) + 1 if self.variance else 0

    def beyond(self, multiple: Fraction) -> bool:
        """Whether |d| > multiple · u, in integers: d² · den² · 12 > num² · variance."""
        square = self.difference_mg**2 * multiple.denominator**2 * ROUNDING_DENOMINATOR
        return square > multiple.numerator**2 * self.variance


@dataclass(frozen=True, slots=True)
class Portion:
    """Masses of a lot to be: grams, and element rows in milligrams REO."""

    gross_g: int
    net_g: int
    moisture_g: int
    rows: Sequence[ElementRow]

    @classmethod
    def of(cls, lot: LotContent) -> Portion:
        """What a lot has."""
        return cls(lot.gross_g, lot.net_g, lot.moisture_g, lot.rows)

    def fill(self, lot: LotContent) -> LotContent:
        """The lot with these masses in place of its own. Raises StepNotAllowed for a part so small that it has no
        milligram of any element: no lot is without."""
        if not self.rows:
            raise StepNotAllowed("a part too small to have a milligram of any element", gross_g=self.gross_g)
        return lot._replace(gross_g=self.gross_g, net_g=self.net_g, moisture_g=self.moisture_g, rows=self.rows)


_NOTHING: Final = Portion(0, 0, 0, ())


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in integer shares proportional to `weights`, which add up to it exactly.

    Each share is the floor of its quotient; what is left goes, one each, to the largest remainders, ties to the first.
    Raises StepNotAllowed when there is something to share and all weights are zero.
    """
    whole = sum(weights)
    if whole == 0:
        if total:
            raise StepNotAllowed("nothing to apportion by")
        return [0] * len(weights)
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return shares


def apportion(lot: LotContent, parts_g: Sequence[int]) -> list[Portion]:
    """A lot in parts of these gross masses (grams, adding up to the lot's): net, moisture, rows, uncertainties; exact.

    Net follows gross, moisture follows net, each element row follows gross, and its two uncertainties follow the row's
    own masses. A row that a part has nothing of is left out there. Raises MassNotConserved.
    """
    if any(part < 0 for part in parts_g) or sum(parts_g) != lot.gross_g:
        raise MassNotConserved("parts do not add up to the lot", gross_g=lot.gross_g)
    if lot.gross_g in parts_g:
        # One part is the lot and the others are nothing, as of most acceptances: what follows would come to the same.
        return [Portion.of(lot) if part else _NOTHING for part in parts_g]
    nets = largest_remainder(lot.net_g, parts_g)
    moistures = largest_remainder(lot.moisture_g, nets)
    rows: list[list[ElementRow]] = [[] for _ in parts_g]
    for row in lot.rows:
        masses = largest_remainder(row.reo_mg, parts_g)
        randoms = largest_remainder(row.u_random_mg, masses)
        commons = largest_remainder(row.u_common_mg, masses)
        for part, mass, u_random, u_common in zip(rows, masses, randoms, commons, strict=True):
            if mass:
                part.append(ElementRow(row.element, mass, u_random, u_common, row.source_index))
    return [
        Portion(gross_g, net_g, moisture_g, tuple(part))
        for gross_g, net_g, moisture_g, part in zip(parts_g, nets, moistures, rows, strict=True)
    ]


def combine(lots: Sequence[LotContent]) -> tuple[Portion, tuple[MassSource, ...]]:
    """Several lots as one, exact: masses add up; rows of one element and one source are one row.

    Sources stand in the order in which they first appear. Uncertainties of one source add up linearly, so that a lot
    split and merged again is the same lot.
    """
    places: dict[MassSource, int] = {}
    sums: dict[tuple[int, int], ElementRow] = {}
    for lot in lots:
        for source in lot.sources:
            places.setdefault(source, len(places))
        for row in lot.rows:
            key = (row.element, places[lot.sources[row.source_index]])
            old = sums.get(key) or ElementRow(row.element, 0, 0, 0, key[1])
            sums[key] = ElementRow(
                row.element,
                old.reo_mg + row.reo_mg,
                old.u_random_mg + row.u_random_mg,
                old.u_common_mg + row.u_common_mg,
                key[1],
            )
    portion = Portion(
        gross_g=sum(lot.gross_g for lot in lots),
        net_g=sum(lot.net_g for lot in lots),
        moisture_g=sum(lot.moisture_g for lot in lots),
        rows=tuple(sums[key] for key in sorted(sums)),
    )
    return portion, tuple(places)


def check_physical(lot: LotContent) -> None:
    """Refuse a lot whose elements (of metal, alloy, magnet) or oxides (of all else) outweigh its dry mass.

    Raises PhysicallyImpossible.
    """
    dry_mg = lot.dry_g * MILLIGRAMS_PER_GRAM
    if lot.form in _METALLIC:
        weighted = sum(row.reo_mg * ELEMENT_MASS_WEIGHTS[row.element] for row in lot.rows)
        sum_mg = -(-weighted // ELEMENT_MASS_SCALE)
    else:
        sum_mg = lot.reo_mg
    if sum_mg > dry_mg:
        raise PhysicallyImpossible("elements outweigh the dry mass of the lot", sum_mg=sum_mg, dry_mg=dry_mg)


def balance(
    inputs: Sequence[LotContent],
    outputs: Sequence[LotContent],
    losses: Sequence[Loss],
    reason: str | None,
    settings: RuleSettings,
) -> tuple[ElementBalance, ...]:
    """Balance every element over a process step; residues are outputs of FORM_RESIDUE, losses milligrams REO.

    Raises MassNotConserved where more comes out than `refuse_at` uncertainties explain, LossWithoutReason where more is
    missing than `find_at` explain and no reason is given. What is between is a finding: see `findings`.
    """
    balances = weigh(inputs, outputs, losses)
    refuse_gains(balances, settings)
    refuse_losses(balances, reason, settings)
    return balances


def weigh(
    inputs: Sequence[LotContent], outputs: Sequence[LotContent], losses: Sequence[Loss] = ()
) -> tuple[ElementBalance, ...]:
    """The balance of every element that is in or out, whatever it is."""
    balances = (_balance_one(number, inputs, outputs, losses) for number in ELEMENTS)
    return tuple(each for each in balances if each is not None)


def refuse_gains(
    balances: Iterable[ElementBalance], settings: RuleSettings, explained: Mapping[int, int] | None = None
) -> None:
    """Raises MassNotConserved where more comes out than `refuse_at` uncertainties explain, beyond what is `explained`
    by something else: milligrams REO by atomic number.
    """
    for each in balances:
        if each.difference_mg >= 0:
            continue
        known_mg = min(explained.get(each.element, 0), -each.difference_mg) if explained else 0
        rest = replace(each, input_mg=each.input_mg + known_mg) if known_mg else each
        if rest.beyond(settings.refuse_at):
            raise MassNotConserved("matter appears", **_details(each))


def refuse_losses(balances: Iterable[ElementBalance], reason: str | None, settings: RuleSettings) -> None:
    """Raises LossWithoutReason where more is missing than `find_at` uncertainties explain and no reason is given."""
    for each in balances:
        if each.difference_mg > 0 and reason is None and each.beyond(settings.find_at):
            raise LossWithoutReason("matter vanishes and no reason is given", **_details(each))


def record_findings(
    balances: Iterable[ElementBalance], reason: str | None, settings: RuleSettings
) -> tuple[Finding, ...]:
    """Findings of a record that is changed without a process: every gain whatever its size, and what vanishes beyond
    `find_at` uncertainties.
    """
    found: list[Finding] = []
    for each in balances:
        metadata = {name: str(value) for name, value in _details(each).items()} | {"reason_code": reason or ""}
        if each.difference_mg < 0:
            found.append(Finding("GAIN", f"more {symbol(each.element)} than was on record", metadata))
        elif each.beyond(settings.find_at):
            found.append(Finding("MATTER_VANISHES", f"less {symbol(each.element)} than was on record", metadata))
    return tuple(found)


def findings(balances: Iterable[ElementBalance], reason: str | None, settings: RuleSettings) -> tuple[Finding, ...]:
    """Findings of balances that were not refused."""
    found: list[Finding] = []
    for each in balances:
        if not each.beyond(settings.find_at):
            continue
        metadata = {name: str(value) for name, value in _details(each).items()}
        if each.difference_mg < 0:
            found.append(Finding("MATTER_APPEARS", f"more {symbol(each.element)} out than in", metadata))
        else:
            metadata["reason_code"] = reason or ""
            found.append(Finding("MATTER_VANISHES", f"less {symbol(each.element)} out than in", metadata))
    return tuple(found)


def _details(each: ElementBalance) -> dict[str, str | int]:
    return {
        "element": symbol(each.element),
        "input_mg": each.input_mg,
        "output_mg": each.output_mg + each.residue_mg + each.loss_mg,
        "difference_mg": each.difference_mg,
        "u_mg": each.u_mg,
    }


def _balance_one(
    number: int, inputs: Sequence[LotContent], outputs: Sequence[LotContent], losses: Sequence[Loss]
) -> ElementBalance | None:
    input_mg = _sum(number, inputs)
    output_mg = _sum(number, (lot for lot in outputs if lot.form is not Form.RESIDUE))
    residue_mg = _sum(number, (lot for lot in outputs if lot.form is Form.RESIDUE))
    loss_mg = sum(loss.reo_mg for loss in losses if loss.element == number)
    if not (input_mg or output_mg or residue_mg or loss_mg):
        return None
    return ElementBalance(number, input_mg, output_mg, residue_mg, loss_mg, _variance(number, [*inputs, *outputs]))


def _sum(number: int, lots: Iterable[LotContent]) -> int:
    return sum(row.reo_mg for lot in lots for row in lot.rows if row.element == number)


def _variance(number: int, lots: Iterable[LotContent]) -> int:
    """Of the difference, mg²/12: random parts in squares, common parts of one laboratory and method linearly."""
    randoms = 0
    rounded = 0
    commons: dict[tuple[str, str], int] = {}
    for lot in lots:
        for row in lot.rows:
            if row.element != number:
                continue
            source = lot.sources[row.source_index]
            key = (source.laboratory, source.method)
            randoms += row.u_random_mg**2
            commons[key] = commons.get(key, 0) + row.u_common_mg
            rounded += 1
    return ROUNDING_DENOMINATOR * (randoms + sum(common**2 for common in commons.values())) + rounded
