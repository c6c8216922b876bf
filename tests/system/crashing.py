"""Killing services at crash points and between steps, and a client that gives the same command until it is answered."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

from google.protobuf.message import Message
from grpc import aio
from monazite.registry.v1.registry_pb2 import GetBundleRequest
from monazite.type.v1.statement_pb2 import Outpoint
from monazite_provenance.chain import verify_bundle
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.trust import TrustFile

from clients import errors
from clients.connection import Identity, ask, open_channel, stream
from clients.errors import CallError
from clients.stubs import Stubs
from tests.system.crash_points import CrashPoint
from tools.local.deployment import Deployment
from tools.local.suite import Suite

Q = TypeVar("Q", bound=Message)
R = TypeVar("R", bound=Message)
T = TypeVar("T")

PATIENCE_S: Final = 90.0
ATTEMPT_S: Final = 5.0
LAGGARD_S: Final = 30.0
POLL_S: Final = 0.05
# What a client repeats with the same request id: nobody can tell it whether it was done.
REPEATED: Final = frozenset(
    {
        errors.TRANSPORT_CUT,
        errors.TRANSPORT_UNREACHABLE,
        errors.TRANSPORT_DEADLINE,
        errors.UNKNOWN_REASON,
        "UNAVAILABLE",
        "PEER_UNAVAILABLE",
        "DEADLINE",
        "CONFLICT",
        "OVERLOADED",
    }
)


@dataclass
class Caller(Stubs):
    """A principal that does not give up: every call is repeated as it is until it is answered or refused."""

    uri: str
    path: str
    _channels: dict[str, aio.Channel] = field(default_factory=dict[str, aio.Channel])

    @classmethod
    def open(cls, deployment: Deployment, path: str) -> Caller:
        """Connections of the principal at `path`."""
        files = deployment.certificate(path)
        identity = Identity(files.certificate, files.key, files.authority)
        channels = {service: open_channel(address, identity) for service, address in deployment.addresses.items()}
        return cls(f"spiffe://{deployment.domain}/{path}", path, channels)

    @property
    def id(self) -> str:
        """Last segment of the path."""
        return self.path.rpartition("/")[2]

    async def ask(self, method: aio.UnaryUnaryMultiCallable[Q, R], request: Q) -> R:
        """The answer, however often it takes to get it. Raises CallError for what is refused."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await ask(method, request, timeout_s=ATTEMPT_S, wait_for_ready=True)
            except CallError as error:
                if error.reason not in REPEATED or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(POLL_S)

    async def report(self, trust: TrustFile, head: Outpoint) -> LotReport:
        """What the library says of a head's bundle, however often it takes to get one. Raises as `ask`."""
        deadline = time.monotonic() + PATIENCE_S
        request = GetBundleRequest(head=head, with_status=True)
        while True:
            try:
                pieces = [each.chunk async for each in stream(self.lots.GetBundle, request, timeout_s=ATTEMPT_S)]
                return verify_bundle(pieces, trust, at=int(time.time()))
            except CallError as error:
                if error.reason not in REPEATED or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def callers(deployment: Deployment, *paths: str) -> AsyncGenerator[list[Caller]]:
    """Callers with their connections, closed at the end."""
    opened = [Caller.open(deployment, path) for path in paths]
    try:
        yield opened
    finally:
        for caller in opened:
            await caller.close()


async def until(read: Callable[[], Awaitable[T]], done: Callable[[T], bool]) -> T:
    """What `read` gives, as soon as it is `done`."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = await read()
        if done(found):
            return found
        assert time.monotonic() < deadline, f"still not so after {PATIENCE_S} s:\n{found}"
        await asyncio.sleep(POLL_S)


async def assert_verified(deployment: Deployment, caller: Caller, heads: Iterable[Outpoint]) -> None:
    """Every head's bundle verifies offline with nothing unchecked, whoever died: all that it rests on got its place in
    a log, and what was drawn its settlement."""
    trust = TrustFile.load(deployment.trust_file.read_bytes())
    for head in heads:

        async def report(head: Outpoint = head) -> LotReport:
            return await caller.report(trust, head)

        # The registry follows quota's log; nothing but a settlement may be late.
        found = await until(report, lambda each: each.gap_codes() != frozenset({"UNSETTLED_RIGHT"}))
        assert found.verdict is Verdict.VERIFIED, (found.failure, found.not_checked)


def request_id() -> str:
    """A fresh request id."""
    return str(uuid.uuid4())


class Saboteur:
    """Lets a service die at one crash point after the other: whenever it has died, it comes back armed with the next.

    Killed, never told to end: a drain would wait for the peers' long polls, and hide what a crash shows.
    """

    def __init__(self, suite: Suite, points: Sequence[CrashPoint]) -> None:
        self._suite = suite
        (self.service,) = {point.service for point in points}
        self.left = [point.name for point in points]
        self.passed: list[str] = []
        self._nurse: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._suite.kill, self.service)
        await self._start()
        self._nurse = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._nurse is not None
        self._nurse.cancel()
        with suppress(asyncio.CancelledError):
            await self._nurse
        if self._suite.running(self.service):
            await asyncio.to_thread(self._suite.kill, self.service)
        await asyncio.to_thread(end_lease, self._suite, self.service)
        await asyncio.to_thread(self._suite.restart, self.service)

    async def _watch(self) -> None:
        while self.left:
            while self._suite.running(self.service):  # noqa: ASYNC110 - a process has no event to wait for
                await asyncio.sleep(POLL_S)
            self.passed.append(self.left.pop(0))
            # Shielded: a restart that has begun must not be left half done.
            await asyncio.shield(self._start())

    async def _start(self) -> None:
        armed = {"MONAZITE_CRASH_AT": self.left[0]} if self.left else {}
        await asyncio.to_thread(end_lease, self._suite, self.service)
        await asyncio.to_thread(self._suite.restart, self.service, armed, wait=False)

    async def all_points(self, round_of_work: Callable[[], Awaitable[None]]) -> None:
        """Works until the service has died at every point. Fails at a point that the work does not pass."""
        while self.left:
            armed = self.left[0]
            await round_of_work()
            deadline = time.monotonic() + LAGGARD_S
            # A sequencer publishes after the work is done.
            while self.left[:1] == [armed]:
                assert time.monotonic() < deadline, f"{self.service} does not pass {armed} on this path"
                await asyncio.sleep(POLL_S)


def end_lease(suite: Suite, service: str) -> None:
    """What a dead process held ends as it would by itself in a while: the next one need not wait for that."""
    suite.cluster.sql("UPDATE lease SET expires_at = '-infinity'", database=service)


async def kill(suite: Suite, service: str) -> None:
    """SIGKILL, then a new process; does not wait until that one serves, the callers do."""
    await asyncio.to_thread(suite.kill, service)
    await asyncio.to_thread(end_lease, suite, service)
    await asyncio.to_thread(suite.restart, service, wait=False)
