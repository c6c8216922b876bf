"""EnterpriseService."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

from monazite.registry.v1 import registry_pb2 as pb
from monazite.registry.v1.registry_pb2_grpc import EnterpriseServiceServicer

from services.chassis.call import current_call
from services.registry.messages import enterprises as messages
from services.registry.messages.replies import give, render_enterprise
from services.registry.messages.requests import asked_by
from services.registry.operations.enterprises import Enterprises


class EnterpriseServicer(EnterpriseServiceServicer):
    """Enterprises and their keys."""

    def __init__(self, enterprises: Enterprises) -> None:
        self._enterprises = enterprises

    async def RegisterEnterprise(self, request: pb.RegisterEnterpriseRequest, context: object) -> pb.Enterprise:
        """Lists an enterprise."""
        request_id, new = messages.parse_register_enterprise(request)
        given = await self._enterprises.register(asked_by(request, request_id), new)
        return pb.Enterprise.FromString(given.reply)

    async def GetEnterprise(self, request: pb.GetEnterpriseRequest, context: object) -> pb.Enterprise:
        """One enterprise with its keys."""
        enterprise_id = messages.parse_enterprise_id(request)
        return render_enterprise(await self._enterprises.get(current_call().principal, enterprise_id))

    async def CertifyKey(self, request: pb.CertifyKeyRequest, context: object) -> pb.CertifyKeyResponse:
        """Binds a key to the caller."""
        request_id, key = messages.parse_certify(request)
        return give(pb.CertifyKeyResponse, await self._enterprises.certify(asked_by(request, request_id), key))

    async def RetireKey(self, request: pb.RetireKeyRequest, context: object) -> pb.RetireKeyResponse:
        """Ends a key."""
        request_id, thumbprint = messages.parse_retire(request)
        return give(pb.RetireKeyResponse, await self._enterprises.retire(asked_by(request, request_id), thumbprint))
