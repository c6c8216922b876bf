"""Quota as it runs: real mTLS, real PostgreSQL, and a scripted registry behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from monazite_provenance import SoftwareKey

from services.chassis.clock import Clock
from services.chassis.migrations import migrate
from services.chassis.server import serving
from services.chassis.settings import Certificates
from services.quota.server import MIGRATIONS, build
from services.quota.settings import QuotaSettings
from tests.conftest import Migrate
from tests.fakes.clock import MovableClock
from tests.fakes.registry import FakeRegistry, served
from tests.service.calling import channel_to
from tests.service.quota.api import Api
from tools.local import ceremony
from tools.local.pki import Certificate, DevelopmentAuthority

OFFICER = "officer/quota/wang"
NORTHERN = "enterprise/northern"


def migrate_quota(url: str) -> None:
    """The template's migration."""
    asyncio.run(migrate(url, MIGRATIONS))


@pytest.fixture
def database(database_from: Callable[[Migrate], str]) -> str:
    """URL of a fresh database of quota."""
    return database_from(migrate_quota)


@pytest.fixture
async def registry(trust: ceremony.Trust, authority: DevelopmentAuthority) -> FakeRegistry:
    """The scripted registry; `running` serves it."""
    key, log_key = (
        SoftwareKey.from_pem(keys["registry"].read_bytes()) for keys in (trust.signing_keys, trust.log_keys)
    )
    return FakeRegistry(authority.domain, key, log_key)


@pytest.fixture
async def thief(authority: DevelopmentAuthority) -> FakeRegistry:
    """Somebody who signs in the registry's name with a key that nobody certified."""
    return FakeRegistry(authority.domain, SoftwareKey.generate(), SoftwareKey.generate())


class Quota:
    """Starts and stops quota's server on one database, as often as a test wants."""

    def __init__(self, settings: QuotaSettings, authority: DevelopmentAuthority, clock: Clock) -> None:
        self.settings = settings
        self.authority = authority
        self.clock = clock
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Quota]:
        """Serve until the end of the block."""
        async with serving(self.settings, build, MIGRATIONS, clock=self.clock) as running:
            self.port = running.port
            yield self

    def certificate(self, uri: str) -> Certificate:
        """Certificate of a principal."""
        return self.authority.issue(uri)

    @asynccontextmanager
    async def caller(self, uri: str) -> AsyncGenerator[Api]:
        """An API of quota with the principal's certificate."""
        async with channel_to(self.port, self.authority, uri) as channel:
            yield Api(channel)


@pytest.fixture
async def registry_port(registry: FakeRegistry, authority: DevelopmentAuthority) -> AsyncIterator[int]:
    """The registry, served."""
    async with served(registry, authority.issue("service/registry", server=True)) as port:
        yield port


@pytest.fixture
def stopped(  # noqa: PLR0917 - fixtures
    database: str,
    trust: ceremony.Trust,
    authority: DevelopmentAuthority,
    registry_port: int,
    clock: MovableClock,
    tmp_path: Path,
) -> Quota:
    """Quota, configured and not started."""
    server = authority.issue("service/quota", server=True)
    settings = QuotaSettings(
        domain=authority.domain,
        listen="127.0.0.1:0",
        database_url=database,
        certificates=Certificates(certificate=server.certificate, private_key=server.key, authority=server.authority),
        signing_key=trust.signing_keys["quota"],
        log_signing_key=trust.log_keys["quota"],
        log_memory=tmp_path / "quota.signed",
        trust_file=trust.trust_file,
        log_name="urn:monazite:log:quota:0",
        peers={"registry": f"localhost:{registry_port}"},
        close_poll_ms=20,
    )
    return Quota(settings, authority, clock)


@pytest.fixture
async def quota(stopped: Quota) -> AsyncIterator[Quota]:
    """Quota, running."""
    async with stopped.running() as running:
        yield running


@pytest.fixture
async def officer(quota: Quota) -> AsyncIterator[Api]:
    """The quota officer's API."""
    async with quota.caller(OFFICER) as api:
        yield api


@pytest.fixture
async def northern(quota: Quota) -> AsyncIterator[Api]:
    """A group's API."""
    async with quota.caller(NORTHERN) as api:
        yield api


@pytest.fixture
async def mine(quota: Quota, officer: Api) -> AsyncIterator[Api]:
    """API of `mine-1`, which has 1 000 t of rock quota of 2024 and 500 t of smelting-separation."""
    await officer.enter_indicator(2024, 1, rock_t=10_000, separation_t=5_000)
    await officer.allocate(2024, 1, "mine-1", rock_t=1_000, separation_t=500)
    async with quota.caller("enterprise/mine-1/erp") as api:
        yield api
