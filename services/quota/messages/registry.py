"""What we ask of the registry."""

from __future__ import annotations

from monazite.registry.v1.registry_pb2 import CloseRightRequest, GetEnterpriseRequest
from monazite.registry.v1.registry_pb2_grpc import EnterpriseServiceStub, RightServiceStub

from services.chassis.client import Peer
from services.chassis.errors import Error, Kind, peer_unavailable


class Registry:
    """The registry as quota knows it: its register of enterprises, and CloseRight."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._rights = RightServiceStub(peer.channel)
        self._enterprises = EnterpriseServiceStub(peer.channel)

    async def close_right(self, request_id: str, right_id: bytes, reason: str, timeout_s: float) -> bytes:
        """End a right; gives the item of its right-closed. Raises the suite's Error."""
        request = CloseRightRequest(request_id=request_id, right_id=right_id, reason_code=reason)
        response = await self._peer.call(self._rights.CloseRight, request, timeout_s=timeout_s)
        return response.closed.item

    async def is_listed(self, enterprise_id: str, timeout_s: float) -> bool:
        """Whether it is on the register of enterprises. Raises the suite's Error: PEER_UNAVAILABLE also for a registry
        that does not answer within `timeout_s`, since the caller's own time is not over then."""
        request = GetEnterpriseRequest(enterprise_id=enterprise_id)
        try:
            await self._peer.call(self._enterprises.GetEnterprise, request, timeout_s=timeout_s)
        except Error as error:
            if error.kind is Kind.NOT_FOUND:
                return False
            if error.kind is Kind.DEADLINE:
                raise peer_unavailable(self._peer.name) from error
            raise
        return True
