"""A quota that only publishes a log: a real gRPC server with what a test puts into it."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import grpc
from monazite.quota.v1 import quota_pb2_grpc
from monazite.type.v1.statement_pb2 import Entry, ListEntriesRequest, ListEntriesResponse, StatementItem

from tests.fakes.serving import serving
from tools.local.pki import Certificate

LOG = "urn:monazite:log:quota:0"


@dataclass
class FakeQuotaLog(quota_pb2_grpc.LogServiceServicer):
    """Entries as (statement id, kind, item)."""

    entries: list[tuple[bytes, int, bytes]] = field(default_factory=list[tuple[bytes, int, bytes]])
    published: asyncio.Event = field(default_factory=asyncio.Event)

    def publish(self, statement_id: bytes, kind: int, item: bytes) -> None:
        """Append one entry."""
        self.entries.append((statement_id, kind, item))
        self.published.set()
        self.published = asyncio.Event()

    async def ListEntries(self, request: ListEntriesRequest, context: object) -> ListEntriesResponse:
        """A page of the kinds asked for; waits as long as it was asked to."""
        if request.from_index >= len(self.entries):
            try:
                async with asyncio.timeout(request.wait_ms / 1000):
                    await self.published.wait()
            except TimeoutError:
                pass
        page = [
            Entry(index=index, statement_id=entry[0], event_kind=entry[1], item=StatementItem(item=entry[2]))
            for index, entry in enumerate(self.entries)
            if index >= request.from_index and entry[1] in request.event_kinds
        ]
        size = len(self.entries)
        return ListEntriesResponse(log=LOG, entries=page, next_index=max(request.from_index, size), size=size)


def served(log: FakeQuotaLog, certificate: Certificate) -> AbstractAsyncContextManager[int]:
    """Serve it with a server certificate of `/service/quota`; gives the port."""

    def add(server: grpc.aio.Server) -> None:
        quota_pb2_grpc.add_LogServiceServicer_to_server(log, server)

    return serving(add, certificate)
