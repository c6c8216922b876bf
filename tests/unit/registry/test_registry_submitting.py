"""How long after it was made a statement may be submitted."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from services.chassis.errors import Error
from services.registry.domain.submitting import CLOCK_AHEAD_MAX_S, ISSUED_AT_AGE_MAX_S, check_issued_at

NOW = 1_790_000_000


@given(st.integers(-ISSUED_AT_AGE_MAX_S, CLOCK_AHEAD_MAX_S))
@example(-ISSUED_AT_AGE_MAX_S)
@example(CLOCK_AHEAD_MAX_S)
def test_a_day_back_and_five_minutes_ahead_are_taken(offset_s: int) -> None:
    check_issued_at(NOW + offset_s, NOW)
    assert ISSUED_AT_AGE_MAX_S == 24 * 60 * 60


@given(st.one_of(st.integers(0, NOW - ISSUED_AT_AGE_MAX_S - 1), st.integers(NOW + CLOCK_AHEAD_MAX_S + 1)))
@example(NOW - ISSUED_AT_AGE_MAX_S - 1)
@example(NOW + CLOCK_AHEAD_MAX_S + 1)
def test_what_lies_outside_is_refused_with_the_bounds(issued_at: int) -> None:
    with pytest.raises(Error) as refused:
        check_issued_at(issued_at, NOW)
    assert refused.value.reason == "ISSUED_AT_OUT_OF_RANGE"
    assert refused.value.metadata == {
        "issued_at": str(issued_at),
        "now": str(NOW),
        "earliest": str(NOW - ISSUED_AT_AGE_MAX_S),
        "latest": str(NOW + CLOCK_AHEAD_MAX_S),
    }
