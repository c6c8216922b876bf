"""Bundles as they leave the registry, verified offline; the log; quota's log, followed."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite_provenance import bundle
from monazite_provenance.contents import Imported, LicenceAction, RegisterDetails
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import log_urn
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import log_leaf
from monazite_provenance.trust import TrustFile

from services.chassis.errors import Error
from services.registry.storage.bundles import ancestors, ancestors_from_cuts
from tests.fakes.log import FakeLog
from tests.service.registry.api import CE, IMPORTED, Api, draw, outpoint
from tests.service.registry.conftest import Checker
from tests.service.registry.peers import Licensing, Quota
from tests.service.registry.pen import Pen
from tools.local import ceremony


async def test_a_bundle_verifies_and_names_what_is_not_settled(
    quota_log: FakeLog, mine: Api, plant: Api, quota: Quota, checker: Checker
) -> None:
    right = quota.right("mine-1", 1_000_000)
    lot = await mine.register(draws=[draw(right, 1_000_000)])
    moving = await mine.offer(outpoint(lot.heads[0]), plant.uri)
    here = await plant.accept(outpoint(moving.heads[0]), 2_000)
    imported = await plant.register(origin=IMPORTED)
    blend = await plant.merge([outpoint(here.heads[0]), outpoint(imported.heads[0])])
    head = outpoint(blend.heads[0])

    report = await checker.report(plant, head)

    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert report.gap_codes() == {"UNSETTLED_RIGHT"}
    assert [step.kind for step in report.steps][-1] == "MERGE"
    assert len(report.steps) == 5

    quota.settled(right.statement_id, lot.admission.statement_id, 1_000_000)
    done = await checker.settled(plant, head)
    assert (done.verdict, done.not_checked) == (Verdict.VERIFIED, ())
    assert done.status is not None
    assert (done.status.fresh, done.status.complete) == (True, True)
    assert {place.log for place in done.registered.values()} == {log_urn("registry"), log_urn("quota")}
    history = await checker.report(plant, head, with_status=False)
    assert history.gap_codes() == {"ABSENCE"}
    assert history.status is None
    assert history.statements == done.statements - 1


async def test_the_steps_of_a_bundle_are_in_the_order_of_the_log(database: str, plant: Api, checker: Checker) -> None:
    """However the database comes to them: of corrections of one output the last counts, and none refer to another."""
    lots = [await plant.register(origin=IMPORTED) for _ in range(3)]
    blend = await plant.merge([outpoint(lot.heads[0]) for lot in lots])
    head = outpoint(blend.heads[0])
    report = await checker.report(plant, head)
    expected = sorted(report.registered, key=lambda each: report.registered[each].index)
    assert len(expected) == 4
    assert [step.statement_id for step in report.steps] == expected
    connection = await asyncpg.connect(database)
    try:
        # From the target backwards, as it does over many lots.
        for way in ("hashjoin", "mergejoin", "seqscan"):
            await connection.execute(f"SET enable_{way} = off")
        full = await ancestors(connection, head.statement_id, 10)
        short = await ancestors_from_cuts(connection, head, 10)
    finally:
        await connection.close()
    assert [each.statement_id for each in full] == [each.statement_id for each in short] == expected


async def test_a_right_that_was_refused_once_is_in_the_bundle_of_who_draws_on_it_by_its_id(
    mine: Api, quota: Quota, checker: Checker
) -> None:
    right = quota.right("mine-1", 900_000)
    with pytest.raises(Error, match="RIGHT_EXCEEDED"):
        await mine.register(draws=[draw(right, 1_000_000)])
    lot = await mine.register({CE: 900_000}, draws=[draw(right, 900_000, carried=False)])
    report = await checker.report(mine, outpoint(lot.heads[0]))
    assert report.gap_codes() == {"UNSETTLED_RIGHT"}


async def test_a_bundle_carries_keys_licences_and_intents(
    plant: Api, licensing_service: Api, licensing: Licensing, checker: Checker
) -> None:
    pen = Pen(plant.uri)
    await pen.certify(plant)
    lot = pen.lot((await plant.ids())[0], {58: 1_000})
    born = await plant.submit(pen.write([lot], RegisterDetails(Imported("US", "D-1"))).encode())
    licence = licensing.licence(plant.uri, 1_500)
    customs = f"spiffe://{licensing.domain}/service/export_license"
    offered = await plant.offer(outpoint(born.heads[0]), customs, licence_id=licence.statement_id)
    head, act_id = outpoint(offered.heads[0]), b"A" * 16
    await licensing_service.lock(act_id, [head], licence.statement_id)
    intent = licensing.intent(act_id, licence.statement_id, {head: 1_500})
    done = await licensing_service.complete(act_id, intent, licence)

    for made in done.heads:
        report = await checker.report(plant, outpoint(made))
        assert report.failure is None
        assert report.verdict is Verdict.VERIFIED
        assert report.statements == 3 + 4 + 1, "key, licence, intent and lock beside the steps, and the status"
        assert [step.on_behalf for step in report.steps] == [False, True, True]
    assert await licensing_service.bundle(outpoint(done.heads[0]))
    assert await licensing_service.bundle(outpoint(done.heads[0]), visible_to=plant.uri.rpartition("/")[2])
    with pytest.raises(Error) as refused:
        await licensing_service.bundle(outpoint(done.heads[0]), visible_to="mine")
    assert refused.value.reason == "NOT_FOUND"
    # At customs what has left, or is on its way, is told whosever it is, and nothing else.
    for leaving in (head, outpoint(done.heads[0])):
        assert await licensing_service.bundle(leaving, visible_to="mine", or_leaving=True)
    with pytest.raises(Error) as refused:
        await licensing_service.bundle(outpoint(born.heads[0]), visible_to="mine", or_leaving=True)
    assert refused.value.reason == "NOT_FOUND"


def held(report: LotReport) -> list[bytes]:
    """Ids of the open holds that a report names."""
    assert report.failure is None
    found = [each.statement_id for each in report.findings if each.finding.code == "ON_HOLD"]
    assert found == [gap.statement_id for gap in report.not_checked if gap.code == "ON_HOLD"]
    return found


async def test_a_bundle_carries_holds_and_their_releases(plant: Api, inspector: Api, checker: Checker) -> None:
    lot = await plant.register(origin=IMPORTED)
    head, lot_id = outpoint(lot.heads[0]), lot.heads[0].lot_id
    assert held(await checker.report(plant, head)) == []
    first = (await inspector.hold(lot_id, "SMUGGLING")).admission.statement_id
    second = (await inspector.hold(lot_id, "PAPERS")).admission.statement_id
    assert sorted(held(await checker.report(plant, head))) == sorted([first, second])
    await inspector.release(lot_id, "SMUGGLING")
    assert held(await checker.report(plant, head)) == [second]
    await inspector.release(lot_id, "PAPERS")
    # The same reason a second time is another hold, which needs a release of its own.
    third = (await inspector.hold(lot_id, "PAPERS")).admission.statement_id
    assert held(await checker.report(plant, head)) == [third]
    await inspector.release(lot_id, "PAPERS")

    kept, given = map(outpoint, (await plant.split(head, [1_000, 1_000])).heads)

    report = await checker.report(plant, given)
    assert held(report) == []
    assert report.statements == 2 + 6 + 1
    await inspector.hold((await plant.lot((await plant.split(kept, [400, 600])).heads[0].lot_id)).lot_id)
    again = await checker.report(plant, given)
    assert again.statements == report.statements, "whose lot it is not, does not learn of its hold"


async def test_a_hold_by_rule_is_in_the_bundle_and_its_release_too(mine: Api, inspector: Api, checker: Checker) -> None:
    stock = pb.Origin(opening_inventory=pb.OpeningInventory(inventory="stock-2024"))
    lot = await mine.register(origin=stock)
    head = outpoint(lot.heads[0])
    report = await checker.report(mine, head)
    assert [each.finding.metadata.get("reason_code") for each in report.findings] == [None, "OPENING_INVENTORY"]
    await inspector.release(lot.heads[0].lot_id, "OPENING_INVENTORY")
    assert held(await checker.report(mine, head)) == []


async def test_a_bundle_carries_what_became_of_its_licence(
    licensing_log: FakeLog, plant: Api, licensing_service: Api, licensing: Licensing, checker: Checker
) -> None:
    licence, other = licensing.licence(plant.uri), licensing.licence(plant.uri, number="EL-2")
    lot = await plant.register(origin=IMPORTED)
    customs = f"spiffe://{licensing.domain}/service/export_license"
    offered = await plant.offer(outpoint(lot.heads[0]), customs, licence_id=licence.statement_id)
    head, act_id = outpoint(offered.heads[0]), b"A" * 16
    await licensing_service.lock(act_id, [head], licence.statement_id)
    intent = licensing.intent(act_id, licence.statement_id, {head: 2_000})
    done = await licensing_service.complete(act_id, intent, licence)
    abroad = outpoint(done.heads[0])
    before = await checker.report(plant, abroad)
    assert before.verdict is Verdict.VERIFIED

    changes = [licensing.change(licence.statement_id, action).statement_id for action in LicenceAction]
    # Of a licence that nothing left under.
    last = licensing.change(other.statement_id, LicenceAction.SUSPEND, number="EL-2")

    async with asyncio.timeout(20):
        await plant.takes_in(log_urn("export_license"), len(licensing_log.entries))
    report = await checker.report(plant, abroad)
    assert report.verdict is Verdict.VERIFIED
    assert set(changes) < set(report.registered)
    assert last.statement_id not in report.registered
    assert report.statements == before.statements + len(changes)
    places = [report.registered[each] for each in changes]
    assert [place.log for place in places] == [log_urn("export_license")] * len(changes)


async def test_a_bundle_carries_locks_and_voids_of_what_did_not_leave(
    plant: Api, trader: Api, licensing_service: Api, licensing: Licensing, checker: Checker
) -> None:
    licence, act_id = licensing.licence(plant.uri), b"A" * 16
    customs = f"spiffe://{licensing.domain}/service/export_license"
    lots = [await plant.register(origin=IMPORTED) for _ in range(2)]
    heads = [
        outpoint((await plant.offer(outpoint(lot.heads[0]), customs, licence_id=licence.statement_id)).heads[0])
        for lot in lots
    ]
    assert (await checker.report(plant, heads[0])).statements == 2 + 1
    lock = await licensing_service.lock(act_id, heads, licence.statement_id)
    assert (await checker.report(plant, heads[0])).statements == 2 + 1 + 1, "the lock"
    kept = await plant.bundle(heads[0], with_status=True)

    void = await licensing_service.void(act_id)

    report = await checker.report(plant, heads[0])
    assert report.verdict is Verdict.VERIFIED
    assert {lock.admission.statement_id, void.admission.statement_id} < set(report.registered)
    # A status of now says that the bundle of before lacks something.
    opened = bundle.read(kept)
    pieces = [*list(opened.pieces)[:-1], await plant.status(heads[0])]
    renewed = checker.verify(bundle.write(opened.target, pieces, opened.listings))
    assert renewed.gap_codes() == {"INCOMPLETE"}
    # It stays with the lot, whoever holds it later.
    back = outpoint((await plant.cancel(heads[0])).heads[0])
    sold = outpoint((await plant.offer(back, trader.uri)).heads[0])
    later = await checker.report(trader, sold)
    assert later.verdict is Verdict.VERIFIED
    assert {lock.admission.statement_id, void.admission.statement_id} < set(later.registered)


async def test_a_bundle_carries_the_end_of_its_rights(
    quota_log: FakeLog, mine: Api, quota_service: Api, quota: Quota, checker: Checker
) -> None:
    right, other = quota.right("mine-1", 1_000_000), quota.right("mine-1", 2_000_000)
    lot = await mine.register(draws=[draw(right, 1_000_000)])
    await mine.register(draws=[draw(other, 1_000_000)])
    head = outpoint(lot.heads[0])
    quota.settled(right.statement_id, lot.admission.statement_id, 1_000_000)
    before = await checker.settled(mine, head)
    await quota_service.close_right(other.statement_id)
    assert (await checker.report(mine, head)).statements == before.statements, "of another lot's right"

    closed = await quota_service.close_right(right.statement_id)

    report = await checker.report(mine, head)
    assert report.verdict is Verdict.VERIFIED
    assert report.statements == before.statements + 1
    assert closed.admission.statement_id in report.registered


async def test_a_bundle_over_the_bound_is_refused_before_its_first_piece(
    plant: Api, inspector: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = await plant.register(origin=IMPORTED)
    await inspector.hold(lot.heads[0].lot_id)
    assert await plant.bundle(outpoint(lot.heads[0]))
    # One statement of the lot and its hold.
    monkeypatch.setattr("services.registry.operations.bundles.Bundles.statements_max", 1)
    with pytest.raises(Error) as refused:
        await plant.bundle(outpoint(lot.heads[0]))
    assert (refused.value.reason, refused.value.metadata["limit"]) == ("TOO_MANY_PARENTS", "1")


async def test_a_long_bundle_comes_in_pieces(plant: Api, checker: Checker) -> None:
    lot = await plant.register(origin=IMPORTED)
    heads = [outpoint(lot.heads[0])]
    for _ in range(60):
        parts = await plant.split(heads[0], [1_000, 1_000])
        whole = await plant.merge([outpoint(head) for head in parts.heads])
        heads = [outpoint(whole.heads[0])]

    pieces = await plant.bundle(heads[0])

    assert len(pieces) > 1
    assert all(len(piece) <= 64 * 1024 for piece in pieces)
    assert len((await checker.report(plant, heads[0])).steps) == 121


async def test_the_log_gives_parents_before_children(
    quota_service: Api, plant: Api, mine: Api, registrar: Api, inspector: Api
) -> None:
    lot = await plant.register(origin=IMPORTED)
    await plant.split(outpoint(lot.heads[0]), [1_000, 1_000])
    held = await mine.register()

    entries: dict[bytes, int] = {}
    kinds: list[int] = []
    position = 0
    while len(entries) < 4:
        page = await quota_service.entries(position, wait_s=2)
        entries.update((entry.statement_id, entry.index) for entry in page.entries)
        kinds += [entry.event_kind for entry in page.entries]
        position = page.next_index

    assert sorted(entries.values()) == [0, 1, 2, 3]
    assert sorted(kinds) == sorted([EventKind.REGISTER, EventKind.SPLIT, EventKind.REGISTER, EventKind.HOLD])
    assert entries[lot.admission.statement_id] == 0
    assert held.admission.statement_id in entries
    assert len((await registrar.entries()).entries) == 4
    for caller in (plant, inspector):
        with pytest.raises(Error) as refused:
            await caller.entries()
        assert refused.value.reason == "ACCESS_DENIED"


async def test_a_reply_has_its_receipt_and_so_has_its_duplicate(plant: Api, trust: ceremony.Trust) -> None:
    request_id = "7d2e1c1e-8c62-4a09-9d1c-0a8f3b0c7f11"
    lot_id = (await plant.ids())[0]
    first = await plant.register(origin=IMPORTED, lot_id=lot_id, request_id=request_id)
    again = await plant.register(origin=IMPORTED, lot_id=lot_id, request_id=request_id)

    verifier = HeadVerifier(TrustFile.load(trust.trust_file.read_bytes()).keyring())
    leaf = log_leaf(Item.decode(first.statement.item).statement)
    for admission in (first.admission, again.admission):
        assert not admission.receipt_pending
        assert verifier.verify_receipt(admission.receipt, leaf).index == admission.index == 0
