"""`python -m services.export_license.check`: does every case's classification follow from the rule set that it names?

Each case is replayed from what is stored (`domain.cases.replay`). See `chassis.check`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from services.chassis import check
from services.chassis.database import Database
from services.chassis.errors import Error
from services.chassis.pagination import PageRequest
from services.export_license.domain.cases import Case, replay
from services.export_license.settings import Settings
from services.export_license.storage import cases, snapshot

PAGE_SIZE = 200


async def faults(database: Database) -> Sequence[str]:
    """One sentence for each case whose stored facts give other control codes, or whose rule set is not there."""
    found: list[str] = []
    after: tuple[str] | None = None
    while page := await _page(database, PageRequest(PAGE_SIZE, after, b"")):
        for case in page:
            async with snapshot(database) as session:
                rules = await cases.get_rule_set(session, case.rule_set_hash)
            if rules is None:
                found.append(f"case {case.case_id}: the rule set {case.rule_set_hash.hex()} is not kept")
                continue
            try:
                replay(case, rules)
            except Error:
                found.append(f"case {case.case_id}: its rule set gives its lots other control codes")
        after = (page[-1].case_id,)
    return found


async def _page(database: Database, request: PageRequest) -> list[Case]:
    async with snapshot(database) as session:
        return await cases.page(session, request, None, None)


if __name__ == "__main__":
    sys.exit(check.run(Settings, faults))
