"""What a follower takes for a page of the log, and what it halts on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from monazite.type.v1.statement_pb2 import Entry, ListEntriesResponse

from services.chassis.follower import LogProblem, read_page

LOG = "urn:monazite:log:registry:0"


def page(indexes: Sequence[int], *, next_index: int, size: int, log: str = LOG) -> ListEntriesResponse:
    entries = [Entry(index=index, statement_id=bytes([index]) * 32, event_kind=1) for index in indexes]
    return ListEntriesResponse(log=log, entries=entries, next_index=next_index, size=size)


def test_a_page_with_gaps_left_by_other_kinds_goes_on_behind_them() -> None:
    assert [entry.index for entry in read_page(LOG, 3, page([3, 5, 9], next_index=12, size=12))] == [3, 5, 9]


@pytest.mark.parametrize(
    "response",
    [
        page([], next_index=0, size=0, log="urn:monazite:log:quota:0"),
        page([], next_index=3, size=2),
        page([], next_index=2, size=9),
        page([], next_index=10, size=9),
        page([2], next_index=9, size=9),
        page([5, 4], next_index=9, size=9),
        page([5, 5], next_index=9, size=9),
        page([9], next_index=9, size=9),
        ListEntriesResponse(log=LOG, entries=[Entry(index=3, statement_id=b"short")], next_index=4, size=4),
    ],
    ids=[
        "other log",
        "shrank",
        "backwards",
        "past the end",
        "before us",
        "unordered",
        "twice",
        "beyond next",
        "no id",
    ],
)
def test_a_page_that_contradicts_the_log_is_not_followed(response: ListEntriesResponse) -> None:
    with pytest.raises(LogProblem):
        read_page(LOG, 3, response)
