"""The registry's half of an export: locked, then exported or void, once."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite.type.v1 import material_pb2
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Error
from tests.service.registry.api import IMPORTED, Api, outpoint
from tests.service.registry.peers import Licensing

LICENCE = b"L" * 32


@dataclass(frozen=True)
class Offered:
    """A lot of 2 000 g on its way out."""

    head: Outpoint
    lot_id: str
    remainder: str


@pytest.fixture
async def offered(plant: Api, licensing: Licensing) -> Offered:
    """Offered for export, at most 1 500 g."""
    lot = await plant.register(origin=IMPORTED)
    remainder = (await plant.ids())[0]
    done = await plant.offer(
        outpoint(lot.heads[0]),
        f"spiffe://{licensing.domain}/service/export_license",
        licence_id=LICENCE,
        max_gross_g=1_500,
        remainder=remainder,
    )
    return Offered(outpoint(done.heads[0]), done.heads[0].lot_id, remainder)


def act() -> bytes:
    """An act id."""
    return secrets.token_bytes(16)


async def test_a_lot_is_locked_exported_in_part_and_the_rest_returns(
    plant: Api, licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    locked = await licensing_service.lock(act_id, [offered.head], LICENCE)
    assert locked.state == pb.ExportActResponse.STATE_LOCKED
    assert (await plant.lot(offered.lot_id)).export_act_id == act_id
    intent = licensing.intent(act_id, LICENCE, {offered.head: 1_200}, lot_id=offered.lot_id)

    done = await licensing_service.complete(act_id, intent)

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
    first = await licensing_service.lock(act_id, [offered.head], LICENCE)
    assert (await licensing_service.lock(act_id, [offered.head], LICENCE)).statement == first.statement
    intent = licensing.intent(act_id, LICENCE, {offered.head: 1_500}, lot_id=offered.lot_id)

    done = await licensing_service.complete(act_id, intent)
    again = await licensing_service.complete(act_id, intent)
    late = await licensing_service.void(act_id)

    assert done.statement == again.statement == late.statement
    assert [head.outpoint for head in done.heads] == [head.outpoint for head in late.heads]
    assert late.state == pb.ExportActResponse.STATE_EXPORTED
    with pytest.raises(Error) as refused:
        await licensing_service.lock(act_id, [offered.head], LICENCE)
    assert refused.value.reason == "EXPORT_ACT_ENDED"
    other = licensing.intent(act_id, LICENCE, {offered.head: 1}, lot_id=offered.lot_id)
    with pytest.raises(Error) as refused:
        await licensing_service.complete(act_id, other)
    assert refused.value.reason == "EXPORT_ACT_ENDED"


async def test_a_locked_lot_cannot_be_taken_back_until_the_act_is_void(
    plant: Api, licensing_service: Api, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], LICENCE)
    with pytest.raises(Error) as refused:
        await plant.cancel(offered.head)
    assert refused.value.reason == "EXPORT_LOCKED"
    with pytest.raises(Error) as refused:
        await licensing_service.lock(act(), [offered.head], LICENCE)
    assert refused.value.reason == "EXPORT_LOCKED"

    void = await licensing_service.void(act_id)

    assert void.state == pb.ExportActResponse.STATE_VOID
    assert (await licensing_service.void(act_id, "OTHER")).statement == void.statement
    await plant.cancel(offered.head)


async def test_a_hold_voids_the_export(
    inspector: Api, plant: Api, licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], LICENCE)
    await inspector.hold(offered.lot_id)
    intent = licensing.intent(act_id, LICENCE, {offered.head: 1_000}, lot_id=offered.lot_id)

    done = await licensing_service.complete(act_id, intent)

    assert done.state == pb.ExportActResponse.STATE_VOID
    assert (await licensing_service.complete(act_id, intent)).statement == done.statement
    lot = await plant.lot(offered.lot_id)
    assert lot.unspent
    assert not lot.export_act_id
    with pytest.raises(Error) as refused:
        await licensing_service.lock(act(), [offered.head], LICENCE)
    assert refused.value.reason == "LOT_HELD"


async def test_an_act_never_seen_is_void_from_then_on(
    licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    with pytest.raises(Error) as refused:
        await licensing_service.complete(
            act_id, licensing.intent(act_id, LICENCE, {offered.head: 1}, lot_id=offered.lot_id)
        )
    assert refused.value.reason == "NOT_FOUND"

    assert (await licensing_service.void(act_id)).state == pb.ExportActResponse.STATE_VOID

    with pytest.raises(Error) as refused:
        await licensing_service.lock(act_id, [offered.head], LICENCE)
    assert refused.value.reason == "EXPORT_ACT_ENDED"


async def test_only_what_is_offered_under_the_licence_is_locked(
    plant: Api, mine: Api, licensing_service: Api, offered: Offered
) -> None:
    held = await plant.register(origin=IMPORTED)
    elsewhere = await plant.register(origin=IMPORTED)
    moving = await plant.offer(outpoint(elsewhere.heads[0]), mine.uri)
    for head, licence_id in (
        (outpoint(held.heads[0]), LICENCE),
        (outpoint(moving.heads[0]), LICENCE),
        (offered.head, b"M" * 32),
    ):
        with pytest.raises(Error) as refused:
            await licensing_service.lock(act(), [offered.head, head] if head != offered.head else [head], licence_id)
        assert refused.value.reason == "NOT_IN_TRANSIT"
    assert not (await plant.lot(offered.lot_id)).export_act_id


async def test_an_act_is_locked_with_one_set_of_lots(licensing_service: Api, offered: Offered) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], LICENCE)
    with pytest.raises(Error) as refused:
        await licensing_service.lock(act_id, [offered.head], b"M" * 32)
    assert refused.value.reason == "CONFLICT"


async def test_the_intent_must_be_licensings_of_this_act_and_within_the_offer(
    licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], LICENCE)
    lot_id = offered.lot_id
    for wrong in (
        licensing.intent(act_id, LICENCE, {offered.head: 1_501}, lot_id=lot_id),
        licensing.intent(act(), LICENCE, {offered.head: 1}, lot_id=lot_id),
        licensing.intent(act_id, b"M" * 32, {offered.head: 1}, lot_id=lot_id),
        licensing.intent(act_id, LICENCE, {Outpoint(b"x" * 32, 0): 1}, lot_id=lot_id),
    ):
        with pytest.raises(Error) as refused:
            await licensing_service.complete(act_id, wrong)
        assert refused.value.reason == "STEP_NOT_ALLOWED"


async def test_void_and_complete_at_once_end_the_act_once(
    plant: Api, licensing_service: Api, licensing: Licensing, offered: Offered
) -> None:
    act_id = act()
    await licensing_service.lock(act_id, [offered.head], LICENCE)
    intent = licensing.intent(act_id, LICENCE, {offered.head: 1_000}, lot_id=offered.lot_id)

    answers = await asyncio.gather(
        *(licensing_service.complete(act_id, intent) for _ in range(4)),
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
        await plant.lock(act(), [offered.head], LICENCE)
    assert refused.value.reason == "ACCESS_DENIED"
    lot = await plant.register(origin=IMPORTED)
    moving = await plant.offer(outpoint(lot.heads[0]), trader.uri)
    taken = await trader.accept(outpoint(moving.heads[0]), 2_000)
    with pytest.raises(Error) as refused:
        await trader.offer(
            outpoint(taken.heads[0]), f"spiffe://{licensing.domain}/service/export_license", licence_id=LICENCE
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
