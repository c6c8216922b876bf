"""Rights at the registry: what may be drawn, and how a right ends. Whichever locks the row first wins, so each is a
pure function of it.
"""

from __future__ import annotations

from dataclasses import replace

from services.registry.domain import refusals
from services.registry.domain.change import DrawOn
from services.registry.domain.records import RightRow, RightState, RightTerms


def first_seen(terms: RightTerms) -> RightRow:
    """The row of a right that was presented for the first time, and verified."""
    return RightRow(terms.right_id, RightState.OPEN, 0, terms)


def draw(row: RightRow | None, asked: DrawOn, *, holder: str, home_log: str, now: int) -> RightRow:
    """The right after a draw. `holder`: URI of who draws; `home_log`: this registry's log; `now`: our clock, Unix
    seconds.

    Raises RIGHT_MISSING, RIGHT_NOT_YOURS, RIGHT_WRONG_KIND, RIGHT_CLOSED, RIGHT_EXPIRED, RIGHT_EXCEEDED.
    """
    terms = row.terms if row is not None and row.terms is not None else asked.presented
    if terms is None or (terms.holder != holder and asked.presented is None):
        # Not presented, unknown or another's: the three must look the same.
        raise refusals.right_missing(asked.right_id)
    if terms.holder != holder:
        raise refusals.right_not_yours(asked.right_id, "is another holder's")
    if terms.registry_log != home_log:
        raise refusals.right_not_yours(asked.right_id, "is good at another registry")
    if asked.sites != frozenset({terms.site}):
        raise refusals.right_not_yours(asked.right_id, f"is good at the site {terms.site} only")
    if terms.kind is not asked.kind:
        raise refusals.right_wrong_kind(asked.right_id, terms.kind, asked.kind)
    right = row if row is not None else first_seen(terms)
    if right.state is not RightState.OPEN:
        raise refusals.right_closed(asked.right_id, right.drawn_mg)
    if now >= terms.expires_at:
        raise refusals.right_expired(asked.right_id, terms.expires_at, now)
    if right.drawn_mg + asked.reo_mg > terms.mass_mg:
        raise refusals.right_exceeded(
            asked.right_id, mass_mg=terms.mass_mg, drawn_mg=right.drawn_mg, asked_mg=asked.reo_mg
        )
    return replace(right, drawn_mg=right.drawn_mg + asked.reo_mg)


def freeze(row: RightRow | None, right_id: bytes) -> RightRow:
    """The right with draws stopped, so that its total can be signed; of an unseen one the tombstone."""
    if row is None:
        return RightRow(right_id, RightState.CLOSING, 0, None)
    return row if row.state is not RightState.OPEN else replace(row, state=RightState.CLOSING)


def close(row: RightRow | None, total_drawn_mg: int, closed_by: bytes) -> RightRow:
    """The right after its end was signed. Raises Moved unless it is frozen at exactly the total that was signed."""
    if row is None or row.state is not RightState.CLOSING or row.drawn_mg != total_drawn_mg:
        raise refusals.Moved
    return replace(row, state=RightState.CLOSED, closed_by=closed_by)
