"""Chapter 1: national indicators, allocation to two groups, break-down to two subsidiaries each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import grpc
from monazite.quota.v1.quota_pb2 import (
    AllocateRequest,
    Balance,
    BreakDownRequest,
    EnterIndicatorRequest,
    KindMass,
    ListBalancesRequest,
)
from monazite.registry.v1.registry_pb2 import RegisterEnterpriseRequest
from monazite.type.v1.material_pb2 import (
    QUOTA_KIND_MINING_IONIC,
    QUOTA_KIND_MINING_ROCK,
    QUOTA_KIND_SMELTING_SEPARATION,
    QuotaKind,
)

from clients.demo import tables
from clients.demo.actors import (
    ENTERPRISES,
    GANZHOU,
    GROUPS,
    MINE,
    NORTHERN,
    PLANT,
    QUOTA_OFFICER,
    RARE_EARTH_GROUP,
    REGISTRAR,
    SICHUAN,
    Actor,
    request_id,
)
from clients.demo.plot import Plot
from clients.demo.stage import Stage, StoryError
from clients.errors import CallError
from clients.masses import MG_PER_TONNE, tonnes

TITLE = "Quota: from the national total to the subsidiaries"
STEPS = 7

Accounts: TypeAlias = "dict[tuple[str, QuotaKind.ValueType], Balance]"
KINDS = (QUOTA_KIND_MINING_ROCK, QUOTA_KIND_MINING_IONIC, QUOTA_KIND_SMELTING_SEPARATION)

# Who gets which part of its group's rock, ionic and smelting-separation quota, in parts of 10. The groups file their
# break-down; they do not publish it, so the parts are the demonstration's, the totals are the notices'.
SHARES: dict[str, tuple[tuple[Actor, tuple[int, int, int]], ...]] = {
    NORTHERN.path: ((MINE, (10, 10, 3)), (PLANT, (0, 0, 7))),
    RARE_EARTH_GROUP.path: ((SICHUAN, (10, 0, 6)), (GANZHOU, (0, 10, 4))),
}


async def tell(stage: Stage, _plot: Plot) -> None:
    """Enterprises, indicators, allocations, break-down; the sums agree to the tonne."""
    await _register_enterprises(stage)
    await _indicators(stage)
    await _allocate(stage)
    await _break_down(stage)
    await _sums(stage)
    await _over_total(stage)


async def _register_enterprises(stage: Stage) -> None:
    registrar = stage.desk(REGISTRAR)
    for actor in ENTERPRISES:
        request = RegisterEnterpriseRequest(
            request_id=request_id(), enterprise_id=actor.id, display_name=actor.title, activities=actor.activities
        )
        try:
            await registrar.ask(registrar.enterprises.RegisterEnterprise, request)
        except CallError as error:
            # Listed by a story of another year on the same suite.
            if error.code is not grpc.StatusCode.ALREADY_EXISTS:
                raise
    stage.step(f"The registrar lists {len(ENTERPRISES)} enterprises and what each may do.")


async def _indicators(stage: Stage) -> None:
    officer = stage.desk(QUOTA_OFFICER)
    found = tables.batches()
    for batch in found:
        request = EnterIndicatorRequest(
            request_id=request_id(),
            year=stage.year,
            batch=batch.batch,
            cumulative=False,
            masses=_masses(batch.masses),
            document=batch.source.partition(" ")[0],
        )
        try:
            await officer.ask(officer.allocations.EnterIndicator, request)
        except CallError as error:
            if error.reason != "INDICATOR_EXISTS":
                raise
            told = f"the story of {stage.year} has been told here: take another --year, or a fresh suite"
            raise StoryError(told) from error
    stage.step(f"The national quota officer enters the {len(found)} batches of {stage.year}.")
    rows = [[str(each.batch), *(tonnes(mg) for mg in each.masses), tables.demonstration(each.status)] for each in found]
    stage.table(f"National indicators {stage.year}, t REO", ["Batch", ">rock", ">ionic", ">separation", "Status"], rows)


async def _allocate(stage: Stage) -> None:
    officer = stage.desk(QUOTA_OFFICER)
    found = tables.allocations()
    for each in found:
        await officer.ask(
            officer.allocations.Allocate,
            AllocateRequest(
                request_id=request_id(),
                year=stage.year,
                batch=each.batch,
                enterprise_id=GROUPS[each.group].id,
                masses=_masses(each.masses),
            ),
        )
    stage.step("Both batches are allocated to the two groups, exactly as in quotas_by_group.csv.")
    rows = [
        [str(each.batch), each.group, *(tonnes(mg) for mg in each.masses), tables.demonstration(each.status)]
        for each in found
    ]
    columns = ["Batch", "Group", ">rock", ">ionic", ">separation", "Status"]
    stage.table("Allocations, t REO (demo: recalled, for demonstration only)", columns, rows)


async def _break_down(stage: Stage) -> None:
    for each in tables.allocations():
        group = GROUPS[each.group]
        desk = stage.desk(group)
        (first, shares), (second, _) = SHARES[group.path]
        # Whole tonnes to the first, the exact rest to the second: nothing is lost to rounding.
        parts = [mg // MG_PER_TONNE * share // 10 * MG_PER_TONNE for mg, share in zip(each.masses, shares, strict=True)]
        rests = [mg - part for mg, part in zip(each.masses, parts, strict=True)]
        for subsidiary, masses in ((first, parts), (second, rests)):
            await desk.ask(
                desk.allocations.BreakDown,
                BreakDownRequest(
                    request_id=request_id(),
                    year=stage.year,
                    batch=each.batch,
                    subsidiary_id=subsidiary.id,
                    masses=_masses(masses),
                ),
            )
    stage.step("Each group breaks its batches down to two subsidiaries.")


async def _sums(stage: Stage) -> None:
    officer = stage.desk(QUOTA_OFFICER)
    answer = await officer.ask(officer.ledger.ListBalances, ListBalancesRequest(page_size=200, year=stage.year))
    by_account = {(each.enterprise_id, each.kind): each for each in answer.balances}
    rows: list[list[str]] = []
    for group, parts in SHARES.items():
        rows.extend(_group_rows(stage, by_account, group, [actor for actor, _ in parts]))
    stage.table("Balances, t REO", ["Enterprise", "Kind", ">granted", ">given on", ">available"], rows)
    for index, kind in enumerate(KINDS):
        total = sum(each.masses[index] for each in tables.batches())
        groups = sum(_granted(by_account, path.rpartition("/")[2], kind) for path in SHARES)
        stage.check(groups == total, f"groups hold {groups} mg of kind {kind}, the national total is {total} mg")
    stage.step("The sums agree to the tonne: subsidiaries with their group, groups with the national total.")


def _group_rows(stage: Stage, accounts: Accounts, group: str, subsidiaries: Sequence[Actor]) -> list[list[str]]:
    group_id = group.rpartition("/")[2]
    rows: list[list[str]] = []
    for kind, name in zip(KINDS, ("rock", "ionic", "smelting-separation"), strict=True):
        granted = _granted(accounts, group_id, kind)
        parts = sum(_granted(accounts, actor.id, kind) for actor in subsidiaries)
        stage.check(granted == parts, f"{group_id}: granted {granted} mg of {name}, subsidiaries hold {parts} mg")
        for enterprise in (group_id, *(actor.id for actor in subsidiaries)):
            if (balance := accounts.get((enterprise, kind))) and balance.granted_mg:
                masses = (balance.granted_mg, balance.given_on_mg, balance.available_mg)
                rows.append([enterprise, name, *(tonnes(mg) for mg in masses)])
    return rows


def _granted(accounts: Accounts, enterprise_id: str, kind: QuotaKind.ValueType) -> int:
    balance = accounts.get((enterprise_id, kind))
    return balance.granted_mg if balance else 0


async def _over_total(stage: Stage) -> None:
    officer = stage.desk(QUOTA_OFFICER)
    request = AllocateRequest(
        request_id=request_id(),
        year=stage.year,
        batch=tables.batches()[-1].batch,
        enterprise_id=RARE_EARTH_GROUP.id,
        masses=[KindMass(kind=QUOTA_KIND_SMELTING_SEPARATION, reo_mg=MG_PER_TONNE)],
    )
    attempt = officer.ask(officer.allocations.Allocate, request)
    await stage.refused("One tonne more than the national total", attempt, "ALLOCATION_OVER_TOTAL")
    request.request_id, request.enterprise_id = request_id(), "nobody-knows"
    attempt = officer.ask(officer.allocations.Allocate, request)
    await stage.refused("The same to an enterprise that is on no register", attempt, "RECEIVER_NOT_LISTED")


def _masses(masses: Sequence[int]) -> list[KindMass]:
    return [KindMass(kind=kind, reo_mg=mg) for kind, mg in zip(KINDS, masses, strict=True) if mg]
