"""Books to give from, as a test wants them to stand."""

from __future__ import annotations

from collections.abc import Mapping

from services.quota.domain.batches import Batches, BatchKey, Share
from services.quota.domain.books import Books
from services.quota.domain.givers import Givers, Member
from services.quota.domain.ledger import AccountKey, Balance, Sheet


def books(
    balances: Mapping[AccountKey, Balance], givers: Mapping[Member, str] | None = None, *, batch: int = 1
) -> Books:
    """Accounts as given, each with all that it was granted in one batch."""
    shares = {
        BatchKey(key.enterprise_id, key.year, batch, key.kind): Share(balance.granted_mg, balance.given_on_mg)
        for key, balance in balances.items()
    }
    return Books(Sheet(balances), Givers(givers or {}), Batches(shares))
