"""`monazite log`: is what a service's log shows what it signed, and does it stay so?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Protocol

import typer
from monazite_provenance.checkpoints import verify_checkpoint_text
from monazite_provenance.errors import LogForked, LogProblem, ProofMismatch, ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.monitor import Monitor, Replay
from monazite_provenance.names import log_urn
from monazite_provenance.receipts import Head, HeadVerifier
from monazite_provenance.statement import log_leaf

from clients.admin.commands.witnessing import witness
from clients.admin.configuration import ConfigurationError
from clients.admin.exit_codes import ExitCode
from clients.admin.output import JsonValue, Output
from clients.admin.replay import Diverged, take
from clients.admin.service_log import INTERVAL_S, PASSING, LogName, ServiceArgument, ServiceLog, ShardOption, refute
from clients.admin.session import InputError, JsonOption, Session, run
from clients.admin.writing import check_file, check_free, replace
from clients.errors import CallError

app = typer.Typer(no_args_is_help=True, help="Checks the services' logs.")
app.command("witness")(witness)


@app.command("verify")
def verify(
    context: typer.Context, *, service: ServiceArgument, shard: ShardOption = 0, as_json: JsonOption = False
) -> None:
    """Replays a log from nothing, rebuilds its root, and names the first entry that is not what was signed."""

    async def work(session: Session) -> None:
        log = _Log(session, service, log_urn(service.value, shard))
        replay, head = Replay(), None
        try:
            async for page in log.service.pages():
                head = log.head(page.checkpoint.checkpoint)
                await take(replay, page, head, log.service.path)
        except Diverged as diverged:
            refute(
                session,
                log.name,
                diverged.why,
                first_divergent_entry=diverged.index,
                checkpoint=diverged.checkpoint.hex(),
            )
            raise typer.Exit(ExitCode.REFUTED) from diverged
        except ProvenanceError as error:
            raise InputError.of(error, log=log.name) from error
        if head is None or head.size != replay.frontier.size:
            raise InputError("the log ended before its head", log=log.name)
        _show(session, head, {"verdict": "VERIFIED"})

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
                before = monitor.head
                newer = await observed(log, monitor, session.output, patiently=not once)
                if monitor.head is not None and (newer or once):
                    grown = before is None or monitor.head.size > before.size
                    _show(session, monitor.head, {"verdict": "CONSISTENT", "grown": grown})
                if newer and state is not None and monitor.checkpoint is not None:
                    await asyncio.to_thread(replace, state, [monitor.checkpoint])
                if once:
                    return
                await asyncio.sleep(INTERVAL_S)
        except LogForked as fork:
            refute(session, log.name, fork.message, earlier=fork.earlier.hex(), later=fork.later.hex())
            raise typer.Exit(ExitCode.REFUTED) from fork
        except LogProblem as problem:
            refute(session, log.name, f"{problem.code} {problem.message}")
            raise typer.Exit(ExitCode.REFUTED) from problem
        except ProvenanceError as error:
            raise InputError.of(error, log=log.name) from error

    run(context, work, as_json=as_json)


@app.command("checkpoint")
def checkpoint(
    context: typer.Context,
    *,
    service: ServiceArgument,
    file: Annotated[
        Path | None,
        typer.Argument(help="Where to, as `python -m monazite_provenance root` reads it.", show_default=False),
    ] = None,
    text: Annotated[
        bool, typer.Option("--text", help="As text (C2SP tlog-checkpoint), which is what witnesses sign; else in COSE.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    shard: ShardOption = 0,
    as_json: JsonOption = False,
) -> None:
    """The latest signed head of a log, verified; shown, or written as a checkpoint in either of its two forms."""
    if file is not None:
        check_free(file, force=force)

    async def work(session: Session) -> None:
        log = _Log(session, service, log_urn(service.value, shard))
        found = await log.service.latest()
        try:
            head = log.head(found.checkpoint)
            if text:
                log.check_text(found.note, head)
        except ProvenanceError as error:
            raise InputError.of(error, log=log.name) from error
        if file is not None:
            await asyncio.to_thread(replace, file, [found.note.encode() if text else found.checkpoint])
        if text and file is None and not session.output.as_json:
            session.output.raw(found.note.removesuffix("\n"))
            return
        forms: dict[str, JsonValue] = {"checkpoint": found.checkpoint.hex(), "text": found.note}
        written: dict[str, JsonValue] = {} if file is None else {"file": str(file)}
        _show(session, head, {"verdict": "VERIFIED", **(forms if as_json else {}), **written})

    run(context, work, as_json=as_json)


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
        if not patiently or error.code not in PASSING:
            raise
        output.note(f"{log.name}: {error}; is asked again in {INTERVAL_S:g} s")
        return False


class _Log:
    """One service's log, and the keys that its heads are to be under."""

    def __init__(self, session: Session, service: LogName, name: str) -> None:
        self.name = name
        self._keys = session.configuration.trust_file().keyring()
        self.verifier = HeadVerifier(self._keys)
        self.service = ServiceLog(session, service)

    def head(self, checkpoint: bytes) -> Head:
        """A checkpoint of this log. Raises ProvenanceError where it does not verify, InputError for another log's."""
        head = self.verifier.verify_checkpoint(checkpoint)
        if head.log != self.name:
            raise InputError(f"the service keeps {head.log}", log=self.name)
        return head

    def check_text(self, note: str, head: Head) -> None:
        """Return if the text says of the log what its head says, and is signed. Raises ProvenanceError, InputError."""
        if not note:
            raise InputError("this log has no text checkpoint: that asks for an Ed25519 key", log=self.name)
        found = verify_checkpoint_text(note, self._keys.log_keys)
        if (found.origin, found.size, found.root) != (head.log, head.size, head.root):
            raise InputError("the text is of another head than the checkpoint", log=self.name)

    async def observe(self, monitor: Monitor) -> bool:
        """Takes the latest head; False when it is the last one again. Raises ProvenanceError, LogForked above all."""
        checkpoint = await self.service.checkpoint()
        if checkpoint == monitor.checkpoint:
            return False
        size, last = self.head(checkpoint).size, monitor.head
        try:
            path = await self.service.path(last.size, size) if last is not None and last.size < size else ()
            monitor.take(checkpoint, path)
        except ProofMismatch:
            # A wrong path proves nothing: the entries do, where they may be read.
            monitor.take_entries(checkpoint, await self._leaves(size))
        return True

    async def _leaves(self, size: int) -> list[bytes]:
        leaves: list[bytes] = []
        async for page in self.service.pages():
            leaves += [log_leaf(Item.decode(entry.item.item).statement) for entry in page.entries]
        return leaves[:size]


