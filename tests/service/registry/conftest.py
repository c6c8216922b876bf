"""The registry as it runs: real mTLS, real PostgreSQL; quota and licensing are their statement keys, held by the
test.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from monazite_provenance.chain import verify_bundle
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.report import LotReport
from monazite_provenance.statement import Outpoint
from monazite_provenance.trust import TrustFile

from services.chassis.migrations import migrate
from services.chassis.server import serving
from services.chassis.settings import Certificates
from services.registry.server import MIGRATIONS, build
from services.registry.settings import RegistrySettings
from tests.conftest import Migrate
from tests.fakes.clock import MovableClock
from tests.fakes.log import FakeLog, served
from tests.service.calling import channel_to
from tests.service.registry.api import Api
from tests.service.registry.peers import Licensing, Quota
from tools.local import ceremony
from tools.local.pki import DevelopmentAuthority

REGISTRAR = "officer/registrar/li"
INSPECTOR = "officer/inspector/zhao"
ACTIVITIES = {
    "mine-1": ["MINE"],
    "plant-1": ["SEPARATE", "SMELT_METAL", "MAKE_MAGNETS", "IMPORT", "RECYCLE", "EXPORT"],
    "trader-1": [],
}


def migrate_registry(url: str) -> None:
    """The template's migration."""
    asyncio.run(migrate(url, MIGRATIONS))


@pytest.fixture
def database(database_from: Callable[[Migrate], str]) -> str:
    """URL of a fresh database of the registry."""
    return database_from(migrate_registry)


def key_of(path: Path) -> SoftwareKey:
    """The key of a PEM file."""
    return SoftwareKey.from_pem(path.read_bytes())


@pytest.fixture
def quota(trust: ceremony.Trust, authority: DevelopmentAuthority) -> Quota:
    """Quota's pen."""
    return Quota(authority.domain, key_of(trust.signing_keys["quota"]), key_of(trust.log_keys["quota"]))


@pytest.fixture
def licensing(trust: ceremony.Trust, authority: DevelopmentAuthority) -> Licensing:
    """Licensing's pen."""
    service = "export_license"
    return Licensing(authority.domain, key_of(trust.signing_keys[service]), key_of(trust.log_keys[service]))


@pytest.fixture
def settings(database: str, trust: ceremony.Trust, authority: DevelopmentAuthority, tmp_path: Path) -> RegistrySettings:
    """Settings of a registry that follows nobody."""
    server = authority.issue("service/registry", server=True)
    return RegistrySettings(
        domain=authority.domain,
        listen="127.0.0.1:0",
        database_url=database,
        certificates=Certificates(certificate=server.certificate, private_key=server.key, authority=server.authority),
        signing_key=trust.signing_keys["registry"],
        log_signing_key=trust.log_keys["registry"],
        log_memory=tmp_path / "registry.signed",
        trust_file=trust.trust_file,
        log_name="urn:monazite:log:registry:0",
    )


@pytest.fixture
async def quota_log(
    settings: RegistrySettings, authority: DevelopmentAuthority, quota: Quota
) -> AsyncIterator[FakeLog]:
    """Quota's log, served; the registry follows it."""
    async with served(quota.log, authority.issue("service/quota", server=True)) as port:
        settings.peers["quota"] = f"localhost:{port}"
        yield quota.log


@pytest.fixture
async def licensing_log(
    settings: RegistrySettings, authority: DevelopmentAuthority, licensing: Licensing
) -> AsyncIterator[FakeLog]:
    """Licensing's log, served; the registry follows it."""
    async with served(licensing.log, authority.issue("service/export_license", server=True)) as port:
        settings.peers["export_license"] = f"localhost:{port}"
        yield licensing.log


class Checker:
    """Verifies what the registry streams."""

    def __init__(self, trust: TrustFile) -> None:
        self.trust = trust

    def verify(self, chunks: Iterable[bytes], *, at: int | None = None) -> LotReport:
        """The report on a bundle, as of now unless another moment is named."""
        return verify_bundle(chunks, self.trust, at=int(time.time()) if at is None else at)

    async def report(self, api: Api, head: Outpoint, *, with_status: bool = True) -> LotReport:
        """The report on a head's bundle, as of now."""
        return self.verify(await api.bundle(head, with_status=with_status))

    async def settled(self, api: Api, head: Outpoint) -> LotReport:
        """The report once the follower has brought the settlement."""
        for _ in range(200):
            report = await self.report(api, head)
            if "UNSETTLED_RIGHT" not in report.gap_codes():
                return report
            # Yields to the follower's calls: each report is a call of its own.
        raise AssertionError("the settlement never came")


@pytest.fixture
def checker(trust: ceremony.Trust) -> Checker:
    """A verifier with the session's trust file."""
    return Checker(TrustFile.load(trust.trust_file.read_bytes()))


class Registry:
    """A running registry: gives APIs by principal."""

    def __init__(self, port: int, authority: DevelopmentAuthority) -> None:
        self.port = port
        self.authority = authority

    @asynccontextmanager
    async def caller(self, uri: str) -> AsyncGenerator[Api]:
        """An API with the principal's certificate."""
        async with channel_to(self.port, self.authority, uri) as channel:
            yield Api(channel, self.authority.domain, uri)


@pytest.fixture
async def registry(
    settings: RegistrySettings, authority: DevelopmentAuthority, clock: MovableClock
) -> AsyncIterator[Registry]:
    """The registry, running, with three enterprises listed."""
    async with serving(settings, build, MIGRATIONS, clock=clock) as running:
        registry = Registry(running.port, authority)
        async with registry.caller(REGISTRAR) as registrar:
            for enterprise_id, activities in ACTIVITIES.items():
                await registrar.register_enterprise(enterprise_id, activities)
        yield registry


@pytest.fixture
async def mine(registry: Registry) -> AsyncIterator[Api]:
    """API of a mine."""
    async with registry.caller("enterprise/mine-1/erp") as api:
        yield api


@pytest.fixture
async def plant(registry: Registry) -> AsyncIterator[Api]:
    """API of a separation plant that also does all else."""
    async with registry.caller("enterprise/plant-1/erp") as api:
        yield api


@pytest.fixture
async def trader(registry: Registry) -> AsyncIterator[Api]:
    """API of an enterprise that is listed for nothing."""
    async with registry.caller("enterprise/trader-1") as api:
        yield api


@pytest.fixture
async def inspector(registry: Registry) -> AsyncIterator[Api]:
    """API of an inspector."""
    async with registry.caller(INSPECTOR) as api:
        yield api


@pytest.fixture
async def registrar(registry: Registry) -> AsyncIterator[Api]:
    """API of a registrar."""
    async with registry.caller(REGISTRAR) as api:
        yield api


@pytest.fixture
async def quota_service(registry: Registry) -> AsyncIterator[Api]:
    """API as the service quota has it."""
    async with registry.caller("service/quota") as api:
        yield api


@pytest.fixture
async def licensing_service(registry: Registry) -> AsyncIterator[Api]:
    """API as the service export_license has it."""
    async with registry.caller("service/export_license") as api:
        yield api


@pytest.fixture
async def customs(registry: Registry) -> AsyncIterator[Api]:
    """API of a customs officer."""
    async with registry.caller("customs/tianjin/sun") as api:
        yield api
