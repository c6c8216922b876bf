"""Quota is not tradable: who may give to whom, on a real server and again in SQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from monazite.quota.v1 import quota_pb2

from services.chassis.errors import Error
from tests.service.quota.api import IONIC, ROCK, TONNE, Api, faults, fetch, refusal
from tests.service.quota.conftest import OFFICER, Quota


@pytest.fixture
async def southern(quota: Quota) -> AsyncIterator[Api]:
    """The other group's API."""
    async with quota.caller("enterprise/southern") as api:
        yield api


async def two_groups(officer: Api, northern: Api, southern: Api) -> None:
    """Two groups of 2024, each with a mine."""
    await officer.enter_indicator(2024, 1, rock_t=1000, ionic_t=1000)
    await officer.enter_indicator(2025, 1, rock_t=1000)
    await officer.allocate(2024, 1, "northern", rock_t=100, ionic_t=100)
    await officer.allocate(2024, 1, "southern", rock_t=100, ionic_t=100)
    await northern.break_down(2024, 1, "north-mine", rock_t=50)
    await southern.break_down(2024, 1, "south-mine", rock_t=50)


async def test_each_give_that_the_law_does_not_know_is_refused(
    quota: Quota, officer: Api, northern: Api, southern: Api
) -> None:
    await two_groups(officer, northern, southern)
    async with quota.caller("enterprise/north-mine") as mine, quota.caller("enterprise/stranger") as stranger:
        attempts = {
            # A subsidiary gives nothing: not to the other group, nor to a sister, nor back.
            "mine to the other group": mine.break_down(2024, 1, "southern", rock_t=1),
            "mine to the other group's mine": mine.break_down(2024, 1, "south-mine", rock_t=1),
            "mine to a new sister": mine.break_down(2024, 1, "north-plant", rock_t=1),
            "mine to its own group": mine.break_down(2024, 1, "northern", rock_t=1),
            "an enterprise without quota": stranger.break_down(2024, 1, "north-mine", rock_t=1),
            "a group in a year without allocation": northern.break_down(2025, 1, "north-mine", rock_t=1),
            "group to group": northern.break_down(2024, 1, "southern", rock_t=1),
            "group to the other's mine": northern.break_down(2024, 1, "south-mine", rock_t=1),
            # Of another kind of quota too: the giver is one for the year.
            "group to the other's mine, ionic": northern.break_down(2024, 1, "south-mine", ionic_t=1),
            "the nation to a mine": officer.allocate(2024, 1, "south-mine", rock_t=1),
        }
        for what, attempt in attempts.items():
            reason, metadata, _ = await refusal(attempt)
            assert reason == "NOT_YOUR_SUBSIDIARY", what
            assert metadata["year"] in ("2024", "2025")
    reason, metadata, _ = await refusal(northern.break_down(2024, 1, "south-mine", rock_t=1))
    assert metadata == {
        "year": "2024",
        "giver": "northern",
        "giver_from": "national",
        "receiver": "south-mine",
        "receiver_from": "southern",
    }
    for enterprise in ("north-mine", "south-mine", "southern", "northern"):
        assert (await officer.balance(enterprise)).available_mg == 50 * TONNE, "a refusal changes nothing"
    assert (await officer.balance("south-mine", IONIC)).granted_mg == 0
    assert await faults(quota.settings.database_url) == []


async def test_the_refused_leave_nobody_bound(officer: Api, northern: Api, southern: Api) -> None:
    await two_groups(officer, northern, southern)
    assert (await refusal(northern.break_down(2024, 1, "new-mine", rock_t=51)))[0] == "ALLOCATION_OVER_TOTAL"
    await southern.break_down(2024, 1, "new-mine", rock_t=50)
    assert (await refusal(officer.allocate(2024, 1, "late", rock_t=10_000)))[0] == "ALLOCATION_OVER_TOTAL"
    await northern.break_down(2024, 1, "late", rock_t=50)
    # The next year begins anew.
    await officer.allocate(2025, 1, "north-mine", rock_t=1)


