"""What durable calls cost, in multiples of a gRPC call that does nothing and of the bare rows.

Three services, PostgreSQL, the echo server and the caller share one machine. One run measures every case in every
round, 64 calls at once over one connection with mutual TLS; a figure is the median of the rounds' ratios.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import grpc

from benchmarks import actors, echo
from benchmarks.actors import IMPORTER, MINE, Enterprise, identity, prepared
from benchmarks.load import Call, Case, Figures, measure
from benchmarks.quiet import Observer
from benchmarks.straight import Straight
from clients.connection import open_channel
from services.chassis.migrations import migrate
from services.registry.server import MIGRATIONS
from tools.local.suite import Suite

ROUNDS: Final = 12
ECHO_BYTES: Final = 16
"""As little as a call can carry: every byte more would make the services look better."""
CALLS: Final = {"echo": 2048, "register_lot": 768, "register_mined_lot": 512, "reserve": 768, "sql": 2048}
"""Calls of a round; half a second each or so."""
TOGETHER: Final = 64
"""Row sets of one transaction in the variant with group commit."""


async def run(suite: Suite, rounds: int = ROUNDS) -> dict[str, Figures]:
    """Measure on a running suite that is durable and that nobody else uses."""
    async with AsyncExitStack() as stack:
        return await measure(await _cases(suite, stack), rounds)


async def _cases(suite: Suite, stack: AsyncExitStack) -> dict[str, Case]:
    await actors.establish(suite)
    mine = await stack.enter_async_context(_enterprise(suite, MINE))
    importer = await stack.enter_async_context(_enterprise(suite, IMPORTER))
    right = await mine.right()
    for call in await importer.imports(1):
        await call()
    observer = await Observer.open(_database(suite, "registry"), _database(suite, "quota"))
    stack.push_async_callback(observer.close)
    straight = await _straight(suite, stack)
    return {
        "echo": Case(await _echo(suite, stack), observer.wait),
        "register_lot": Case(partial(importer.imports, CALLS["register_lot"]), observer.wait),
        "register_mined_lot": Case(partial(mine.minings, CALLS["register_mined_lot"], right), observer.wait),
        "reserve": Case(partial(mine.reservations, CALLS["reserve"]), observer.wait),
        "sql": Case(partial(straight.calls, CALLS["sql"], 1), observer.wait),
        "sql_grouped": Case(partial(straight.calls, CALLS["sql"] // TOGETHER, TOGETHER), observer.wait, units=TOGETHER),
    }


@asynccontextmanager
async def _enterprise(suite: Suite, enterprise_id: str) -> AsyncGenerator[Enterprise]:
    enterprise = Enterprise.open(suite, enterprise_id)
    try:
        yield enterprise
    finally:
        await enterprise.close()


async def _echo(suite: Suite, stack: AsyncExitStack) -> Callable[[], Awaitable[Sequence[Call]]]:
    address = stack.enter_context(echo.running(suite.authority.issue("service/echo", server=True)))
    channel = open_channel(address, identity(suite, f"enterprise/{IMPORTER}"))
    stack.push_async_callback(channel.close)
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{echo.SERVICE}/{echo.METHOD}")
    await method(bytes(ECHO_BYTES), timeout=actors.TIMEOUT_S, wait_for_ready=True)

    async def prepare() -> Sequence[Call]:
        return [prepared(method, bytes(ECHO_BYTES)) for _ in range(CALLS["echo"])]

    return prepare


async def _straight(suite: Suite, stack: AsyncExitStack) -> Straight:
    url = suite.cluster.create_service_database("straight")
    await migrate(url, MIGRATIONS)
    straight = await Straight.open(url, _database(suite, "registry"))
    stack.push_async_callback(straight.close)
    return straight


def _database(suite: Suite, name: str) -> str:
    """A service's database, as superuser."""
    return f"{suite.cluster.superuser_url.rpartition('/')[0]}/{name}"
