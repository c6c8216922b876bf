"""Everything that a give or a take-back reads and moves, as loaded and locked."""

from __future__ import annotations

from typing import NamedTuple

from services.quota.domain.batches import Batches
from services.quota.domain.givers import Givers
from services.quota.domain.ledger import Sheet


class Books(NamedTuple):
    """Accounts, who has quota from whom, and what is left of each batch."""

    sheet: Sheet
    givers: Givers
    batches: Batches
