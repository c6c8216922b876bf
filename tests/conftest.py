"""Fixtures for every test: one PostgreSQL and one development CA a session, one database a test. `make
test` runs several sessions at once, one in each of its processes; nothing is shared between them.

Nothing is started for tests that do not ask for it, so that the unit tests stay free of IO.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tools.local.guardian import Guardian
from tools.local.pki import DevelopmentAuthority
from tools.local.ports import HeldPorts
from tools.local.postgres import Cluster, Template

Migrate = Callable[[str], None]

# Where a session's servers keep their data if there is room for them: none of it outlives the session, and on a disk
# most of a test's time goes into the 400 files of its database.
MEMORY: Final = Path("/dev/shm")  # noqa: S108  (what is made there has a name of its own)
MEMORY_BYTES_MIN: Final = 4 * 1024**3

# A busy machine is no failure.
settings.register_profile("monazite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("monazite")

# Read when grpc is first used. With it, a child that was forked (PostgreSQL, under root) starts gRPC's threads anew,
# which now and then end it before it becomes what it was to be (grpc/grpc#43055).
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"


@pytest.fixture(scope="session")
def guardian() -> Iterator[Guardian]:
    """Stops the session's servers and removes its directories should the session be killed."""
    guardian = Guardian()
    yield guardian
    guardian.dismiss()


@pytest.fixture(scope="session")
def session_directory(guardian: Guardian) -> Iterator[Path]:
    """A directory of this session alone that every user may pass through (PostgreSQL runs as `nobody` under root).

    Not one of pytest's: a second session with the same `--basetemp` empties those under the first one's servers.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN and os.access(MEMORY, os.W_OK)
    directory = Path(tempfile.mkdtemp(prefix="monazite-tests-", dir=MEMORY if roomy else None))
    guardian.discard(directory)
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def cluster(session_directory: Path, guardian: Guardian) -> Iterator[Cluster]:
    """The session's PostgreSQL, without fsync."""
    cluster = Cluster(session_directory / "postgres", durable=False)
    guardian.discard(cluster.home)
    cluster.start(guardian)
    yield cluster
    cluster.destroy()


@pytest.fixture(scope="session")
def templates(cluster: Cluster) -> Callable[[Migrate], Template]:
    """Templates by migration, each migrated once a session."""
    known: dict[str, Template] = {}

    def template_of(migrate: Migrate) -> Template:
        label = f"{migrate.__module__}.{migrate.__qualname__}"
        if label not in known:
            name = "t_" + hashlib.sha256(label.encode()).hexdigest()[:8]
            known[label] = cluster.template(name, migrate)
        return known[label]

    return template_of


@pytest.fixture
def database_from(cluster: Cluster, templates: Callable[[Migrate], Template]) -> Iterator[Callable[[Migrate], str]]:
    """`database_from(migrate)` gives the URL of a fresh database that `migrate(url)` brought to its schema.

    `migrate` is a module-level function: its name is the name of the template. Dropped after the test.
    """
    made: list[str] = []

    def fresh(migrate: Migrate) -> str:
        name, url = templates(migrate).copy()
        made.append(name)
        return url

    yield fresh
    for name in made:
        cluster.drop_database(name)


def _empty(_url: str) -> None:
    """The migration of a database without tables."""


@pytest.fixture
def database(database_from: Callable[[Migrate], str]) -> str:
    """URL of a fresh, empty database. A test package overrides this with `database_from(its_migration)`."""
    return database_from(_empty)


@pytest.fixture
def ports() -> Iterator[HeldPorts]:
    """`ports.take()` gives a port that is nobody else's until the test ends, whatever runs beside it."""
    with HeldPorts() as held:
        yield held


@pytest.fixture(scope="session")
def authority(session_directory: Path) -> DevelopmentAuthority:
    """The session's development CA."""
    return DevelopmentAuthority(session_directory / "pki")
