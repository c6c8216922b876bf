"""The rules of the steps as far as they can be asked of a statement of which not all is shown: how many lots go in and
come out, whose they are and in which state, what of an acceptance adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from monazite_provenance._descent import AS_THEY_ARE
from monazite_provenance._step_checks import check_held, check_measured, check_transit
from monazite_provenance._transfers import check_line
from monazite_provenance.contents import AcceptDetails, LotContent
from monazite_provenance.errors import NotHolder, StepNotAllowed
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import same_owner

_BY_HOLDER: Final = frozenset(
    {EventKind.SPLIT, EventKind.MERGE, EventKind.TRANSFORM, EventKind.OFFER, EventKind.ADJUST, EventKind.CONSUME}
)
_BY_RECEIVER: Final = frozenset({EventKind.ACCEPT, EventKind.DIVERT})
_TO_ACTOR: Final = frozenset(
    {EventKind.REGISTER, EventKind.SPLIT, EventKind.MERGE, EventKind.TRANSFORM, EventKind.CANCEL, EventKind.ADJUST}
)
_TO_TRANSIT: Final = frozenset({EventKind.OFFER, EventKind.DIVERT})
_MEASURED: Final = frozenset({EventKind.REGISTER, EventKind.TRANSFORM})


def check_arity(kind: EventKind, spent: int, made: int) -> None:
    """How many a step of this kind spends and makes. Raises StepNotAllowed."""
    match kind:
        case EventKind.REGISTER:
            fits = spent == 0 < made
        case EventKind.SPLIT:
            fits = spent == 1 < made
        case EventKind.MERGE:
            fits = spent > 1 == made
        case EventKind.TRANSFORM:
            fits = spent > 0 < made
        case EventKind.ACCEPT:
            fits = spent > 0 and made <= 2 * spent
        case EventKind.ADJUST:
            fits = spent == made == 1
        case EventKind.CONSUME:
            fits = spent > 0 == made
        case _:
            fits = kind in AS_THEY_ARE and spent == made > 0
    if not fits:
        raise StepNotAllowed("number of inputs or outputs", inputs=spent, outputs=made)


def check_parties(kind: EventKind, actor: str, spent: Sequence[LotContent], made: Sequence[LotContent]) -> None:
    """Lots that are spent and made are in the state that the kind asks, and those of who acts, where they are to be.

    Raises StepNotAllowed, NotHolder.
    """
    if kind in _BY_HOLDER:
        check_held(spent, actor)
    else:
        check_transit(spent)
        if not all(same_owner((lot.receiver or "") if kind in _BY_RECEIVER else lot.holder, actor) for lot in spent):
            raise NotHolder("spent by another than the step asks")
    if kind in _TO_ACTOR:
        check_held(made, actor)
    elif kind in _TO_TRANSIT:
        check_transit(made)
    if kind in _MEASURED:
        check_measured(made)


def check_lines(details: AcceptDetails, inputs: Iterable[LotContent | None], made: int, actor: str) -> None:
    """One line for each input (None: not shown), which adds up; and as many outputs as the lines make.

    Raises StepNotAllowed, NotHolder, MassNotConserved.
    """
    offered = tuple(inputs)
    if len(details.lines) != len(offered):
        raise StepNotAllowed("not one line for each lot in transit")
    for lot, line in zip(offered, details.lines, strict=True):
        if lot is not None:
            check_line(lot, line, actor)
    if made != sum((line.accepted_g > 0) + (line.returned_g > 0) for line in details.lines):
        raise StepNotAllowed("an output that no line of the acceptance makes")
