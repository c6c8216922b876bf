"""Export licensing takes in the heads of the registry's log, and of quota's where it is told where that is."""

from __future__ import annotations

import asyncio

from monazite_provenance.names import log_urn

from tests.fakes.export_registry import ExportRegistry
from tests.fakes.log import new_log, served
from tests.service.export_license.conftest import WANG, Licensing
from tools.local.pki import DevelopmentAuthority

QUOTA = log_urn("quota")


async def test_heads_of_quota_are_taken_in(
    stopped: Licensing, registry: ExportRegistry, authority: DevelopmentAuthority
) -> None:
    known = registry.world.registers.logs[QUOTA]
    log = new_log(QUOTA, known.issuer, known.key)
    async with served(log, authority.issue("service/quota", server=True)) as port:
        peers = {**stopped.settings.peers, "quota": f"localhost:{port}"}
        stopped.settings = stopped.settings.model_copy(update={"peers": peers, "peer_heads_ms": 10})
        async with stopped.running(), stopped.caller(WANG) as officer, asyncio.timeout(20):
            for size in (1, 2):
                log.register.append(bytes([size]) * 32)
                taken = await officer.takes_in(QUOTA, size)
        assert taken[QUOTA] == log.register.size
