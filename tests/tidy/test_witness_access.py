"""What a witness's certificate opens: heads and proofs of every log, and alone the delivery of co-signatures."""

from __future__ import annotations

import pytest

from services.chassis.access import AccessTable, Caller, permits
from services.chassis.identity import parse_principal
from services.chassis.log.servicer import SERVICE
from tests.tidy.test_access import IDS, TABLES

WITNESS = parse_principal("spiffe://monazite.example/witness/w1", bytes(32))


@pytest.mark.parametrize("table", [table for _, table in TABLES], ids=IDS)
def test_a_witness_sees_heads_and_proofs_and_alone_delivers(table: AccessTable) -> None:
    log = f"/{SERVICE.full_name}/"
    own = {name for name in table if name.startswith(log)}
    assert {name for name in table if permits(table[name], WITNESS)} == own - {f"{log}StreamEntries"}
    assert table[f"{log}AddCosignatures"] == {Caller.witness()}
