"""Quota takes in the heads of licensing's log too, where it is told where that is."""

from __future__ import annotations

import asyncio

from monazite_provenance import SoftwareKey
from monazite_provenance.names import log_urn, service_uri

from tests.fakes.log import new_log, served
from tests.service.quota.conftest import OFFICER, Quota
from tools.local import ceremony
from tools.local.pki import DevelopmentAuthority

LICENSING = log_urn("export_license")


async def test_heads_of_licensing_are_taken_in(
    stopped: Quota, trust: ceremony.Trust, authority: DevelopmentAuthority
) -> None:
    key = SoftwareKey.from_pem(trust.log_keys["export_license"].read_bytes())
    log = new_log(LICENSING, service_uri(authority.domain, "export_license"), key)
    async with served(log, authority.issue("service/export_license", server=True)) as port:
        peers = {**stopped.settings.peers, "export_license": f"localhost:{port}"}
        stopped.settings = stopped.settings.model_copy(update={"peers": peers, "peer_heads_ms": 10})
        async with stopped.running(), stopped.caller(OFFICER) as officer, asyncio.timeout(20):
            for size in (1, 2):
                log.register.append(bytes([size]) * 32)
                taken = await officer.takes_in(LICENSING, size)
        assert taken[LICENSING] == log.register.size
