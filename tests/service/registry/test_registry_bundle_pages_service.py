"""Histories over the bound of a page leave the registry as several, which are one bundle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite_provenance import bundle
from monazite_provenance.names import log_urn
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection
from services.chassis.errors import Error
from services.registry.operations.bundles import Bundles, Gathered
from services.registry.settings import Bundles as Pages
from services.registry.settings import RegistrySettings
from services.registry.storage import bundles as rows
from tests.fakes.log import FakeLog
from tests.service.registry.api import IMPORTED, Api, draw, outpoint
from tests.service.registry.conftest import Checker
from tests.service.registry.peers import Quota

PAGE = 3


@pytest.fixture(params=[PAGE])
def settings(settings: RegistrySettings, request: pytest.FixtureRequest) -> RegistrySettings:
    """With small pages."""
    return settings.model_copy(update={"bundles": Pages(page_statements_max=request.param, pages_max=6, queued_max=1)})


def counts(pieces: list[bytes]) -> list[int]:
    """How many items each page has."""
    return [len(list(page.pieces)) for page in bundle.read(pieces).pages]


async def blended(plant: Api, times: int) -> Outpoint:
    """A lot of a register and two steps for each time."""
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    for _ in range(times):
        parts = (await plant.split(head, [1_000, 1_000])).heads
        head = outpoint((await plant.merge([outpoint(part) for part in parts])).heads[0])
    return head


async def test_a_history_comes_in_pages_and_verifies_as_one(plant: Api, checker: Checker) -> None:
    head = await blended(plant, 3)
    for with_status, expected in ((True, [3, 3, 2]), (False, [3, 3, 1])):
        pieces = await plant.bundle(head, with_status=with_status)
        assert counts(pieces) == expected
        report = checker.verify(pieces)
        assert report.verdict is (Verdict.VERIFIED if with_status else Verdict.VERIFIED_WITH_GAPS)
        assert len(report.steps) == 7
        assert len(report.heads) == 1
    # Up to a page it is a bundle as ever.
    short = await plant.bundle(outpoint((await plant.register(origin=IMPORTED)).heads[0]), with_status=True)
    assert short[0][:2] == b"\x83\x01"


async def test_a_status_that_has_no_room_has_a_page_of_its_own(plant: Api, checker: Checker) -> None:
    head = await blended(plant, 1)
    assert counts(await plant.bundle(head)) == [3]
    pieces = await plant.bundle(head, with_status=True)
    assert counts(pieces) == [3, 1]
    assert checker.verify(pieces).verdict is Verdict.VERIFIED


async def test_a_newer_status_takes_the_place_of_the_old(plant: Api, checker: Checker, inspector: Api) -> None:
    head = await blended(plant, 2)
    opened = bundle.read(await plant.bundle(head, with_status=True))
    pages, _cosigned = bundle.sheets(opened)

    def renewed(status: bytes) -> list[bytes]:
        last = bundle.Sheet([*pages[-1].pieces[:-1], status], pages[-1].listings)
        return list(bundle.write_pages(opened.target, [*pages[:-1], last]))

    report = checker.verify(renewed(await plant.status(head)))
    assert report.verdict is Verdict.VERIFIED
    assert report.status is not None
    assert report.status.complete, "its digest is of all pages"
    await inspector.hold(report.target.lot_id if report.target else "")
    assert checker.verify(renewed(await plant.status(head))).gap_codes() == {"INCOMPLETE", "ON_HOLD"}


async def test_all_pages_are_of_the_moment_of_the_first(
    plant: Api, inspector: Api, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = await blended(plant, 3)
    target = checker.verify(await plant.bundle(head)).target
    assert target is not None
    read = getattr(Bundles, "_sheet")  # noqa: B009 - its own business, between the pages of which something happens
    pages: list[range] = []

    async def meanwhile(bundles: Bundles, gathered: Gathered, page: range) -> bundle.Sheet:
        if pages == [range(PAGE)]:
            await inspector.hold(target.lot_id)
        pages.append(page)
        sheet: bundle.Sheet = await read(bundles, gathered, page)
        return sheet

    monkeypatch.setattr(Bundles, "_sheet", meanwhile)
    report = checker.verify(await plant.bundle(head, with_status=True))
    assert len(pages) == 3
    assert report.verdict is Verdict.VERIFIED
    assert checker.verify(await plant.bundle(head, with_status=True)).gap_codes() == {"ON_HOLD"}


@pytest.mark.parametrize("settings", [1, 2, 5], indirect=True)
async def test_rights_and_settlements_stand_in_pages_of_any_size(
    quota_log: FakeLog, mine: Api, plant: Api, quota: Quota, checker: Checker
) -> None:
    right = quota.right("mine-1", 1_000_000)
    lot = await mine.register(draws=[draw(right, 1_000_000)])
    moving = await mine.offer(outpoint(lot.heads[0]), plant.uri)
    here = await plant.accept(outpoint(moving.heads[0]), 2_000)
    quota.settled(right.statement_id, lot.admission.statement_id, 1_000_000)
    report = await checker.settled(plant, outpoint(here.heads[0]))
    assert (report.verdict, report.not_checked) == (Verdict.VERIFIED, ())
    assert report.statements == 6
    assert sum(head.log == log_urn("registry") for head in report.heads) == 1


async def test_a_long_history_is_cut_and_gone_on_from(
    plant: Api, trader: Api, registrar: Api, checker: Checker
) -> None:
    head = await blended(plant, 3)
    cut = await registrar.cut(head)
    assert cut.heads[0].lot_id
    sold = outpoint((await plant.offer(head, trader.uri)).heads[0])
    bought = await trader.bundle(sold, with_status=True)
    assert counts(bought) == [3]
    assert checker.verify(bought).gap_codes() == {"VOUCHED"}
    full = await registrar.bundle(sold, with_status=True)
    assert counts(full) == [3, 3, 3, 1]
    assert checker.verify(full).verdict is Verdict.VERIFIED
    # From the cuts on it may be long again.
    asked = await registrar.bundle(sold, with_status=True, extent=pb.BUNDLE_EXTENT_FROM_CUTS)
    assert checker.verify(asked).gap_codes() == {"VOUCHED"}


async def test_more_than_the_pages_hold_is_refused_before_the_first(
    settings: RegistrySettings, plant: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = await blended(plant, 3)
    assert counts(await plant.bundle(head)) == [3, 3, 1]
    # One place is a status's.
    monkeypatch.setattr("services.registry.operations.bundles.Bundles.statements_max", 7)
    with pytest.raises(Error) as refused:
        await plant.bundle(head)
    assert (refused.value.reason, refused.value.metadata["limit"]) == ("TOO_MANY_PARENTS", "7")
    monkeypatch.undo()
    # By their bytes it may be more pages than by their number.
    monkeypatch.setattr("services.registry.operations.bundles.PAGE_BYTES_MAX", 1_000)
    monkeypatch.setattr("services.registry.operations.bundles.SURELY_FIT_BYTES", 0)
    with pytest.raises(Error) as refused:
        await plant.bundle(head)
    assert (refused.value.reason, refused.value.metadata["limit"]) == ("TOO_LARGE", str(settings.bundles.pages_max))


async def test_what_is_over_a_page_by_its_bytes_is_split_too(
    plant: Api, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = await blended(plant, 3)
    item = max(map(len, bundle.read(await plant.bundle(head)).pieces))
    real = bundle.PAGE_BYTES_MAX
    monkeypatch.setattr("services.registry.operations.bundles.PAGE_BYTES_MAX", 3 * item)
    monkeypatch.setattr("services.registry.operations.bundles.SURELY_FIT_BYTES", 0)
    assert real > 3 * item
    pieces = await plant.bundle(head, with_status=True)
    assert max(counts(pieces)) < PAGE
    assert checker.verify(pieces).verdict is Verdict.VERIFIED


async def test_one_long_history_is_gathered_at_a_time_one_waits_and_the_next_is_refused(
    plant: Api, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = await blended(plant, 2)
    gathers, may_go_on = asyncio.Event(), asyncio.Event()
    read = rows.item_sizes

    async def stalled(connection: Connection, ids: Sequence[bytes]) -> list[int]:
        gathers.set()
        await may_go_on.wait()
        return await read(connection, ids)

    monkeypatch.setattr(rows, "item_sizes", stalled)
    first = asyncio.create_task(plant.bundle(head, with_status=True))
    await gathers.wait()
    later = {asyncio.create_task(plant.bundle(head, with_status=True)) for _ in range(2)}
    (refused,), (second,) = await asyncio.wait(later, return_when=asyncio.FIRST_COMPLETED)
    with pytest.raises(Error, match="OVERLOADED"):
        refused.result()
    # Whoever asks for what fits into a page waits for none of them.
    short = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    assert counts(await plant.bundle(short)) == [1]
    may_go_on.set()
    for pieces in (await first, await second):
        assert checker.verify(pieces).verdict is Verdict.VERIFIED


async def test_bundles_leave_half_of_the_connections_to_everybody_else(
    settings: RegistrySettings, plant: Api, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    theirs = settings.limits.database_connections_max // 2
    reading: list[Outpoint] = []
    all_read, may_go_on = asyncio.Event(), asyncio.Event()
    read = rows.open_holds

    async def stalled(connection: Connection, target: Outpoint) -> list[bytes]:
        reading.append(target)
        if len(reading) == theirs:
            all_read.set()
        await may_go_on.wait()
        return await read(connection, target)

    monkeypatch.setattr(rows, "open_holds", stalled)
    asked = [asyncio.create_task(plant.bundle(short, with_status=True)) for _ in range(2 * theirs + 2)]
    await all_read.wait()
    assert (await plant.register(origin=IMPORTED)).heads
    assert len(reading) == theirs
    may_go_on.set()
    for pieces in await asyncio.gather(*asked):
        assert checker.verify(pieces).verdict is Verdict.VERIFIED
