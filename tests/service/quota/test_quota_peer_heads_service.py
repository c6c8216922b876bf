"""Quota takes in the heads of licensing's log too, where it is told where that is."""

from __future__ import annotations

from monazite_provenance import SoftwareKey

from tests.service.peer_heads import check_heads_are_taken_in
from tests.service.quota.conftest import OFFICER, Quota
from tools.local import ceremony


async def test_heads_of_licensing_are_taken_in(stopped: Quota, trust: ceremony.Trust) -> None:
    key = SoftwareKey.from_pem(trust.log_keys["export_license"].read_bytes())
    await check_heads_are_taken_in(stopped, "export_license", key, OFFICER)
