"""Turns at what is heavy: what takes a core for seconds in a thread and much memory meanwhile.

Without turns, as much of it would be held and worked on at once as callers ask for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self, TypeVar

from services.chassis import errors

Result = TypeVar("Result")


class Turns:
    """At most `concurrent_max` turns at once; `queued_max` more may wait, in order. Close it with `async with`.

    A turn lasts until its work has ended, also where its caller has gone meanwhile: a thread cannot be stopped, and
    while it runs it holds its core and its memory.
    """

    def __init__(self, *, concurrent_max: int, queued_max: int) -> None:
        self._free = asyncio.Semaphore(concurrent_max)
        self._threads = ThreadPoolExecutor(concurrent_max, thread_name_prefix="turn")
        self._queued_max: Final = queued_max
        self._queued = 0

    async def take(self) -> Turn:
        """The next turn. Waits as long as the caller does; raises OVERLOADED when too many wait already."""
        if self._free.locked() and self._queued >= self._queued_max:
            raise errors.Error(
                errors.Kind.EXHAUSTED,
                "OVERLOADED",
                "too much waits for its turn already",
                metadata={"queued": self._queued},
            )
        self._queued += 1
        try:
            await self._free.acquire()
        finally:
            self._queued -= 1
        return Turn(self._free, self._threads)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nobody waits for an answer any more.
        self._threads.shutdown(wait=False, cancel_futures=True)


class Turn:
    """One turn, for gathering (under `async with`) and then, at most once, for work in a thread."""

    def __init__(self, free: asyncio.Semaphore, threads: ThreadPoolExecutor) -> None:
        self._free = free
        self._threads = threads
        self._working = False

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        self._working = True
        running.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(running)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._working:
            self._free.release()
