"""Export licensing as it runs: real mTLS, real PostgreSQL, and a registry behind it that a test can make fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from monazite_provenance.contents import Form
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.names import log_urn

from services.chassis.migrations import migrate
from services.chassis.server import serving
from services.chassis.settings import Certificates
from services.export_license.server import MIGRATIONS, build
from services.export_license.settings import Customs, Settings
from tests.conftest import Migrate
from tests.fakes.clock import MovableClock
from tests.fakes.export_registry import ExportRegistry, Lot, served
from tests.service.calling import channel_to
from tests.service.export_license.api import Api, line
from tests.unit.provenance.chains import lot
from tools.local.pki import DevelopmentAuthority

LOG = log_urn("export_license")
EXPORTER = "enterprise/exporter"
WANG = "officer/licensing/wang"
LI = "officer/licensing/li"
ZHAO = "customs/shanghai/zhao"
MAGNET = {"Nd": 3_000_000, "Dy": 90_000}


def migrate_export_license(url: str) -> None:
    """The template's migration."""
    asyncio.run(migrate(url, MIGRATIONS))


@pytest.fixture
def database(database_from: Callable[[Migrate], str]) -> str:
    """URL of a fresh database of export licensing."""
    return database_from(migrate_export_license)


class Licensing:
    """Starts and stops the service on one database as often as a test wants."""

    def __init__(self, settings: Settings, authority: DevelopmentAuthority) -> None:
        self.settings = settings
        self.authority = authority
        self.clock = MovableClock()
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Licensing]:
        """Serve until the end of the block."""
        async with serving(self.settings, build, MIGRATIONS, clock=self.clock) as running:
            self.port = running.port
            yield self

    @asynccontextmanager
    async def caller(self, uri: str) -> AsyncGenerator[Api]:
        """An API with the principal's certificate."""
        async with channel_to(self.port, self.authority, uri) as channel:
            yield Api(channel)


class Office:
    """Everybody who acts in the story of a licence, each with their own certificate."""

    def __init__(self, licensing: Licensing, registry: ExportRegistry, apis: dict[str, Api]) -> None:
        self.licensing = licensing
        self.registry = registry
        self.exporter = apis[EXPORTER]
        self.wang = apis[WANG]
        self.li = apis[LI]
        self.customs = apis[ZHAO]

    def magnets(self, gross_g: int = 10_000, **masses: int) -> Lot:
        """A held lot of the exporter's; with dysprosium unless told otherwise."""
        content = lot("exporter", Form.MAGNET, gross_g, masses or MAGNET)
        return self.registry.imported(content)

    async def licence(self, made: Lot, gross_g: int, *, days: int = 100) -> bytes:
        """A licence over a lot, granted by two officers; gives its id."""
        case = await self.exporter.submit([made], line(gross_g))
        granted = await self.li.countersign(await self.wang.propose(case), days=days)
        return granted.licence.licence_id

    async def offered(self, gross_g: int = 10_000, granted_g: int = 8_000) -> tuple[Lot, bytes]:
        """A lot offered for export under a licence of its own; gives both."""
        made = self.magnets(gross_g)
        licence_id = await self.licence(made, granted_g)
        self.registry.offer(made, licence_id)
        return made, licence_id


@pytest.fixture
def registry() -> ExportRegistry:
    """The registry; `registry_port` serves it."""
    return ExportRegistry()


@pytest.fixture
async def registry_port(registry: ExportRegistry, authority: DevelopmentAuthority) -> AsyncIterator[int]:
    """The registry, served."""
    async with served(registry, authority.issue("service/registry", server=True)) as port:
        yield port


@pytest.fixture
def stopped(
    database: str, registry: ExportRegistry, registry_port: int, authority: DevelopmentAuthority, tmp_path: Path
) -> Licensing:
    """Export licensing, configured and not started."""
    server = authority.issue("service/export_license", server=True)
    key, trust = tmp_path / "signing.key", tmp_path / "trust.json"
    key.write_bytes(registry.world.keys["export_license"].to_pem())
    log_key = tmp_path / "log.key"
    heads = registry.world.registers.logs[LOG].key
    assert isinstance(heads, SoftwareKey)
    log_key.write_bytes(heads.to_pem())
    trust.write_bytes(registry.world.trust.dump())
    settings = Settings(
        domain=authority.domain,
        listen="127.0.0.1:0",
        database_url=database,
        certificates=Certificates(certificate=server.certificate, private_key=server.key, authority=server.authority),
        signing_key=key,
        log_signing_key=log_key,
        log_memory=tmp_path / "signed",
        trust_file=trust,
        log_name=LOG,
        peers={"registry": f"localhost:{registry_port}"},
        customs=Customs(poll_ms=50, grace_ms=60_000),
    )
    return Licensing(settings, authority)


@pytest.fixture
async def licensing(stopped: Licensing) -> AsyncIterator[Licensing]:
    """Export licensing, running."""
    async with stopped.running() as running:
        yield running


@asynccontextmanager
async def office_at(licensing: Licensing, registry: ExportRegistry) -> AsyncGenerator[Office]:
    """Everybody's APIs at a running service."""
    async with AsyncExitStack() as stack:
        apis = {uri: await stack.enter_async_context(licensing.caller(uri)) for uri in (EXPORTER, WANG, LI, ZHAO)}
        yield Office(licensing, registry, apis)


@pytest.fixture
async def office(licensing: Licensing, registry: ExportRegistry) -> AsyncIterator[Office]:
    """Everybody's APIs."""
    async with office_at(licensing, registry) as made:
        yield made
