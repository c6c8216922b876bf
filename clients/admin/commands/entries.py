"""`monazite entries`: the logs of the services, entry by entry."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from monazite.export_license.v1.export_license_pb2_grpc import LogServiceStub as LicensingLogServiceStub
from monazite.quota.v1.quota_pb2_grpc import LogServiceStub as QuotaLogServiceStub
from monazite.registry.v1.registry_pb2_grpc import LogServiceStub as RegistryLogServiceStub
from monazite.type.v1.statement_pb2 import Entry, ListEntriesRequest, ListEntriesResponse
from monazite_provenance.kinds import EventKind

from clients.admin.exit_codes import ExitCode
from clients.admin.output import when
from clients.admin.session import PAGE_SIZE, JsonOption, Session, run
from clients.masses import INT64_MAX

app = typer.Typer(no_args_is_help=True, help="The services' logs.")

# Under the configured deadline by a margin, so that a quiet log is no error.
WAIT_MS_MAX = 10_000


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
        wait_ms = 0 if once else min(WAIT_MS_MAX, int(session.configuration.timeout_s * 500))
        next_index = first
        while True:
            request = ListEntriesRequest(from_index=next_index, page_size=PAGE_SIZE, wait_ms=wait_ms)
            page = await _read(session, service, request)
            for entry in page.entries:
                _print(session, entry)
            next_index = page.next_index
            if once and next_index >= page.size:
                return

    run(context, work, as_json=as_json, interrupted=ExitCode.INTERRUPTED if once else ExitCode.DONE)


async def _read(session: Session, service: LogName, request: ListEntriesRequest) -> ListEntriesResponse:
    channel = session.channel(service.value)
    match service:
        case LogName.REGISTRY:
            return await session.ask(RegistryLogServiceStub(channel).ListEntries, request)
        case LogName.QUOTA:
            return await session.ask(QuotaLogServiceStub(channel).ListEntries, request)
        case LogName.EXPORT_LICENSE:
            return await session.ask(LicensingLogServiceStub(channel).ListEntries, request)


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
