"""`monazite log`: is what a service's log shows what it signed, and does it stay so?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Protocol

import grpc
import typer
from monazite.transparency.v1.transparency_pb2 import (
    GetCheckpointRequest,
    GetConsistencyRequest,
    StreamEntriesRequest,
    StreamEntriesResponse,
)
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite_provenance.errors import LogForked, LogProblem, ProofMismatch, ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.monitor import Monitor
from monazite_provenance.names import log_urn
from monazite_provenance.receipts import Head, HeadVerifier
from monazite_provenance.statement import log_leaf
from monazite_provenance.trust import TrustFile

from clients.admin.commands.entries import LogName
from clients.admin.configuration import ConfigurationError
from clients.admin.exit_codes import ExitCode
from clients.admin.output import JsonValue, Output
from clients.admin.replay import Diverged, Replay
from clients.admin.session import InputError, JsonOption, Session, run
from clients.connection import stream
from clients.errors import CallError

app = typer.Typer(no_args_is_help=True, help="Checks the services' logs.")

PAGE_SIZE: Final = 1000
INTERVAL_S: Final = 5.0
_PASSING: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

ServiceArgument = Annotated[LogName, typer.Argument(help="Whose log.")]
ShardOption = Annotated[int, typer.Option("--shard", min=0, help="Which of its logs.")]


@app.command("verify")
def verify(
    context: typer.Context, *, service: ServiceArgument, shard: ShardOption = 0, as_json: JsonOption = False
) -> None:
    """Replays a log from nothing, rebuilds its root, and names the first entry that is not what was signed."""

    async def work(session: Session) -> None:
        log = _Log(session, service, log_urn(service.value, shard))
        replay = Replay(log.verifier, log.name)
        try:
            async for page in log.pages():
                await replay.take(page, log.path)
        except Diverged as diverged:
            _refute(
                session,
                log.name,
                diverged.why,
                first_divergent_entry=diverged.index,
                checkpoint=diverged.checkpoint.hex(),
            )
            raise typer.Exit(ExitCode.REFUTED) from diverged
        except ProvenanceError as error:
            raise InputError(f"{log.name}: {error.code} {error.message}") from error
        head = replay.head
        if head is None or head.size != replay.size:
            raise InputError(f"{log.name}: the log ended before its head")
        _show(session, head, "VERIFIED")

    run(context, work, as_json=as_json)


@app.command("watch")
def watch(
    context: typer.Context,
    *,
    service: ServiceArgument,
    shard: ShardOption = 0,
    state: Annotated[
        Path | None, typer.Option("--state", help="Keeps the last head in this file, to go on from the next time.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Stop after one head.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Follows a log's heads, each of which must begin with the one before; a fork is told with both signed heads."""

    async def work(session: Session) -> None:
        log = _Log(session, service, log_urn(service.value, shard))
        monitor = await asyncio.to_thread(_monitor, log, state)
        try:
            while True:
                if await observed(log, monitor, session.output, patiently=not once):
                    _show(session, monitor.head, "CONSISTENT")
                    if state is not None and monitor.checkpoint is not None:
                        await asyncio.to_thread(_keep, state, monitor.checkpoint)
                if once:
                    return
                await asyncio.sleep(INTERVAL_S)
        except LogForked as fork:
            _refute(session, log.name, fork.message, earlier=fork.earlier.hex(), later=fork.later.hex())
            raise typer.Exit(ExitCode.REFUTED) from fork
        except LogProblem as problem:
            _refute(session, log.name, f"{problem.code} {problem.message}")
            raise typer.Exit(ExitCode.REFUTED) from problem
        except ProvenanceError as error:
            raise InputError(f"{log.name}: {error.code} {error.message}") from error

    run(context, work, as_json=as_json, interrupted=ExitCode.INTERRUPTED if once else ExitCode.DONE)


class Observable(Protocol):
    """A log that can be looked at."""

    name: str

    async def observe(self, monitor: Monitor, /) -> bool: ...


async def observed(log: Observable, monitor: Monitor, output: Output, *, patiently: bool) -> bool:
    """Takes the latest head; False when it is the last one again, or, `patiently`, when the service is away: it may
    restart while its log is watched. Raises as `observe`.
    """
    try:
        return await log.observe(monitor)
    except CallError as error:
        if not patiently or error.code not in _PASSING:
            raise
        output.note(f"{log.name}: {error}; is asked again in {INTERVAL_S:g} s")
        return False


