"""Whose lots are that a step spends and makes, and in which state, of a statement of which not all is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monazite_provenance._step_checks import check_held, check_measured, check_transit
from monazite_provenance.contents import LotContent
from monazite_provenance.errors import NotHolder
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