async def test_of_two_groups_that_give_to_one_subsidiary_at_once_exactly_one_wins(
    stopped: Quota, cluster_of_two: tuple[Quota, Quota]
) -> None:
    """Two processes on one database, other kinds of quota, so that no account serialises them."""
    one, two = cluster_of_two
    async with one.caller(OFFICER) as officer:
        await officer.enter_indicator(2024, 1, rock_t=1000, ionic_t=1000)
        await officer.allocate(2024, 1, "northern", rock_t=100)
        await officer.allocate(2024, 1, "southern", ionic_t=100)
        async with AsyncExitStack() as stack:
            northern = await stack.enter_async_context(one.caller("enterprise/northern"))
            southern = await stack.enter_async_context(two.caller("enterprise/southern"))
            for number in range(20):
                mine = f"mine-{number}"
                answers = await asyncio.gather(
                    northern.break_down(2024, 1, mine, rock_t=1),
                    southern.break_down(2024, 1, mine, ionic_t=1),
                    return_exceptions=True,
                )
                won = [answer for answer in answers if isinstance(answer, quota_pb2.Allocation)]
                lost = [answer for answer in answers if isinstance(answer, Error)]
                assert (len(won), len(lost)) == (1, 1)
                assert lost[0].reason == "NOT_YOUR_SUBSIDIARY"
                assert lost[0].metadata["receiver_from"] == won[0].from_enterprise_id
                balances = [(await officer.balance(mine, kind)).granted_mg for kind in (ROCK, IONIC)]
                assert sorted(balances) == [0, TONNE]
    assert await faults(stopped.settings.database_url) == []


@pytest.fixture
async def cluster_of_two(stopped: Quota) -> AsyncIterator[tuple[Quota, Quota]]:
    """Two servers of quota with a committer each, on one database."""
    async with stopped.running() as one, Quota(stopped.settings, stopped.authority, stopped.clock).running() as two:
        yield one, two


async def test_sql_says_it_again(quota: Quota, officer: Api, northern: Api, southern: Api) -> None:
    await two_groups(officer, northern, southern)
    url = quota.settings.database_url
    share = (
        "INSERT INTO batch_share (enterprise_id, year, batch, kind, received_mg, given_mg, giver) "
        "VALUES ('{}', 2024, 2, 1, {}, {}, {})"
    )
    giver = "INSERT INTO quota_giver (enterprise_id, year, giver) VALUES ('{}', 2024, '{}')"
    refused = {
        share.format("south-mine", 1, 0, "'northern'"): "batch_share_from_the_giver",
        share.format("south-mine", 1, 0, "'national'"): "batch_share_from_the_giver",
        share.format("southern", 1, 0, "'northern'"): "batch_share_from_the_giver",
        share.format("southern", 1, 0, "NULL"): "batch_share_has_a_giver",
        share.format("national", 1, 2, "NULL"): "batch_share_not_overdrawn",
        giver.format("south-mine", "northern"): "quota_giver_pkey",
        giver.format("plant", "north-mine"): "quota_giver_is_a_group",
        giver.format("plant", "stranger"): "quota_giver_is_a_group",
        giver.format("plant", "plant"): "check constraint",
        "UPDATE quota_giver SET giver = 'northern' WHERE giver = 'southern'": "batch_share_from_the_giver",
        "UPDATE quota_giver SET giver = NULL WHERE giver = 'southern'": "batch_share_from_the_giver",
        "UPDATE quota_giver SET giver = NULL WHERE enterprise_id = 'southern'": "is_a_group|from_the_giver",
        "DELETE FROM quota_giver": "is append-only",
    }
    for statement, name in refused.items():
        with pytest.raises(asyncpg.PostgresError, match=name):
            await fetch(url, statement)
