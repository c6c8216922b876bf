"""`monazite licences`: what may leave, and how much of it has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from monazite.export_license.v1.export_license_pb2 import (
    Licence,
    ListLicencesRequest,
    ListLicencesResponse,
    ReinstateLicenceRequest,
    SuspendLicenceRequest,
)
from monazite.export_license.v1.export_license_pb2_grpc import LicenceServiceStub

from clients.admin.licences import find
from clients.admin.output import Output, when
from clients.admin.session import (
    LIMIT_DEFAULT,
    JsonOption,
    LimitOption,
    PageTokenOption,
    RequestIdOption,
    Session,
    collect,
    run,
)
from clients.masses import gross_tonnes

app = typer.Typer(no_args_is_help=True, help="Export licences.")

LicenceArgument = Annotated[str, typer.Argument(help="Licence number, or id in hex.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Recorded with the change.")]


@app.command("list")
def list_licences(
    context: typer.Context,
    *,
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Licences with their lines."""

    async def work(session: Session) -> None:
        stub = LicenceServiceStub(session.channel("export_license"))

        async def page(size: int, token: str) -> ListLicencesResponse:
            return await session.ask(stub.ListLicences, ListLicencesRequest(page_size=size, page_token=token))

        found = await collect(page, lambda each: len(each.licences), limit=limit, page_token=page_token)
        session.show(found, lambda: print_licences(session.output, found.licences))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


@app.command("show")
def show(context: typer.Context, *, licence: LicenceArgument, as_json: JsonOption = False) -> None:
    """One licence; of each line: granted = reserved + used + available."""

    async def work(session: Session) -> None:
        found = await find(session, licence)
        session.show(found, lambda: _licence(session.output, found))

    run(context, work, as_json=as_json)


@app.command("suspend")
def suspend(
    context: typer.Context,
    *,
    licence: LicenceArgument,
    reason: ReasonOption,
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Stops a licence; write-offs check it again, so it takes effect on goods already declared."""
    _change(context, licence, SuspendLicenceRequest(reason=reason), request_id, as_json=as_json)


@app.command("reinstate")
def reinstate(
    context: typer.Context,
    *,
    licence: LicenceArgument,
    reason: ReasonOption,
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Puts a suspended licence back into force."""
    _change(context, licence, ReinstateLicenceRequest(reason=reason), request_id, as_json=as_json)


def _change(
    context: typer.Context,
    licence: str,
    request: SuspendLicenceRequest | ReinstateLicenceRequest,
    request_id: str,
    *,
    as_json: bool,
) -> None:
    async def work(session: Session) -> None:
        stub = LicenceServiceStub(session.channel("export_license"))
        request.licence_id = (await find(session, licence)).licence_id
        request.request_id = session.new_request_id(request_id)
        if isinstance(request, SuspendLicenceRequest):
            changed = await session.ask(stub.SuspendLicence, request)
        else:
            changed = await session.ask(stub.ReinstateLicence, request)
        session.show(changed, lambda: _licence(session.output, changed.licence))

    run(context, work, as_json=as_json)


def _state(licence: Licence) -> str:
    return Licence.State.Name(licence.state).removeprefix("STATE_")


def print_licences(output: Output, licences: Iterable[Licence]) -> None:
    """The table of licences, a row a line; dates fold so that the numbers need not."""
    rows = [
        [
            each.licence_id.hex(),
            f"{each.licence_number}\n{each.licensee}\nto {each.destination}",
            f"{_state(each)}\nuntil {when(each.expire_time)}",
            f"{item}\n{hs_code}",
            *numbers,
        ]
        for each in licences
        for item, hs_code, *numbers in _lines(each)
    ]
    columns = [
        "Licence",
        "Number, licensee, to",
        "State",
        "Item, HS",
        ">granted",
        ">reserved",
        ">used",
        ">available",
    ]
    output.table("Licences, t gross", columns, rows)


def _lines(licence: Licence) -> list[list[str]]:
    return [
        [
            each.line.control_code,
            each.line.hs_code,
            *(gross_tonnes(grams) for grams in (each.line.gross_g, each.reserved_g, each.used_g, each.available_g)),
        ]
        for each in licence.lines
    ]


def _licence(output: Output, licence: Licence) -> None:
    output.facts(
        f"Licence {licence.licence_number}",
        [
            ("id", licence.licence_id.hex()),
            ("case", licence.case_id),
            ("licensee", licence.licensee),
            ("state", _state(licence)),
            ("end user", f"{licence.end_user.name}, {licence.end_user.country}"),
            ("destination", licence.destination),
            ("expires", when(licence.expire_time)),
            ("as of", when(licence.as_of)),
        ],
    )
    columns = ["Item", "HS", ">granted", ">reserved", ">used", ">available"]
    output.table("Lines, t gross", columns, _lines(licence))
