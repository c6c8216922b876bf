"""Several failures in a row are an absence; one is a slow answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.readiness import Readiness


def test_one_slow_answer_changes_nothing_and_one_good_answer_ends_an_absence() -> None:
    readiness = Readiness(failures_max=2)
    told = [readiness.probed(answered) for answered in (True, False, False, True, False, False, False, False, True)]
    assert told == [False, False, False, False, False, False, True, False, True]
    assert readiness.ready


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 4))
def test_ready_says_whether_the_last_failures_were_too_many(probes: list[bool], failures_max: int) -> None:
    readiness = Readiness(failures_max=failures_max)
    ready = True
    for count, answered in enumerate(probes, start=1):
        changed = readiness.probed(answered)
        expected = any(probes[max(0, count - failures_max - 1) : count]) or count <= failures_max
        assert readiness.ready is expected
        assert changed is (expected is not ready)
        ready = expected
