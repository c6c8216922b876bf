"""What people read: the caller's own, or an officer's choice. Access is judged before the ledger is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.chassis.identity import Principal
from services.chassis.log.receipts import Receipts, carrying
from services.chassis.pagination import PageRequest
from services.quota.domain.allocation import Allocation, Indicator
from services.quota.domain.ledger import AccountKey, Balance, Posting
from services.quota.domain.ownership import visible_enterprise
from services.quota.domain.right import Right
from services.quota.storage.reads import Page, Reads


@dataclass(frozen=True, slots=True)
class Reading:
    """Pages of the ledger. Filters: 0 and "" mean any; each raises ACCESS_DENIED for another enterprise's."""

    reads: Reads
    receipts: Receipts

    async def balance(self, caller: Principal, key: AccountKey) -> tuple[AccountKey, Balance, datetime]:
        """One account."""
        visible_enterprise(caller, key.enterprise_id)
        return key, *await self.reads.balance(key)

    async def balances(
        self, caller: Principal, enterprise_id: str, year: int, page: PageRequest
    ) -> Page[tuple[AccountKey, Balance]]:
        """Accounts in order of their key."""
        return await self.reads.balances(visible_enterprise(caller, enterprise_id), year, page)

    async def postings(
        self, caller: Principal, enterprise_id: str, year: int, page: PageRequest
    ) -> Page[tuple[Posting, datetime]]:
        """Postings by enterprise, oldest first."""
        return await self.reads.postings(visible_enterprise(caller, enterprise_id), year, page)

    async def rights(
        self, caller: Principal, enterprise_id: str, year: int, page: PageRequest
    ) -> Page[tuple[Right, bytes]]:
        """Rights with their signed statements, which carry their receipts, by holder, oldest first."""
        found = await self.reads.rights(visible_enterprise(caller, enterprise_id), year, page)
        registered = await self.receipts.find([right.right_id for right, _ in found.rows])
        rows = [(right, carrying(item, registered.get(right.right_id))) for right, item in found.rows]
        return found._replace(rows=rows)

    async def allocations(
        self, caller: Principal, enterprise_id: str, year: int, page: PageRequest
    ) -> Page[Allocation]:
        """What the enterprise gave and got, oldest first."""
        return await self.reads.allocations(visible_enterprise(caller, enterprise_id), year, page)

    async def indicators(self, year: int) -> tuple[list[Indicator], datetime]:
        """The batches of a year. The access table lets in officers only."""
        return await self.reads.indicators(year)
