"""A service on borrowed protos, whose `GetRight` does whatever a test asks of the server: `right_id` says what."""

# ruff: noqa: N802, ARG002 - the generated stubs name methods and arguments

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from monazite.registry.v1 import registry_pb2, registry_pb2_grpc
from monazite.type.v1.statement_pb2 import Admission
from monazite_provenance.errors import NotHolder
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.trust import TrustFile, new

from services.chassis.access import AccessTable, Caller, method_names
from services.chassis.call import current_call
from services.chassis.committer import Committer
from services.chassis.errors import Violation, invalid, unavailable
from services.chassis.identity import OfficerRole
from services.chassis.log.composition import open_log
from services.chassis.log.receipts import Receipts
from services.chassis.log.servicer import SERVICE, admit
from services.chassis.server import Composition, Follows, Mount, Site, mount, run
from services.chassis.settings import Settings
from tests.fakes.log_keys import ring
from tests.service.chassis.logs import ISSUER
from tests.service.chassis.till import LOG, MIGRATIONS, Take, flush, take

RIGHTS: ServiceDescriptor = registry_pb2.DESCRIPTOR.services_by_name["RightService"]
LOTS: ServiceDescriptor = registry_pb2.DESCRIPTOR.services_by_name["LotService"]
BUNDLE = "/monazite.registry.v1.LotService/GetBundle"
SECRET = "dsn=postgresql://quota:hunter2@db"  # noqa: S105  (one that must not leak)

ACCESS: AccessTable = {
    name: frozenset({Caller.enterprise(), Caller.officer(OfficerRole.QUOTA)})
    for name in method_names([RIGHTS, SERVICE, LOTS])
}


class Rights(registry_pb2_grpc.RightServiceServicer):
    """`seen` counts calls; `started` is set when one that stays has begun, `opened` lets it end."""

    def __init__(self, committer: Committer[Take], receipts: Receipts) -> None:
        self._committer = committer
        self._receipts = receipts
        self.seen = 0
        self.started = asyncio.Event()
        self.opened = asyncio.Event()
        self.cancelled = asyncio.Event()

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
        statement_id = await self._committer.submit(write)
        if statement_id is write.reply:
            registered = await self._receipts.wait(statement_id)
        else:
            registered = await self._receipts.obtain(statement_id)
        admission = admit(Admission(statement_id=statement_id, log=LOG), registered)
        return registry_pb2.CloseRightResponse(total_drawn_mg=len(statement_id), admission=admission)


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
    followers: Sequence[Follows] = (),
    trust: TrustFile | None = None,
) -> Composition:
    """`made` receives the servicer, for tests that look into it; `trust` names the witnesses, if there are any."""
    key = SoftwareKey.from_pem(site.settings.log_signing_key.read_bytes())
    named = trust or new("monazite.example", [key.public], 1)
    log = await open_log(site, ISSUER, key.public, ring(LOG, ISSUER, key), named)
    committer = await site.stack.enter_async_context(Committer(site.database, flush, on_commit=log.sequencer.wake))
    await site.database.pool.execute("INSERT INTO till VALUES ('a', 1000) ON CONFLICT DO NOTHING")
    rights = Rights(committer, log.receipts)
    if made is not None:
        made.append(rights)
    return Composition(
        access=access,
        mounts=[
            mount(RIGHTS, registry_pb2_grpc.add_RightServiceServicer_to_server, rights),
            log.mount,
            lots(),
        ],
        background=[log.sequencer.run],
        followers=followers,
        on_drain=[log.drain],
    )


if __name__ == "__main__":
    sys.exit(run("counter", Settings, build, MIGRATIONS))
