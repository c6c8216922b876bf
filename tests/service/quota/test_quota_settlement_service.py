"""Settlement against a scripted registry's log: real gRPC, real signatures, duplicates, any order, restarts, lies."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

import pytest
from monazite.quota.v1 import quota_pb2
from monazite.transparency.v1.transparency_pb2 import Entry
from monazite_provenance import EventKind, SoftwareKey, Verifier
from monazite_provenance.contents import SettledDetails, decode_details
from monazite_provenance.trust import TrustFile

from tests.fakes.registry import LOG, FakeRegistry, Made
from tests.service.quota.api import SEPARATION, TONNE, Api, faults, fetch
from tests.service.quota.conftest import OFFICER, Quota

CLOSED = quota_pb2.Right.STATE_CLOSED


async def followed(quota: Quota, registry: FakeRegistry) -> None:
    """Returns when quota has applied everything that the registry has published; fails if it does not."""
    async with asyncio.timeout(15):
        while True:
            rows = await fetch(
                quota.settings.database_url, "SELECT next_index FROM follower_cursor WHERE log = $1", LOG
            )
            if rows and rows[0][0] == len(registry.log.entries):
                return


async def refused(quota: Quota) -> list[tuple[int, str]]:
    """Entries that were not settled, and why."""
    sql = "SELECT registry_index, code FROM refused_entry ORDER BY registry_index, right_id"
    return [(row[0], row[1]) for row in await fetch(quota.settings.database_url, sql)]


def with_details_of(made: Made, other: Made) -> Made:
    """A statement that was signed, sent with the details of another."""
    return Made(made.statement_id, made.kind, replace(made.item, details=other.item.details))


async def settled_statements(quota: Quota, count: int) -> list[SettledDetails]:
    """What quota has signed of settlements, verified, in log order: `count` of them, once they are published."""
    async with quota.caller("service/registry") as peer, asyncio.timeout(15):
        position = 0
        entries: list[Entry] = []
        while sum(entry.event_kind == EventKind.SETTLED for entry in entries) < count:
            page = await peer.entries(position, wait_s=5)
            entries.extend(page.entries)
            position = page.next_index
        assert not (await peer.entries(position)).entries
    verifier = Verifier(TrustFile.load(quota.settings.trust_file.read_bytes()).keyring())
    found: list[SettledDetails] = []
    seen: set[bytes] = set()
    for entry in entries:
        statement = verifier.verify(entry.item.item)
        seen.add(statement.id)
        if statement.claims.kind is EventKind.SETTLED:
            assert statement.details is not None
            details = decode_details(EventKind.SETTLED, statement.details)
            assert isinstance(details, SettledDetails)
            assert details.right_id in seen, "a right stands before what was settled on it"
            assert set(statement.claims.refs) == {details.right_id, details.drawing_id}
            found.append(details)
    return found


async def test_each_draw_is_posted_and_said_in_a_signed_statement(
    quota: Quota, mine: Api, registry: FakeRegistry
) -> None:
    rock = (await mine.reserve(100 * TONNE)).right.right_id
    separation = (await mine.reserve(50 * TONNE, kind=SEPARATION)).right.right_id
    first = registry.drawing((rock, 30 * TONNE), system="erp")
    second = registry.drawing((separation, 10 * TONNE), (rock, 5 * TONNE), transform=True)
    registry.publish(first, second)
    await mine.until(rock, lambda right: right.settled_mg == 35 * TONNE)
    await mine.until(separation, lambda right: right.settled_mg == 10 * TONNE)
    expected = {
        (rock, first.statement_id, 30 * TONNE, 30 * TONNE, 0),
        (rock, second.statement_id, 5 * TONNE, 35 * TONNE, 1),
        (separation, second.statement_id, 10 * TONNE, 10 * TONNE, 1),
    }
    statements = {
        (one.right_id, one.drawing_id, one.mass_mg, one.total_settled_mg, one.registry_index)
        for one in await settled_statements(quota, len(expected))
    }
    assert statements == expected
    balance = await mine.balance("mine-1")
    assert (balance.reserved_mg, balance.used_mg) == (65 * TONNE, 35 * TONNE)
    listed = await mine.call(mine.ledger.ListPostings, quota_pb2.ListPostingsRequest())
    settles = [(one.right_id, one.drawing_id, one.reo_mg) for one in listed.postings if one.code == "SETTLE"]
    assert set(settles) == {entry[:3] for entry in expected}
    assert await refused(quota) == []
    assert await faults(quota.settings.database_url) == []


async def test_an_entry_that_comes_twice_is_settled_once(quota: Quota, mine: Api, registry: FakeRegistry) -> None:
    right_id = (await mine.reserve(100 * TONNE)).right.right_id
    draw = registry.drawing((right_id, 30 * TONNE))
    registry.publish(draw, draw)
    registry.publish(draw)
    await followed(quota, registry)
    registry.publish(draw)
    await followed(quota, registry)
    assert (await mine.get_right(right_id)).settled_mg == 30 * TONNE
    assert len(await settled_statements(quota, 1)) == 1
    assert await faults(quota.settings.database_url) == []


ORDERS = list(itertools.permutations(("draw 20", "draw 30", "close")))


@pytest.mark.parametrize("order", ORDERS, ids=[", ".join(order) for order in ORDERS])
async def test_draws_and_close_may_come_in_any_order(
    quota: Quota, mine: Api, registry: FakeRegistry, order: tuple[str, ...]
) -> None:
    """The rest is freed at the third of the three, whichever it is, and never before."""
    right_id = (await mine.reserve(100 * TONNE)).right.right_id
    made: dict[str, Made] = {f"draw {mass}": registry.drawing((right_id, mass * TONNE)) for mass in (20, 30)}
    made["close"] = registry.closing(right_id, reason="EXPIRED")
    for count, name in enumerate(order, start=1):
        registry.publish(made[name])
        await followed(quota, registry)
        right = await mine.get_right(right_id)
        assert (right.state == CLOSED) == (count == 3)
        assert right.freed_mg == (50 * TONNE if count == 3 else 0)
    balance = await mine.balance("mine-1")
    assert (balance.available_mg, balance.reserved_mg, balance.used_mg) == (950 * TONNE, 0, 50 * TONNE)
    assert await refused(quota) == []
    assert await faults(quota.settings.database_url) == []


async def test_settling_goes_on_where_it_stopped_before_a_restart(stopped: Quota, registry: FakeRegistry) -> None:
    async with stopped.running() as quota, quota.caller(OFFICER) as officer, quota.caller("enterprise/mine-1") as mine:
        await officer.enter_indicator(2024, 1, rock_t=1000)
        await officer.allocate(2024, 1, "mine-1", rock_t=1000)
        right_id = (await mine.reserve(100 * TONNE)).right.right_id
        registry.publish(registry.drawing((right_id, 20 * TONNE)))
        await mine.until(right_id, lambda right: right.settled_mg == 20 * TONNE)
    registry.publish(registry.drawing((right_id, 30 * TONNE)), registry.closing(right_id))
    async with stopped.running() as quota, quota.caller("enterprise/mine-1") as mine:
        right = await mine.until(right_id, lambda right: right.state == CLOSED)
        assert (right.settled_mg, right.freed_mg) == (50 * TONNE, 50 * TONNE)
        assert [one.total_settled_mg for one in await settled_statements(quota, 2)] == [20 * TONNE, 50 * TONNE]
        assert await faults(quota.settings.database_url) == []


async def test_two_processes_settle_each_draw_once(stopped: Quota, registry: FakeRegistry) -> None:
    other = Quota(stopped.settings, stopped.authority, stopped.clock)
    async with stopped.running() as quota, other.running():
        async with quota.caller(OFFICER) as officer, quota.caller("enterprise/mine-1") as mine:
            await officer.enter_indicator(2024, 1, rock_t=1000)
            await officer.allocate(2024, 1, "mine-1", rock_t=1000)
            rights = [(await mine.reserve(20 * TONNE)).right.right_id for _ in range(10)]
            for right_id in rights:
                registry.publish(registry.drawing((right_id, 5 * TONNE)), registry.drawing((right_id, 7 * TONNE)))
            await asyncio.gather(*(mine.release(right_id) for right_id in rights))
            for right_id in rights:
                right = await mine.until(right_id, lambda right: right.state == CLOSED)
                assert (right.settled_mg, right.freed_mg) == (12 * TONNE, 8 * TONNE)
        assert await faults(quota.settings.database_url) == []
        assert await refused(quota) == []


async def test_what_cannot_be_is_kept_as_evidence_and_stops_nobody_else(
    quota: Quota, mine: Api, registry: FakeRegistry, thief: FakeRegistry
) -> None:
    right_id = (await mine.reserve(100 * TONNE)).right.right_id
    other = (await mine.reserve(10 * TONNE)).right.right_id
    registry.publish(
        thief.drawing((right_id, TONNE)),
        registry.drawing((b"\x07" * 32, TONNE)),
        registry.drawing((right_id, TONNE), by="rival"),
        registry.drawing((right_id, 101 * TONNE)),
        registry.closing(right_id, 101 * TONNE),
        registry.drawing((other, 4 * TONNE)),
    )
    forged = registry.drawing((right_id, TONNE))
    registry.publish(Made(b"\x09" * 32, forged.kind, forged.item))
    await followed(quota, registry)
    assert await refused(quota) == [
        (0, "UNKNOWN_KEY"),
        (1, "RIGHT_NOT_OURS"),
        (2, "DRAWN_BY_ANOTHER"),
        (3, "DRAWN_OVER_MASS"),
        (4, "CLOSED_OVER_MASS"),
        (6, "BAD_FIELD"),
    ]
    assert (await mine.get_right(right_id)).settled_mg == 0
    assert (await mine.get_right(other)).settled_mg == 4 * TONNE
    assert await faults(quota.settings.database_url) == []


async def test_a_draw_can_be_neither_made_nor_hidden_by_details_that_were_not_signed(
    quota: Quota, mine: Api, registry: FakeRegistry, thief: FakeRegistry
) -> None:
    """What draws on nothing posts nothing, so nobody asks who signed it; but it must be what its id commits to."""
    right_id = (await mine.reserve(100 * TONNE)).right.right_id
    drawn, nothing = registry.drawing((right_id, TONNE)), registry.drawing()
    other = registry.drawing((right_id, TONNE))
    registry.publish(nothing, thief.drawing(), with_details_of(other, nothing))
    registry.publish(with_details_of(registry.drawing(), drawn))
    undisclosed = registry.drawing((right_id, TONNE))
    without = replace(undisclosed.item, details=None)
    registry.publish(Made(undisclosed.statement_id, undisclosed.kind, without), drawn)
    await followed(quota, registry)
    assert await refused(quota) == [(2, "OPENING_MISMATCH"), (3, "OPENING_MISMATCH"), (4, "UNDISCLOSED")]
    assert (await mine.get_right(right_id)).settled_mg == TONNE
    assert await faults(quota.settings.database_url) == []


async def test_an_enterprises_own_key_counts_from_its_certification_to_its_end(
    quota: Quota, mine: Api, registry: FakeRegistry
) -> None:
    right_id = (await mine.reserve(100 * TONNE)).right.right_id
    key = SoftwareKey.generate()

    def draw() -> Made:
        return registry.drawing((right_id, TONNE), own_key=key)

    registry.publish(draw(), registry.certifying("mine-1", key), draw())
    await followed(quota, registry)
    registry.publish(draw(), registry.drawing((right_id, TONNE), by="rival", own_key=key))
    await followed(quota, registry)
    registry.publish(registry.retiring("mine-1", key.public), draw())
    await followed(quota, registry)
    registry.publish(draw(), registry.certifying("mine-1", key))
    await followed(quota, registry)
    assert await refused(quota) == [
        (0, "UNKNOWN_KEY"),
        (4, "ISSUER_MISMATCH"),
        (6, "KEY_RETIRED"),
        (7, "KEY_RETIRED"),
        (8, "BAD_FIELD"),
    ]
    assert (await mine.get_right(right_id)).settled_mg == 2 * TONNE


async def test_nobody_signs_for_an_enterprise_that_signs_for_itself(
    quota: Quota, mine: Api, registry: FakeRegistry
) -> None:
    right_id = (await mine.reserve(100 * TONNE)).right.right_id
    key = SoftwareKey.generate()
    registry.publish(registry.drawing((right_id, TONNE)), registry.certifying("mine-1", key, own_signature_only=True))
    await followed(quota, registry)
    registry.publish(registry.drawing((right_id, TONNE)), registry.drawing((right_id, TONNE), own_key=key))
    await followed(quota, registry)
    assert await refused(quota) == [(2, "OWN_SIGNATURE_ONLY")]
    assert (await mine.get_right(right_id)).settled_mg == 2 * TONNE


async def test_a_long_log_is_taken_in_pages_while_others_reserve(
    quota: Quota, mine: Api, registry: FakeRegistry
) -> None:
    """1 200 draws on 12 rights, in three pages, with reservations on the same account going on meanwhile."""
    rights = [(await mine.reserve(TONNE)).right.right_id for _ in range(12)]
    draws = [registry.drawing((right_id, TONNE // 100)) for _ in range(100) for right_id in rights]
    registry.publish(*draws)
    meanwhile = await asyncio.gather(*(mine.reserve(TONNE) for _ in range(64)))
    assert len(meanwhile) == 64
    await followed(quota, registry)
    for right_id in rights:
        await mine.until(right_id, lambda right: right.state == CLOSED)
    balance = await mine.balance("mine-1")
    assert (balance.used_mg, balance.reserved_mg) == (12 * TONNE, 64 * TONNE)
    assert await faults(quota.settings.database_url) == []
