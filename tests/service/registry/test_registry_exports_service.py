"""The registry's half of an export: locked, then exported or void, once."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace

import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite.type.v1 import material_pb2
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Error
from tests.service.registry.api import IMPORTED, Api, outpoint
from tests.service.registry.peers import Licensing, Signed


@dataclass(frozen=True)
class Offered:
    """A lot of 2 000 g on its way out."""

    head: Outpoint
    lot_id: str
    remainder: str
    licence: Signed

    @property
    def licence_id(self) -> bytes:
        """Of the licence that it is offered under."""
        return self.licence.statement_id


@pytest.fixture
async def offered(plant: Api, licensing: Licensing) -> Offered:
    """Offered for export, at most 1 500 g."""
    lot = await plant.register(origin=IMPORTED)
    remainder = (await plant.ids())[0]
    licence = licensing.licence(plant.uri)
    done = await plant.offer(
        outpoint(lot.heads[0]),
        f"spiffe://{licensing.domain}/service/export_license",
        licence_id=licence.statement_id,
        max_gross_g=1_500,
        remainder=remainder,
    )
    return Offered(outpoint(done.heads[0]), done.heads[0].lot_id, remainder, licence)


def act() -> bytes:
    """An act id."""
    return secrets.token_bytes(16)


async def test_a_lot_is_locked_exported_in_part_and_the_rest_returns(
    plant: Api, licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    locked = await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    assert locked.state == pb.ExportActResponse.STATE_LOCKED
    assert (await plant.lot(offered.lot_id)).export_act_id == act_id
    intent = licensing.intent(act_id, offered.licence_id, {offered.head: 1_200})

    done = await licensing_service.complete(act_id, intent, offered.licence)

    assert done.state == pb.ExportActResponse.STATE_EXPORTED
    abroad, back = await plant.lot(offered.lot_id), await plant.lot(offered.remainder)
    assert (abroad.custody_state, abroad.material.gross_g) == (material_pb2.CUSTODY_STATE_ABROAD, 1_200)
    assert (back.custody_state, back.material.gross_g) == (material_pb2.CUSTODY_STATE_HELD, 800)
    assert back.unspent
    assert not back.export_act_id
    with pytest.raises(Error) as refused:
        await plant.split(outpoint(abroad), [600, 600])
    assert refused.value.reason == "STEP_NOT_ALLOWED"


async def test_every_step_can_be_asked_again(licensing_service: Api, licensing: Licensing, offered: Offered) -> None:
    act_id = act()
    first = await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    assert (await licensing_service.lock(act_id, [offered.head], offered.licence_id)).statement == first.statement
    intent = licensing.intent(act_id, offered.licence_id, {offered.head: 1_500})

    done = await licensing_service.complete(act_id, intent, offered.licence)
    again = await licensing_service.complete(act_id, intent, offered.licence)
    late = await licensing_service.void(act_id)

    assert done.statement == again.statement == late.statement
    assert [head.outpoint for head in done.heads] == [head.outpoint for head in late.heads]
    assert late.state == pb.ExportActResponse.STATE_EXPORTED
    with pytest.raises(Error) as refused:
        await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    assert refused.value.reason == "EXPORT_ACT_ENDED"
    other = licensing.intent(act_id, offered.licence_id, {offered.head: 1})
    with pytest.raises(Error) as refused:
        await licensing_service.complete(act_id, other, offered.licence)
    assert refused.value.reason == "EXPORT_ACT_ENDED"


async def test_a_locked_lot_cannot_be_taken_back_until_the_act_is_void(
    plant: Api, licensing_service: Api, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    with pytest.raises(Error) as refused:
        await plant.cancel(offered.head)
    assert refused.value.reason == "EXPORT_LOCKED"
    with pytest.raises(Error) as refused:
        await licensing_service.lock(act(), [offered.head], offered.licence_id)
    assert refused.value.reason == "EXPORT_LOCKED"

    void = await licensing_service.void(act_id)

    assert void.state == pb.ExportActResponse.STATE_VOID
    assert (await licensing_service.void(act_id, "OTHER")).statement == void.statement
    await plant.cancel(offered.head)


async def test_a_hold_voids_the_export(
    inspector: Api, plant: Api, licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    await inspector.hold(offered.lot_id)
    intent = licensing.intent(act_id, offered.licence_id, {offered.head: 1_000})

    done = await licensing_service.complete(act_id, intent, offered.licence)

    assert done.state == pb.ExportActResponse.STATE_VOID
    assert (await licensing_service.complete(act_id, intent, offered.licence)).statement == done.statement
    lot = await plant.lot(offered.lot_id)
    assert lot.unspent
    assert not lot.export_act_id
    with pytest.raises(Error) as refused:
        await licensing_service.lock(act(), [offered.head], offered.licence_id)
    assert refused.value.reason == "LOT_HELD"


async def test_an_act_never_seen_is_void_from_then_on(
    licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    with pytest.raises(Error) as refused:
        await licensing_service.complete(
            act_id, licensing.intent(act_id, offered.licence_id, {offered.head: 1}), offered.licence
        )
    assert refused.value.reason == "NOT_FOUND"

    assert (await licensing_service.void(act_id)).state == pb.ExportActResponse.STATE_VOID

    with pytest.raises(Error) as refused:
        await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    assert refused.value.reason == "EXPORT_ACT_ENDED"


async def test_only_what_is_offered_under_the_licence_is_locked(
    plant: Api, mine: Api, licensing_service: Api, offered: Offered
) -> None:
    held = await plant.register(origin=IMPORTED)
    elsewhere = await plant.register(origin=IMPORTED)
    moving = await plant.offer(outpoint(elsewhere.heads[0]), mine.uri)
    for head, licence_id in (
        (outpoint(held.heads[0]), offered.licence_id),
        (outpoint(moving.heads[0]), offered.licence_id),
        (offered.head, b"M" * 32),
    ):
        with pytest.raises(Error) as refused:
            await licensing_service.lock(act(), [offered.head, head] if head != offered.head else [head], licence_id)
        assert refused.value.reason == "NOT_IN_TRANSIT"
    assert not (await plant.lot(offered.lot_id)).export_act_id


async def test_an_act_is_locked_with_one_set_of_lots(licensing_service: Api, offered: Offered) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    with pytest.raises(Error) as refused:
        await licensing_service.lock(act_id, [offered.head], b"M" * 32)
    assert refused.value.reason == "EXPORT_ACT_DIFFERS"


async def test_the_intent_must_be_licensings_of_this_act_and_within_the_offer(
    licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    for wrong in (
        licensing.intent(act_id, offered.licence_id, {offered.head: 1_501}),
        licensing.intent(act(), offered.licence_id, {offered.head: 1}),
        licensing.intent(act_id, b"M" * 32, {offered.head: 1}),
        licensing.intent(act_id, offered.licence_id, {Outpoint(b"x" * 32, 0): 1}),
    ):
        with pytest.raises(Error) as refused:
            await licensing_service.complete(act_id, wrong, offered.licence)
        assert refused.value.reason == "STEP_NOT_ALLOWED"


async def test_the_intent_must_fit_the_licence_that_is_sent_with_it(
    plant: Api, mine: Api, licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    masses = {offered.head: 1_000}

    async def reason(licence: Signed, intent: Signed) -> str:
        with pytest.raises(Error) as refused:
            await licensing_service.complete(act_id, intent, licence)
        return refused.value.reason

    intent = licensing.intent(act_id, offered.licence_id, masses)
    # Neither is believed without a receipt of licensing's log.
    assert await reason(offered.licence, replace(intent, item=intent.bare)) == "NO_TRUSTED_RECEIPT"
    unregistered = replace(offered.licence, item=offered.licence.bare)
    assert await reason(unregistered, intent) == "NO_TRUSTED_RECEIPT"
    assert await reason(licensing.licence(plant.uri), intent) == "STEP_NOT_ALLOWED", "another licence than the intent's"
    assert await reason(intent, intent) == "STEP_NOT_ALLOWED", "no licence at all"
    elsewhere = licensing.intent(act_id, offered.licence_id, masses, destination="FR")
    assert await reason(offered.licence, elsewhere) == "LICENCE_MISMATCH"
    named = licensing.intent(act_id, offered.licence_id, masses, number="EL-2")
    assert await reason(offered.licence, named) == "BAD_FIELD"
    # Two that fit each other, and not the act: under another licence than the lots were locked under.
    for other, expected in (
        (licensing.licence(mine.uri, number="EL-2"), "STEP_NOT_ALLOWED"),
        (licensing.licence(plant.uri, 999, number="EL-2"), "LICENCE_EXCEEDED"),
    ):
        assert await reason(other, licensing.intent(act_id, other.statement_id, masses, number="EL-2")) == expected
    assert (
        await licensing_service.complete(act_id, intent, offered.licence)
    ).state == pb.ExportActResponse.STATE_EXPORTED


async def test_the_licence_of_another_lets_nothing_out(
    plant: Api, mine: Api, licensing_service: Api, licensing: Licensing
) -> None:
    lot = await plant.register(origin=IMPORTED)
    licence, act_id = licensing.licence(mine.uri), act()
    customs = f"spiffe://{licensing.domain}/service/export_license"
    offered = await plant.offer(outpoint(lot.heads[0]), customs, licence_id=licence.statement_id)
    head = outpoint(offered.heads[0])
    await licensing_service.lock(act_id, [head], licence.statement_id)
    with pytest.raises(Error) as refused:
        await licensing_service.complete(act_id, licensing.intent(act_id, licence.statement_id, {head: 1}), licence)
    assert refused.value.reason == "NOT_HOLDER"


async def test_a_lot_of_which_nothing_leaves_goes_back_whole(
    plant: Api, licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    other = await plant.register(origin=IMPORTED)
    remainder = (await plant.ids())[0]
    moving = await plant.offer(
        outpoint(other.heads[0]),
        f"spiffe://{licensing.domain}/service/export_license",
        licence_id=offered.licence_id,
        remainder=remainder,
    )
    stays, act_id = outpoint(moving.heads[0]), act()
    await licensing_service.lock(act_id, [offered.head, stays], offered.licence_id)
    intent = licensing.intent(act_id, offered.licence_id, {offered.head: 1_500, stays: 0})

    done = await licensing_service.complete(act_id, intent, offered.licence)

    assert done.state == pb.ExportActResponse.STATE_EXPORTED
    back, gone = await plant.lot(remainder), await plant.lot(offered.lot_id)
    assert (back.custody_state, back.material.gross_g) == (material_pb2.CUSTODY_STATE_HELD, 2_000)
    assert (gone.custody_state, gone.material.gross_g) == (material_pb2.CUSTODY_STATE_ABROAD, 1_500)
    assert not (await plant.lot(other.heads[0].lot_id)).unspent
    await plant.split(outpoint(back), [1_000, 1_000])


async def test_void_and_complete_at_once_end_the_act_once(
    plant: Api, licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], offered.licence_id)
    intent = licensing.intent(act_id, offered.licence_id, {offered.head: 1_000})

    answers = await asyncio.gather(
        *(licensing_service.complete(act_id, intent, offered.licence) for _ in range(4)),
        *(licensing_service.void(act_id) for _ in range(4)),
    )

    assert len({answer.statement.item for answer in answers}) == 1
    assert len({answer.state for answer in answers}) == 1
    spent = outpoint(await plant.lot(offered.lot_id)) != offered.head
    assert spent == (answers[0].state == pb.ExportActResponse.STATE_EXPORTED)


async def test_only_licensing_exports_and_only_exporters_offer(
    plant: Api, trader: Api, licensing: Licensing, offered: Offered
) -> None:
    with pytest.raises(Error) as refused:
        await plant.lock(act(), [offered.head], offered.licence_id)
    assert refused.value.reason == "ACCESS_DENIED"
    lot = await plant.register(origin=IMPORTED)
    moving = await plant.offer(outpoint(lot.heads[0]), trader.uri)
    taken = await trader.accept(outpoint(moving.heads[0]), 2_000)
    with pytest.raises(Error) as refused:
        await trader.offer(
            outpoint(taken.heads[0]),
            f"spiffe://{licensing.domain}/service/export_license",
            licence_id=offered.licence_id,
        )
    assert refused.value.reason == "ENTERPRISE_NOT_LISTED"


async def test_customs_sees_what_leaves_and_nothing_else(
    registry: object, plant: Api, customs: Api, offered: Offered
) -> None:
    assert (await customs.lot(offered.lot_id)).lot_id == offered.lot_id
    kept = await plant.register(origin=IMPORTED)
    with pytest.raises(Error) as refused:
        await customs.lot(kept.heads[0].lot_id)
    assert refused.value.reason == "NOT_FOUND"
    listed = await customs.call(customs.lots.ListLots, pb.ListLotsRequest())
    assert [lot.lot_id for lot in listed.lots] == [offered.lot_id]
