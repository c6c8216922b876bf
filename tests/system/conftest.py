"""The running suite: three processes of our own, or whatever MONAZITE_E2E_CONFIG points to (containers, say)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from clients.demo.__main__ import surroundings
from clients.demo.story import Told, tell
from tools.local.configuration import Table
from tools.local.deployment import Deployment
from tools.local.suite import SERVICES, Suite

YEAR = 2024


@pytest.fixture(scope="session")
def suite(session_directory: Path) -> Iterator[Suite]:
    """Our own processes, which a test may kill and restart. Skipped when a foreign deployment is under test."""
    if Deployment.from_environment() is not None:
        pytest.skip("a deployment that is not ours cannot be killed and restarted")
    # A drain would wait for the services' long polls of each other.
    brief: dict[str, Table] = {service: {"limits": {"drain_ms": 500}} for service in SERVICES}
    with Suite(session_directory / "suite", settings=brief, ephemeral=True, durable=False) as suite:
        yield suite


@pytest.fixture(autouse=True)
def errors_of_services(request: pytest.FixtureRequest) -> Iterator[None]:
    """What our services logged as errors during a test, in its captured output: shown when it fails."""
    suite = request.getfixturevalue("suite") if "suite" in request.fixturenames else None
    before = {name: suite.log(name).stat().st_size for name in SERVICES} if isinstance(suite, Suite) else {}
    yield
    for name, size in before.items():
        assert isinstance(suite, Suite)
        with suite.log(name).open() as log:
            log.seek(size)
            sys.stdout.writelines(f"{name}: {line}" for line in log if '"level": "ERROR"' in line)


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """Addresses and certificates of the suite under test."""
    foreign = Deployment.from_environment()
    if foreign is not None:
        return foreign
    own = request.getfixturevalue("suite")
    assert isinstance(own, Suite)
    return own.deployment


@pytest.fixture(scope="session")
async def told(deployment: Deployment) -> Told:
    """The story, told once; it fails by itself where something is not as it must be."""
    return await tell(surroundings(deployment, YEAR), Console(width=160))
