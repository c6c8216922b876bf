"""What the registry keeps of quota's log: each draw is settled once, by one statement."""

from __future__ import annotations

import pytest
from monazite_provenance.kinds import EventKind

from services.chassis.database import Database
from services.chassis.follower import FollowedEntry
from services.chassis.log.peers import LogProblem
from services.registry.storage.following import Settlement, keep_settlements

LOG = "urn:monazite:log:quota:0"
DRAWING, RIGHT = b"d" * 32, b"r" * 32


def entry(index: int, settled_id: bytes) -> FollowedEntry:
    return FollowedEntry(index, settled_id, int(EventKind.SETTLED), b"item")


def settlement(settled_id: bytes, *, right_id: bytes = RIGHT) -> Settlement:
    return Settlement(DRAWING, right_id, settled_id)


async def kept(database: Database) -> list[bytes]:
    """Ids of the settlements in the registry's database."""
    async with database.connection() as connection:
        return [row[0] for row in await connection.fetch("SELECT settled_id FROM settlement ORDER BY settled_id")]


async def test_the_same_settlement_again_changes_nothing(database: str) -> None:
    one = b"1" * 32
    async with Database(database, connections_max=1) as opened:
        for _ in range(2):
            async with opened.transaction() as connection:
                await keep_settlements(connection, LOG, [entry(0, one)], [settlement(one)])
        assert await kept(opened) == [one]


@pytest.mark.parametrize("pages", [1, 2])
async def test_another_settlement_of_the_same_draw_stops_the_follower(database: str, pages: int) -> None:
    one, two, three = (number.encode() * 32 for number in "123")
    entries = [entry(0, one), entry(1, two), entry(2, three)]
    # The second is of another right that the same step draws on; the third says otherwise what the first said.
    settlements = [settlement(one), settlement(two, right_id=b"s" * 32), settlement(three)]
    async with Database(database, connections_max=1) as opened:
        first = 0
        if pages > 1:
            first = 2
            async with opened.transaction() as connection:
                await keep_settlements(connection, LOG, entries[:first], settlements[:first])
        with pytest.raises(LogProblem, match=f"{three.hex()} settles a draw that {one.hex()} settled otherwise"):
            async with opened.transaction() as connection:
                await keep_settlements(connection, LOG, entries[first:], settlements[first:])
        assert await kept(opened) == [one, two][:first], "nothing of that page is kept"
