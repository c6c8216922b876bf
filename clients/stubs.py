"""Stubs to every service over one principal's connections, by the words that people use."""

from __future__ import annotations

from grpc import aio
from monazite.export_license.v1 import export_license_pb2_grpc as licensing
from monazite.quota.v1 import quota_pb2_grpc as quota
from monazite.registry.v1 import registry_pb2_grpc as registry


class Stubs:
    """What has a channel to each service has its stubs. `_channels`: by the service's name, owned."""

    _channels: dict[str, aio.Channel]

    async def close(self) -> None:
        """Closes the connections."""
        for channel in self._channels.values():
            await channel.close()

    @property
    def lots(self) -> registry.LotServiceAsyncStub:
        """Registry: lots."""
        return registry.LotServiceStub(self._channels["registry"])

    @property
    def enterprises(self) -> registry.EnterpriseServiceAsyncStub:
        """Registry: enterprises and keys."""
        return registry.EnterpriseServiceStub(self._channels["registry"])

    @property
    def registry_rights(self) -> registry.RightServiceAsyncStub:
        """Registry: rights as drawn."""
        return registry.RightServiceStub(self._channels["registry"])

    @property
    def allocations(self) -> quota.AllocationServiceAsyncStub:
        """Quota: indicators and allocations."""
        return quota.AllocationServiceStub(self._channels["quota"])

    @property
    def ledger(self) -> quota.LedgerServiceAsyncStub:
        """Quota: balances and postings."""
        return quota.LedgerServiceStub(self._channels["quota"])

    @property
    def rights(self) -> quota.RightServiceAsyncStub:
        """Quota: rights."""
        return quota.RightServiceStub(self._channels["quota"])

    @property
    def cases(self) -> licensing.CaseServiceAsyncStub:
        """Export licensing: cases."""
        return licensing.CaseServiceStub(self._channels["export_license"])

    @property
    def licences(self) -> licensing.LicenceServiceAsyncStub:
        """Export licensing: licences."""
        return licensing.LicenceServiceStub(self._channels["export_license"])

    @property
    def customs(self) -> licensing.CustomsServiceAsyncStub:
        """Export licensing: customs."""
        return licensing.CustomsServiceStub(self._channels["export_license"])
