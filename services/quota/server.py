"""Composition root: what quota is made of, in one line of sight."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from monazite.quota.v1 import quota_pb2, quota_pb2_grpc
from monazite_provenance import SoftwareKey
from monazite_provenance.names import service_uri
from monazite_provenance.trust import TrustFile

from services.chassis.client import Peer
from services.chassis.committer import Committer
from services.chassis.crash import crash_point
from services.chassis.follower import Follower, entries_of
from services.chassis.log.composition import open_log
from services.chassis.log.watching import HeadWatcher
from services.chassis.server import Composition, Follows, Mount, Site, mount
from services.quota import access
from services.quota.domain.right import Right
from services.quota.messages import allocation as allocation_messages
from services.quota.messages import right as right_messages
from services.quota.messages.registry import Registry
from services.quota.operations.allocation import Allocations
from services.quota.operations.closing import Closing
from services.quota.operations.commit import AnyWrite, Flush, Replies
from services.quota.operations.evidence import FOLLOWED_KINDS
from services.quota.operations.reading import Reading
from services.quota.operations.right import Rights
from services.quota.operations.settlement import Prepared, Settling
from services.quota.operations.signing import Signer
from services.quota.servicer.allocation import AllocationServicer
from services.quota.servicer.ledger import LedgerServicer
from services.quota.servicer.right import RightServicer
from services.quota.settings import QuotaSettings
from services.quota.storage.reads import Reads

MIGRATIONS: Final = Path(__file__).parent / "migrations"


async def build(site: Site[QuotaSettings]) -> Composition:
    """Put the service together. Raises ProvenanceError or OSError for keys or a trust file that cannot be used."""
    settings, database = site.settings, site.database
    signer = Signer.of(settings.domain, SoftwareKey.from_pem(settings.signing_key.read_bytes()), settings.registry_log)
    trust = TrustFile.load(settings.trust_file.read_bytes())
    root = trust.keyring()
    registry_uri = service_uri(settings.domain, "registry")
    peer = await site.stack.enter_async_context(Peer("registry", settings.peers["registry"], settings.certificates))
    registry = Registry(peer)

    log = await open_log(site, signer.uri, signer.key.public, root, trust)
    closing = Closing(database, signer.uri, registry.close_right, root, registry_uri, settings.close_poll_ms / 1000)
    settling = Settling(database, signer, site.clock, root, registry_uri)

    def after_settling() -> None:
        crash_point("quota.settle.after_commit")
        log.sequencer.wake()
        # A right that was drawn out is to be closed.
        closing.bell.ring()

    follower: Follower[Prepared] = Follower(
        database,
        settings.registry_log,
        entries_of(peer),
        root,
        kinds=FOLLOWED_KINDS,
        prepare=settling.prepare,
        apply=settling.apply,
        on_commit=after_settling,
    )
    followers: list[Follows] = [follower]
    if "export_license" in settings.peers:
        address = settings.peers["export_license"]
        other = await site.stack.enter_async_context(Peer("export_license", address, settings.certificates))
        interval_s = settings.peer_heads_ms / 1000
        followers.append(HeadWatcher(database, settings.export_license_log, other, root, interval_s=interval_s))
    committer: Committer[AnyWrite] = await site.stack.enter_async_context(
        Committer(
            database,
            Flush(_replies(settings.log_name)),
            on_commit=log.sequencer.wake,
            writes_max=settings.limits.batch_writes_max,
            queued_max=settings.limits.queued_writes_max,
        )
    )
    reading = Reading(Reads(database), log.receipts)
    lifetime_max = timedelta(days=settings.right_days_max)
    rights = Rights(database, committer, signer, closing, site.clock, lifetime_max, log.receipts)
    return Composition(
        access=access.TABLE,
        mounts=(*_mounts(Allocations(database, committer, registry.is_listed), rights, reading), log.mount),
        background=(log.sequencer.run, closing.run),
        followers=followers,
        on_drain=(log.drain,),
    )


def _mounts(allocations: Allocations, rights: Rights, reading: Reading) -> tuple[Mount, ...]:
    services = quota_pb2.DESCRIPTOR.services_by_name
    return (
        mount(
            services["AllocationService"],
            quota_pb2_grpc.add_AllocationServiceServicer_to_server,
            AllocationServicer(allocations, reading),
        ),
        mount(services["LedgerService"], quota_pb2_grpc.add_LedgerServiceServicer_to_server, LedgerServicer(reading)),
        mount(
            services["RightService"], quota_pb2_grpc.add_RightServiceServicer_to_server, RightServicer(rights, reading)
        ),
    )


def _replies(log: str) -> Replies:
    """The API's words for what is stored as a command's reply."""

    def reserved(right: Right, item: bytes, committed_at: datetime) -> bytes:
        return right_messages.render_reserved(right, item, log, committed_at).SerializeToString()

    return Replies(
        indicator=lambda indicator: allocation_messages.render_indicator(indicator).SerializeToString(),
        allocation=lambda allocation: allocation_messages.render_allocation(allocation).SerializeToString(),
        reserved=reserved,
    )
