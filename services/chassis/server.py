"""A service process: mutual TLS, the gate around every method, health, reflection, graceful drain.

`services/<name>/server.py` has `async def build(site: Site[XSettings]) -> Composition`, and `__main__.py`:

    sys.exit(run("registry", RegistrySettings, build, Path(__file__).parent / "migrations"))

Tests run the same thing in process: `async with serving(settings, build, migrations) as running: running.port`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar, cast

import grpc
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from services.chassis import access, call, credentials, migrations, telemetry
from services.chassis.access import AccessTable
from services.chassis.clock import Clock, SystemClock
from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.gate import Gate, Handler, Rule
from services.chassis.health import Health
from services.chassis.identity import Identities
from services.chassis.log.peers import LogProblem
from services.chassis.readiness import DatabaseProbe
from services.chassis.reflector import Reflector
from services.chassis.settings import BadSettings, Settings, SettingsT, load

# Generated without types.
_add_health: Final = cast("Callable[[object, grpc.aio.Server], None]", health_pb2_grpc.add_HealthServicer_to_server)
_add_reflection: Final = cast(
    "Callable[[object, grpc.aio.Server], None]",
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server,  # pyright: ignore[reportUnknownMemberType]
)

Servicer = TypeVar("Servicer")
Background = Callable[[], Coroutine[None, None, None]]


class Follows(Protocol):
    """What follows a peer's log: `run` raises LogProblem and nothing else by itself."""

    @property
    def log(self) -> str:
        """Name of the log."""
        ...

    async def run(self) -> None:
        """Until cancelled."""
        ...


# Allocations over deallocations before the youngest generation is looked through, then collections of each generation
# before the next older one is.
COLLECTOR_THRESHOLDS: Final = (100_000, 50, 1000)

EXIT_SETTINGS: Final = 78  # EX_CONFIG of sysexits.h
EXIT_FAILED: Final = 1

_log = logging.getLogger(__name__)