def _monitor(log: _Log, state: Path | None) -> Monitor:
    """Goes on from the head in the file, where there is one. Raises ConfigurationError for a file that cannot be kept,
    InputError for one that holds no head of this log.
    """
    if state is None:
        return Monitor(log.verifier, log.name)
    check_file(state)
    try:
        return Monitor(log.verifier, log.name, state.read_bytes() if state.exists() else None)
    except ProvenanceError as error:
        raise InputError.of(error, log=log.name, file=str(state)) from error
    except OSError as error:
        raise ConfigurationError(f"cannot read {state}: {error.strerror}") from error


def _show(session: Session, head: Head, found: dict[str, JsonValue]) -> None:
    """A line, as JSON too: a watch writes many. `found`: the `verdict`, and of a watch whether there are more entries
    than at the head before (`grown`).
    """
    if session.output.as_json:
        fields: dict[str, JsonValue] = {"log": head.log, "size": head.size, "root": head.root.hex()}
        session.output.value_line({**fields, "signed_at": head.signed_at, **found})
    else:
        before = "" if found.get("grown", True) else "; no more entries than before"
        where = f"{found['file']}: " if "file" in found else ""
        said = f"{found['verdict']}  {head.log}  {head.size} entries  root {head.root.hex()}{before}"
        session.output.raw(where + said)
