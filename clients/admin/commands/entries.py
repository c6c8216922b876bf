"""`monazite entries`: the logs of the services, entry by entry."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from monazite.transparency.v1.transparency_pb2 import Entry, StreamEntriesRequest
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub
from monazite_provenance.kinds import EventKind

from clients.admin.exit_codes import ExitCode
from clients.admin.output import when
from clients.admin.session import PAGE_SIZE, JsonOption, Session, run
from clients.connection import stream
from clients.masses import INT64_MAX

app = typer.Typer(no_args_is_help=True, help="The services' logs.")


class LogName(StrEnum):
    """Whose log."""

    REGISTRY = "registry"
    QUOTA = "quota"
    EXPORT_LICENSE = "export_license"


@app.command("follow")
def follow(
    context: typer.Context,
    *,
    service: Annotated[LogName, typer.Argument(help="Whose log.")],
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

    run(context, work, as_json=as_json, interrupted=ExitCode.INTERRUPTED if once else ExitCode.DONE)


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
