"""A migrated database for each test, opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from services.chassis.database import Database
from tests.conftest import Migrate
from tests.service.chassis.till import migrate_till


@pytest.fixture
def url(database_from: Callable[[Migrate], str]) -> str:
    return database_from(migrate_till)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with Database(url) as database:
        await database.pool.execute("INSERT INTO till VALUES ('a', 1000), ('b', 10)")
        yield database
