"""Export licensing takes in the heads of the registry's log, and of quota's where it is told where that is."""

from __future__ import annotations

from monazite_provenance.names import log_urn

from tests.fakes.export_registry import ExportRegistry
from tests.service.export_license.conftest import WANG, Licensing
from tests.service.peer_heads import check_heads_are_taken_in


async def test_heads_of_quota_are_taken_in(stopped: Licensing, registry: ExportRegistry) -> None:
    await check_heads_are_taken_in(stopped, "quota", registry.world.registers.logs[log_urn("quota")].key, WANG)
