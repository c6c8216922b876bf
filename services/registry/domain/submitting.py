"""How long after it was made a statement may be submitted, and how far another's clock may go before ours."""

from __future__ import annotations

from typing import Final

from services.registry.domain import refusals

ISSUED_AT_AGE_MAX_S: Final = 86_400
"""A day: for people to look at what they sign. What was signed and put aside does not turn up a year later."""
CLOCK_AHEAD_MAX_S: Final = 300
"""How far the clock of who signed or measured may go before ours, seconds."""


def check_issued_at(issued_at: int, now: int) -> None:
    """Unix seconds, both. Raises ISSUED_AT_OUT_OF_RANGE."""
    earliest, latest = now - ISSUED_AT_AGE_MAX_S, now + CLOCK_AHEAD_MAX_S
    if not earliest <= issued_at <= latest:
        raise refusals.issued_at_out_of_range(issued_at, now, earliest=earliest, latest=latest)