class _Handlers(Protocol):
    def __call__(self, registrar: grpc.aio.Server, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Mount:
    """One gRPC service with its servicer; made by `mount`."""

    descriptor: ServiceDescriptor
    add: _Handlers


def mount(descriptor: ServiceDescriptor, add: Callable[[Servicer, grpc.aio.Server], None], servicer: Servicer) -> Mount:
    """`mount(quota_pb2.DESCRIPTOR.services_by_name["RightService"], add_RightServiceServicer_to_server,
    RightServicer(...))`."""

    def add_to(registrar: grpc.aio.Server) -> None:
        add(servicer, registrar)

    return Mount(descriptor, add_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What `build` made: the access table, the services, what runs beside them until the end (`sequencer.run`), which
    peers' logs are followed, and what is to be told when the server drains, so that nobody is kept waiting
    (`log.drain`)."""

    access: AccessTable
    mounts: Sequence[Mount]
    background: Sequence[Background] = ()
    followers: Sequence[Follows] = ()
    on_drain: Sequence[Callable[[], None]] = ()


@dataclass(frozen=True, slots=True)
class Site(Generic[SettingsT]):
    """What `build` gets. `stack` closes, in reverse, whatever is entered into it (the committer, peers) after the
    last call has ended."""

    settings: SettingsT
    database: Database
    stack: AsyncExitStack
    clock: Clock = field(default_factory=SystemClock)


class _Registrar:
    """Stands in for the server while the generated code adds its handlers, so that each can be wrapped once, at
    start."""

    def __init__(self) -> None:
        self.handlers: dict[str, Mapping[str, Handler]] = {}

    def add_registered_method_handlers(self, service_name: str, method_handlers: Mapping[str, Handler]) -> None:
        self.handlers[service_name] = method_handlers

    def add_generic_rpc_handlers(self, generic_rpc_handlers: object) -> None:
        """The generated code gives the same handlers twice; the other form names them."""


class Server:
    """A gRPC server behind the gate. Raises IncompleteAccess when the table and the services do not fit."""

    def __init__(self, settings: Settings, composition: Composition) -> None:
        descriptors = [one.descriptor for one in composition.mounts]
        access.check_complete(composition.access, descriptors)
        self._settings = settings
        self._on_drain = composition.on_drain
        self._draining = asyncio.Event()
        self._names = [one.full_name for one in descriptors]
        self.health = Health(self._names)
        self._gate = Gate(
            Identities(settings.domain),
            deadline_ms_min=settings.limits.deadline_ms_min,
            trace_ratio=settings.telemetry.trace_ratio,
        )
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=settings.limits.concurrent_calls_max,
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", settings.request_bytes_max),
            ],
        )
        for one in composition.mounts:
            self._add(one.add, lambda method: Rule(composition.access[method]))
        self._add_standard_services()

    def _add(self, add: _Handlers, rule: Callable[[str], Rule]) -> None:
        registrar = _Registrar()
        # It has the two methods that generated code calls.
        add(cast("grpc.aio.Server", registrar))
        for service, handlers in registrar.handlers.items():
            wrapped: dict[str, Handler] = {}
            for name, handler in handlers.items():
                method = f"/{service}/{name}"
                wrapped[name] = self._gate.wrap(method, handler, rule(method))
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, wrapped),))

    def _add_standard_services(self) -> None:
        """Health and reflection: for any certificate of the suite, and without a deadline (probes and tools set
        none)."""
        anybody = Rule(None, deadline_required=False)
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        names = [*self._names, health_name, reflection.SERVICE_NAME]
        reflector = Reflector(names, self._draining)
        self._add(lambda server: _add_health(self.health, server), lambda _: anybody)
        self._add(lambda server: _add_reflection(reflector, server), lambda _: anybody)

    async def start(self) -> int:
        """Listens and reports SERVING; returns the port."""
        try:
            port = self._server.add_secure_port(
                self._settings.listen, credentials.of_server(self._settings.certificates)
            )
        except RuntimeError:
            raise BadSettings(f"listen: {self._settings.listen} cannot be listened on (is it taken?)") from None
        await self._server.start()
        self.health.ready(True)
        return port

    async def stop(self) -> None:
        """Reports NOT_SERVING, lets go of who only waits for news, takes no new calls, and lets those in flight end
        within `drain_ms`."""
        self.health.drain()
        self._draining.set()
        for tell in self._on_drain:
            tell()
        await self._server.stop(self._settings.limits.drain_ms / 1000)


@dataclass(frozen=True, slots=True)
class Running:
    """A service that serves. `failed` is done when a background task ended by itself, which it must not."""

    port: int
    failed: asyncio.Future[None]


@asynccontextmanager
async def serving(
    settings: SettingsT,
    build: Callable[[Site[SettingsT]], Awaitable[Composition]],
    migrations_path: Path,
    *,
    clock: Clock | None = None,
) -> AsyncGenerator[Running]:
    """Migrates, builds, serves; at the end drains calls, then stops what runs beside them, then closes what was
    opened."""
    call.name_traces()
    await migrations.migrate(settings.database_url, migrations_path)
    async with (
        Database(settings.database_url, connections_max=settings.limits.database_connections_max) as database,
        AsyncExitStack() as stack,
    ):
        composition = await build(Site(settings, database, stack, clock or SystemClock()))
        server = Server(settings, composition)
        port = await server.start()
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        backgrounds: list[Background] = [
            *composition.background,
            DatabaseProbe(database, server.health.ready).run,
            *(partial(_follow, log, each, server.health) for log, each in _by_log(composition.followers).items()),
        ]
        tasks = [asyncio.create_task(_watched(background, failed)) for background in backgrounds]
        try:
            yield Running(port, failed)
        finally:
            await server.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _by_log(followers: Iterable[Follows]) -> dict[str, list[Follows]]:
    by_log: dict[str, list[Follows]] = {}
    for each in followers:
        by_log.setdefault(each.log, []).append(each)
    return by_log


async def _follow(log: str, followers: Sequence[Follows], health: Health) -> None:
    """Followers of one log halt together, say so for good, and do not end the process: anew they would meet the same
    log."""
    health.following(log, followed=True)
    telemetry.halted_followers.set(0, {"log": log})
    try:
        async with asyncio.TaskGroup() as group:
            for each in followers:
                group.create_task(each.run())
    except* LogProblem as found:
        health.following(log, followed=False)
        telemetry.halted_followers.set(1, {"log": log})
        for problem in found.exceptions:
            evidence = problem.evidence if isinstance(problem, LogProblem) else ()
            _log.error(
                "%s is not followed any further: %s",
                log,
                problem,
                extra={"log": log, "evidence": [one.hex() for one in evidence]},
            )
        await asyncio.Event().wait()


async def _watched(background: Background, failed: asyncio.Future[None]) -> None:
    try:
        await background()
    except asyncio.CancelledError:
        raise
    except Exception as error:
        _log.exception("a background task ended")
        if not failed.done():
            failed.set_exception(error)
    else:
        if not failed.done():
            failed.set_exception(RuntimeError("a background task returned"))


def run(
    service: str,
    kind: type[SettingsT],
    build: Callable[[Site[SettingsT]], Awaitable[Composition]],
    migrations_path: Path,
) -> int:
    """The whole process: settings from the environment, telemetry, uvloop, until SIGTERM or SIGINT. Returns the exit
    status."""
    try:
        settings = load(kind)
        flush = telemetry.configure(service, settings.telemetry)
        try:
            uvloop.run(_until_stopped(service, settings, build, migrations_path))
        finally:
            flush()
    except BadSettings as error:
        print(f"{service}: {error}", file=sys.stderr)  # noqa: T201  (there is no logging before there are settings)
        return EXIT_SETTINGS
    except Exception as error:
        _log.exception("%s ended", service)
        return EXIT_FAILED if not isinstance(error, Error) else os.EX_TEMPFAIL
    return os.EX_OK


async def _until_stopped(
    service: str,
    settings: SettingsT,
    build: Callable[[Site[SettingsT]], Awaitable[Composition]],
    migrations_path: Path,
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with serving(settings, build, migrations_path) as running:
        _spare_the_collector()
        _log.info("%s serves on port %d", service, running.port)
        if settings.port_file is not None:
            _write_port(settings.port_file, running.port)
        running.failed.add_done_callback(lambda _: stopped.set())
        await stopped.wait()
        _log.info("%s drains", service)
    if running.failed.done():
        running.failed.result()


def _spare_the_collector() -> None:
    """What was made until now (modules, descriptors, pools) lives as long as the process, so the garbage collector need
    not walk over it; and calls make few cycles, so it may come by seldom. Worth about a tenth of a busy core."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)


def _write_port(path: Path, port: int) -> None:
    """In one step, so that a reader never sees half of it."""
    partial = path.with_suffix(".partial")
    partial.write_text(f"{port}\n")
    partial.replace(path)
