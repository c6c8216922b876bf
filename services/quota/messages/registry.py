"""What we ask of the registry."""

from __future__ import annotations

from typing import Final

from monazite.registry.v1.registry_pb2 import CloseRightRequest
from monazite.registry.v1.registry_pb2_grpc import LogServiceStub, RightServiceStub
from monazite.type.v1.statement_pb2 import ListEntriesRequest, ListEntriesResponse

from services.chassis.client import Peer

ANSWER_S: Final = 5.0
"""How long a page of the log may take beyond the wait that was asked for, seconds."""


class Registry:
    """The registry as quota knows it: its log, and CloseRight."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._log = LogServiceStub(peer.channel)
        self._rights = RightServiceStub(peer.channel)

    async def list_entries(self, request: ListEntriesRequest) -> ListEntriesResponse:
        """A page of its log. Raises the suite's Error."""
        timeout_s = request.wait_ms / 1000 + ANSWER_S
        return await self._peer.call(self._log.ListEntries, request, timeout_s=timeout_s)

    async def close_right(self, request_id: str, right_id: bytes, reason: str, timeout_s: float) -> bytes:
        """End a right; gives the item of its right-closed. Raises the suite's Error."""
        request = CloseRightRequest(request_id=request_id, right_id=right_id, reason_code=reason)
        response = await self._peer.call(self._rights.CloseRight, request, timeout_s=timeout_s)
        return response.closed.item
