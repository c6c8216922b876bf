"""RightService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.quota.v1 import quota_pb2
from monazite.quota.v1.quota_pb2_grpc import RightServiceServicer

from services.chassis.call import current_call
from services.quota.messages import right as messages
from services.quota.operations.reading import Reading
from services.quota.operations.right import Rights


class RightServicer(RightServiceServicer):
    """Reservations of quota as signed rights."""

    def __init__(self, rights: Rights, reading: Reading) -> None:
        self._rights = rights
        self._reading = reading

    async def Reserve(self, request: quota_pb2.ReserveRequest, context: object) -> quota_pb2.ReserveResponse:
        """Reserve the caller's own quota."""
        request_id, command = messages.parse_reserve(request)
        reply = await self._rights.reserve(current_call().principal, request_id, command)
        response = quota_pb2.ReserveResponse.FromString(reply)
        return messages.registered(response, await self._rights.receipts.wait(response.right.right_id))

    async def ReleaseRight(self, request: quota_pb2.ReleaseRightRequest, context: object) -> quota_pb2.Right:
        """The holder gives back what is undrawn."""
        request_id, right_id = messages.parse_release(request)
        found = await self._rights.release(current_call().principal, request_id, right_id)
        return messages.render_right(*found)

    async def RevokeRight(self, request: quota_pb2.RevokeRightRequest, context: object) -> quota_pb2.Right:
        """An officer ends a right."""
        request_id, right_id, reason = messages.parse_revoke(request)
        found = await self._rights.revoke(current_call().principal, request_id, right_id, reason)
        return messages.render_right(*found)

    async def GetRight(self, request: quota_pb2.GetRightRequest, context: object) -> quota_pb2.Right:
        """One right as it stands."""
        right_id = messages.parse_get_right(request)
        found = await self._rights.get(current_call().principal, right_id)
        return messages.render_right(*found)

    async def ListRights(self, request: quota_pb2.ListRightsRequest, context: object) -> quota_pb2.ListRightsResponse:
        """Rights, a page at a time."""
        query = messages.parse_list_rights(request)
        page = await self._reading.rights(current_call().principal, query.enterprise_id, query.year, query.page)
        return messages.render_rights(page.rows, page.next_page_token, page.as_of)
