"""The access table: complete, and exact about kinds, roles and names."""

from __future__ import annotations

import pytest
from monazite.quota.v1 import quota_pb2

from services.chassis.access import AccessTable, Caller, IncompleteAccess, check_complete, method_names, permits
from services.chassis.identity import OfficerRole, parse_principal

DESCRIPTORS = list(quota_pb2.DESCRIPTOR.services_by_name.values())
WHOLE: AccessTable = {name: frozenset({Caller.officer(OfficerRole.QUOTA)}) for name in method_names(DESCRIPTORS)}


def test_a_whole_table_is_complete() -> None:
    check_complete(WHOLE, DESCRIPTORS)


def test_a_missing_method_is_named() -> None:
    missing = "/monazite.quota.v1.RightService/Reserve"
    table = {name: callers for name, callers in WHOLE.items() if name != missing}
    with pytest.raises(IncompleteAccess, match=r"no line for .*Reserve"):
        check_complete(table, DESCRIPTORS)


def test_a_superfluous_line_is_named() -> None:
    with pytest.raises(IncompleteAccess, match=r"no such method .*Renamed"):
        check_complete({**WHOLE, "/monazite.quota.v1.RightService/Renamed": frozenset({Caller.customs()})}, DESCRIPTORS)


def test_a_line_that_admits_nobody_is_no_line() -> None:
    with pytest.raises(IncompleteAccess, match="nobody may call"):
        check_complete({**WHOLE, "/monazite.quota.v1.RightService/Reserve": frozenset()}, DESCRIPTORS)


@pytest.mark.parametrize(
    ("caller", "path", "allowed"),
    [
        (Caller.enterprise(), "enterprise/a", True),
        (Caller.enterprise(), "enterprise/a/erp", True),
        (Caller.enterprise(), "officer/quota/a", False),
        (Caller.officer(OfficerRole.QUOTA), "officer/quota/li", True),
        (Caller.officer(OfficerRole.QUOTA), "officer/licensing/li", False),
        (Caller.officer(OfficerRole.QUOTA), "enterprise/quota", False),
        (Caller.officer(), "officer/licensing/li", True),
        (Caller.customs(), "customs/tianjin/wu", True),
        (Caller.service("quota"), "service/quota", True),
        (Caller.service("quota"), "service/registry", False),
    ],
)
def test_who_is_of_which_kind(caller: Caller, path: str, allowed: bool) -> None:
    assert permits({caller}, parse_principal(f"spiffe://monazite.example/{path}", bytes(32))) is allowed
