"""The real notices, year by year: every batch is allocated to its groups to the tonne, and nothing is left over.

It is why an allocation counts against its batch: each notice splits its own batch among the groups, and no group ever
got more of one than the notice brought.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import pytest
from monazite_provenance.contents import QuotaKind

from clients.demo.tables import rows
from services.quota.domain.allocation import EnterIndicator, Give, Indicator, enter_indicator, give, issue
from services.quota.domain.batches import Batches, BatchKey
from services.quota.domain.books import Books
from services.quota.domain.givers import Givers
from services.quota.domain.ledger import MG_PER_TONNE, NATIONAL, AccountKey, Sheet

NOW = datetime(2024, 2, 6, tzinfo=UTC)
TOTALS = ("mining_rock", "mining_ionic", "smelting_separation")
SHARES = ("mining_rock_light_t_reo", "mining_ionic_medium_heavy_t_reo", "smelting_separation_t_reo")


def masses(row: dict[str, str], columns: tuple[str, str, str]) -> dict[QuotaKind, int]:
    return {kind: int(row[column]) * MG_PER_TONNE for kind, column in zip(QuotaKind, columns, strict=True)}


def batch_of(row: dict[str, str], after: int) -> int:
    """The notice of 2020 that restates the year is its second."""
    return after + 1 if row["batch"] == "annual" else int(row["batch"])


@pytest.mark.parametrize(("year", "batches"), [("2020", 2), ("2022", 2), ("2023", 3), ("2024", 2)])
def test_every_batch_is_shared_out_exactly(year: str, batches: int) -> None:
    books, earlier = Books(Sheet({}), Givers({}), Batches({})), list[Indicator]()
    for row in (row for row in rows("quota_totals.csv") if row["year"] == year):
        restates = row["batch"] == "annual"
        if restates and batches == len(earlier):
            # The sum of the year, which is no notice of its own.
            assert dict(earlier[-1].totals) == masses(row, TOTALS)
            continue
        command = EnterIndicator(int(year), batch_of(row, len(earlier)), restates, masses(row, TOTALS), row["source"])
        indicator, postings = enter_indicator(command, earlier, officer="wang", now=NOW)
        books.sheet.post(postings)
        issue(indicator, books.batches)
        earlier.append(indicator)
    before: dict[str, dict[QuotaKind, int]] = defaultdict(lambda: dict.fromkeys(QuotaKind, 0))
    for number, row in enumerate(row for row in rows("quotas_by_group.csv") if row["year"] == year):
        named = masses(row, SHARES)
        given = (
            {kind: mass - before[row["group"]][kind] for kind, mass in named.items()}
            if row["batch"] == "annual"
            else named
        )
        before[row["group"]] = given
        batch = batch_of(row, 1)
        give(Give(int(year), batch, NATIONAL, row["group"], given), books, number.to_bytes(16, "big"))
    assert len(earlier) == batches
    for kind in QuotaKind:
        assert books.sheet.balance(AccountKey(NATIONAL, int(year), kind)).available_mg == 0
        for batch in range(1, batches + 1):
            assert books.batches.share(BatchKey(NATIONAL, int(year), batch, kind)).rest_mg == 0
