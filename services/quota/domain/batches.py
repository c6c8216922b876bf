"""What an enterprise has of one batch of a year's indicators, and what of that it has passed on.

Totals are approved for a year and issued in batches; groups file the break-down of each batch (Decree 785 art. 10; the
notices of 2020 to 2024). So what is given in the name of a batch is a part of that batch: of the nation, what the batch
added to the year's total; of a group, what it was allocated of the batch. What is reserved and used is of the year and
of no batch: nobody mines a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from monazite_provenance.contents import QuotaKind

from services.quota.domain.ledger import AccountKey


class BatchKey(NamedTuple):
    """Names what an enterprise, or the nation, has of one batch."""

    enterprise_id: str
    year: int
    batch: int
    kind: QuotaKind

    @property
    def account(self) -> AccountKey:
        """The account that it is a part of."""
        return AccountKey(self.enterprise_id, self.year, self.kind)


@dataclass(frozen=True, slots=True)
class Share:
    """What came in of a batch and what was passed on, mg REO; 0 <= given_mg <= received_mg."""

    received_mg: int = 0
    given_mg: int = 0

    @property
    def rest_mg(self) -> int:
        """What may still be given in the batch's name."""
        return self.received_mg - self.given_mg


class Batches:
    """Shares as loaded behind the locks of their accounts, with what one batch of commands does laid over.

    One that was not loaded is empty.
    """

    def __init__(self, loaded: Mapping[BatchKey, Share]) -> None:
        self._shares = dict(loaded)
        self._touched: set[BatchKey] = set()

    def share(self, key: BatchKey) -> Share:
        """How it stands after everything so far."""
        return self._shares.get(key, Share())

    def receive(self, key: BatchKey, mass_mg: int) -> None:
        """Add what came in, mg REO; a negative mass takes it back."""
        self._set(key, received_mg=mass_mg)

    def pass_on(self, key: BatchKey, mass_mg: int) -> None:
        """Add what was given, mg REO; a negative mass takes it back."""
        self._set(key, given_mg=mass_mg)

    def _set(self, key: BatchKey, *, received_mg: int = 0, given_mg: int = 0) -> None:
        before = self.share(key)
        after = Share(before.received_mg + received_mg, before.given_mg + given_mg)
        if not 0 <= after.given_mg <= after.received_mg:
            raise ValueError("more is passed on of a batch than came in")
        self._shares[key] = after
        self._touched.add(key)

    def changed(self) -> list[tuple[BatchKey, Share]]:
        """What moved, in key order, as it stands now."""
        return [(key, self._shares[key]) for key in sorted(self._touched)]
