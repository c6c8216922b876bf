"""Balances and postings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monazite.quota.v1 import quota_pb2

from services.chassis.pagination import PageRequest, parse_page
from services.quota.domain.ledger import AccountKey, Balance, Posting
from services.quota.messages.fields import Fields, quota_kind, timestamp


@dataclass(frozen=True, slots=True)
class BalancesQuery:
    """Which accounts to list; 0 and "" mean any."""

    year: int
    enterprise_id: str
    page: PageRequest


@dataclass(frozen=True, slots=True)
class PostingsQuery:
    """Which postings to list; 0 and "" mean any."""

    year: int
    enterprise_id: str
    page: PageRequest


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


def parse_list_balances(request: quota_pb2.ListBalancesRequest) -> BalancesQuery:
    """The query. Raises INVALID_FIELDS."""
    fields = Fields()
    year = fields.year(request.year, optional=True)
    enterprise_id = fields.enterprise("enterprise_id", request.enterprise_id, optional=True)
    page = parse_page(
        request.page_size,
        request.page_token,
        query=("ListBalances", year, enterprise_id),
        key_types=(str, int, int),
        violations=fields.violations,
    )
    fields.done()
    return BalancesQuery(year, enterprise_id, page)


def parse_list_postings(request: quota_pb2.ListPostingsRequest) -> PostingsQuery:
    """The query. Raises INVALID_FIELDS."""
    fields = Fields()
    year = fields.year(request.year, optional=True)
    enterprise_id = fields.enterprise("enterprise_id", request.enterprise_id, optional=True)
    page = parse_page(
        request.page_size,
        request.page_token,
        query=("ListPostings", year, enterprise_id),
        key_types=(str, int, bytes),
        violations=fields.violations,
    )
    fields.done()
    return PostingsQuery(year, enterprise_id, page)


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
