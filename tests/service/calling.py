"""What the three services' APIs have alike in a test: channels with a principal's certificate, refusals as the suite's
Error, request ids."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, ClassVar, TypeVar

import grpc
from google.protobuf.message import Message
from monazite.transparency.v1 import transparency_pb2 as pb
from monazite_provenance.receipts import parse_checkpoint

from services.chassis.errors import decode
from tools.local.pki import DevelopmentAuthority

if TYPE_CHECKING:  # the generated code has it for checkers alone
    from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceAsyncStub

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


def new_id() -> str:
    """A request id."""
    return str(uuid.uuid4())


@asynccontextmanager
async def channel_to(port: int, authority: DevelopmentAuthority, uri: str) -> AsyncGenerator[grpc.aio.Channel]:
    """A channel to a service of this machine with the principal's certificate."""
    root, key, chain = authority.issue(uri).pem()
    credentials = grpc.ssl_channel_credentials(root, key, chain)
    async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
        yield channel


class Calls:
    """Base of one principal's view of a service. `log` is set by who makes one."""

    peer: ClassVar[str]
    log: TransparencyServiceAsyncStub

    async def entries(self, from_index: int = 0, *, wait_s: float = 0) -> pb.StreamEntriesResponse:
        """The first page of StreamEntries; with `wait_s` the first that has entries. The last page seen if none has."""
        request = pb.StreamEntriesRequest(from_index=from_index, page_size=1000, follow=wait_s > 0)
        page = pb.StreamEntriesResponse(next_index=from_index)
        try:
            async for page in self.log.StreamEntries(request, timeout=wait_s or 20):
                if page.entries:
                    break
        except grpc.aio.AioRpcError as failure:
            raise decode(failure, peer=self.peer) from failure
        return page

    async def log_size(self) -> int:
        """Size of the latest head."""
        head = await self.call(self.log.GetCheckpoint, pb.GetCheckpointRequest())
        return parse_checkpoint(head.checkpoint).head.size

    async def takes_in(self, log: str, size: int) -> dict[str, int]:
        """Waits until the service has taken in the head of this size of another log; gives all sizes that it has."""
        sizes: dict[str, int] = {}
        while sizes.get(log) != size:
            # Yields to the watcher: each look is a call of its own.
            found = await self.call(self.log.ListPeerCheckpoints, pb.ListPeerCheckpointsRequest())
            heads = [parse_checkpoint(each.checkpoint.checkpoint).head for each in found.checkpoints]
            sizes = {head.log: head.size for head in heads}
        return sizes

    @classmethod
    async def call(
        cls, method: grpc.aio.UnaryUnaryMultiCallable[Request, Response], request: Request, timeout_s: float = 20
    ) -> Response:
        """The response; raises the Error that the server raised."""
        try:
            return await method(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as failure:
            raise decode(failure, peer=cls.peer) from failure
