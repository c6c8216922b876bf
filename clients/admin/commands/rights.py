"""`monazite rights`: reservations of quota, at quota and as the registry sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from monazite.quota.v1.quota_pb2 import (
    GetRightRequest,
    ListRightsRequest,
    ListRightsResponse,
    RevokeRightRequest,
    Right,
)
from monazite.quota.v1.quota_pb2_grpc import RightServiceStub
from monazite.registry.v1 import registry_pb2
from monazite.registry.v1.registry_pb2_grpc import RightServiceStub as RegistryRightServiceStub

from clients.admin.arguments import YEAR_MAX, EnterpriseOption, hex_id, kind_name
from clients.admin.output import Output, message_value, when
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
from clients.masses import tonnes

app = typer.Typer(no_args_is_help=True, help="Rights: reservations of quota.")

RightArgument = Annotated[str, typer.Argument(help="Right id, 64 hex digits.")]


@app.command("list")
def list_rights(
    context: typer.Context,
    *,
    year: Annotated[int, typer.Option("--year", min=0, max=YEAR_MAX, help="Quota year; 0 means all.")] = 0,
    enterprise: EnterpriseOption = "",
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Rights and what has been settled on them."""

    async def work(session: Session) -> None:
        stub = RightServiceStub(session.channel("quota"))

        async def page(size: int, token: str) -> ListRightsResponse:
            request = ListRightsRequest(page_size=size, page_token=token, year=year, enterprise_id=enterprise)
            return await session.ask(stub.ListRights, request)

        found = await collect(page, lambda each: len(each.rights), limit=limit, page_token=page_token)
        session.show(found, lambda: _table(session.output, found.rights))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


@app.command("show")
def show(context: typer.Context, *, right_id: RightArgument, as_json: JsonOption = False) -> None:
    """One right: what quota settled, what the registry has drawn."""
    wanted = hex_id(right_id, "RIGHT_ID")

    async def work(session: Session) -> None:
        quota = await session.ask(RightServiceStub(session.channel("quota")).GetRight, GetRightRequest(right_id=wanted))
        registry = await session.ask(
            RegistryRightServiceStub(session.channel("registry")).GetRight,
            registry_pb2.GetRightRequest(right_id=wanted),
        )
        if session.output.as_json:
            both = {"quota": quota, "registry": registry}
            session.output.value({name: message_value(each) for name, each in both.items()})
            return
        state = registry_pb2.Right.State.Name(registry.state).removeprefix("STATE_")
        session.output.facts(
            f"Right {wanted.hex()}",
            [*_facts(quota), ("at the registry", state), ("drawn, t REO", tonnes(registry.drawn_mg))],
        )

    run(context, work, as_json=as_json)


@app.command("revoke")
def revoke(
    context: typer.Context,
    *,
    right_id: RightArgument,
    reason: Annotated[str, typer.Option("--reason", help="Recorded with the revocation.")],
    request_id: RequestIdOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ends a right. What the registry has drawn on it stands; the rest comes back to the account."""
    wanted = hex_id(right_id, "RIGHT_ID")

    async def work(session: Session) -> None:
        stub = RightServiceStub(session.channel("quota"))
        request = RevokeRightRequest(request_id=session.new_request_id(request_id), right_id=wanted, reason=reason)
        revoked = await session.ask(stub.RevokeRight, request)
        session.show(revoked, lambda: session.output.facts(f"Right {wanted.hex()}", _facts(revoked)))

    run(context, work, as_json=as_json)


def _state(right: Right) -> str:
    return Right.State.Name(right.state).removeprefix("STATE_")


def _facts(right: Right) -> list[tuple[str, str]]:
    return [
        ("holder", right.holder),
        ("kind", f"{kind_name(right.kind)} {right.year}"),
        ("site", right.site),
        ("mass, t REO", tonnes(right.mass_mg)),
        ("settled, t REO", tonnes(right.settled_mg)),
        ("freed, t REO", tonnes(right.freed_mg)),
        ("state", _state(right)),
        ("expires", when(right.expire_time)),
    ]


def _table(output: Output, rights: Iterable[Right]) -> None:
    rows = [
        [
            each.right_id.hex(),
            each.holder,
            f"{kind_name(each.kind)} {each.year}",
            tonnes(each.mass_mg),
            tonnes(each.settled_mg),
            tonnes(each.freed_mg),
            _state(each),
            when(each.expire_time),
        ]
        for each in rights
    ]
    output.table("Rights, t REO", ["Right", "Holder", "Kind", ">mass", ">settled", ">freed", "State", "Expires"], rows)
