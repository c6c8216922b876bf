"""`monazite enterprise`: who is listed, and for what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from monazite.registry.v1.registry_pb2 import Enterprise, GetEnterpriseRequest, RegisterEnterpriseRequest
from monazite.registry.v1.registry_pb2_grpc import EnterpriseServiceStub

from clients.admin.arguments import names
from clients.admin.output import Output
from clients.admin.session import JsonOption, RequestIdOption, Session, run

app = typer.Typer(no_args_is_help=True, help="Enterprises and their keys.")

EnterpriseArgument = Annotated[str, typer.Argument(help="Enterprise id, as in its certificate.")]


class Activity(StrEnum):
    """What an enterprise may do."""

    MINE = "MINE"
    SEPARATE = "SEPARATE"
    SMELT_METAL = "SMELT_METAL"
    MAKE_MAGNETS = "MAKE_MAGNETS"
    IMPORT = "IMPORT"
    EXPORT = "EXPORT"
    RECYCLE = "RECYCLE"


@app.command("register")
def register(
    context: typer.Context,
    *,
    enterprise_id: EnterpriseArgument,
    name: Annotated[str, typer.Option("--name", help="Name to show.")],
    activity: Annotated[
        list[Activity], typer.Option("--activity", help="May be given several times.", case_sensitive=False)
    ],
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Lists an enterprise."""

    async def work(session: Session) -> None:
        stub = EnterpriseServiceStub(session.channel("registry"))
        request = RegisterEnterpriseRequest(
            request_id=session.new_request_id(request_id),
            enterprise_id=enterprise_id,
            display_name=name,
            activities=[each.value for each in activity],
        )
        registered = await session.ask(stub.RegisterEnterprise, request)
        session.show(registered, lambda: _enterprise(session.output, registered))

    run(context, work, as_json=as_json)


@app.command("show")
def show(context: typer.Context, *, enterprise_id: EnterpriseArgument, as_json: JsonOption = False) -> None:
    """One enterprise with its keys."""

    async def work(session: Session) -> None:
        stub = EnterpriseServiceStub(session.channel("registry"))
        found = await session.ask(stub.GetEnterprise, GetEnterpriseRequest(enterprise_id=enterprise_id))
        session.show(found, lambda: _enterprise(session.output, found))

    run(context, work, as_json=as_json)


def _enterprise(output: Output, enterprise: Enterprise) -> None:
    facts = [("name", enterprise.display_name), ("activities", names(enterprise.activities))]
    if enterprise.HasField("own_signature_from"):
        facts.append(("own signature only", f"from entry {enterprise.own_signature_from} on"))
    facts.extend(("retired key" if each.retired else "key", each.thumbprint.hex()) for each in enterprise.keys)
    output.facts(f"Enterprise {enterprise.enterprise_id}", facts)
