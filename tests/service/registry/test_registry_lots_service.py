"""Lots from first entry to transfer, over a real server."""

from __future__ import annotations

import asyncio
import base64
from contextlib import AsyncExitStack
from typing import Any

import cbor2
import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite.type.v1 import material_pb2
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Error, Kind
from tests.service.calling import new_id
from tests.service.registry.api import CE, IMPORTED, ND, OXIDE, RESIDUE, SITE, Api, draw, material, outpoint
from tests.service.registry.conftest import INSPECTOR, Registry
from tests.service.registry.peers import Quota


async def test_a_mined_lot_draws_on_a_right_and_can_be_read(mine: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000_000)

    done = await mine.register(draws=[draw(right, 1_000_000)])

    lot = await mine.lot(done.heads[0].lot_id)
    assert lot.unspent
    assert outpoint(lot) == outpoint(done.heads[0])
    assert lot.holder == mine.uri
    assert [each.reo_mg for each in lot.material.elements] == [600_000, 400_000]
    assert all(each.u_random_mg and each.u_common_mg for each in lot.material.elements)
    assert (await mine.right(right.statement_id)).drawn_mg == 1_000_000
    assert not done.findings
    assert done.admission.receipt


async def test_a_duplicate_is_answered_with_the_first_answer(mine: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 5_000_000)
    lot_id, request_id = (await mine.ids())[0], new_id()

    first = await mine.register(draws=[draw(right, 1_000_000)], lot_id=lot_id, request_id=request_id)
    again = await mine.register(draws=[draw(right, 1_000_000)], lot_id=lot_id, request_id=request_id)

    assert again.statement == first.statement
    assert again.heads == first.heads
    assert (await mine.right(right.statement_id)).drawn_mg == 1_000_000


async def test_the_same_request_id_with_other_content_names_the_original(mine: Api) -> None:
    request_id = new_id()
    first = await mine.register(request_id=request_id)

    with pytest.raises(Error) as refused:
        await mine.register({CE: 1}, request_id=request_id)

    assert refused.value.reason == "REQUEST_ID_REUSED"
    assert refused.value.metadata["original_statement_id"] == first.admission.statement_id.hex()


async def test_a_lot_without_enough_quota_is_registered_and_held(mine: Api, inspector: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 400_000)

    done = await mine.register(draws=[draw(right, 400_000)])

    assert [finding.code for finding in done.findings] == ["QUOTA_NOT_COVERED"]
    assert done.findings[0].metadata["uncovered_mg"] == "600000"
    assert list(done.heads[0].holds) == ["QUOTA_NOT_COVERED"]
    with pytest.raises(Error) as refused:
        await mine.split(outpoint(done.heads[0]), [1_000, 1_000])
    assert refused.value.reason == "LOT_HELD"

    await inspector.release(done.heads[0].lot_id, "QUOTA_NOT_COVERED")
    await mine.split(outpoint(done.heads[0]), [1_000, 1_000])


async def test_an_opening_inventory_is_held_until_an_officer_accepts_it(mine: Api, inspector: Api) -> None:
    done = await mine.register(origin=pb.Origin(opening_inventory=pb.OpeningInventory(inventory="stock-2024")))

    assert [finding.code for finding in done.findings] == ["OPENING_INVENTORY"]
    with pytest.raises(Error) as refused:
        await mine.split(outpoint(done.heads[0]), [1_000, 1_000])
    assert (refused.value.reason, refused.value.metadata["holds"]) == ("LOT_HELD", "OPENING_INVENTORY")

    await inspector.release(done.heads[0].lot_id, "OPENING_INVENTORY")
    await mine.split(outpoint(done.heads[0]), [1_000, 1_000])


async def test_imported_material_asks_no_quota(plant: Api) -> None:
    done = await plant.register(origin=IMPORTED)

    assert not done.findings
    assert not done.heads[0].holds


async def test_only_the_listed_register(trader: Api) -> None:
    with pytest.raises(Error) as refused:
        await trader.register()
    assert refused.value.reason == "ENTERPRISE_NOT_LISTED"
    assert refused.value.metadata == {"enterprise_id": "trader-1", "activity": "MINE"}


