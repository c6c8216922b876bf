"""A service on borrowed protos, whose `GetRight` does whatever a test asks of the server: `right_id` says what."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from monazite.quota.v1 import quota_pb2, quota_pb2_grpc
from monazite.registry.v1 import registry_pb2, registry_pb2_grpc
from monazite.type.v1.statement_pb2 import ListEntriesRequest, ListEntriesResponse
from monazite_provenance.errors import NotHolder

from services.chassis.access import AccessTable, Caller, method_names
from services.chassis.call import current_call
from services.chassis.committer import Committer
from services.chassis.errors import Violation, invalid, unavailable
from services.chassis.identity import OfficerRole
from services.chassis.log import Log
from services.chassis.sequencer import Sequencer
from services.chassis.server import AnyFollower, Composition, Mount, Site, mount, run
from services.chassis.settings import Settings
from tests.service.chassis.till import LOG, MIGRATIONS, Take, flush, take

RIGHTS: ServiceDescriptor = registry_pb2.DESCRIPTOR.services_by_name["RightService"]
LOGS: ServiceDescriptor = quota_pb2.DESCRIPTOR.services_by_name["LogService"]
LOTS: ServiceDescriptor = registry_pb2.DESCRIPTOR.services_by_name["LotService"]
BUNDLE = "/monazite.registry.v1.LotService/GetBundle"
SECRET = "dsn=postgresql://quota:hunter2@db"  # noqa: S105  (one that must not leak)

ACCESS: AccessTable = {
    name: frozenset({Caller.enterprise(), Caller.officer(OfficerRole.QUOTA)})
    for name in method_names([RIGHTS, LOGS, LOTS])
}


class Rights(registry_pb2_grpc.RightServiceServicer):
    """`seen` counts calls; `started` is set when one that stays has begun, `opened` lets it end. `polled` is set when
    the log has been asked."""

    def __init__(self, committer: Committer[Take]) -> None:
        self._committer = committer
        self.seen = 0
        self.started = asyncio.Event()
        self.opened = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.polled = asyncio.Event()

    async def GetRight(self, request: registry_pb2.GetRightRequest, context: object) -> registry_pb2.Right:
        self.seen += 1
        match request.right_id.decode():
            case "leak":
                raise RuntimeError(SECRET)
            case "provenance":
                raise NotHolder("only the holder may spend a lot", index=3)
            case "violations":
                raise invalid([Violation("year", "is missing"), Violation("masses[0].reo_mg", "is negative")])
            case "away twice" if self.seen <= 2:
                raise unavailable()
            case "stay":
                await self._stay()
            case _:
                pass
        call = current_call()
        told = f"{call.principal.uri} {call.trace.traceparent} {call.method}"
        return registry_pb2.Right(right_id=told.encode(), drawn_mg=int(call.deadline_remaining()))

    async def _stay(self) -> None:
        self.started.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def CloseRight(
        self, request: registry_pb2.CloseRightRequest, context: object
    ) -> registry_pb2.CloseRightResponse:
        write = take(request_id=request.right_id)
        return registry_pb2.CloseRightResponse(total_drawn_mg=len(await self._committer.submit(write)))


class Logs(quota_pb2_grpc.LogServiceServicer):
    def __init__(self, log: Log, polled: asyncio.Event) -> None:
        self._log = log
        self._polled = polled

    async def ListEntries(self, request: ListEntriesRequest, context: object) -> ListEntriesResponse:
        self._polled.set()
        return await self._log.list_entries(request)


async def get_bundle(
    request: registry_pb2.GetBundleRequest, context: object
) -> AsyncIterator[registry_pb2.GetBundleResponse]:
    for number in range(3):
        if request.head.statement_id == b"leak" and number == 2:
            raise RuntimeError(SECRET)
        yield registry_pb2.GetBundleResponse(chunk=str(number).encode())


def lots() -> Mount:
    """Of LotService only what streams."""

    def add(_: None, server: grpc.aio.Server) -> None:
        handler = grpc.unary_stream_rpc_method_handler(
            get_bundle,
            registry_pb2.GetBundleRequest.FromString,
            registry_pb2.GetBundleResponse.SerializeToString,
        )
        server.add_registered_method_handlers(LOTS.full_name, {"GetBundle": handler})

    return mount(LOTS, add, None)


async def build(site: Site[Settings]) -> Composition:
    """As a service's composition root goes."""
    return await compose(site)


async def compose(
    site: Site[Settings],
    made: list[Rights] | None = None,
    access: AccessTable = ACCESS,
    followers: Sequence[AnyFollower] = (),
) -> Composition:
    """`made` receives the servicer, for tests that look into it."""
    sequencer = Sequencer(site.database, LOG)
    committer = await site.stack.enter_async_context(Committer(site.database, flush, on_commit=sequencer.wake))
    await site.database.pool.execute("INSERT INTO till VALUES ('a', 1000) ON CONFLICT DO NOTHING")
    rights = Rights(committer)
    if made is not None:
        made.append(rights)
    log = Log(site.database, LOG, sequencer.published)
    return Composition(
        access=access,
        mounts=[
            mount(RIGHTS, registry_pb2_grpc.add_RightServiceServicer_to_server, rights),
            mount(LOGS, quota_pb2_grpc.add_LogServiceServicer_to_server, Logs(log, rights.polled)),
            lots(),
        ],
        background=[sequencer.run],
        followers=followers,
        on_drain=[log.drain],
    )


if __name__ == "__main__":
    sys.exit(run("counter", Settings, build, MIGRATIONS))
