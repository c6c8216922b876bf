"""RightService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.registry.v1 import registry_pb2 as pb
from monazite.registry.v1.registry_pb2_grpc import RightServiceServicer

from services.chassis.call import current_call
from services.registry.messages import rights as messages
from services.registry.messages.replies import give
from services.registry.messages.requests import asked_by
from services.registry.operations.rights import Rights


class RightServicer(RightServiceServicer):
    """Rights at the registry: one row a right."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights

    async def GetRight(self, request: pb.GetRightRequest, context: object) -> pb.Right:
        """What was drawn on a right, and whether it is open."""
        right_id = messages.parse_right_id(request)
        return messages.render_right(await self._rights.get(current_call().principal, right_id))

    async def CloseRight(self, request: pb.CloseRightRequest, context: object) -> pb.CloseRightResponse:
        """Ends a right for good."""
        request_id, end = messages.parse_close(request)
        return give(pb.CloseRightResponse, await self._rights.close(asked_by(request, request_id), end))