async def test_a_request_id_has_one_spelling(mine: Api) -> None:
    request_id = new_id()
    for other in (request_id.upper(), f"{{{request_id}}}", request_id.replace("-", ""), f"urn:uuid:{request_id}"):
        with pytest.raises(Error) as refused:
            await mine.call(mine.lots.IssueLotIds, pb.IssueLotIdsRequest(request_id=other, count=1))
        assert refused.value.reason == "INVALID_FIELDS"
        assert [violation.field for violation in refused.value.violations] == ["request_id"]
    await mine.call(mine.lots.IssueLotIds, pb.IssueLotIdsRequest(request_id=request_id, count=1))


async def test_every_bad_field_is_named_at_once(mine: Api) -> None:
    lot = pb.NewLot(lot_id="RE-0000-0000-0000-0", material=material({99: -1}, gross_g=-5, method="guess"))  # type: ignore[dict-item]
    request = pb.RegisterLotRequest(request_id="x", lots=[lot], draws=[pb.Draw(right_id=b"1", reo_mg=0)])

    with pytest.raises(Error) as refused:
        await mine.call(mine.lots.RegisterLot, request)

    assert refused.value.reason == "INVALID_FIELDS"
    assert {violation.field for violation in refused.value.violations} == {
        "request_id",
        "origin",
        "lots[0].lot_id",
        "lots[0].site",
        "lots[0].material",
        "lots[0].material.gross_g",
        "lots[0].material.net_g",
        "lots[0].material.elements[0].element",
        "lots[0].material.elements[0].reo_mg",
        "lots[0].material.sources[0].method",
        "draws[0].right_id",
        "draws[0].reo_mg",
    }


async def test_lot_ids_are_issued_to_one_and_born_once(mine: Api, plant: Api) -> None:
    foreign = (await plant.ids())[0]
    with pytest.raises(Error) as refused:
        await mine.register(lot_id=foreign)
    assert refused.value.reason == "LOT_ID_UNKNOWN"

    own = (await mine.ids())[0]
    await mine.register(lot_id=own)
    with pytest.raises(Error) as refused:
        await mine.register(lot_id=own)
    assert refused.value.reason == "LOT_ID_USED"


async def test_elements_cannot_outweigh_the_lot(mine: Api) -> None:
    with pytest.raises(Error) as refused:
        await mine.register({CE: 3_000_000}, gross_g=2_000)
    assert refused.value.reason == "PHYSICALLY_IMPOSSIBLE"


async def test_validate_only_changes_nothing(mine: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000_000)
    lot_id = (await mine.ids())[0]

    checked = await mine.register(draws=[draw(right, 1_000_000)], lot_id=lot_id, validate_only=True)

    assert not checked.statement.item
    assert not checked.heads[0].HasField("outpoint")
    assert (await mine.right(right.statement_id)).state == pb.Right.STATE_UNSEEN
    await mine.register(draws=[draw(right, 1_000_000)], lot_id=lot_id)


async def test_split_and_merge_conserve_every_milligram(plant: Api) -> None:
    whole = await plant.register({CE: 600_001, ND: 399_998}, origin=IMPORTED)

    parts = await plant.split(outpoint(whole.heads[0]), [700, 1_300])
    merged = await plant.merge([outpoint(head) for head in parts.heads])

    lot = await plant.lot(merged.heads[0].lot_id)
    assert [each.reo_mg for each in lot.material.elements] == [600_001, 399_998]
    assert lot.material.gross_g == 2_000
    assert not (await plant.lot(whole.heads[0].lot_id)).unspent


async def test_parts_that_do_not_add_up_are_refused(plant: Api) -> None:
    whole = await plant.register(origin=IMPORTED)
    with pytest.raises(Error) as refused:
        await plant.split(outpoint(whole.heads[0]), [700, 700])
    assert refused.value.reason == "MASS_NOT_CONSERVED"


