"""What is kept of a custody statement once it was judged, and how a report shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, overload

from monazite_provenance import origins
from monazite_provenance.contents import (
    AdjustDetails,
    AnnulDetails,
    Attested,
    ConsumeDetails,
    CorrectDetails,
    Corrected,
    Details,
    DivertDetails,
    LotContent,
    OfferDetails,
    RegisterDetails,
    ReturnDetails,
    Stocktake,
    TransformDetails,
)
from monazite_provenance.kinds import EventKind
from monazite_provenance.report import LotView, StepView
from monazite_provenance.statement import Claims, Outpoint


class Told(NamedTuple):
    """A custody statement that was taken. None stands for a lot, and for details, that nobody showed.

    `drawn`: milligrams REO by right that it drew beyond what was drawn before; negative where it gave back.
    """

    statement_id: bytes
    claims: Claims
    inputs: tuple[LotContent | None, ...]
    outputs: tuple[LotContent | None, ...]
    details: Details | None
    drawn: Mapping[bytes, int]

    @property
    def kind(self) -> EventKind:
        """What it is."""
        return self.claims.kind

    @property
    def is_whole(self) -> bool:
        """Whether all of it was shown, and of what it spends."""
        return self.details is not None and None not in self.inputs and None not in self.outputs

    def lot_at(self, index: int) -> LotView | None:
        """An output that was shown."""
        lot = self.outputs[index] if index < len(self.outputs) else None
        return None if lot is None else LotView(Outpoint(self.statement_id, index), lot)


class Steps(Sequence[StepView]):
    """Steps of a report, each made when it is asked for: to make ten thousand of them takes as long as to verify
    hundreds, and most readers want the verdict. Equal to the tuple of them.
    """

    __slots__ = ("_told",)

    def __init__(self, told: Sequence[Told]) -> None:
        self._told = tuple(told)

    def __len__(self) -> int:
        return len(self._told)

    def __iter__(self) -> Iterator[StepView]:
        return map(view, self._told)

    @overload
    def __getitem__(self, index: int) -> StepView: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[StepView, ...]: ...

    def __getitem__(self, index: int | slice) -> StepView | tuple[StepView, ...]:
        return tuple(map(view, self._told[index])) if isinstance(index, slice) else view(self._told[index])

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if isinstance(other, Steps) else other)

    def __hash__(self) -> int:
        return hash(tuple(told.statement_id for told in self._told))

    def __repr__(self) -> str:
        return repr(tuple(self))


def view(told: Told) -> StepView:
    """The step as a report shows it."""
    claims, details = told.claims, told.details
    spent = zip(claims.spends, told.inputs, strict=True)
    return StepView(
        statement_id=told.statement_id,
        kind=claims.kind.name,
        actor=claims.actor,
        issuer=claims.issuer,
        on_behalf=claims.on_behalf is not None,
        issued_at=claims.issued_at,
        inputs=tuple(LotView(spend, lot) for spend, lot in spent if lot is not None),
        outputs=tuple(each for index in range(len(told.outputs)) if (each := told.lot_at(index)) is not None),
        draws=tuple((right_id, mass) for right_id, mass in told.drawn.items() if mass > 0),
        origin=origins.label(details.origin) if isinstance(details, RegisterDetails) else None,
        process=details.process if isinstance(details, TransformDetails) else None,
        facts=_facts(details),
    )


def _facts(details: Details | None) -> dict[str, str]:
    """What else a kind says, in words; what is empty is left out."""
    facts: dict[str, str] = {}
    match details:
        case ReturnDetails():
            facts = {"declaration": details.declaration, "reason": details.reason_code}
        case TransformDetails():
            facts = {"reason": details.reason_code or ""}
        case OfferDetails():
            facts = {"transport document": details.transport_document}
        case DivertDetails():
            facts = {"reason": details.reason_code, "transport document": details.transport_document}
        case AdjustDetails():
            facts = {**_basis(details), "reason": details.reason_code or ""}
        case ConsumeDetails():
            facts = {"use": details.use, "product": details.product}
        case AnnulDetails():
            facts = {"annuls": details.register_id.hex(), "reason": details.reason_code}
        case CorrectDetails():
            fields = ", ".join(field.name.lower() for field in details.fields)
            corrected = details.outpoint.text
            facts = {"corrects": corrected, "fields": fields, "reason": details.reason_code}
        case _:
            pass
    return {name: text for name, text in facts.items() if text}


def _basis(details: AdjustDetails) -> dict[str, str]:
    match details.basis:
        case Attested(attestation):
            return {"attestation": attestation.hex()}
        case Stocktake(record):
            return {"stocktake": record}
        case Corrected(correction):
            return {"correction": correction.hex()}
