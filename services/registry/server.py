"""Composition root: what the registry is made of, in one line of sight."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from monazite.quota.v1.quota_pb2_grpc import LogServiceStub
from monazite.registry.v1 import registry_pb2, registry_pb2_grpc
from monazite.type.v1.statement_pb2 import ListEntriesRequest, ListEntriesResponse
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.names import service_uri
from monazite_provenance.settings import DEFAULT_SETTINGS
from monazite_provenance.trust import TrustFile

from services.chassis.client import Peer
from services.chassis.committer import Committer
from services.chassis.database import Database
from services.chassis.follower import Follower
from services.chassis.keyring import DatabaseKeyRing
from services.chassis.log import Log
from services.chassis.sequencer import Sequencer
from services.chassis.server import Composition, Mount, Site, mount
from services.registry import access
from services.registry.messages.replies import render
from services.registry.operations.bundles import Bundles
from services.registry.operations.enterprises import Enterprises
from services.registry.operations.exports import Exports
from services.registry.operations.following import KINDS, QuotaLog
from services.registry.operations.holds import Holds
from services.registry.operations.lots import LotOperations, Steps
from services.registry.operations.pipeline import Pipeline
from services.registry.operations.presented import Presented
from services.registry.operations.reading import Reading
from services.registry.operations.rights import Rights
from services.registry.operations.signing import Signer
from services.registry.operations.submitted import Submissions
from services.registry.servicer.enterprises import EnterpriseServicer
from services.registry.servicer.exports import ExportServicer
from services.registry.servicer.log import LogServicer
from services.registry.servicer.lots import LotServicer
from services.registry.servicer.rights import RightServicer
from services.registry.settings import RegistrySettings
from services.registry.storage.flush import Flush
from services.registry.storage.following import Settlement
from services.registry.storage.writes import RegistryWrite

MIGRATIONS: Final = Path(__file__).parent / "migrations"
# Longer than the log waits for a first entry.
FOLLOW_TIMEOUT_S: Final = 10.0


async def build(site: Site[RegistrySettings]) -> Composition:
    """Put the service together. Raises ProvenanceError or OSError for keys or a trust file that cannot be used."""
    settings, database = site.settings, site.database
    domain, log_name = settings.domain, settings.log_name
    licensing = service_uri(domain, "export_license")
    root = TrustFile.load(settings.trust_file.read_bytes()).keyring()
    signing_key = SoftwareKey.from_pem(settings.signing_key.read_bytes())
    signer = Signer(signing_key, service_uri(domain, "registry"), site.clock)
    presented = Presented(root, domain)
    sequencer = Sequencer(database, log_name)
    log = Log(database, log_name, sequencer.published)
    committer: Committer[RegistryWrite] = await site.stack.enter_async_context(
        Committer(
            database,
            Flush(log_name, site.clock),
            on_commit=sequencer.wake,
            writes_max=settings.limits.batch_writes_max,
            queued_max=settings.limits.queued_writes_max,
        )
    )
    pipeline = Pipeline(database, committer, log_name, site.clock, render)
    steps = Steps(database, signer, presented, log_name, DEFAULT_SETTINGS)
    lots = LotServicer(
        LotOperations(pipeline, steps),
        Submissions(pipeline, steps, DatabaseKeyRing(root)),
        Holds(pipeline, database, signer, log_name),
        Reading(database, site.clock, domain, licensing),
        Bundles(database, licensing),
    )
    rights = RightServicer(Rights(pipeline, database, signer, log_name, site.clock))
    exports = ExportServicer(Exports(pipeline, database, signer, presented, log_name, licensing, DEFAULT_SETTINGS))
    enterprises = EnterpriseServicer(Enterprises(pipeline, database, signer, log_name, domain))
    follower = await _follower(settings, site.stack, database, presented)
    return Composition(
        access=access.TABLE,
        mounts=_mounts(lots, rights, exports, enterprises, LogServicer(log)),
        background=(sequencer.run,),
        followers=() if follower is None else (follower,),
        on_drain=(log.drain,),
    )


def _mounts(
    lots: LotServicer, rights: RightServicer, exports: ExportServicer, enterprises: EnterpriseServicer, log: LogServicer
) -> tuple[Mount, ...]:
    services = registry_pb2.DESCRIPTOR.services_by_name
    rpc = registry_pb2_grpc
    return (
        mount(services["LotService"], rpc.add_LotServiceServicer_to_server, lots),
        mount(services["RightService"], rpc.add_RightServiceServicer_to_server, rights),
        mount(services["ExportService"], rpc.add_ExportServiceServicer_to_server, exports),
        mount(services["EnterpriseService"], rpc.add_EnterpriseServiceServicer_to_server, enterprises),
        mount(services["LogService"], rpc.add_LogServiceServicer_to_server, log),
    )


async def _follower(
    settings: RegistrySettings, stack: AsyncExitStack, database: Database, presented: Presented
) -> Follower[list[Settlement]] | None:
    """Follows quota's log, where quota's address is known."""
    address = settings.peers.get("quota")
    if address is None:
        return None
    peer = await stack.enter_async_context(Peer("quota", address, settings.certificates))
    stub = LogServiceStub(peer.channel)

    async def fetch(request: ListEntriesRequest) -> ListEntriesResponse:
        return await peer.call(stub.ListEntries, request, timeout_s=FOLLOW_TIMEOUT_S)

    quota = QuotaLog(presented, settings.quota_log)
    return Follower(database, settings.quota_log, fetch, kinds=KINDS, prepare=quota.prepare, apply=quota.apply)