class _Log:
    """One service's log, as it answers."""

    def __init__(self, session: Session, service: LogName, name: str) -> None:
        self.name = name
        try:
            self.verifier = HeadVerifier(TrustFile.load(session.configuration.trust_file()).keyring())
        except ProvenanceError as error:
            raise ConfigurationError(f"the trust file cannot be used: {error.code} {error.message}") from error
        self._session = session
        self._stub = TransparencyServiceStub(session.channel(service.value))

    async def pages(self) -> AsyncIterator[StreamEntriesResponse]:
        """All that is published, page by page, over as many streams as it takes."""
        position = 0
        while True:
            request = StreamEntriesRequest(from_index=position, page_size=PAGE_SIZE)
            began = position
            async for page in stream(
                self._stub.StreamEntries, request, timeout_s=self._session.configuration.timeout_s
            ):
                yield page
                position = page.next_index
                if not page.consistency and len(page.entries) < PAGE_SIZE:
                    return
            if position == began:
                return

    async def path(self, old_size: int, size: int) -> Sequence[bytes]:
        """The consistency path that the log gives."""
        request = GetConsistencyRequest(old_size=old_size, size=size)
        return (await self._session.ask(self._stub.GetConsistency, request)).path

    async def observe(self, monitor: Monitor) -> bool:
        """Takes the latest head; False when it is the last one again. Raises ProvenanceError, LogForked above all."""
        checkpoint = (await self._session.ask(self._stub.GetCheckpoint, GetCheckpointRequest())).checkpoint
        if checkpoint == monitor.checkpoint:
            return False
        head = self.verifier.verify_checkpoint(checkpoint)
        if head.log != self.name:
            raise InputError(f"the service keeps {head.log}, not {self.name}")
        size, last = head.size, monitor.head
        try:
            path = await self.path(last.size, size) if last is not None and last.size < size else ()
            monitor.take(checkpoint, path)
        except ProofMismatch:
            # A wrong path proves nothing: the entries do, where they may be read.
            monitor.take_entries(checkpoint, await self._leaves(size))
        return True

    async def _leaves(self, size: int) -> list[bytes]:
        leaves: list[bytes] = []
        async for page in self.pages():
            leaves += [log_leaf(Item.decode(entry.item.item).statement) for entry in page.entries]
        return leaves[:size]


def _monitor(log: _Log, state: Path | None) -> Monitor:
    """Goes on from the head in the file, where there is one. Raises ConfigurationError for a file that cannot be kept,
    InputError for one that holds no head of this log.
    """
    if state is None:
        return Monitor(log.verifier, log.name)
    if state.is_dir() or not state.parent.is_dir():
        raise ConfigurationError(f"cannot write {state}: not a file in a directory that is there")
    try:
        return Monitor(log.verifier, log.name, state.read_bytes() if state.exists() else None)
    except ProvenanceError as error:
        raise InputError(f"{state} holds no head of {log.name} under this trust file: {error.code}") from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {state}: {error.strerror}") from error


def _refute(session: Session, log: str, why: str, **evidence: str | int) -> None:
    if session.output.as_json:
        session.output.value({"log": log, "verdict": "REFUTED", "why": why, **evidence})
        return
    session.output.raw(f"REFUTED  {log}  {why}")
    for name, value in evidence.items():
        session.output.raw(f"  {name}: {value}")


def _show(session: Session, head: Head | None, verdict: str) -> None:
    if head is None:
        return
    if session.output.as_json:
        fields: dict[str, JsonValue] = {"log": head.log, "size": head.size, "root": head.root.hex()}
        session.output.value({**fields, "signed_at": head.signed_at, "verdict": verdict})
    else:
        session.output.raw(f"{verdict}  {head.log}  {head.size} entries  root {head.root.hex()}")


def _keep(state: Path, checkpoint: bytes) -> None:
    """In one step, so that a run that is cut off keeps the head before."""
    new = state.with_name(state.name + ".new")
    new.write_bytes(checkpoint)
    new.replace(state)
