"""`python -m services.export_license.check`: it finds a case whose control codes do not follow from its rule set."""

from __future__ import annotations

import asyncpg
import pytest

from services.chassis.database import Database
from services.export_license import check
from services.export_license.check import faults
from tests.service.export_license.api import line
from tests.service.export_license.conftest import Office


async def found(url: str) -> list[str]:
    async with Database(url, connections_max=1) as database:
        return list(await faults(database))


async def test_every_case_is_replayed_however_many_pages_there_are(
    office: Office, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [await office.exporter.submit([office.magnets()], line(100)) for _ in range(3)]
    await office.wang.propose(cases[1])
    monkeypatch.setattr(check, "PAGE_SIZE", 2)
    assert await found(database) == []
    connection = await asyncpg.connect(database)
    changed = [case.case_id for case in cases[1:]]
    await connection.execute("UPDATE case_lot SET control_codes = '{}' WHERE case_id = ANY($1)", changed)
    await connection.close()
    assert await found(database) == [
        f"case {case_id}: its rule set gives its lots other control codes" for case_id in sorted(changed)
    ]
