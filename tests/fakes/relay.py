"""A TCP relay: one address for a server whose own comes and goes, and a line that can go dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes bytes on to whatever port of this host `target` names at the moment. While `dead`, takes connections and
    lets nothing through."""

    def __init__(self, target: Callable[[], int]) -> None:
        self._target = target
        self.dead = False
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Relay]:
        """Listens until the end of the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                if not self.dead:
                    writer.write(data)
                    await writer.drain()
        writer.close()
