"""Calls from many callers at once, case by case in turn, so that what disturbs the machine disturbs every case."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

CALLS_AT_ONCE: Final = 64

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Case:
    """Something to be measured. `prepare` makes a round's calls, untimed; each does `units` of what is counted.

    `settle` waits, untimed, until nothing goes on behind the answers any more.
    """

    prepare: Callable[[], Awaitable[Sequence[Call]]]
    settle: Callable[[], Awaitable[None]]
    units: int = 1


@dataclass(slots=True)
class Figures:
    """What was measured of one case, round by round."""

    # Units per second.
    rates: list[float] = field(default_factory=list[float])
    # Of every single call.
    latencies_s: list[float] = field(default_factory=list[float])
    # From the last answer until nothing went on behind it.
    settle_s: list[float] = field(default_factory=list[float])

    @property
    def rate(self) -> float:
        """Units per second, median of the rounds."""
        return statistics.median(self.rates)

    def latency_ms(self, share: float) -> float:
        """The latency that this share of the calls stayed within."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000

    @property
    def settled_ms(self) -> float:
        """From the last answer until nothing went on behind it, median of the rounds."""
        return statistics.median(self.settle_s) * 1000


def ratio(figures: Figures, yardstick: Figures) -> float:
    """Median of the rounds' ratios of rates: both of a pair were measured within a second or two."""
    return statistics.median(own / other for own, other in zip(figures.rates, yardstick.rates, strict=True))


def best_ratio(figures: Figures, yardstick: Figures) -> float:
    """Each one's best round against the other's: nearest to an idle machine, where less is disturbed."""
    return max(figures.rates) / max(yardstick.rates)


async def drive(calls: Sequence[Call], latencies_s: list[float]) -> float:
    """Make the calls, `CALLS_AT_ONCE` at a time; returns seconds. What a call raises ends the measurement."""
    queue = iter(calls)

    async def caller() -> None:
        for call in queue:
            began = time.perf_counter()
            await call()
            latencies_s.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLS_AT_ONCE)))
    return time.perf_counter() - began


async def measure(cases: Mapping[str, Case], rounds: int) -> dict[str, Figures]:
    """Measure every case in every round, each round beginning with another one. A round before them is thrown away."""
    measured = {name: Figures() for name in cases}
    names = list(cases)
    for number in range(-1, rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            figures = measured[name] if number >= 0 else Figures()
            await _measure(cases[name], figures)
    return measured


async def _measure(case: Case, figures: Figures) -> None:
    calls = await case.prepare()
    gc.collect()
    seconds = await drive(calls, figures.latencies_s)
    figures.rates.append(len(calls) * case.units / seconds)
    began = time.perf_counter()
    await case.settle()
    figures.settle_s.append(time.perf_counter() - began)
