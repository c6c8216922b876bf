"""LedgerService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.quota.v1 import quota_pb2
from monazite.quota.v1.quota_pb2_grpc import LedgerServiceServicer

from services.chassis.call import current_call
from services.quota.messages import ledger as messages
from services.quota.operations.reading import Reading


class LedgerServicer(LedgerServiceServicer):
    """Balances and postings."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def GetBalance(self, request: quota_pb2.GetBalanceRequest, context: object) -> quota_pb2.Balance:
        """One account."""
        key = messages.parse_get_balance(request)
        found = await self._reading.balance(current_call().principal, key)
        return messages.render_balance(*found)

    async def ListBalances(
        self, request: quota_pb2.ListBalancesRequest, context: object
    ) -> quota_pb2.ListBalancesResponse:
        """Accounts, a page at a time."""
        query = messages.parse_list_balances(request)
        page = await self._reading.balances(current_call().principal, query.enterprise_id, query.year, query.page)
        return messages.render_balances(page.rows, page.next_page_token, page.as_of)

    async def ListPostings(
        self, request: quota_pb2.ListPostingsRequest, context: object
    ) -> quota_pb2.ListPostingsResponse:
        """Postings, a page at a time."""
        query = messages.parse_list_postings(request)
        page = await self._reading.postings(current_call().principal, query.enterprise_id, query.year, query.page)
        return messages.render_postings(page.rows, page.next_page_token, page.as_of)
