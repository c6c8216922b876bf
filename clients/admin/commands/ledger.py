"""`monazite balances`, `postings`: the quota ledger."""

from __future__ import annotations

import typer
from monazite.quota.v1.quota_pb2 import (
    ListBalancesRequest,
    ListBalancesResponse,
    ListPostingsRequest,
    ListPostingsResponse,
)
from monazite.quota.v1.quota_pb2_grpc import LedgerServiceStub

from clients.admin.arguments import EnterpriseOption, YearOption, kind_name
from clients.admin.output import when
from clients.admin.session import LIMIT_DEFAULT, JsonOption, LimitOption, PageTokenOption, Session, collect, run
from clients.masses import tonnes


def balances(
    context: typer.Context,
    *,
    year: YearOption,
    enterprise: EnterpriseOption = "",
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Accounts: granted = given on + reserved + used + available."""

    async def work(session: Session) -> None:
        stub = LedgerServiceStub(session.channel("quota"))

        async def page(size: int, token: str) -> ListBalancesResponse:
            request = ListBalancesRequest(page_size=size, page_token=token, year=year, enterprise_id=enterprise)
            return await session.ask(stub.ListBalances, request)

        found = await collect(page, lambda each: len(each.balances), limit=limit, page_token=page_token)
        session.show(found, lambda: _balances(session, found))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


def _balances(session: Session, found: ListBalancesResponse) -> None:
    rows = [
        [
            each.enterprise_id,
            kind_name(each.kind),
            *(
                tonnes(mg)
                for mg in (each.granted_mg, each.given_on_mg, each.reserved_mg, each.used_mg, each.available_mg)
            ),
        ]
        for each in found.balances
    ]
    columns = ["Enterprise", "Kind", ">granted", ">given on", ">reserved", ">used", ">available"]
    session.output.table(f"Balances, t REO, as of {when(found.as_of)}", columns, rows)


def postings(
    context: typer.Context,
    *,
    year: YearOption,
    enterprise: EnterpriseOption = "",
    limit: LimitOption = LIMIT_DEFAULT,
    page_token: PageTokenOption = "",
    as_json: JsonOption = False,
) -> None:
    """Every movement of the ledger, debit and credit."""

    async def work(session: Session) -> None:
        stub = LedgerServiceStub(session.channel("quota"))

        async def page(size: int, token: str) -> ListPostingsResponse:
            request = ListPostingsRequest(page_size=size, page_token=token, year=year, enterprise_id=enterprise)
            return await session.ask(stub.ListPostings, request)

        found = await collect(page, lambda each: len(each.postings), limit=limit, page_token=page_token)
        session.show(found, lambda: _postings(session, found))
        session.more(found.next_page_token)

    run(context, work, as_json=as_json)


def _postings(session: Session, found: ListPostingsResponse) -> None:
    rows = [
        [
            when(each.posted_at),
            each.code,
            each.debit_account,
            each.credit_account,
            tonnes(each.reo_mg),
            each.right_id.hex(),
        ]
        for each in found.postings
    ]
    columns = ["When", "Code", "Debit", "Credit", ">t REO", "Right"]
    session.output.table(f"Postings as of {when(found.as_of)}", columns, rows)
