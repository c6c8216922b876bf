"""What of a lot lives on in the outputs of a step: which ids are born there, and where each milligram comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monazite_provenance import origins
from monazite_provenance.contents import AcceptDetails, Details, LotContent, RegisterDetails, ReturnDetails
from monazite_provenance.kinds import EventKind

AS_THEY_ARE: Final = frozenset({EventKind.OFFER, EventKind.CANCEL, EventKind.DIVERT})
"""Kinds whose outputs are their inputs, in another state."""
_SAME_IDS: Final = AS_THEY_ARE | {EventKind.ADJUST, EventKind.CORRECT}


def newborn(details: Details, outputs: Sequence[LotContent]) -> list[LotContent]:
    """Outputs whose lot ids begin here."""
    match details:
        case AcceptDetails():
            return _sent_back(details, outputs)
        case ReturnDetails():
            # What comes back whole keeps its id, else what is still abroad does.
            return list(outputs[:1]) if len(outputs) > 1 else []
        case _:
            return [] if details.KIND in _SAME_IDS else list(outputs)


def _sent_back(details: AcceptDetails, outputs: Sequence[LotContent]) -> list[LotContent]:
    returned: list[LotContent] = []
    left = iter(outputs)
    for line in details.lines:
        if line.accepted_g:
            next(left)
        if line.returned_g:
            returned.append(next(left))
    return returned


def are_inputs(details: Details) -> bool:
    """Whether each output is an input whole, in another state or in other hands."""
    if isinstance(details, AcceptDetails):
        return all((line.accepted_g == 0) != (line.returned_g == 0) and not line.shortage_g for line in details.lines)
    return details.KIND in AS_THEY_ARE


def shares(
    details: Details, inputs: Sequence[origins.Shares], outputs: Sequence[LotContent], told: Details | None
) -> list[origins.Shares]:
    """Origin shares of a step's outputs. `told`: of a correction, the details of the corrected statement."""
    source = details if told is None else told
    if isinstance(source, RegisterDetails):
        name = origins.label(source.origin)
        return [origins.born(lot, name) for lot in outputs]
    if isinstance(details, AcceptDetails):
        return _accepted(details, inputs, outputs)
    return origins.carry(inputs, outputs)


def _accepted(
    details: AcceptDetails, inputs: Sequence[origins.Shares], outputs: Sequence[LotContent]
) -> list[origins.Shares]:
    """Lot by lot: goods that arrive together are not blended by that."""
    found: list[origins.Shares] = []
    left = list(outputs)
    for share, line in zip(inputs, details.lines, strict=True):
        count = (line.accepted_g > 0) + (line.returned_g > 0)
        # What arrives or goes back whole is what was sent.
        found += [share] if count == 1 and not line.shortage_g else origins.carry([share], left[:count])
        del left[:count]
    return found