async def test_a_transform_of_ore_draws_separation_quota(plant: Api, quota: Quota) -> None:
    ore = await plant.register(origin=IMPORTED)
    right = quota.right("plant-1", 950_000, kind=QuotaKind.SMELTING_SEPARATION)

    made = await plant.transform(
        [outpoint(ore.heads[0])],
        [
            material({CE: 560_000}, gross_g=600, form=OXIDE),
            material({ND: 390_000}, gross_g=400, form=OXIDE),
            material({CE: 40_000, ND: 10_000}, gross_g=1_000, form=RESIDUE),
        ],
        draws=[draw(right, 950_000)],
    )

    assert "QUOTA_NOT_COVERED" not in {finding.code for finding in made.findings}
    assert (await plant.right(right.statement_id)).drawn_mg == 950_000
    assert (await plant.lot(made.heads[1].lot_id)).material.form == material_pb2.FORM_SEPARATED_COMPOUND


async def test_matter_from_nothing_is_refused_and_remembered(plant: Api) -> None:
    ore = await plant.register(origin=IMPORTED)
    head = outpoint(ore.heads[0])
    with pytest.raises(Error) as refused:
        await plant.transform([head], [material({CE: 600_000, ND: 900_000}, form=OXIDE)])
    assert refused.value.reason == "MASS_NOT_CONSERVED"
    assert refused.value.metadata["element"] == "Nd"

    made = await plant.transform([head], [material({CE: 600_000, ND: 400_000}, form=OXIDE)])

    assert "REPEATED_WITH_OTHER_FIGURES" in {finding.code for finding in made.findings}


async def test_matter_that_vanishes_wants_a_reason(plant: Api) -> None:
    ore = await plant.register(origin=IMPORTED)
    head = outpoint(ore.heads[0])
    outputs = [material({CE: 300_000, ND: 400_000}, form=OXIDE)]
    with pytest.raises(Error) as refused:
        await plant.transform([head], outputs)
    assert refused.value.reason == "LOSS_WITHOUT_REASON"

    made = await plant.transform([head], outputs, reason_code="SPILL")

    assert "MATTER_VANISHES" in {finding.code for finding in made.findings}


async def test_a_transfer_is_offered_and_accepted_in_part(mine: Api, plant: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000_000)
    lot = await mine.register(draws=[draw(right, 1_000_000)])
    lot_id, remainder = lot.heads[0].lot_id, (await mine.ids())[0]

    offered = await mine.offer(outpoint(lot.heads[0]), plant.uri, remainder=remainder)
    assert (await plant.lot(lot_id)).custody_state == material_pb2.CUSTODY_STATE_IN_TRANSIT
    accepted = await plant.accept(
        outpoint(offered.heads[0]), 1_500, returned_g=400, shortage_g=100, reason_code="SHORTAGE_MOISTURE_LOSS"
    )

    assert [head.lot_id for head in accepted.heads] == [lot_id, remainder]
    assert [finding.code for finding in accepted.findings] == ["SHORTAGE"]
    here, back = await plant.lot(lot_id), await mine.lot(remainder)
    assert (here.holder, here.material.gross_g) == (plant.uri, 1_500)
    assert (back.holder, back.material.gross_g) == (mine.uri, 400)
    with pytest.raises(Error) as refused:
        await mine.lot(lot_id)
    assert refused.value.reason == "NOT_FOUND"


async def test_a_cancelled_offer_gives_the_reserved_id_back(mine: Api, plant: Api, trader: Api) -> None:
    lot = await plant.register(origin=IMPORTED)
    remainder = (await plant.ids())[0]
    offered = await plant.offer(outpoint(lot.heads[0]), mine.uri, remainder=remainder)
    with pytest.raises(Error) as refused:
        await plant.register(origin=IMPORTED, lot_id=remainder)
    assert refused.value.reason == "LOT_ID_USED"
    with pytest.raises(Error) as refused:
        await mine.cancel(outpoint(offered.heads[0]))
    assert refused.value.reason == "NOT_HOLDER"
    with pytest.raises(Error) as refused:
        await trader.cancel(outpoint(offered.heads[0]))
    assert refused.value.reason == "NOT_FOUND"

    back = await plant.cancel(outpoint(offered.heads[0]))

    with pytest.raises(Error) as refused:
        await mine.accept(outpoint(back.heads[0]), 2_000)
    assert refused.value.reason == "NOT_FOUND"
    with pytest.raises(Error) as refused:
        await plant.accept(outpoint(back.heads[0]), 2_000)
    assert refused.value.reason == "NOT_IN_TRANSIT"
    await plant.register(origin=IMPORTED, lot_id=remainder)


