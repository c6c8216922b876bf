"""The composition root of export licensing: everything the process is made of, in one line of sight."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.export_license.v1 import export_license_pb2_grpc as rpc
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.log_keys import LogKeyRing
from monazite_provenance.names import service_uri
from monazite_provenance.trust import TrustFile

from services.chassis import server
from services.chassis.client import Peer
from services.chassis.log.composition import open_log
from services.chassis.log.watching import HeadWatcher
from services.chassis.server import Composition, mount
from services.chassis.settings import BadSettings
from services.chassis.turns import Turns
from services.export_license import access, rules
from services.export_license.domain.control_items import RuleTableError
from services.export_license.operations import Site
from services.export_license.operations.cases import Cases
from services.export_license.operations.customs import Customs
from services.export_license.operations.licences import Licences
from services.export_license.operations.worker import Worker
from services.export_license.registry_client import Names, RegistryClient
from services.export_license.servicer.cases import CaseServicer
from services.export_license.servicer.customs import CustomsServicer
from services.export_license.servicer.licences import LicenceServicer
from services.export_license.settings import Settings
from services.export_license.signing import Signer

MIGRATIONS: Final = Path(__file__).parent / "migrations"


async def build(site: server.Site[Settings]) -> Composition:
    """Put the service together. Raises BadSettings."""
    settings = site.settings
    if "registry" not in settings.peers:
        raise BadSettings("peers.registry: missing; export licensing verifies nothing without the registry")
    try:
        rule_set = rules.read(settings.rules)
    except (RuleTableError, OSError) as error:
        raise BadSettings(f"rules: {error}") from None
    issuer = service_uri(settings.domain, "export_license")
    names = Names(registry=service_uri(settings.domain, "registry"), licensing=issuer)
    peer = await site.stack.enter_async_context(Peer("registry", settings.peers["registry"], settings.certificates))
    bundles = settings.bundles
    turns = await site.stack.enter_async_context(
        Turns(concurrent_max=bundles.concurrent_max, queued_max=bundles.queued_max)
    )
    trust = TrustFile.load(settings.trust_file.read_bytes())
    registry = RegistryClient(
        peer,
        trust,
        names,
        turns,
        site.clock,
        timeout_s=settings.customs.registry_timeout_ms / 1000,
        fetch_timeout_s=bundles.timeout_ms / 1000,
        bundle_bytes_max=bundles.bytes_max,
    )
    keys = trust.keyring()
    watchers = [_watch(site, peer, settings.registry_log, keys)]
    if "quota" in settings.peers:
        quota = await site.stack.enter_async_context(Peer("quota", settings.peers["quota"], settings.certificates))
        watchers.append(_watch(site, quota, settings.quota_log, keys))
    signer = Signer(issuer, SoftwareKey.from_pem(settings.signing_key.read_bytes()))
    log = await open_log(site, issuer, signer.key.public, keys, trust)
    operations = Site(site.database, registry, signer, rule_set, log, site.clock, settings)
    customs = Customs(operations)
    services = pb.DESCRIPTOR.services_by_name
    return Composition(
        access=access.TABLE,
        mounts=(
            mount(services["CaseService"], rpc.add_CaseServiceServicer_to_server, CaseServicer(Cases(operations), log)),
            mount(
                services["LicenceService"],
                rpc.add_LicenceServiceServicer_to_server,
                LicenceServicer(Licences(operations), log),
            ),
            mount(services["CustomsService"], rpc.add_CustomsServiceServicer_to_server, CustomsServicer(customs)),
            log.mount,
        ),
        followers=watchers,
        background=(log.sequencer.run, Worker(customs).run),
        on_drain=(log.drain,),
    )


def _watch(site: server.Site[Settings], peer: Peer, log: str, keys: LogKeyRing) -> HeadWatcher:
    return HeadWatcher(site.database, log, peer, keys, interval_s=site.settings.peer_heads_ms / 1000)
