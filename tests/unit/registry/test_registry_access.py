"""Access: the table is complete, and who may see which lot."""

from __future__ import annotations

import pytest
from monazite.registry.v1 import registry_pb2
from monazite_provenance.contents import CustodyState

from services.chassis.access import check_complete
from services.chassis.identity import Principal, parse_principal
from services.chassis.log import servicer as transparency
from services.registry import access
from services.registry.domain.visibility import is_party, may_see_enterprise, may_see_lot, may_see_right

DOMAIN = "spiffe://monazite.example"
LICENSING = f"{DOMAIN}/service/export_license"
A, B, C = (f"{DOMAIN}/enterprise/{name}" for name in "abc")


def who(path: str) -> Principal:
    """A principal."""
    return parse_principal(f"{DOMAIN}/{path}", bytes(32))


def test_every_method_has_its_line() -> None:
    services = [*registry_pb2.DESCRIPTOR.services_by_name.values(), transparency.SERVICE]
    check_complete(access.TABLE, services)


@pytest.mark.parametrize(
    ("path", "held", "offered", "leaving"),
    [
        ("enterprise/a/erp", True, True, True),
        ("enterprise/b", False, True, False),
        ("enterprise/c", False, False, False),
        ("officer/auditor/x", True, True, True),
        ("service/export_license", True, True, True),
        ("service/quota", False, False, False),
        ("customs/tianjin/x", False, False, True),
        ("witness/w1", False, False, False),
    ],
)
def test_who_sees_a_lot(path: str, held: bool, offered: bool, leaving: bool) -> None:
    def sees(receiver: str | None, state: CustodyState) -> bool:
        return may_see_lot(who(path), holder=A, receiver=receiver, state=state, licensing=LICENSING)

    assert sees(None, CustodyState.HELD) is held
    assert sees(B, CustodyState.IN_TRANSIT) is offered
    assert sees(LICENSING, CustodyState.IN_TRANSIT) is leaving
    assert sees(None, CustodyState.ABROAD) is leaving


def test_who_sees_a_right_and_an_enterprise() -> None:
    assert [may_see_right(who(path), A) for path in ("enterprise/a", "enterprise/b", "service/quota")] == [
        True,
        False,
        True,
    ]
    assert not may_see_right(who("customs/tianjin/x"), A)
    assert not may_see_right(who("witness/w1"), A)
    assert not may_see_enterprise(who("witness/w1"), "a")
    assert may_see_enterprise(who("enterprise/a"), "a")
    assert not may_see_enterprise(who("enterprise/b"), "a")
    assert not may_see_enterprise(who("customs/tianjin/x"), "a")
    assert may_see_enterprise(who("officer/registrar/x"), "a")


def test_a_party_of_a_lot_is_its_holder_or_its_named_receiver() -> None:
    assert is_party("a", A, None)
    assert is_party("b", A, B)
    assert not is_party("b", A, C)
    assert not is_party("export_license", A, LICENSING)
