"""AllocationService and LedgerService on a real server, with the real numbers of 2024."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import asyncpg
from monazite.quota.v1 import quota_pb2

import clients.demo
from services.chassis.errors import Error
from tests.service.calling import new_id
from tests.service.quota.api import IONIC, ROCK, SEPARATION, TONNE, Api, faults, fetch, refusal
from tests.service.quota.conftest import NORTHERN, OFFICER, Quota

DATA = Path(clients.demo.__path__[0]) / "data"
GROUPS = {"China Northern Rare Earth": "northern", "China Rare Earth Group": "rare-earth-group"}


def rows(table: str, year: str) -> list[dict[str, str]]:
    """Rows of one year of a table of real numbers, those of single batches."""
    with (DATA / f"{table}.csv").open() as lines:
        return [row for row in csv.DictReader(lines) if row["year"] == year and row["batch"] != "annual"]


def by_kind(found: quota_pb2.Indicator | quota_pb2.Allocation, field: str) -> dict[int, int]:
    """Masses by kind, mg."""
    listed: list[quota_pb2.KindMass] = list(getattr(found, field))
    return {mass.kind: mass.reo_mg for mass in listed}


async def enter_2024(officer: Api) -> None:
    """Both batches of 2024, and what the two groups got of each."""
    for row in rows("quota_totals", "2024"):
        await officer.enter_indicator(
            2024,
            int(row["batch"]),
            document=row["source"][:200],
            rock_t=int(row["mining_rock"]),
            ionic_t=int(row["mining_ionic"]),
            separation_t=int(row["smelting_separation"]),
        )
    for row in rows("quotas_by_group", "2024"):
        await officer.allocate(
            2024,
            int(row["batch"]),
            GROUPS[row["group"]],
            rock_t=int(row["mining_rock_light_t_reo"]),
            ionic_t=int(row["mining_ionic_medium_heavy_t_reo"]),
            separation_t=int(row["smelting_separation_t_reo"]),
        )


async def test_the_numbers_of_2024_agree_to_the_tonne(quota: Quota, officer: Api, northern: Api) -> None:
    await enter_2024(officer)
    listed = await officer.call(officer.allocation.ListIndicators, quota_pb2.ListIndicatorsRequest(year=2024))
    assert [indicator.batch for indicator in listed.indicators] == [1, 2]
    totals = {ROCK: 250_850 * TONNE, IONIC: 19_150 * TONNE, SEPARATION: 254_000 * TONNE}
    assert by_kind(listed.indicators[-1], "totals") == totals
    for kind, total in totals.items():
        national = await officer.balance("national", kind)
        assert (national.granted_mg, national.given_on_mg, national.available_mg) == (total, total, 0)
        groups = [await officer.balance(group, kind) for group in GROUPS.values()]
        assert sum(group.granted_mg for group in groups) == total
    # Northern's mines and plants: what it keeps for itself stays available to it.
    await northern.break_down(2024, 1, "baogang-bayan-obo", rock_t=90_000, separation_t=60_000)
    await northern.break_down(2024, 2, "baogang-bayan-obo", rock_t=90_000, separation_t=20_000)
    await northern.break_down(2024, 2, "baotou-huamei", separation_t=60_000)
    own = await northern.balance("northern", SEPARATION)
    assert (own.granted_mg, own.given_on_mg, own.available_mg) == (170_001 * TONNE, 140_000 * TONNE, 30_001 * TONNE)
    assert await faults(quota.settings.database_url) == []


async def test_an_allocation_over_the_total_is_refused_with_the_numbers(quota: Quota, officer: Api) -> None:
    await enter_2024(officer)
    await officer.enter_indicator(2025, 1, rock_t=1000, ionic_t=10, separation_t=500)
    await officer.allocate(2025, 1, "northern", rock_t=900)
    reason, metadata, _ = await refusal(officer.allocate(2025, 1, "other", rock_t=101, separation_t=500))
    assert reason == "ALLOCATION_OVER_TOTAL"
    assert metadata["kinds"] == "MINING_ROCK"
    numbers = {name: metadata[f"mining_rock_{name}_t"] for name in ("total", "allocated", "asked", "remaining")}
    assert numbers == {"total": "1000", "allocated": "900", "asked": "101", "remaining": "100"}
    assert metadata["mining_rock_remaining_mg"] == str(100 * TONNE)
    assert (await officer.balance("other", SEPARATION, 2025)).granted_mg == 0, "all kinds of a command or none"
    assert (await refusal(officer.allocate(2024, 2, "other", ionic_t=1)))[0] == "ALLOCATION_OVER_TOTAL"
    reason, metadata, _ = await refusal(officer.allocate(2030, 1, "other", ionic_t=1))
    assert (reason, metadata) == ("NO_INDICATOR", {"year": "2030", "batch": "1", "batches": ""})
    assert await faults(quota.settings.database_url) == []


async def test_an_allocation_over_its_batch_is_refused_though_the_year_has_enough(
    quota: Quota, officer: Api, northern: Api
) -> None:
    await officer.enter_indicator(2024, 1, rock_t=600, ionic_t=10)
    await officer.enter_indicator(2024, 2, rock_t=1000, ionic_t=10, cumulative=True)
    await officer.allocate(2024, 1, "northern", rock_t=500)
    reason, metadata, _ = await refusal(officer.allocate(2024, 1, "northern", rock_t=101, ionic_t=1))
    assert reason == "ALLOCATION_OVER_BATCH"
    assert (metadata["batch"], metadata["kinds"]) == ("1", "MINING_ROCK")
    numbers = [metadata[f"mining_rock_{name}_t"] for name in ("total", "allocated", "asked", "remaining")]
    assert numbers == ["600", "500", "101", "100"]
    # What the second notice restates of the first is not there twice.
    reason, metadata, _ = await refusal(officer.allocate(2024, 2, "northern", rock_t=401))
    assert (reason, metadata["mining_rock_total_t"]) == ("ALLOCATION_OVER_BATCH", "400")
    reason, metadata, _ = await refusal(officer.allocate(2024, 3, "northern", rock_t=1))
    assert (reason, metadata["batches"]) == ("NO_INDICATOR", "1, 2")
    reason, metadata, _ = await refusal(northern.break_down(2024, 3, "mine-1", rock_t=1))
    assert (reason, metadata) == ("NO_INDICATOR", {"year": "2024", "batch": "3"}), "enterprises list no indicators"
    reason, _, fields = await refusal(northern.break_down(2024, 3, "northern", rock_t=1))
    assert (reason, fields) == ("INVALID_FIELDS", ["subsidiary_id"])
    await officer.allocate(2024, 2, "northern", rock_t=400)
    assert (await refusal(northern.break_down(2024, 2, "mine-1", rock_t=401)))[0] == "ALLOCATION_OVER_BATCH"
    await northern.break_down(2024, 2, "mine-1", rock_t=400)
    await northern.break_down(2024, 1, "mine-1", rock_t=500)
    assert (await officer.balance("mine-1")).available_mg == 900 * TONNE
    assert await faults(quota.settings.database_url) == []


async def test_concurrent_allocations_never_pass_a_batch(quota: Quota, officer: Api) -> None:
    await officer.enter_indicator(2024, 1, rock_t=1000)
    await officer.enter_indicator(2024, 2, rock_t=5000)
    gives = [officer.allocate(2024, 1, f"group-{number}", rock_t=90) for number in range(24)]
    answers = await asyncio.gather(*gives, return_exceptions=True)
    assert sum(isinstance(answer, quota_pb2.Allocation) for answer in answers) == 11
    assert {one.reason for one in answers if isinstance(one, Error)} == {"ALLOCATION_OVER_BATCH"}
    assert await faults(quota.settings.database_url) == []


async def test_a_break_down_over_what_the_group_has_is_refused_with_the_numbers(officer: Api, northern: Api) -> None:
    await officer.enter_indicator(2024, 1, rock_t=1000)
    await officer.allocate(2024, 1, "northern", rock_t=700)
    await northern.reserve(200 * TONNE)
    await northern.break_down(2024, 1, "mine-1", rock_t=300)
    reason, metadata, _ = await refusal(northern.break_down(2024, 1, "mine-2", rock_t=201))
    assert reason == "ALLOCATION_OVER_TOTAL"
    numbers = {name: metadata[f"mining_rock_{name}_t"] for name in ("total", "allocated", "reserved", "remaining")}
    assert numbers == {"total": "700", "allocated": "300", "reserved": "200", "remaining": "200"}


async def test_concurrent_allocations_never_pass_the_total(quota: Quota, officer: Api) -> None:
    await officer.enter_indicator(2024, 1, rock_t=1000, ionic_t=100)
    names = [f"group-{number}" for number in range(24)]
    gives = [officer.allocate(2024, 1, name, rock_t=90, ionic_t=3) for name in names]
    answers = await asyncio.gather(*gives, return_exceptions=True)
    given = [answer for answer in answers if isinstance(answer, quota_pb2.Allocation)]
    assert len(given) == 11
    assert {one.reason for one in answers if isinstance(one, Error)} == {"ALLOCATION_OVER_TOTAL"}
    assert (await officer.balance("national", IONIC)).given_on_mg == 33 * TONNE
    assert await faults(quota.settings.database_url) == []


async def test_a_batch_is_entered_once_and_in_order(officer: Api) -> None:
    request_id = new_id()
    first = await officer.enter_indicator(2020, 1, rock_t=56_425, request_id=request_id, document="MIIT 2020/1")
    assert await officer.enter_indicator(2020, 1, rock_t=56_425, request_id=request_id, document="MIIT 2020/1") == first
    assert (await refusal(officer.enter_indicator(2020, 1, rock_t=56_426, request_id=request_id)))[0] == (
        "REQUEST_ID_REUSED"
    )
    reason, metadata, _ = await refusal(officer.enter_indicator(2020, 1, rock_t=56_425))
    assert reason == "INDICATOR_EXISTS"
    assert (metadata["document"], metadata["batch"]) == ("MIIT 2020/1", "1")
    assert (await refusal(officer.enter_indicator(2020, 3, rock_t=1)))[2] == ["batch"]
    assert (await refusal(officer.enter_indicator(2020, 2, rock_t=50_000, cumulative=True)))[2] == ["masses"]
    second = await officer.enter_indicator(2020, 2, rock_t=120_850, cumulative=True)
    assert by_kind(second, "increments")[ROCK] == 64_425 * TONNE
    assert by_kind(second, "totals")[ROCK] == 120_850 * TONNE


async def test_two_officers_who_enter_the_same_batch_at_once(quota: Quota, officer: Api) -> None:
    answers = await asyncio.gather(
        *(officer.enter_indicator(2024, 1, rock_t=tonnes) for tonnes in (1, 2, 3, 4)), return_exceptions=True
    )
    assert sum(isinstance(answer, quota_pb2.Indicator) for answer in answers) == 1
    assert {one.reason for one in answers if isinstance(one, Error)} == {"INDICATOR_EXISTS"}
    assert await faults(quota.settings.database_url) == []


async def test_an_allocation_is_repeated_with_its_first_answer(officer: Api) -> None:
    await officer.enter_indicator(2024, 1, rock_t=100)
    request_id = new_id()
    first = await officer.allocate(2024, 1, "northern", rock_t=40, request_id=request_id)
    assert await officer.allocate(2024, 1, "northern", rock_t=40, request_id=request_id) == first
    assert first.allocated_by == "spiffe://monazite.example/officer/quota/wang"
    assert first.from_enterprise_id == "national"
    assert (await officer.balance("northern")).granted_mg == 40 * TONNE
    assert (await refusal(officer.allocate(2024, 1, "x", rock_t=40, request_id=request_id)))[0] == "REQUEST_ID_REUSED"


async def test_every_bad_field_is_named_at_once(officer: Api, northern: Api) -> None:
    bad = [
        quota_pb2.KindMass(kind=ROCK, reo_mg=-1),
        quota_pb2.KindMass(kind=ROCK, reo_mg=1),
        quota_pb2.KindMass(reo_mg=2**63 - 1),
    ]
    request = quota_pb2.EnterIndicatorRequest(request_id="1", year=-1, batch=0, masses=bad)
    assert await refusal(officer.call(officer.allocation.EnterIndicator, request)) == (
        "INVALID_FIELDS",
        {"count": "8"},
        [
            "request_id",
            "year",
            "batch",
            "masses[0].reo_mg",
            "masses[1].kind",
            "masses[2].kind",
            "masses[2].reo_mg",
            "document",
        ],
    )
    allocate = quota_pb2.AllocateRequest(request_id=new_id(), year=2024, batch=1, enterprise_id="a/b")
    assert (await refusal(officer.call(officer.allocation.Allocate, allocate)))[2] == ["enterprise_id", "masses"]
    assert (await refusal(officer.allocate(2024, 1, "national", rock_t=1)))[2] == ["enterprise_id"]
    await officer.enter_indicator(2024, 1, rock_t=1)
    assert (await refusal(northern.break_down(2024, 1, "northern", rock_t=1)))[2] == ["subsidiary_id"]
    assert (await refusal(northern.break_down(2024, 1, "national", rock_t=1)))[2] == ["subsidiary_id"]
    assert (await refusal(northern.break_down(2024, 1, "", rock_t=1)))[2] == ["subsidiary_id"]
    listing = quota_pb2.ListPostingsRequest(page_size=-1, year=7, enterprise_id="?")
    listing.page_token = new_id()
    assert (await refusal(officer.call(officer.ledger.ListPostings, listing)))[2] == [
        "year",
        "enterprise_id",
        "page_size",
        "page_token",
    ]


async def test_who_may_call_what(quota: Quota, officer: Api, northern: Api) -> None:
    assert (await refusal(northern.enter_indicator(2024, 1, rock_t=1)))[0] == "ACCESS_DENIED"
    assert (await refusal(northern.allocate(2024, 1, "x", rock_t=1)))[0] == "ACCESS_DENIED"
    assert (await refusal(officer.break_down(2024, 1, "x", rock_t=1)))[0] == "ACCESS_DENIED"
    indicators = quota_pb2.ListIndicatorsRequest(year=2024)
    assert (await refusal(northern.call(northern.allocation.ListIndicators, indicators)))[0] == "ACCESS_DENIED"
    async with quota.caller("officer/licensing/li") as licensing:
        assert (await refusal(licensing.enter_indicator(2024, 1, rock_t=1)))[0] == "ACCESS_DENIED"
        assert (await licensing.balance("northern")).granted_mg == 0
    async with quota.caller("customs/shanghai/zhao") as customs:
        assert (await refusal(customs.balance("northern")))[0] == "ACCESS_DENIED"
    async with quota.caller("service/registry") as registry:
        assert (await refusal(registry.balance("northern")))[0] == "ACCESS_DENIED"


async def test_an_enterprise_sees_its_own_quota_only(quota: Quota, officer: Api, northern: Api) -> None:
    await officer.enter_indicator(2024, 1, rock_t=1000)
    await officer.allocate(2024, 1, "northern", rock_t=700)
    await northern.break_down(2024, 1, "mine-1", rock_t=300)
    async with quota.caller("enterprise/mine-1") as mine:
        assert (await mine.balance("mine-1")).available_mg == 300 * TONNE
        for other in ("northern", "national", "nobody"):
            assert (await refusal(mine.balance(other)))[0] == "ACCESS_DENIED"
            balances = quota_pb2.ListBalancesRequest(enterprise_id=other)
            listed = quota_pb2.ListPostingsRequest(enterprise_id=other)
            given = quota_pb2.ListAllocationsRequest(enterprise_id=other)
            assert (await refusal(mine.call(mine.ledger.ListBalances, balances)))[0] == "ACCESS_DENIED"
            assert (await refusal(mine.call(mine.ledger.ListPostings, listed)))[0] == "ACCESS_DENIED"
            assert (await refusal(mine.call(mine.allocation.ListAllocations, given)))[0] == "ACCESS_DENIED"
        own = await mine.call(mine.ledger.ListBalances, quota_pb2.ListBalancesRequest())
        assert [row.enterprise_id for row in own.balances] == ["mine-1"]
        postings = await mine.call(mine.ledger.ListPostings, quota_pb2.ListPostingsRequest())
        assert [(one.code, one.debit_account, one.credit_account, one.reo_mg) for one in postings.postings] == [
            (
                "BREAK_DOWN",
                "mine-1/2024/MINING_ROCK/granted",
                "mine-1/2024/MINING_ROCK/available",
                300 * TONNE,
            )
        ]
        got = await mine.call(mine.allocation.ListAllocations, quota_pb2.ListAllocationsRequest())
        assert [(one.from_enterprise_id, one.enterprise_id) for one in got.allocations] == [("northern", "mine-1")]
    gave = await northern.call(northern.allocation.ListAllocations, quota_pb2.ListAllocationsRequest())
    assert [one.enterprise_id for one in gave.allocations] == ["northern", "mine-1"]


async def test_lists_are_paged_and_say_as_of_when(officer: Api) -> None:
    await officer.enter_indicator(2024, 1, rock_t=1000, ionic_t=1000, separation_t=1000)
    for number in range(5):
        await officer.allocate(2024, 1, f"group-{number}", rock_t=1, ionic_t=2, separation_t=3)
    postings: list[str] = []
    listing = quota_pb2.ListPostingsRequest(page_size=7)
    while True:
        page = await officer.call(officer.ledger.ListPostings, listing)
        postings += [one.posting_id for one in page.postings]
        assert page.HasField("as_of")
        listing.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert len(postings) == len(set(postings)) == 3 + 5 * 3 * 2
    balances = quota_pb2.ListBalancesRequest(page_size=10, year=2024)
    first = await officer.call(officer.ledger.ListBalances, balances)
    balances.page_token = first.next_page_token
    second = await officer.call(officer.ledger.ListBalances, balances)
    keys = [(one.enterprise_id, one.kind) for one in [*first.balances, *second.balances]]
    assert keys == sorted(keys)
    assert (len(keys), second.next_page_token) == (18, "")
    allocations = quota_pb2.ListAllocationsRequest(page_size=3)
    one = await officer.call(officer.allocation.ListAllocations, allocations)
    allocations.page_token = one.next_page_token
    two = await officer.call(officer.allocation.ListAllocations, allocations)
    listed = [each.enterprise_id for each in [*one.allocations, *two.allocations]]
    assert listed == [f"group-{number}" for number in range(5)]
    wrong = quota_pb2.ListBalancesRequest(page_size=10, year=2024, page_token=allocations.page_token)
    assert (await refusal(officer.call(officer.ledger.ListBalances, wrong)))[2] == ["page_token"]


async def test_the_ledger_survives_a_restart(stopped: Quota) -> None:
    async with stopped.running() as quota, quota.caller(OFFICER) as officer:
        await officer.enter_indicator(2024, 1, rock_t=1000)
        request_id = new_id()
        first = await officer.allocate(2024, 1, "northern", rock_t=700, request_id=request_id)
    async with stopped.running() as quota, quota.caller(OFFICER) as officer, quota.caller(NORTHERN) as northern:
        assert await officer.allocate(2024, 1, "northern", rock_t=700, request_id=request_id) == first
        assert (await northern.balance("northern")).available_mg == 700 * TONNE


async def test_history_cannot_be_rewritten_in_sql_either(quota: Quota, officer: Api) -> None:
    """The database repeats the domain's rules: append-only, balanced, never below zero."""
    await officer.enter_indicator(2024, 1, rock_t=1000)
    await officer.allocate(2024, 1, "northern", rock_t=700)
    url = quota.settings.database_url
    for table in ("posting", "indicator", "allocation", "reduction", "settlement", "revocation", "refused_entry"):
        assert "is append-only" in await sql_error(url, f"TRUNCATE {table} CASCADE")
    assert "is append-only" in await sql_error(url, "UPDATE posting SET reo_mg = reo_mg + 1")
    assert "account_balances" in await sql_error(url, "UPDATE account SET available_mg = available_mg + 1")
    granting = "INSERT INTO posting SELECT enterprise_id, decode(repeat('00', 16), 'hex'), year, kind, credit, debit"
    granting += ", reo_mg, code, cause, right_id, drawing_id, posted_at FROM posting WHERE debit = 'granted' LIMIT 1"
    assert "posting_takes_back" in await sql_error(url, granting)
    taking = "UPDATE account SET available_mg = -1, used_mg = granted_mg - given_on_mg + 1"
    assert "violates check constraint" in await sql_error(url, taking)
    spending = "UPDATE account SET available_mg = 0, used_mg = available_mg WHERE enterprise_id = 'national'"
    assert "account_national_only_gives" in await sql_error(url, spending)
    # What keeps each account balanced and yet is not in the postings is found by the check.
    await fetch(url, "UPDATE account SET available_mg = 0, used_mg = available_mg WHERE enterprise_id = 'northern'")
    assert await faults(url) == [
        "northern/2024/1: the account is not the sum of its postings",
        "northern/2024/1: the account is not the sum of its rights",
    ]


async def sql_error(url: str, statement: str) -> str:
    """What the database says to a statement that it refuses."""
    try:
        await fetch(url, statement)
    except asyncpg.PostgresError as error:
        return str(error)
    return ""
