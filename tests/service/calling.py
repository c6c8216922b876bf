"""What the three services' APIs have alike in a test: channels with a principal's certificate, refusals as the suite's
Error, request ids."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar, TypeVar

import grpc
from google.protobuf.message import Message

from services.chassis.errors import decode
from tools.local.pki import DevelopmentAuthority

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
    """Base of one principal's view of a service."""

    peer: ClassVar[str]

    @classmethod
    async def call(
        cls, method: grpc.aio.UnaryUnaryMultiCallable[Request, Response], request: Request, timeout_s: float = 20
    ) -> Response:
        """The response; raises the Error that the server raised."""
        try:
            return await method(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as failure:
            raise decode(failure, peer=cls.peer) from failure