async def test_nothing_is_offered_to_who_is_not_on_the_register(plant: Api, mine: Api) -> None:
    lot = await plant.register(origin=IMPORTED)
    head = outpoint(lot.heads[0])
    other_domain = mine.uri.replace("spiffe://", "spiffe://other.")
    for receiver in (f"{mine.uri}0", other_domain):
        with pytest.raises(Error) as refused:
            await plant.offer(head, receiver)
        assert (refused.value.reason, refused.value.kind) == ("RECEIVER_NOT_LISTED", Kind.PRECONDITION)
        assert [violation.field for violation in refused.value.violations] == ["receiver"]
        assert refused.value.metadata["receivers"] == receiver
    await plant.offer(head, mine.uri)


async def test_of_two_spends_of_one_head_exactly_one_wins(plant: Api) -> None:
    lot = await plant.register(origin=IMPORTED)
    head = outpoint(lot.heads[0])

    outcomes = await asyncio.gather(*(plant.split(head, [900, 1_100]) for _ in range(8)), return_exceptions=True)

    won = [outcome for outcome in outcomes if isinstance(outcome, pb.StepResponse)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, Error)]
    assert (len(won), len(lost)) == (1, 7)
    assert {each.reason for each in lost} == {"STALE"}
    assert {each.metadata["spent_by"] for each in lost} == {won[0].admission.statement_id.hex()}


async def test_a_lot_of_somebody_else_is_not_there(mine: Api, plant: Api, trader: Api) -> None:
    lot = await plant.register(origin=IMPORTED)
    with pytest.raises(Error) as there:
        await mine.lot(lot.heads[0].lot_id)
    with pytest.raises(Error) as nowhere:
        await mine.lot((await mine.ids())[0])
    assert there.value.reason == nowhere.value.reason == "NOT_FOUND"
    with pytest.raises(Error) as refused:
        await mine.split(outpoint(lot.heads[0]), [1_000, 1_000])
    assert refused.value.reason == "NOT_FOUND"
    with pytest.raises(Error) as refused:
        await trader.bundle(outpoint(lot.heads[0]))
    assert refused.value.reason == "NOT_FOUND"


async def test_lots_are_listed_page_by_page(plant: Api, mine: Api, inspector: Api) -> None:
    for _ in range(5):
        await plant.register(origin=IMPORTED)
    spent = await plant.register(origin=IMPORTED)
    await plant.split(outpoint(spent.heads[0]), [1_000, 1_000])

    seen: list[str] = []
    token = ""
    while True:
        request = pb.ListLotsRequest(page_size=3, page_token=token, unspent_only=True)
        page = await plant.call(plant.lots.ListLots, request)
        assert page.HasField("as_of")
        seen += [lot.lot_id for lot in page.lots]
        token = page.next_page_token
        if not token:
            break

    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen)
    assert not (await mine.call(mine.lots.ListLots, pb.ListLotsRequest())).lots
    everything = await inspector.call(inspector.lots.ListLots, pb.ListLotsRequest(enterprise_id="plant-1"))
    assert len(everything.lots) == 8
    with pytest.raises(Error) as refused:
        await mine.call(mine.lots.ListLots, pb.ListLotsRequest(enterprise_id="plant-1"))
    assert refused.value.reason == "NOT_FOUND"


async def test_lots_on_hold_are_listed_alone_page_by_page(plant: Api, mine: Api, inspector: Api, customs: Api) -> None:
    made = [(await plant.register(origin=IMPORTED)).heads[0] for _ in range(7)]
    held = sorted(each.lot_id for each in made[::2])
    for lot_id in held:
        await inspector.hold(lot_id)
    await inspector.hold(made[1].lot_id)
    await inspector.release(made[1].lot_id)

    async def listed(api: Api, **query: Any) -> list[str]:
        found: list[str] = []
        request = pb.ListLotsRequest(page_size=2, held_only=True, **query)
        while True:
            page = await api.call(api.lots.ListLots, request)
            found += [lot.lot_id for lot in page.lots]
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return found

    assert await listed(inspector) == await listed(plant) == await listed(inspector, enterprise_id="plant-1") == held
    assert await listed(inspector, unspent_only=True) == held, "what is on hold is unspent"
    assert await listed(mine) == await listed(customs) == []


