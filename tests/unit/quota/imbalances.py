"""Is a complete set of accounts conserved? What `storage.checks` asks of the database, asked of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.quota.domain.ledger import NATIONAL, AccountKey, Balance


def imbalances(balances: Mapping[AccountKey, Balance]) -> list[str]:
    """What is wrong with a complete set of accounts; empty when the ledger is conserved.

    Per year and kind: given on = granted to enterprises, and available + reserved + used = national total.
    """
    wrong: list[str] = []
    for year, kind in sorted({(key.year, key.kind) for key in balances}):
        rows = {key: balance for key, balance in balances.items() if (key.year, key.kind) == (year, kind)}
        received = _total(rows, lambda key, row: 0 if key.enterprise_id == NATIONAL else row.granted_mg)
        given = _total(rows, lambda _, row: row.given_on_mg)
        stands = _total(rows, lambda _, row: row.available_mg + row.reserved_mg + row.used_mg)
        issued = _total(rows, lambda key, row: row.granted_mg if key.enterprise_id == NATIONAL else 0)
        if given != received:
            wrong.append(f"{year} {kind.name}: given on {given} mg, received {received} mg")
        if stands != issued:
            wrong.append(f"{year} {kind.name}: {stands} mg stand in accounts, {issued} mg were issued")
    return wrong


def _total(rows: Mapping[AccountKey, Balance], amount: Callable[[AccountKey, Balance], int]) -> int:
    return sum(amount(key, balance) for key, balance in rows.items())
