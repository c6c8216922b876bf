"""A bell between tasks of one process. Only ever a hint that saves waiting: whoever waits also looks by itself now
and then."""

from __future__ import annotations

import asyncio


class Wakeup:
    """Wakes everybody who waits; a ring that nobody waited for is kept for the next who does."""

    def __init__(self) -> None:
        self._rings = 0
        self._event = asyncio.Event()

    @property
    def rings(self) -> int:
        """How often it rang so far. Read it before looking, pass it to `wait` after, and no ring in between is
        missed."""
        return self._rings

    def ring(self) -> None:
        """Wakes everybody."""
        self._rings += 1
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, since: int, timeout_s: float) -> None:
        """Until it rings, unless it rang after `since`, for `timeout_s` at most."""
        if self._rings != since or timeout_s <= 0:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return