async def test_a_page_token_of_another_query_is_refused(plant: Api) -> None:
    for _ in range(2):
        await plant.register(origin=IMPORTED)
    page = await plant.call(plant.lots.ListLots, pb.ListLotsRequest(page_size=1))
    for narrower in ("unspent_only", "held_only"):
        other = pb.ListLotsRequest(page_size=1, page_token=page.next_page_token)
        setattr(other, narrower, True)
        with pytest.raises(Error) as refused:
            await plant.call(plant.lots.ListLots, other)
        assert [violation.field for violation in refused.value.violations] == ["page_token"]
    token = page.next_page_token
    query, _last = cbor2.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    forged = base64.urlsafe_b64encode(cbor2.dumps([query, ["a\0b"]])).decode()
    with pytest.raises(Error) as refused:
        await plant.call(plant.lots.ListLots, pb.ListLotsRequest(page_size=1, page_token=forged))
    assert [violation.field for violation in refused.value.violations] == ["page_token"]


async def test_holds_are_placed_and_released_by_reason(plant: Api, inspector: Api) -> None:
    lot = await plant.register(origin=IMPORTED)
    lot_id = lot.heads[0].lot_id
    await inspector.hold(lot_id, "SMUGGLING")
    with pytest.raises(Error) as refused:
        await inspector.hold(lot_id, "SMUGGLING")
    assert (refused.value.reason, refused.value.kind) == ("ALREADY_EXISTS", Kind.EXISTS)
    await inspector.hold(lot_id, "PAPERS")
    assert list((await plant.lot(lot_id)).holds) == ["SMUGGLING", "PAPERS"]

    await inspector.release(lot_id, "SMUGGLING")

    assert list((await plant.lot(lot_id)).holds) == ["PAPERS"]
    with pytest.raises(Error) as refused:
        await inspector.release(lot_id, "SMUGGLING")
    assert refused.value.reason == "NOT_FOUND"
    with pytest.raises(Error) as refused:
        await plant.hold(lot_id)
    assert refused.value.reason == "ACCESS_DENIED"


async def test_of_releases_at_once_one_ends_the_hold(registry: Registry, plant: Api) -> None:
    lot = await plant.register(origin=IMPORTED)
    lot_id = lot.heads[0].lot_id
    async with AsyncExitStack() as stack:
        inspectors = [await stack.enter_async_context(registry.caller(INSPECTOR)) for _ in range(4)]
        await inspectors[0].hold(lot_id)

        done = await asyncio.gather(*(each.release(lot_id) for each in inspectors), return_exceptions=True)

        lost = [each.reason for each in done if isinstance(each, Error)]
        assert lost == ["NOT_FOUND"] * 3
        assert list((await plant.lot(lot_id)).holds) == []


async def test_lot_ids_need_the_enterprise_and_a_count(mine: Api) -> None:
    assert len(set(await mine.ids(1_000))) == 1_000
    with pytest.raises(Error) as refused:
        await mine.ids(1_001)
    assert refused.value.reason == "INVALID_FIELDS"


async def test_a_stricter_model_than_the_inputs_is_refused(plant: Api) -> None:
    lots = [await plant.register(origin=IMPORTED) for _ in range(2)]
    request = pb.MergeLotsRequest(
        request_id=new_id(),
        spends=[lot.heads[0].outpoint for lot in lots],
        lot_id=(await plant.ids())[0],
        site=SITE,
        custody_model=material_pb2.CUSTODY_MODEL_IDENTITY_PRESERVED,
    )
    with pytest.raises(Error) as refused:
        await plant.call(plant.lots.MergeLots, request)
    assert refused.value.reason == "CUSTODY_MODEL_LOOSENED"
