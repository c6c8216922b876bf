"""A registry as export licensing meets it: a real gRPC server with real statements, that a test can make fail or lie.

Lots are built with the library (the world of the library's own tests), so that their bundles verify or refuse to as the
real registry's would. What it answers to acts is signed; `away`, `lose` and `twist` spoil it on the way.
"""

# ruff: noqa: N802 - the generated stubs name methods

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NoReturn, TypeAlias

import grpc
from monazite.registry.v1 import registry_pb2 as pb
from monazite.registry.v1 import registry_pb2_grpc as rpc
from monazite.type.v1 import statement_pb2
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    CustodyState,
    Details,
    ExportIntentDetails,
    ExportLimit,
    ExportLockDetails,
    ExportVoidDetails,
    LotContent,
    decode_details,
)
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.statement import Outpoint, parse
from monazite_provenance.steps import accepted_outputs, subject

from services.chassis import errors
from services.chassis.errors import Error, Kind
from tests.fakes.serving import serving
from tests.unit.provenance.chains import LOG, World, service
from tests.unit.provenance.paging import in_pages
from tools.local.pki import Certificate

CHUNK_BYTES = 1_000
STATUS_S = 3_600
Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"
Answer: TypeAlias = pb.ExportActResponse


@dataclass
class Lot:
    """A lot with its own history. `tamper` spoils its bundle on the way out; `status` are fields of the registry's word
    on it that are not as things stand, None for no word at all. `ends`: the places at which its bundle's pages end.
    """

    world: World
    head: Outpoint
    unspent: bool = True
    holds: list[str] = field(default_factory=list[str])
    act_id: bytes = b""
    tamper: Callable[[bytes], bytes] | None = None
    status: Mapping[str, object] | None = field(default_factory=dict[str, object])
    ends: Sequence[int] = ()

    @property
    def content(self) -> LotContent:
        """The content at its head."""
        return self.world.lots[self.head]

    def stands(self) -> list[Item]:
        """The registry's word on its head as things stand now, if it gives one."""
        if self.status is None:
            return []
        now, logs = int(time.time()), self.world.registers.logs
        fields: dict[str, object] = {
            "checkpoints": tuple(logs[name].head(now).checkpoint() for name in (LOG, *sorted({*logs} - {LOG}))),
            "expires_at": now + STATUS_S,
            "spender": None if self.unspent else id_of("spender"),
            "holds": tuple(sorted(map(id_of, self.holds))),
        }
        return [self.world.status(self.head, issued_at=now, **(fields | dict(self.status)))]

    def bundle(self, *, with_status: bool) -> bytes:
        """The bundle of its head."""
        items = [*self.world.items, *(self.stands() if with_status else ())]
        raw = b"".join(in_pages(self.world, self.head, items, self.ends))
        return self.tamper(raw) if self.tamper else raw


