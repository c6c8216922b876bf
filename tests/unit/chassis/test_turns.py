"""Turns: so many at once, so many in the queue, and none given back before its work has ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from services.chassis.errors import Error, Kind
from services.chassis.turns import Turns


class Desk:
    """Work that runs until it is let go, and how much of it ran at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = 0
        self.most = 0
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()

    async def begins(self, count: int = 1) -> None:
        """Until so much more work has begun."""
        for _ in range(count):
            assert await asyncio.to_thread(self.begun.acquire, timeout=10)

    def work(self) -> str:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        self.may_end.wait(10)
        with self.lock:
            self.running -= 1
        return "done"


async def one(turns: Turns, work: Callable[[], str]) -> str:
    async with await turns.take() as turn:
        return await turn.in_thread(work)


async def test_so_many_work_so_many_wait_and_the_next_is_refused() -> None:
    desk = Desk()
    async with Turns(concurrent_max=2, queued_max=3) as turns:
        tasks = [asyncio.create_task(one(turns, desk.work)) for _ in range(5)]
        await desk.begins(2)
        with pytest.raises(Error) as refusal:
            await one(turns, desk.work)
        assert (refusal.value.kind, refusal.value.reason) == (Kind.EXHAUSTED, "OVERLOADED")
        assert refusal.value.metadata == {"queued": "3"}
        assert refusal.value.message == "too much waits for its turn already"
        desk.may_end.set()
        assert await asyncio.gather(*tasks) == ["done"] * 5
        assert desk.most == 2
        assert await one(turns, desk.work) == "done"


async def test_who_stops_waiting_makes_room_in_the_queue() -> None:
    desk = Desk()
    async with Turns(concurrent_max=1, queued_max=1) as turns:
        working = asyncio.create_task(one(turns, desk.work))
        await desk.begins()
        for _ in range(3):
            waiting = asyncio.create_task(one(turns, desk.work))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        desk.may_end.set()
        assert await working == "done"
        assert await one(turns, desk.work) == "done"


async def test_work_whose_caller_has_gone_keeps_its_turn_until_it_ends() -> None:
    desk = Desk()
    async with Turns(concurrent_max=1, queued_max=1) as turns:
        gone = asyncio.create_task(one(turns, desk.work))
        await desk.begins()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        successor = asyncio.create_task(turns.take())
        await asyncio.sleep(0)
        assert not successor.done()
        desk.may_end.set()
        async with await successor:
            assert desk.running == 0


async def test_a_turn_that_ends_before_its_work_began_is_free_again() -> None:
    def fail() -> str:
        raise ZeroDivisionError

    async with Turns(concurrent_max=1, queued_max=0) as turns:
        with pytest.raises(KeyError):
            async with await turns.take():
                raise KeyError
        with pytest.raises(ZeroDivisionError):
            await one(turns, fail)
        await asyncio.sleep(0)
        assert await one(turns, lambda: "done") == "done"
