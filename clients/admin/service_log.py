"""A service's log as it answers: its entries page by page, its checkpoint, and the paths between its heads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Annotated, Final

import grpc
import typer
from monazite.transparency.v1.transparency_pb2 import (
    AddCosignaturesRequest,
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
# Between two looks at a log that is watched.
INTERVAL_S: Final = 5.0
# What asking again may cure.
PASSING: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


class LogName(StrEnum):
    """Whose log."""

    REGISTRY = "registry"
    QUOTA = "quota"
    EXPORT_LICENSE = "export_license"


ServiceArgument = Annotated[LogName, typer.Argument(help="Whose log.")]
ShardOption = Annotated[int, typer.Option("--shard", min=0, help="Which of its logs.")]


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

    async def deliver(self, cosigned: Checkpoint) -> int:
        """Gives it a head that a witness co-signed; up to which size the log has as many witnesses as it is to have."""
        request = AddCosignaturesRequest(checkpoint=cosigned)
        return (await self._session.ask(self._stub.AddCosignatures, request)).witnessed_size


def refute(session: Session, log: str, why: str, **evidence: str | int) -> None:
    """Says that a log is not what it should be, and with what evidence."""
    if session.output.as_json:
        session.output.value_line({"log": log, "verdict": "REFUTED", "why": why, **evidence})
        return
    session.output.raw(f"REFUTED  {log}  {why}")
    for name, value in evidence.items():
        session.output.raw(f"  {name}: {value}")