@dataclass
class ExportRegistry:
    """What the registry holds, how it misbehaves, and what it was asked."""

    world: World = field(default_factory=World.new)
    lots: list[Lot] = field(default_factory=list[Lot])
    locked: dict[bytes, pb.LockExportRequest] = field(default_factory=dict[bytes, pb.LockExportRequest])
    answers: dict[bytes, Answer] = field(default_factory=dict[bytes, Answer])
    # Methods that answer UNAVAILABLE; those that do their work first and lose the answer.
    away: set[str] = field(default_factory=set[str])
    lose: set[str] = field(default_factory=set[str])
    refuse: dict[str, Error] = field(default_factory=dict[str, Error])
    # Changes an answer to an act on its way out.
    twist: Callable[[Answer], Answer] | None = None
    # Runs inside a call before it answers: what happens elsewhere meanwhile.
    meanwhile: dict[str, Callable[[], Awaitable[object]]] = field(
        default_factory=dict[str, Callable[[], Awaitable[object]]]
    )
    asked: list[str] = field(default_factory=list[str])

    # --- lots -------------------------------------------------------------------------------------------------------

    def fresh_world(self) -> World:
        """A world of the same keys and trust with no history."""
        return replace(self.world, items=[], lots={}, ids=[])

    def hold(self, world: World, head: Outpoint) -> Lot:
        """A lot that this registry knows."""
        self.lots.append(Lot(world, head))
        return self.lots[-1]

    def imported(self, content: LotContent) -> Lot:
        """A lot registered as imported by its holder."""
        world = self.fresh_world()
        return self.hold(world, world.bring_in(_name(content.holder), content))

    def offer(self, lot: Lot, licence_id: bytes, max_gross_g: int = 0) -> None:
        """The holder offers the lot for export under a licence."""
        limit = ExportLimit(licence_id, max_gross_g or lot.content.gross_g)
        lot.head = lot.world.offer(_name(lot.content.holder), lot.head, service("export_license"), limit)

    def find(self, head: Outpoint) -> Lot | None:
        """The lot with this head."""
        return next((lot for lot in self.lots if lot.head == head), None)

    # --- acts -------------------------------------------------------------------------------------------------------

    def lock(self, request: pb.LockExportRequest) -> Answer:
        """As the real one: idempotent, all lots or none."""
        act_id = request.act_id
        if act_id in self.answers:
            if self.answers[act_id].state != pb.ExportActResponse.STATE_LOCKED:
                raise Error(Kind.PRECONDITION, "EXPORT_ACT_ENDED", "the act has ended")
            return self.answers[act_id]
        heads = [Outpoint(head.statement_id, head.output_index) for head in request.heads]
        lots = [lot for lot in map(self.find, heads) if lot is not None]
        if len(lots) != len(heads):
            raise errors.not_found("lot", "")
        for lot in lots:
            if lot.holds:
                raise Error(Kind.PRECONDITION, "LOT_HELD", "held")
        for lot in lots:
            lot.act_id = act_id
        self.locked[act_id] = request
        details = ExportLockDetails(act_id, request.licence_id, tuple(sorted(heads)))
        return self._answer(act_id, pb.ExportActResponse.STATE_LOCKED, EventKind.EXPORT_LOCK, details, heads)

    def complete(self, request: pb.CompleteExportRequest) -> Answer:
        """As the real one: exports on the intent, voids when a lot is held."""
        act_id = request.act_id
        if act_id not in self.answers:
            raise errors.not_found("export act", act_id.hex())
        if self.answers[act_id].state != pb.ExportActResponse.STATE_LOCKED:
            return self.answers[act_id]
        lots = [lot for lot in self.lots if lot.act_id == act_id]
        if any(lot.holds for lot in lots):
            return self.void(pb.VoidExportRequest(act_id=act_id, reason_code="LOT_HELD"))
        licence = parse(Item.decode(request.licence.item).statement).statement_id
        assert licence == self.locked[act_id].licence_id, "the licence travels with the intent"
        item = Item.decode(request.intent.item)
        assert item.details is not None
        details = decode_details(EventKind.EXPORT_INTENT, item.details.content)
        assert isinstance(details, ExportIntentDetails)
        return self._export(act_id, lots, details, parse(item.statement).statement_id)

    def _export(self, act_id: bytes, lots: list[Lot], intent: ExportIntentDetails, intent_id: bytes) -> Answer:
        masses = {mass.outpoint: mass.gross_g for mass in intent.masses}
        lots = sorted(lots, key=lambda lot: lot.head)
        lines: list[AcceptLine] = []
        outputs: list[LotContent] = []
        for lot in lots:
            accepted_g, whole_g = masses[lot.head], lot.content.gross_g
            line = AcceptLine(accepted_g, whole_g - accepted_g, 0, "" if accepted_g == whole_g else "PART")
            lines.append(line)
            outputs.extend(accepted_outputs(lot.content, line))
            lot.unspent = False
        world = self.fresh_world()
        made = world.sign(
            EventKind.ACCEPT,
            subject([lot.content for lot in lots], outputs),
            AcceptDetails(tuple(lines)),
            signer="registry",
            outputs=outputs,
            spends=[lot.head for lot in lots],
            refs=[intent_id],
            on_behalf=service("export_license"),
        )
        for outpoint, content in zip(made, outputs, strict=True):
            self.lots.append(Lot(replace(world, lots={outpoint: content}), outpoint))
        return self._store(act_id, pb.ExportActResponse.STATE_EXPORTED, world)

    def void(self, request: pb.VoidExportRequest) -> Answer:
        """As the real one: an act never seen becomes a tombstone, an ended one stays as it ended."""
        act_id = request.act_id
        known = self.answers.get(act_id)
        if known is not None and known.state != pb.ExportActResponse.STATE_LOCKED:
            return known
        for lot in self.lots:
            if lot.act_id == act_id:
                lot.act_id = b""
        details = ExportVoidDetails(act_id, request.reason_code)
        return self._answer(act_id, pb.ExportActResponse.STATE_VOID, EventKind.EXPORT_VOID, details, [])

    def _answer(
        self,
        act_id: bytes,
        state: pb.ExportActResponse.State.ValueType,
        kind: EventKind,
        details: Details,
        heads: list[Outpoint],
    ) -> Answer:
        world = self.fresh_world()
        refs = sorted({head.statement_id for head in heads})
        world.sign(kind, lot_urn("RE-ACT"), details, signer="registry", refs=refs)
        return self._store(act_id, state, world)

    def _store(self, act_id: bytes, state: pb.ExportActResponse.State.ValueType, world: World) -> Answer:
        item = statement_pb2.StatementItem(item=world.items[-1].encode())
        self.answers[act_id] = pb.ExportActResponse(state=state, statement=item)
        return self.answers[act_id]

    # --- serving ----------------------------------------------------------------------------------------------------

    async def serve(self, context: Context, method: str, work: Callable[[], Answer]) -> Answer:
        """An answer to an act, spoiled as told."""
        await self.spoil(context, method)
        try:
            answer = work()
        except Error as refusal:
            await _abort(context, refusal)
        if method in self.lose:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "lost")
        return self.twist(answer) if self.twist else answer

    async def spoil(self, context: Context, method: str) -> None:
        """Note the call; be away, refuse, or let something happen meanwhile."""
        self.asked.append(method)
        if method in self.meanwhile:
            await self.meanwhile.pop(method)()
        if method in self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        if method in self.refuse:
            await _abort(context, self.refuse[method])


