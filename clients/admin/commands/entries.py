"""`monazite entries`: the logs of the services, entry by entry, on the screen or in a file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from monazite.transparency.v1.transparency_pb2 import Entry, StreamEntriesRequest
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind

from clients.admin.configuration import ConfigurationError
from clients.admin.output import when
from clients.admin.service_log import ServiceArgument, ServiceLog
from clients.admin.session import PAGE_SIZE, InputError, JsonOption, Session, run
from clients.admin.writing import check_free
from clients.connection import stream
from clients.masses import INT64_MAX

app = typer.Typer(no_args_is_help=True, help="The services' logs.")


@app.command("follow")
def follow(
    context: typer.Context,
    *,
    service: ServiceArgument,
    first: Annotated[int, typer.Option("--from", min=0, max=INT64_MAX, help="First index wanted.")] = 0,
    once: Annotated[
        bool, typer.Option("--once", help="Stop at the end of the log instead of waiting for more.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Published entries in order, as they come; Ctrl-C ends. With --json one object a line."""

    async def work(session: Session) -> None:
        stub = TransparencyServiceStub(session.channel(service.value))
        next_index = first
        while True:
            request = StreamEntriesRequest(from_index=next_index, page_size=PAGE_SIZE, follow=not once)
            async for page in stream(stub.StreamEntries, request, timeout_s=session.configuration.timeout_s):
                for entry in page.entries:
                    _print(session, entry)
                next_index = page.next_index
            if once:
                return

    run(context, work, as_json=as_json)


@app.command("save")
def save(
    context: typer.Context,
    *,
    service: ServiceArgument,
    file: Annotated[Path, typer.Argument(help="Where the statements go; the signed head goes to FILE.head.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the files.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Saves a whole log with its signed head, as `python -m monazite_provenance root` takes them. Verifies nothing."""
    check_free(file, force=force)
    head = file.with_name(f"{file.name}.head")
    check_free(head, force=force)

    async def work(session: Session) -> None:
        size = await _save(ServiceLog(session, service), file, head)
        if session.output.as_json:
            session.output.value({"entries": str(file), "checkpoint": str(head), "size": size})
            return
        trust = session.configuration.trust or "TRUST"
        session.output.raw(f"{file}: {size} entries, under the signed head in {head}. To verify it, without us:")
        session.output.raw(f"  python -m monazite_provenance root {file} --checkpoint {head} --trust {trust}")

    run(context, work, as_json=as_json)


async def _save(log: ServiceLog, file: Path, head: Path) -> int:
    """All statements into `file` and the head that they are under into `head`; gives how many they are.

    Both are whole before either is put in its place, and what ends this before leaves what was there. Raises
    ConfigurationError where they cannot be written.
    """
    new = [each.with_name(f"{each.name}.new") for each in (file, head)]
    try:
        size, checkpoint = await _write(log, new[0])
        new[1].write_bytes(checkpoint)
        for written, place in zip(new, (file, head), strict=True):
            written.replace(place)
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error
    finally:
        for each in new:
            with suppress(OSError):
                each.unlink()
    return size


async def _write(log: ServiceLog, file: Path) -> tuple[int, bytes]:
    """Gives how many statements there are now in `file`, and the head that they are under."""
    size, checkpoint = 0, b""
    with file.open("wb") as written:
        async for page in log.pages():
            for entry in page.entries:
                written.write(_statement(entry))
            size, checkpoint = page.next_index, page.checkpoint.checkpoint
    return size, checkpoint


def _statement(entry: Entry) -> bytes:
    try:
        return Item.decode(entry.item.item).statement
    except ProvenanceError as error:
        raise InputError.of(error, entry=entry.index) from error


def _print(session: Session, entry: Entry) -> None:
    if session.output.as_json:
        session.output.line(entry)
        return
    session.output.raw(
        f"{entry.index:>8}  {when(entry.committed_at)}  {kind_name(entry.event_kind):<14} {entry.statement_id.hex()}"
    )


def kind_name(kind: int) -> str:
    """Name of an event kind; a number this client does not know stays a number."""
    try:
        return EventKind(kind).name
    except ValueError:
        return str(kind)
