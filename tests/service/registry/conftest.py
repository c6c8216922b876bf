"""The registry as it runs: real mTLS, real PostgreSQL; quota and licensing are their statement keys, held by the
test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from monazite_provenance.keys import SoftwareKey

from services.chassis.migrations import migrate
from services.chassis.server import serving
from services.chassis.settings import Certificates
from services.registry.server import MIGRATIONS, build
from services.registry.settings import RegistrySettings
from tests.conftest import Migrate
from tests.fakes.clock import MovableClock
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


@pytest.fixture
def quota(trust: ceremony.Trust, authority: DevelopmentAuthority) -> Quota:
    """Quota's pen."""
    return Quota(authority.domain, SoftwareKey.from_pem(trust.signing_keys["quota"].read_bytes()))


@pytest.fixture
def licensing(trust: ceremony.Trust, authority: DevelopmentAuthority) -> Licensing:
    """Licensing's pen."""
    return Licensing(authority.domain, SoftwareKey.from_pem(trust.signing_keys["export_license"].read_bytes()))


@pytest.fixture
def settings(database: str, trust: ceremony.Trust, authority: DevelopmentAuthority) -> RegistrySettings:
    """Settings of a registry that follows nobody."""
    server = authority.issue("service/registry", server=True)
    return RegistrySettings(
        domain=authority.domain,
        listen="127.0.0.1:0",
        database_url=database,
        certificates=Certificates(certificate=server.certificate, private_key=server.key, authority=server.authority),
        signing_key=trust.signing_keys["registry"],
        trust_file=trust.trust_file,
        log_name="urn:monazite:log:registry:0",
    )


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