async def _abort(context: Context, refusal: Error) -> NoReturn:
    await context.abort(refusal.kind.code, refusal.message, errors.to_trailing_metadata(refusal))
    raise AssertionError("abort returned")


def id_of(name: str) -> bytes:
    """The id of a statement that nobody has seen."""
    return sha256(name.encode()).digest()


def _name(holder: str) -> str:
    return holder.rpartition("/")[2]


def _parties(lot: LotContent) -> set[str]:
    return {_name(party) for party in (lot.holder, lot.receiver) if party is not None}


def _may_have(request: pb.GetBundleRequest, lot: LotContent) -> bool:
    leaving = lot.receiver == service("export_license") or lot.custody_state is CustodyState.ABROAD
    return request.visible_to in {"", *_parties(lot)} or (request.or_leaving and leaving)


class _Lots(rpc.LotServiceServicer):
    def __init__(self, registry: ExportRegistry) -> None:
        self._registry = registry

    async def GetBundle(self, request: pb.GetBundleRequest, context: Context) -> AsyncIterator[pb.GetBundleResponse]:
        await self._registry.spoil(context, "GetBundle")
        lot = self._registry.find(Outpoint(request.head.statement_id, request.head.output_index))
        if lot is None or not _may_have(request, lot.content):
            named = f"{request.head.statement_id.hex()}:{request.head.output_index}"
            await _abort(context, errors.not_found("lot", named))
        raw = lot.bundle(with_status=request.with_status)
        for start in range(0, len(raw), CHUNK_BYTES):
            yield pb.GetBundleResponse(chunk=raw[start : start + CHUNK_BYTES])

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        await self._registry.spoil(context, "GetStatus")
        lot = self._registry.find(Outpoint(request.head.statement_id, request.head.output_index))
        if lot is None:
            await _abort(context, errors.not_found("lot", request.head.statement_id.hex()))
        (status,) = lot.stands()
        return pb.GetStatusResponse(status=statement_pb2.StatementItem(item=status.encode()))

    async def GetLot(self, request: pb.GetLotRequest, context: Context) -> pb.Lot:
        await self._registry.spoil(context, "GetLot")
        lot = next((lot for lot in self._registry.lots if lot.content.lot_id == request.lot_id), None)
        if lot is None:
            await _abort(context, errors.not_found("lot", request.lot_id))
        head = statement_pb2.Outpoint(statement_id=lot.head.statement_id, output_index=lot.head.index)
        return pb.Lot(
            lot_id=request.lot_id,
            head=head,
            holder=lot.content.holder,
            unspent=lot.unspent,
            holds=lot.holds,
            export_act_id=lot.act_id,
        )


class _Exports(rpc.ExportServiceServicer):
    def __init__(self, registry: ExportRegistry) -> None:
        self._registry = registry

    async def LockExport(self, request: pb.LockExportRequest, context: Context) -> Answer:
        return await self._registry.serve(context, "LockExport", lambda: self._registry.lock(request))

    async def CompleteExport(self, request: pb.CompleteExportRequest, context: Context) -> Answer:
        return await self._registry.serve(context, "CompleteExport", lambda: self._registry.complete(request))

    async def VoidExport(self, request: pb.VoidExportRequest, context: Context) -> Answer:
        return await self._registry.serve(context, "VoidExport", lambda: self._registry.void(request))


def served(registry: ExportRegistry, certificate: Certificate, *, port: int = 0) -> AbstractAsyncContextManager[int]:
    """Serves the registry with a server certificate of `/service/registry`; gives the port."""

    def add(server: grpc.aio.Server) -> None:
        # Abstract in the stubs only: what licensing never asks answers UNIMPLEMENTED.
        lots = _Lots(registry)  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]
        rpc.add_LotServiceServicer_to_server(lots, server)
        rpc.add_ExportServiceServicer_to_server(_Exports(registry), server)

    return serving(add, certificate, port=port)
