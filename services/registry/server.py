"""Composition root: what the registry is made of, in one line of sight."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from monazite.registry.v1 import registry_pb2, registry_pb2_grpc
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.names import service_uri
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.settings import DEFAULT_SETTINGS
from monazite_provenance.trust import TrustFile

from services.chassis.client import Peer
from services.chassis.committer import Committer
from services.chassis.database import Database
from services.chassis.follower import Follower, entries_of
from services.chassis.keyring import DatabaseKeyRing
from services.chassis.log.composition import open_log
from services.chassis.log.cosignature_watching import CosignatureWatcher
from services.chassis.log.resting import Witnesses
from services.chassis.server import Composition, Follows, Mount, Site, mount
from services.chassis.turns import Turns
from services.registry import access
from services.registry.messages.prepared import render_prepared
from services.registry.messages.replies import render
from services.registry.operations.attestations import Attestations
from services.registry.operations.bundles import Bundles
from services.registry.operations.cuts import Cuts
from services.registry.operations.enterprises import Enterprises
from services.registry.operations.exports import Exports
from services.registry.operations.following import CHANGED, SETTLED, LicensingLog, QuotaLog
from services.registry.operations.holds import Holds
from services.registry.operations.lots import LotOperations, Steps
from services.registry.operations.pipeline import Pipeline
from services.registry.operations.prepared import Preparation
from services.registry.operations.presented import Presented
from services.registry.operations.reading import Reading
from services.registry.operations.rights import Rights
from services.registry.operations.signing import Signer
from services.registry.operations.statuses import Statuses
from services.registry.operations.submitted import Submissions
from services.registry.servicer.enterprises import EnterpriseServicer
from services.registry.servicer.exports import ExportServicer
from services.registry.servicer.lots import LotServicer
from services.registry.servicer.rights import RightServicer
from services.registry.settings import RegistrySettings
from services.registry.storage.flush import Flush
from services.registry.storage.writes import RegistryWrite

MIGRATIONS: Final = Path(__file__).parent / "migrations"


async def build(site: Site[RegistrySettings]) -> Composition:
    """Put the service together. Raises ProvenanceError or OSError for keys or a trust file that cannot be used."""
    settings, database = site.settings, site.database
    domain, log_name = settings.domain, settings.log_name
    registry, licensing = service_uri(domain, "registry"), service_uri(domain, "export_license")
    trust = TrustFile.load(settings.trust_file.read_bytes())
    root = trust.keyring()
    signing_key = SoftwareKey.from_pem(settings.signing_key.read_bytes())
    signer = Signer(signing_key, registry, site.clock)
    presented = Presented(root, domain)
    log = await open_log(site, registry, signing_key.public, root, trust)
    committer: Committer[RegistryWrite] = await site.stack.enter_async_context(
        Committer(
            database,
            Flush(log_name, site.clock),
            on_commit=log.sequencer.wake,
            writes_max=settings.limits.batch_writes_max,
            queued_max=settings.limits.queued_writes_max,
        )
    )
    pipeline = Pipeline(database, committer, log_name, log.receipts, site.clock, render)
    steps = Steps(database, signer, presented, log_name, DEFAULT_SETTINGS)
    keys = DatabaseKeyRing(root)
    long = settings.bundles
    bundles = Bundles(
        database,
        log_name,
        log.receipts,
        Statuses(signer, HeadVerifier(root), settings.status_lifetime_s),
        licensing,
        Witnesses(trust, root, log_name),
        await site.stack.enter_async_context(Turns(concurrent_max=long.concurrent_max, queued_max=long.queued_max)),
        asyncio.Semaphore(settings.limits.database_connections_max // 2),
        long.page_statements_max,
        long.pages_max,
    )
    turns = await site.stack.enter_async_context(
        Turns(concurrent_max=settings.cuts.concurrent_max, queued_max=settings.cuts.queued_max)
    )
    lots = LotServicer(
        LotOperations(pipeline, steps),
        Submissions(pipeline, steps, keys, Preparation(steps, keys, render_prepared)),
        Holds(pipeline, database, signer, log_name),
        Reading(database, site.clock, domain, licensing),
        bundles=bundles,
        attestations=Attestations(pipeline, database, signer),
        cuts=Cuts(pipeline, database, signer, bundles, trust, turns, site.clock, DEFAULT_SETTINGS),
    )
    rights = RightServicer(Rights(pipeline, database, signer, log_name, site.clock))
    exports = ExportServicer(Exports(pipeline, database, signer, presented, log_name, licensing, DEFAULT_SETTINGS))
    enterprises = EnterpriseServicer(Enterprises(pipeline, database, signer, log_name, domain))
    followers = await _followers(settings, site.stack, database, presented, trust)
    return Composition(
        access=access.TABLE,
        mounts=(*_mounts(lots, rights, exports, enterprises), log.mount),
        background=(log.sequencer.run,),
        followers=followers,
        on_drain=(log.drain,),
    )


def _mounts(
    lots: LotServicer, rights: RightServicer, exports: ExportServicer, enterprises: EnterpriseServicer
) -> tuple[Mount, ...]:
    services = registry_pb2.DESCRIPTOR.services_by_name
    rpc = registry_pb2_grpc
    return (
        mount(services["LotService"], rpc.add_LotServiceServicer_to_server, lots),
        mount(services["RightService"], rpc.add_RightServiceServicer_to_server, rights),
        mount(services["ExportService"], rpc.add_ExportServiceServicer_to_server, exports),
        mount(services["EnterpriseService"], rpc.add_EnterpriseServiceServicer_to_server, enterprises),
    )


async def _followers(
    settings: RegistrySettings, stack: AsyncExitStack, database: Database, presented: Presented, trust: TrustFile
) -> list[Follows]:
    """Follows the logs of quota and of licensing, where their addresses are known, and their witnesses where the trust
    file demands any."""
    keys, interval_s = trust.keyring(), settings.peer_heads_ms / 1000
    followers: list[Follows] = []
    peers: list[tuple[str, Peer]] = []
    if "quota" in settings.peers:
        peer = await stack.enter_async_context(Peer("quota", settings.peers["quota"], settings.certificates))
        peers.append((settings.quota_log, peer))
        quota = QuotaLog(presented, settings.quota_log)
        followers.append(
            Follower(
                database,
                settings.quota_log,
                entries_of(peer),
                keys,
                kinds=SETTLED,
                prepare=quota.prepare,
                apply=quota.apply,
                with_receipts=True,
                keeps_tree=True,
            )
        )
    if "export_license" in settings.peers:
        address = settings.peers["export_license"]
        peer = await stack.enter_async_context(Peer("export_license", address, settings.certificates))
        peers.append((settings.export_license_log, peer))
        licensing = LicensingLog(presented, settings.export_license_log)
        followers.append(
            Follower(
                database,
                settings.export_license_log,
                entries_of(peer),
                keys,
                kinds=CHANGED,
                prepare=licensing.prepare,
                apply=licensing.apply,
                with_receipts=True,
                keeps_tree=True,
            )
        )
    if trust.witness_threshold:
        followers += [CosignatureWatcher(database, *each, keys, trust, interval_s=interval_s) for each in peers]
    return followers
