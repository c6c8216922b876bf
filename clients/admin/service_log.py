"""A service's log as it answers: its entries page by page, its checkpoint, and the paths between its heads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer
from monazite.transparency.v1.transparency_pb2 import (
    Checkpoint,
    GetCheckpointRequest,
    GetConsistencyRequest,
    StreamEntriesRequest,
    StreamEntriesResponse,
)
from monazite.transparency.v1.transparency_pb2_grpc import TransparencyServiceStub

from clients.admin.session import Session
from clients.connection import stream

PAGE_SIZE: Final = 1000


class LogName(StrEnum):
    """Whose log."""

    REGISTRY = "registry"
    QUOTA = "quota"
    EXPORT_LICENSE = "export_license"


ServiceArgument = Annotated[LogName, typer.Argument(help="Whose log.")]


class ServiceLog:
    """One service's log."""

    def __init__(self, session: Session, service: LogName) -> None:
        self._session = session
        self._stub = TransparencyServiceStub(session.channel(service.value))

    async def pages(self) -> AsyncIterator[StreamEntriesResponse]:
        """All that is published, page by page, over as many streams as it takes; the last is under a head of no more.

        Raises CallError, here and while iterating.
        """
        position = 0
        while True:
            request = StreamEntriesRequest(from_index=position, page_size=PAGE_SIZE)
            began = position
            async for page in stream(
                self._stub.StreamEntries, request, timeout_s=self._session.configuration.timeout_s
            ):
                yield page
                position = page.next_index
                if not page.consistency and len(page.entries) < PAGE_SIZE:
                    return
            if position == began:
                return

    async def checkpoint(self) -> bytes:
        """Its latest signed head (COSE)."""
        return (await self.latest()).checkpoint

    async def latest(self) -> Checkpoint:
        """Its latest signed head in every form."""
        return await self._session.ask(self._stub.GetCheckpoint, GetCheckpointRequest())

    async def path(self, old_size: int, size: int) -> Sequence[bytes]:
        """The consistency path that the log gives."""
        request = GetConsistencyRequest(old_size=old_size, size=size)
        return (await self._session.ask(self._stub.GetConsistency, request)).path
