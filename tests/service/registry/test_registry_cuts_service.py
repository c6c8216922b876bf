"""Cuts: the registry vouches for a head, bundles begin there, and who judges still sees all of it."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite_provenance.contents import CutDetails, decode_details
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.report import Verdict
from monazite_provenance.settings import DEFAULT_SETTINGS
from monazite_provenance.statement import Outpoint, parse

from services.chassis.database import Database
from services.chassis.errors import Error, Kind
from services.registry.settings import RegistrySettings
from tests.fakes.log import FakeLog
from tests.service.calling import new_id
from tests.service.registry.api import IMPORTED, Api, draw, outpoint
from tests.service.registry.conftest import Checker
from tests.service.registry.peers import Licensing, Quota

FULL, FROM_CUTS = pb.BUNDLE_EXTENT_FULL, pb.BUNDLE_EXTENT_FROM_CUTS
OTHER_IMPORT = pb.Origin(imported=pb.Imported(country="MM", customs_declaration="D-2"))


def said(done: pb.StepResponse) -> CutDetails:
    """What a cut says."""
    item = Item.decode(done.statement.item)
    assert item.details is not None
    details = decode_details(EventKind.CUT, item.details.content)
    assert isinstance(details, CutDetails)
    return details


async def blend(plant: Api) -> Outpoint:
    """A lot of two origins."""
    heads = [outpoint((await plant.register(origin=origin)).heads[0]) for origin in (IMPORTED, OTHER_IMPORT)]
    return outpoint((await plant.merge(heads)).heads[0])


async def test_bundles_of_buyers_begin_at_a_cut_and_those_of_officers_where_the_material_did(
    plant: Api, trader: Api, registrar: Api, licensing_service: Api, checker: Checker
) -> None:
    head = await blend(plant)
    whole = await checker.report(plant, head)

    cut = await registrar.cut(head)

    assert cut.admission.receipt
    assert [outpoint(each) for each in cut.heads] == [head]
    claims = parse(Item.decode(cut.statement.item).statement).claims
    assert (claims.kind, claims.refs, claims.on_behalf) == (EventKind.CUT, (head.statement_id,), None)
    details = said(cut)
    assert (details.outpoint, details.lot, details.findings) == (head, whole.target, ())
    assert details.policy_hash == DEFAULT_SETTINGS.policy_hash

    sold = outpoint((await plant.offer(head, trader.uri)).heads[0])
    short = await checker.report(trader, sold)
    assert short.verdict is Verdict.VERIFIED_WITH_GAPS
    assert short.gap_codes() == {"VOUCHED"}
    assert [each.statement_id for each in short.vouched] == [cut.admission.statement_id]
    assert [step.kind for step in short.steps] == ["OFFER"]
    assert short.statements == 3, "cut, offer and status"
    assert short.origins == whole.origins
    assert short.status is not None
    assert (short.status.complete, short.status.fresh) == (True, True)
    for api in (registrar, licensing_service):
        report = await checker.report(api, sold)
        assert report.verdict is Verdict.VERIFIED
        assert [step.kind for step in report.steps] == ["REGISTER", "REGISTER", "MERGE", "OFFER"]
        assert cut.admission.statement_id in report.registered, "beside what it stands for"
        assert report.vouched == ()
    # The head of the cut itself.
    assert (await checker.report(registrar, head, with_status=False)).gap_codes() == {"ABSENCE"}


async def test_a_cut_is_of_a_head_or_of_a_lot_and_not_of_both(plant: Api, registrar: Api) -> None:
    made = (await plant.register(origin=IMPORTED)).heads[0]
    unborn = (await plant.ids())[0]

    async def refusal(**what: Any) -> Error:
        with pytest.raises(Error) as refused:
            await registrar.call(registrar.lots.CutLot, pb.CutLotRequest(request_id=new_id(), **what))
        return refused.value

    for what in ({}, {"head": made.outpoint, "lot_id": made.lot_id}):
        assert [each.field for each in (await refusal(**what)).violations] == ["head"]
    assert [each.field for each in (await refusal(lot_id="RE-1")).violations] == ["lot_id"]
    absent = await refusal(lot_id=unborn)
    assert (absent.reason, absent.metadata["name"]) == ("NOT_FOUND", unborn)
    cut = await registrar.call(registrar.lots.CutLot, pb.CutLotRequest(request_id=new_id(), lot_id=made.lot_id))
    assert cut.statement == (await registrar.cut(outpoint(made))).statement


async def test_a_bundle_at_the_cut_itself_holds_what_speaks_of_its_head(
    plant: Api, registrar: Api, inspector: Api, checker: Checker
) -> None:
    lot = await plant.register(origin=IMPORTED)
    head = outpoint(lot.heads[0])
    await registrar.cut(head)
    alone = await checker.report(plant, head)
    assert alone.gap_codes() == {"VOUCHED"}
    assert (alone.statements, len(alone.steps)) == (2, 0)
    hold = await inspector.hold(lot.heads[0].lot_id)
    held = await checker.report(plant, head)
    assert held.gap_codes() == {"VOUCHED", "ON_HOLD"}
    assert hold.admission.statement_id in held.registered


async def test_everybody_may_ask_for_less_and_nobody_for_more_than_he_may_see(
    plant: Api, registrar: Api, customs: Api, licensing: Licensing, checker: Checker
) -> None:
    head = await blend(plant)
    await registrar.cut(head)
    for ask in (plant.bundle(head, extent=FULL), plant.status(head, extent=FULL)):
        with pytest.raises(Error) as refused:
            await ask
        assert (refused.value.reason, refused.value.kind) == ("ACCESS_DENIED", Kind.DENIED)
    short = checker.verify(await registrar.bundle(head, with_status=True, extent=FROM_CUTS))
    assert short.gap_codes() == {"VOUCHED"}
    # A status is for the bundle of the same extent.
    assert await registrar.status(head, extent=FROM_CUTS) != await registrar.status(head)
    exported = await plant.offer(head, f"spiffe://{licensing.domain}/service/export_license", licence_id=b"L" * 32)
    leaving = outpoint(exported.heads[0])
    assert (await checker.report(customs, leaving)).gap_codes() == {"VOUCHED"}
    with pytest.raises(Error) as refused:
        await customs.bundle(leaving, extent=FULL)
    assert refused.value.reason == "ACCESS_DENIED"
    with pytest.raises(Error) as refused:
        await plant.bundle(head, extent=pb.BundleExtent.ValueType(9))
    assert refused.value.reason == "INVALID_FIELDS"


async def test_a_status_speaks_of_the_bundle_of_its_extent(plant: Api, registrar: Api, checker: Checker) -> None:
    head = await blend(plant)
    await registrar.cut(head)
    from_cuts = list(await registrar.bundle(head, with_status=False, extent=FROM_CUTS))
    for extent, gaps in ((FROM_CUTS, {"VOUCHED"}), (FULL, {"VOUCHED", "INCOMPLETE"})):
        status = await registrar.status(head, extent=extent)
        assert checker.verify([*from_cuts, status]).gap_codes() == gaps


async def test_only_the_registrys_own_officer_cuts(plant: Api, inspector: Api, licensing_service: Api) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    for api in (plant, inspector, licensing_service):
        with pytest.raises(Error) as refused:
            await api.cut(head)
        assert refused.value.reason == "ACCESS_DENIED"


async def test_nothing_is_vouched_for_over_a_gap(
    quota_log: FakeLog, mine: Api, registrar: Api, quota: Quota, checker: Checker
) -> None:
    right = quota.right("mine-1", 1_000_000)
    lot = await mine.register(draws=[draw(right, 1_000_000)])
    head = outpoint(lot.heads[0])
    with pytest.raises(Error) as refused:
        await registrar.cut(head)
    assert refused.value.reason == "PROVENANCE_REFUSED"
    assert refused.value.metadata["gaps"] == "UNSETTLED_RIGHT"
    quota.settled(right.statement_id, lot.admission.statement_id, 1_000_000)
    await checker.settled(mine, head)

    dry = await registrar.cut(head, validate_only=True)
    assert not dry.statement.item
    assert (await checker.report(mine, head)).vouched == ()
    await registrar.cut(head)

    # What is behind the cut, rights and settlements too, does not travel any more.
    report = await checker.report(mine, head)
    assert report.gap_codes() == {"VOUCHED"}
    assert report.statements == 2


async def test_a_held_lot_is_not_cut(plant: Api, registrar: Api, inspector: Api) -> None:
    lot = await plant.register(origin=IMPORTED)
    await inspector.hold(lot.heads[0].lot_id)
    with pytest.raises(Error) as refused:
        await registrar.cut(outpoint(lot.heads[0]))
    assert refused.value.reason == "LOT_HELD"


async def test_findings_are_said_and_not_hidden(mine: Api, registrar: Api, inspector: Api, checker: Checker) -> None:
    request_id = "0f6b0f2e-52a3-4a3c-9f55-6d6a6c0e1c12"
    stock = pb.Origin(opening_inventory=pb.OpeningInventory(inventory="stock-2024"))
    lot = await mine.register(origin=stock)
    head = outpoint(lot.heads[0])
    await inspector.release(lot.heads[0].lot_id, "OPENING_INVENTORY")

    cut = await registrar.cut(head, request_id=request_id)

    assert [(each.code, each.metadata["count"]) for each in cut.findings] == [("OPENING_INVENTORY", "1")]
    await inspector.hold(lot.heads[0].lot_id, "LATER")
    again = await registrar.cut(head, request_id=request_id)
    assert (again.statement, again.heads, again.findings) == (cut.statement, cut.heads, cut.findings), "as it was given"
    other = await registrar.cut(head)
    assert (other.statement, [each.code for each in other.findings]) == (cut.statement, ["OPENING_INVENTORY"])
    assert list(other.heads[0].holds) == ["LATER"]
    assert said(cut).findings == ("OPENING_INVENTORY",)
    assert (await checker.report(mine, head)).vouched[0].findings == ("OPENING_INVENTORY",)


async def test_a_head_is_cut_once_and_a_spent_one_never(plant: Api, registrar: Api) -> None:
    head = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    request_id = "0f6b0f2e-52a3-4a3c-9f55-6d6a6c0e1c11"
    answers = await asyncio.gather(registrar.cut(head, request_id=request_id), *(registrar.cut(head) for _ in range(3)))
    assert len({answer.statement.item for answer in answers}) == 1
    assert (await registrar.cut(head, request_id=request_id)).statement == answers[0].statement
    parts = await plant.split(head, [1_000, 1_000])
    again = await registrar.cut(head)
    assert again.statement == answers[0].statement, "it has been made, and stands"
    kept, given = map(outpoint, parts.heads)
    await plant.split(kept, [500, 500])
    with pytest.raises(Error) as refused:
        await registrar.cut(kept)
    assert refused.value.reason == "STALE"
    with pytest.raises(Error) as refused:
        await registrar.cut(Outpoint(bytes(32), 0))
    assert refused.value.reason == "NOT_FOUND"
    assert (await registrar.cut(given)).statement.item


async def test_bundles_begin_at_the_last_cut_on_each_way_back(plant: Api, registrar: Api, checker: Checker) -> None:
    first = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    cuts = [await registrar.cut(first)]
    left, right = map(outpoint, (await plant.split(first, [1_000, 1_000])).heads)
    cuts.append(await registrar.cut(left))
    # One way leads over the later cut, the other past it to the earlier.
    head = outpoint((await plant.merge([left, right])).heads[0])

    report = await checker.report(plant, head)

    assert report.gap_codes() == {"VOUCHED"}
    assert [step.kind for step in report.steps] == ["SPLIT", "MERGE"]
    assert {each.admission.statement_id for each in cuts} < set(report.registered)
    assert [each.statement_id for each in report.vouched] == [cuts[0].admission.statement_id]
    full = await checker.report(registrar, head)
    assert full.verdict is Verdict.VERIFIED
    assert full.statements == report.statements + 1
    cuts.append(await registrar.cut(head))
    assert (await checker.report(plant, head)).statements == 2


async def test_a_lot_that_came_back_is_cut_again(plant: Api, trader: Api, registrar: Api, checker: Checker) -> None:
    first = outpoint((await plant.register(origin=IMPORTED)).heads[0])
    cuts = [await registrar.cut(first)]
    sent = await trader.accept(
        outpoint((await plant.offer(first, trader.uri)).heads[0]), 1_500, returned_g=500, reason_code="PART"
    )
    kept, returned = map(outpoint, sent.heads)
    back = await plant.accept(outpoint((await trader.offer(kept, plant.uri)).heads[0]), 1_500)
    cuts.append(await registrar.cut(outpoint(back.heads[0])))
    assert cuts[0].heads[0].lot_id == cuts[1].heads[0].lot_id
    # One way back leads to the later cut of the lot, the other over what was sent back to the earlier.
    head = outpoint((await plant.merge([outpoint(back.heads[0]), returned])).heads[0])

    report = await checker.report(plant, head)

    assert report.failure is None
    assert report.gap_codes() == {"VOUCHED"}
    assert {each.statement_id for each in report.vouched} == {each.admission.statement_id for each in cuts}
    assert [step.kind for step in report.steps] == ["OFFER", "ACCEPT", "MERGE"]
    assert (await checker.report(registrar, head)).verdict is Verdict.VERIFIED


async def test_of_a_history_too_long_for_a_bundle_the_last_cut_is_gone_on_from(
    plant: Api, registrar: Api, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = await blend(plant)
    first = await registrar.cut(head)
    part = outpoint((await plant.split(head, [1_000, 3_000])).heads[0])
    monkeypatch.setattr("services.registry.operations.bundles.Bundles.statements_max", 4)
    with pytest.raises(Error) as refused:
        await registrar.bundle(part)
    assert refused.value.reason == "TOO_MANY_PARENTS"

    second = await registrar.cut(part)

    assert said(second).policy_hash == said(first).policy_hash
    assert {each.element for each in said(second).origins} == {each.element for each in said(first).origins}
    assert (await checker.report(plant, part)).gap_codes() == {"VOUCHED"}


async def test_the_database_refuses_a_cut_of_what_is_spent_or_held(
    settings: RegistrySettings, plant: Api, inspector: Api
) -> None:
    lot = await plant.register(origin=IMPORTED)
    head = outpoint(lot.heads[0])
    kept, given = (await plant.split(head, [1_000, 1_000])).heads
    hold = await inspector.hold(kept.lot_id)
    save = "INSERT INTO cut (cut_id, statement_id, output_index) VALUES ($1, $2, $3)"
    async with Database(settings.database_url, connections_max=1) as database:
        for refused in (head, outpoint(kept)):
            async with database.connection() as connection:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(save, hold.admission.statement_id, *refused)
        async with database.connection() as connection:
            await connection.execute(save, hold.admission.statement_id, *outpoint(given))
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("DELETE FROM cut")
