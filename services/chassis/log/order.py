"""The order of a batch: parents before children."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry without an index. `leaf` is its leaf hash."""

    statement_id: bytes
    parents: tuple[bytes, ...]
    committed_at: datetime
    leaf: bytes


class Linked(Protocol):
    """What names its parents."""

    @property
    def statement_id(self) -> bytes: ...

    @property
    def parents(self) -> tuple[bytes, ...]: ...


LinkedT = TypeVar("LinkedT", bound=Linked)


def order(pending: Sequence[LinkedT]) -> list[LinkedT]:
    """Parents before children, otherwise in the order given; parents that are not among them are settled already.

    Raises ValueError on a circle (which no set of hashes can form).
    """
    place = {entry.statement_id: number for number, entry in enumerate(pending)}
    waits = [0] * len(pending)
    children: dict[int, list[int]] = {}
    for number, entry in enumerate(pending):
        for parent in set(entry.parents) & place.keys():
            waits[number] += 1
            children.setdefault(place[parent], []).append(number)
    if not children:
        return list(pending)
    ready = [number for number, count in enumerate(waits) if count == 0]
    ordered: list[LinkedT] = []
    while ready:
        number = heapq.heappop(ready)
        ordered.append(pending[number])
        for child in children.get(number, ()):
            waits[child] -= 1
            if waits[child] == 0:
                heapq.heappush(ready, child)
    if len(ordered) != len(pending):
        raise ValueError("entries are each other's parents")
    return ordered
