"""A channel whose certificate files may be exchanged while the process runs.

gRPC for Python rereads a server's certificates and not a client's, so a new channel takes the place of the old one.
Generated code keeps methods for as long as it lives, so each of ours finds the channel of the moment when it is called.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias, cast

import grpc

from services.chassis import credentials
from services.chassis.settings import Certificates

# How often the files are looked at, at most.
LOOK_EVERY_S: Final = 1.0
# How long calls may go on over a channel that was replaced.
OLD_CALLS_S: Final = 60.0

# What generated code passes and gets is its own business.
Made: TypeAlias = Any


class RotatingChannel:
    """Channels to one address, one after the other. `for_stubs` stands for the present one."""

    def __init__(self, address: str, certificates: Certificates, *, options: Sequence[tuple[str, str | int]]) -> None:
        """Raises BadSettings for files that cannot be used."""
        self._address = address
        self._options = list(options)
        self._files = credentials.Rotating(certificates)
        self._looked_at = time.monotonic()
        self._retired: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._channel = self._open(self._files.current)
        # It has the methods that generated code calls.
        self.for_stubs: Final = cast("grpc.aio.Channel", _Methods(self._current))

    def _open(self, pem: credentials.Pem) -> grpc.aio.Channel:
        return grpc.aio.secure_channel(self._address, credentials.of_client(pem), options=self._options)

    def _current(self) -> grpc.aio.Channel:
        now = time.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            found = self._files.changed()
            if found is not None:
                self._retire(self._channel)
                self._channel = self._open(found)
        return self._channel

    def _retire(self, channel: grpc.aio.Channel) -> None:
        task = asyncio.create_task(self._close_late(channel))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def _close_late(self, channel: grpc.aio.Channel) -> None:
        # Waited for here: gRPC's own grace cannot be cut short without leaving the channel and its calls open.
        with suppress(TimeoutError):
            async with asyncio.timeout(OLD_CALLS_S):
                await self._ended.wait()
        await channel.close()

    async def close(self) -> None:
        """Closes them all, at once."""
        self._ended.set()
        await asyncio.gather(*self._retired)
        await self._channel.close()


class _Methods:
    """The four shapes of a channel's methods, as generated code asks for them."""

    def __init__(self, current: Callable[[], grpc.aio.Channel]) -> None:
        self._current = current

    def unary_unary(self, *arguments: Made, **named: Made) -> Made:
        return _Method(self._current, lambda channel: channel.unary_unary(*arguments, **named))

    def unary_stream(self, *arguments: Made, **named: Made) -> Made:
        return _Method(self._current, lambda channel: channel.unary_stream(*arguments, **named))

    def stream_stream(self, *arguments: Made, **named: Made) -> Made:
        return _Method(self._current, lambda channel: channel.stream_stream(*arguments, **named))

    def stream_unary(self, *arguments: Made, **named: Made) -> Made:
        return _Method(self._current, lambda channel: channel.stream_unary(*arguments, **named))


class _Method:
    """One method, made once for each channel."""

    def __init__(
        self, current: Callable[[], grpc.aio.Channel], make: Callable[[grpc.aio.Channel], Callable[..., Made]]
    ) -> None:
        self._current = current
        self._make = make
        self._channel: grpc.aio.Channel | None = None
        self._made: Callable[..., Made]

    def __call__(self, *arguments: Made, **named: Made) -> Made:
        channel = self._current()
        if channel is not self._channel:
            self._channel, self._made = channel, self._make(channel)
        return self._made(*arguments, **named)
