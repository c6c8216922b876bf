"""A migrated database for each test, opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.chassis.database import Database
from tests.conftest import Migrate
from tests.service.chassis.scene import Serve, stage
from tests.service.chassis.till import migrate_till
from tools.local.pki import DevelopmentAuthority


@pytest.fixture
def url(database_from: Callable[[Migrate], str]) -> str:
    return database_from(migrate_till)


@pytest.fixture
def serve(url: str, authority: DevelopmentAuthority, tmp_path: Path) -> Serve:
    return stage(url, authority, tmp_path)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with Database(url) as database:
        await database.pool.execute("INSERT INTO till VALUES ('a', 1000), ('b', 10)")
        yield database
