"""Balances and postings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monazite.quota.v1 import quota_pb2

from services.chassis.fields import timestamp
from services.quota.domain.ledger import AccountKey, Balance, Posting
from services.quota.messages.fields import Fields, Query, parse_query, quota_kind


def parse_get_balance(request: quota_pb2.GetBalanceRequest) -> AccountKey:
    """The account. Raises INVALID_FIELDS."""
    fields = Fields()
    key = AccountKey(
        fields.enterprise("enterprise_id", request.enterprise_id),
        fields.year(request.year),
        fields.kind("kind", request.kind),
    )
    fields.done()
    return key


def parse_list_balances(request: quota_pb2.ListBalancesRequest) -> Query:
    """The query. Raises INVALID_FIELDS."""
    return parse_query(request, "ListBalances", str, int, int)


def parse_list_postings(request: quota_pb2.ListPostingsRequest) -> Query:
    """The query. Raises INVALID_FIELDS."""
    return parse_query(request, "ListPostings", str, int, bytes)


def render_balance(key: AccountKey, balance: Balance, as_of: datetime) -> quota_pb2.Balance:
    """One account."""
    return quota_pb2.Balance(
        enterprise_id=key.enterprise_id,
        year=key.year,
        kind=quota_kind(key.kind),
        granted_mg=balance.granted_mg,
        given_on_mg=balance.given_on_mg,
        reserved_mg=balance.reserved_mg,
        used_mg=balance.used_mg,
        available_mg=balance.available_mg,
        as_of=timestamp(as_of),
    )


def render_balances(
    rows: Sequence[tuple[AccountKey, Balance]], next_page_token: str, as_of: datetime
) -> quota_pb2.ListBalancesResponse:
    """A page, in order of account."""
    return quota_pb2.ListBalancesResponse(
        balances=[render_balance(key, balance, as_of) for key, balance in rows],
        next_page_token=next_page_token,
        as_of=timestamp(as_of),
    )


def render_postings(
    rows: Sequence[tuple[Posting, datetime]], next_page_token: str, as_of: datetime
) -> quota_pb2.ListPostingsResponse:
    """A page, by enterprise and then oldest first."""
    return quota_pb2.ListPostingsResponse(
        postings=[_render_posting(posting, posted_at) for posting, posted_at in rows],
        next_page_token=next_page_token,
        as_of=timestamp(as_of),
    )


def _render_posting(posting: Posting, posted_at: datetime) -> quota_pb2.Posting:
    return quota_pb2.Posting(
        posting_id=posting.posting_id.hex(),
        debit_account=posting.key.bucket(posting.debit),
        credit_account=posting.key.bucket(posting.credit),
        reo_mg=posting.reo_mg,
        code=posting.code,
        right_id=posting.right_id or b"",
        drawing_id=posting.drawing_id or b"",
        posted_at=timestamp(posted_at),
    )
