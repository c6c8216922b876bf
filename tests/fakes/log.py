"""A log in memory: real heads and receipts over whatever a test puts into it, served as a service would."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from monazite.transparency.v1 import transparency_pb2 as pb
from monazite.transparency.v1.transparency_pb2_grpc import (
    TransparencyServiceServicer,
    add_TransparencyServiceServicer_to_server,
)
from monazite.type.v1.statement_pb2 import StatementItem
from monazite_provenance._cose import encode_sign1
from monazite_provenance.checkpoints import cosign, sign_checkpoint
from monazite_provenance.item import Item
from monazite_provenance.keys import SigningKey
from monazite_provenance.statement import log_leaf

from tests.fakes.serving import serving
from tests.unit.provenance.registers import Register
from tools.local.pki import Certificate


@dataclass(frozen=True, slots=True)
class _Entry:
    statement_id: bytes
    kind: int
    item: bytes
    leaf: bytes


class FakeLog(TransparencyServiceServicer):
    """Serves entries and the head, and nothing else of the service. `key` signs its heads; `note` is what it says in
    place of the head's own text.
    """

    def __init__(self, name: str, issuer: str, key: SigningKey) -> None:
        self.register = Register(name, issuer, key)
        self.entries: list[_Entry] = []
        self.note: str | None = None
        self._published = asyncio.Event()
        # What witnesses are said to have co-signed, and what they delivered.
        self.cosigned: list[pb.Checkpoint] = []
        self.delivered: list[pb.Checkpoint] = []
        self.refuses_from: int | None = None
        # So many deliveries come when too many wait.
        self.crowded = 0

    def grow(self, count: int) -> None:
        """So many entries that only a log reads."""
        for _ in range(count):
            signed = encode_sign1(b"header", secrets.token_bytes(8), b"signature")
            self.publish(secrets.token_bytes(32), 1, Item(signed, {}, (), None))

    def publish(self, statement_id: bytes, kind: int, item: Item) -> bytes:
        """Append one entry; gives the item with its receipt, as it is presented elsewhere."""
        leaf = log_leaf(item.statement)
        self.entries.append(_Entry(statement_id, kind, item.encode(), leaf))
        receipt = self.register.receipt(self.register.append(leaf), int(time.time()))
        self._published.set()
        self._published = asyncio.Event()
        return item.with_receipts([receipt]).encode()

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: object) -> pb.Checkpoint:
        """The latest head."""
        return self._checkpoint(int(time.time()))

    async def GetConsistency(self, request: pb.GetConsistencyRequest, context: object) -> pb.Consistency:
        """The path between two sizes."""
        path = self.register.consistency(request.old_size, request.size)
        return pb.Consistency(old_size=request.old_size, size=request.size, path=path)

    async def ListCosignatures(
        self, request: pb.ListCosignaturesRequest, context: object
    ) -> pb.ListCosignaturesResponse:
        """What the test has put there."""
        return pb.ListCosignaturesResponse(cosignatures=[pb.Cosignature(checkpoint=each) for each in self.cosigned])

    async def AddCosignatures(
        self, request: pb.AddCosignaturesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.AddCosignaturesResponse:
        """Keeps it, unverified, until a test has it refused."""
        if self.crowded:
            self.crowded -= 1
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many")
        if self.refuses_from is not None and len(self.delivered) >= self.refuses_from:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no more")
        self.delivered.append(request.checkpoint)
        return pb.AddCosignaturesResponse(witnessed_size=0)

    async def StreamEntries(
        self, request: pb.StreamEntriesRequest, context: object
    ) -> AsyncGenerator[pb.StreamEntriesResponse]:
        """Everything from an index on in one page; then, to who follows, each time that something is published."""
        position = request.from_index
        while True:
            published = self._published
            yield self._page(request, position)
            position = len(self.entries)
            if not request.follow:
                return
            await published.wait()

    def _page(self, request: pb.StreamEntriesRequest, position: int) -> pb.StreamEntriesResponse:
        now = int(time.time())
        return pb.StreamEntriesResponse(
            entries=[self._entry(request, index, now) for index in range(position, len(self.entries))],
            next_index=len(self.entries),
            checkpoint=self._checkpoint(now),
        )

    def _checkpoint(self, now: int) -> pb.Checkpoint:
        head = self.register.head(now)
        note = self.note
        if note is None:
            note = sign_checkpoint(head.head.log, head.head.size, head.head.root, self.register.key)
        return pb.Checkpoint(log=self.register.name, checkpoint=head.checkpoint(), note=note)

    def _entry(self, request: pb.StreamEntriesRequest, index: int, now: int) -> pb.Entry:
        entry = self.entries[index]
        if request.event_kinds and entry.kind not in request.event_kinds:
            return pb.Entry(index=index, leaf=entry.leaf)
        return pb.Entry(
            index=index,
            statement_id=entry.statement_id,
            event_kind=entry.kind,
            item=StatementItem(item=entry.item),
            receipt=self.register.receipt(index, now) if request.with_receipts else b"",
        )


def new_log(name: str, issuer: str, key: SigningKey) -> FakeLog:
    """An empty one. What it does not serve answers UNIMPLEMENTED."""
    return FakeLog(name, issuer, key)  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]


def served(log: FakeLog, certificate: Certificate) -> AbstractAsyncContextManager[int]:
    """Serves it with a server certificate of its service; gives the port."""
    return serving(partial(add_TransparencyServiceServicer_to_server, log), certificate)


def cosigned_by(register: Register, keys: Mapping[str, SigningKey], size: int | None = None) -> pb.Checkpoint:
    """A head of a log, of the first `size` entries or of all, with lines of these witnesses by name."""
    now = int(time.time())
    signed = register.head(now, size)
    note = sign_checkpoint(register.name, signed.head.size, signed.head.root, register.key)
    for name, key in keys.items():
        note = cosign(note, name, key, timestamp_s=now)
    return pb.Checkpoint(log=register.name, checkpoint=signed.checkpoint(), note=note)
