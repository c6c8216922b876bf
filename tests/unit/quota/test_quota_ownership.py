"""The object's half of access: whose account, whose right; another's looks like none."""

from __future__ import annotations

import pytest

from services.chassis.errors import Error
from services.chassis.identity import Principal, parse_principal
from services.quota.domain.ledger import NATIONAL
from services.quota.domain.ownership import named_enterprise, own_enterprise, sees, visible_enterprise


def who(path: str) -> Principal:
    return parse_principal(f"spiffe://monazite.example/{path}", bytes(32))


MINE = who("enterprise/mine-1/erp")
OFFICER = who("officer/quota/li")
IMPOSTOR = who(f"enterprise/{NATIONAL}")


def test_an_enterprise_speaks_for_itself() -> None:
    assert own_enterprise(MINE) == "mine-1"


@pytest.mark.parametrize("caller", [OFFICER, who("service/registry"), who("customs/tianjin/hu"), IMPOSTOR])
def test_nobody_else_speaks_for_an_enterprise(caller: Principal) -> None:
    with pytest.raises(Error, match="ACCESS_DENIED"):
        own_enterprise(caller)


def test_an_enterprise_reads_its_own_accounts_only() -> None:
    assert visible_enterprise(MINE, "") == "mine-1"
    assert visible_enterprise(MINE, "mine-1") == "mine-1"
    for other in ("mine-2", NATIONAL, "MINE-1"):
        with pytest.raises(Error, match="ACCESS_DENIED"):
            visible_enterprise(MINE, other)
    with pytest.raises(Error, match="ACCESS_DENIED"):
        visible_enterprise(IMPOSTOR, NATIONAL)


def test_an_officer_reads_whom_he_chooses() -> None:
    assert [visible_enterprise(OFFICER, asked) for asked in ("", "mine-1", NATIONAL)] == ["", "mine-1", NATIONAL]


def test_another_s_right_does_not_exist() -> None:
    assert sees(MINE, "mine-1")
    assert not sees(MINE, "mine-2")
    assert sees(OFFICER, "mine-1")
    with pytest.raises(Error, match="ACCESS_DENIED"):
        sees(IMPOSTOR, NATIONAL)


def test_the_national_account_is_given_nothing() -> None:
    assert named_enterprise("mine-1", "enterprise_id") == "mine-1"
    with pytest.raises(Error, match="INVALID_FIELDS") as refused:
        named_enterprise(NATIONAL, "enterprise_id")
    assert [violation.field for violation in refused.value.violations] == ["enterprise_id"]
