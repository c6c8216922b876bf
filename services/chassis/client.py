"""A peer service over mutual TLS: deadlines that fit into the caller's, tries again when it is away, errors of the
suite's own type.

Trying again is safe because every mutation carries a request id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Final, Self, TypeVar

import grpc

from services.chassis import errors
from services.chassis.call import current_call_or_none
from services.chassis.channel import RotatingChannel
from services.chassis.database import backoff_s
from services.chassis.settings import Certificates
from services.chassis.telemetry import TRACEPARENT

Request = TypeVar("Request")
Response = TypeVar("Response")

ATTEMPTS_MAX: Final = 4
TIMEOUT_S: Final = 5.0
# Kept back from the caller's deadline, so that there is time left to say what went wrong.
MARGIN_S: Final = 0.05
# Of one response. The largest are pages of a log: 3 MiB, and what the last entry of a page is over that.
RESPONSE_BYTES_MAX: Final = 4 * 1024 * 1024
BACKOFF_SCALE: Final = 10


class Peer:
    """One peer, called with this process's certificate as its files hold it today. `peer.channel` is for the generated
    stubs, whose methods go through `call` and `stream`:

    `await peer.call(RightServiceStub(peer.channel).CloseRight, CloseRightRequest(...))`
    """

    def __init__(self, name: str, address: str, certificates: Certificates) -> None:
        self.name = name
        self._channel = RotatingChannel(
            address,
            certificates,
            options=[
                ("grpc.max_receive_message_length", RESPONSE_BYTES_MAX),
                ("grpc.enable_retries", 0),
                # A peer that comes back is to be found within a second, not after gRPC's two minutes.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
                ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
            ],
        )

    @property
    def channel(self) -> grpc.aio.Channel:
        """For stubs."""
        return self._channel.for_stubs

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> Response:
        """The response. Raises the Error that the peer raised; PEER_UNAVAILABLE or DEADLINE when it does not answer
        within
        `timeout_s` or what the caller of the current call leaves."""
        until = asyncio.get_running_loop().time() + _allowed_s(timeout_s)
        attempt = 0
        while True:
            remaining = until - asyncio.get_running_loop().time()
            if remaining <= 0:
                raise errors.deadline(f"no time left to ask {self.name}")
            try:
                return await method(request, timeout=remaining, metadata=_metadata())
            except grpc.aio.AioRpcError as failure:
                attempt += 1
                pause = backoff_s(attempt) * BACKOFF_SCALE
                away = failure.code() is grpc.StatusCode.UNAVAILABLE
                if not away or attempt >= ATTEMPTS_MAX or pause >= until - asyncio.get_running_loop().time():
                    raise errors.decode(failure, peer=self.name) from failure
            await asyncio.sleep(pause)

    async def stream(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> AsyncGenerator[Response]:
        """The responses as they come; raises as `call` does, but tries only once (who reads may have used what came
        so far)."""
        try:
            async for response in method(request, timeout=_allowed_s(timeout_s), metadata=_metadata()):
                yield response
        except grpc.aio.AioRpcError as failure:
            raise errors.decode(failure, peer=self.name) from failure


def _allowed_s(timeout_s: float) -> float:
    call = current_call_or_none()
    if call is None:
        return timeout_s
    return min(timeout_s, call.deadline_remaining() - MARGIN_S)


def _metadata() -> tuple[tuple[str, str], ...]:
    call = current_call_or_none()
    return () if call is None else ((TRACEPARENT, call.trace.traceparent),)
