"""A custody statement with its contents read, and the outputs that were not spent yet."""

from __future__ import annotations

from monazite_provenance import origins
from monazite_provenance._frozen import dataclass
from monazite_provenance.contents import (
    AdjustDetails,
    Attested,
    CorrectDetails,
    Details,
    Draw,
    LotContent,
    RegisterDetails,
    TransformDetails,
)
from monazite_provenance.contents._lot_form import Kept
from monazite_provenance.steps import Prior
from monazite_provenance.verifier import Statement


@dataclass(frozen=True, slots=True)
class Head:
    """An output nobody spent yet. `shares` None: too many to work out. `alone`: who signed alone in its history.

    `kept`: what helps to read the same lot again in other hands.
    """

    lot: LotContent
    depth: int
    shares: origins.Shares | None
    alone: frozenset[str]
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A custody statement with its contents read. `lots`: what is spent; `alone`, `kept` (by output): as of a head."""

    statement: Statement
    inputs: tuple[Head, ...]
    lots: tuple[LotContent, ...]
    outputs: tuple[LotContent, ...]
    kept: tuple[Kept | None, ...]
    details: Details
    depth: int
    alone: frozenset[str]

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What is drawn on rights; by a correction, all that the corrected statement draws now."""
        match self.details:
            case RegisterDetails() | TransformDetails() | CorrectDetails():
                return self.details.draws
            case _:
                return ()


def corrected_lots(opened: Opened) -> tuple[LotContent, ...]:
    """The outputs; of a correction that makes none, the lot as it should have been."""
    details = opened.details
    if isinstance(details, CorrectDetails) and details.lot is not None:
        return (details.lot,)
    return opened.outputs


def as_corrected(opened: Opened, prior: Prior | None) -> tuple[LotContent, ...]:
    """The outputs; of a correction, all those of the corrected statement, as they stand with it."""
    if prior is None or not isinstance(opened.details, CorrectDetails):
        return opened.outputs
    return (*prior.outputs[: prior.index], *corrected_lots(opened), *prior.outputs[prior.index + 1 :])


def basis_of(details: Details, prior: Prior | None) -> bytes | None:
    """The attestation that an adjustment rests on, or that a corrected one does."""
    told = details if prior is None else prior.details
    if isinstance(told, AdjustDetails) and isinstance(told.basis, Attested):
        return told.basis.attestation
    return None
