"""Steps that enterprises sign themselves, and the keys that they sign with."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite.type.v1 import material_pb2
from monazite_provenance.conservation import apportion
from monazite_provenance.contents import (
    CancelDetails,
    CustodyState,
    DepositType,
    Draw,
    ExportLimit,
    Imported,
    Mined,
    OfferDetails,
    RegisterDetails,
    SplitDetails,
    decode_lot,
)
from monazite_provenance.statement import Outpoint, parse

from services.chassis.errors import Error
from tests.service.calling import new_id
from tests.service.registry.api import IMPORTED, Api, draw, outpoint
from tests.service.registry.peers import Quota
from tests.service.registry.pen import Pen

ORIGIN = Mined("Bayan Obo", "C100", DepositType.ROCK)


@pytest.fixture
async def pen(mine: Api) -> Pen:
    """The mine's key, certified."""
    pen = Pen(mine.uri)
    await pen.certify(mine)
    return pen


async def test_a_register_signed_by_its_enterprise(mine: Api, pen: Pen, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000)
    lot = pen.lot((await mine.ids())[0], {58: 1_000})
    item = pen.write([lot], RegisterDetails(ORIGIN, (Draw(right.statement_id, 1_000),)), refs=[right.statement_id])

    done = await mine.submit(item.encode(), rights=[right])
    again = await mine.submit(item.encode(), rights=[right])

    assert done.statement.item == item.encode() == again.statement.item
    assert not done.findings
    assert (await mine.right(right.statement_id)).drawn_mg == 1_000
    assert (await mine.lot(lot.lot_id)).holder == mine.uri


async def test_too_little_quota_holds_what_an_enterprise_signed_too(mine: Api, pen: Pen) -> None:
    lot = pen.lot((await mine.ids())[0], {58: 1_000})
    done = await mine.submit(pen.write([lot], RegisterDetails(ORIGIN)).encode())
    assert list(done.heads[0].holds) == ["QUOTA_NOT_COVERED"]


async def test_a_spent_head_answers_stale_with_its_spender(mine: Api, pen: Pen, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000_000)
    born = await mine.register(draws=[draw(right, 1_000_000)])
    head = outpoint(born.heads[0])
    opening = mine.item_of(born).openings[0]
    whole = decode_lot(opening.content)

    async def split() -> pb.StepResponse:
        ids = await mine.ids(2)
        parts = [
            portion.fill(whole._replace(lot_id=lot_id))
            for lot_id, portion in zip(ids, apportion(whole, [500, 1_500]), strict=True)
        ]
        return await mine.submit(pen.write(parts, SplitDetails(), spends=[head]).encode())

    outcomes = await asyncio.gather(*(split() for _ in range(6)), return_exceptions=True)

    won = [outcome for outcome in outcomes if isinstance(outcome, pb.StepResponse)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, Error)]
    assert (len(won), len(lost)) == (1, 5)
    assert {each.reason for each in lost} == {"STALE"}
    assert {each.metadata["spent_by"] for each in lost} == {won[0].admission.statement_id.hex()}


async def test_a_part_that_is_not_exact_is_refused(mine: Api, pen: Pen, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000_000)
    born = await mine.register(draws=[draw(right, 1_000_000)])
    whole = decode_lot(mine.item_of(born).openings[0].content)
    ids = await mine.ids(2)
    first, second = (
        portion.fill(whole._replace(lot_id=lot_id))
        for lot_id, portion in zip(ids, apportion(whole, [500, 1_500]), strict=True)
    )
    row = first.rows[0]._replace(reo_mg=first.rows[0].reo_mg + 1)
    forged = first._replace(rows=(row, *first.rows[1:]))
    item = pen.write([forged, second], SplitDetails(), spends=[outpoint(born.heads[0])])
    with pytest.raises(Error) as refused:
        await mine.submit(item.encode())
    assert refused.value.reason == "MASS_NOT_CONSERVED"


async def test_a_changed_byte_a_changed_opening_and_a_missing_one(mine: Api, pen: Pen) -> None:
    lot = pen.lot((await mine.ids())[0], {58: 1_000})
    item = pen.write([lot], RegisterDetails(Imported("US", "D-1")))
    forged = replace(item, statement=item.statement[:-1] + bytes([item.statement[-1] ^ 1]))
    opening = item.openings[0]
    altered = replace(item, openings={0: opening._replace(content=opening.content[:-1] + b"1")})
    for broken, reason in (
        (forged, "BAD_SIGNATURE"),
        (altered, "OPENING_MISMATCH"),
        (item.redact([]), "UNDISCLOSED"),
        (item.redact([0], details=False), "UNDISCLOSED"),
    ):
        with pytest.raises(Error) as refused:
            await mine.submit(broken.encode())
        assert refused.value.reason == reason


async def test_only_ones_own_statements_are_submitted(mine: Api, plant: Api, pen: Pen) -> None:
    lot = pen.lot((await mine.ids())[0], {58: 1_000})
    item = pen.write([lot], RegisterDetails(ORIGIN)).encode()
    with pytest.raises(Error) as refused:
        await plant.submit(item)
    assert refused.value.reason == "ISSUER_MISMATCH"
    stranger = Pen(mine.uri)
    with pytest.raises(Error) as refused:
        await mine.submit(stranger.write([lot], RegisterDetails(ORIGIN)).encode())
    assert refused.value.reason == "UNKNOWN_KEY"


async def test_bytes_that_are_no_item(mine: Api) -> None:
    for raw, reason in ((b"\x84", "BAD_FIELD"), (b"\x18\x00", "NOT_DETERMINISTIC"), (b"\x00\x00", "TRAILING_BYTES")):
        with pytest.raises(Error) as refused:
            await mine.submit(raw)
        assert refused.value.reason == reason


async def test_one_request_id_for_two_statements(mine: Api, pen: Pen) -> None:
    request_id = new_id()
    first, second = [pen.write([pen.lot(lot_id, {58: 1_000})], RegisterDetails(ORIGIN)) for lot_id in await mine.ids(2)]
    await mine.submit(first.encode(), request_id=request_id)
    with pytest.raises(Error) as refused:
        await mine.submit(second.encode(), request_id=request_id)
    assert refused.value.reason == "REQUEST_ID_REUSED"
    assert refused.value.metadata["original_statement_id"] == parse(first.statement).statement_id.hex()


async def test_own_signature_only_means_that_the_registry_does_not_sign(plant: Api, registrar: Api) -> None:
    pen = Pen(plant.uri)
    lot = await plant.register(origin=IMPORTED)
    await pen.certify(plant, own_signature_only=True)

    with pytest.raises(Error) as refused:
        await plant.register(origin=IMPORTED)
    assert refused.value.reason == "OWN_SIGNATURE_ONLY"
    with pytest.raises(Error) as refused:
        await plant.split(outpoint(lot.heads[0]), [1_000, 1_000])
    assert refused.value.reason == "OWN_SIGNATURE_ONLY"
    listed = await registrar.call(registrar.enterprises.GetEnterprise, pb.GetEnterpriseRequest(enterprise_id="plant-1"))
    assert listed.HasField("own_signature_from")

    own = pen.lot((await plant.ids())[0], {58: 1_000})
    await plant.submit(pen.write([own], RegisterDetails(Imported("US", "D-1"))).encode())


async def test_an_enterprise_offers_and_cancels_by_its_own_signature(mine: Api, plant: Api) -> None:
    pen = Pen(plant.uri)
    await pen.certify(plant, own_signature_only=True)
    held = [pen.lot(lot_id, {58: 1_000}) for lot_id in await plant.ids(3)]
    born = await plant.submit(pen.write(held, RegisterDetails(Imported("US", "D-1"))).encode())
    heads = [outpoint(head) for head in born.heads]
    remainders = await plant.ids(3)

    def offered(*receivers: str) -> bytes:
        moving = [
            lot._replace(
                custody_state=CustodyState.IN_TRANSIT,
                receiver=receiver,
                remainder_lot_id=remainder,
                export=ExportLimit(b"L" * 32, lot.gross_g) if receiver == customs else None,
            )
            for lot, receiver, remainder in zip(held, receivers, remainders, strict=True)
        ]
        return pen.write(moving, OfferDetails("CMR-1"), spends=heads).encode()

    customs = plant.uri.replace("enterprise/plant-1", "service/export_license")
    nobody, elsewhere = f"{mine.uri}0", mine.uri.replace("spiffe://", "spiffe://other.")
    with pytest.raises(Error) as refused:
        await plant.submit(offered(nobody, mine.uri, elsewhere))
    assert refused.value.reason == "RECEIVER_NOT_LISTED"
    assert [violation.field for violation in refused.value.violations] == [
        "statement.outputs[0].receiver",
        "statement.outputs[2].receiver",
    ]
    with pytest.raises(Error) as refused:
        await plant.submit(offered(customs, mine.uri, nobody))
    assert [violation.field for violation in refused.value.violations] == ["statement.outputs[2].receiver"]
    moving = [outpoint(head) for head in (await plant.submit(offered(mine.uri, mine.uri, mine.uri))).heads]

    with pytest.raises(Error) as refused:
        await plant.cancel(moving[0])
    assert refused.value.reason == "OWN_SIGNATURE_ONLY"
    back = await plant.submit(pen.write(held, CancelDetails(), spends=moving).encode())

    assert [(await plant.lot(lot.lot_id)).custody_state for lot in held] == [material_pb2.CUSTODY_STATE_HELD] * 3
    with pytest.raises(Error) as refused:
        await mine.accept(outpoint(back.heads[0]), 2_000)
    assert refused.value.reason == "NOT_FOUND"


async def test_a_key_is_certified_on_proof_and_bound_once(mine: Api, plant: Api) -> None:
    pen = Pen(mine.uri)
    request = pen.certify_request()
    wrong = pb.CertifyKeyRequest()
    wrong.CopyFrom(request)
    wrong.proof_of_possession = bytes(64)
    with pytest.raises(Error) as refused:
        await mine.call(mine.enterprises.CertifyKey, wrong)
    assert refused.value.reason == "BAD_SIGNATURE"
    with pytest.raises(Error) as refused:
        await plant.call(plant.enterprises.CertifyKey, request)
    assert refused.value.reason == "BAD_SIGNATURE"

    done = await mine.call(mine.enterprises.CertifyKey, request)
    assert done.key.thumbprint == pen.key.public.thumbprint
    assert (await mine.call(mine.enterprises.CertifyKey, request)).key == done.key
    with pytest.raises(Error) as refused:
        await pen.certify(mine)
    assert refused.value.reason == "ALREADY_EXISTS"


async def test_a_retired_key_signs_no_more(mine: Api, plant: Api, pen: Pen, registrar: Api) -> None:
    thumbprint = pen.key.public.thumbprint
    with pytest.raises(Error) as refused:
        await plant.call(plant.enterprises.RetireKey, pb.RetireKeyRequest(request_id=new_id(), thumbprint=thumbprint))
    assert refused.value.reason == "NOT_FOUND"

    request = pb.RetireKeyRequest(request_id=new_id(), thumbprint=thumbprint)
    done = await mine.call(mine.enterprises.RetireKey, request)
    assert (await mine.call(mine.enterprises.RetireKey, request)).retirement == done.retirement

    lot = pen.lot((await mine.ids())[0], {58: 1_000})
    with pytest.raises(Error) as refused:
        await mine.submit(pen.write([lot], RegisterDetails(ORIGIN)).encode())
    assert refused.value.reason == "KEY_RETIRED"
    listed = await registrar.call(registrar.enterprises.GetEnterprise, pb.GetEnterpriseRequest(enterprise_id="mine-1"))
    assert [key.retired for key in listed.keys] == [True]


async def test_enterprises_are_listed_once_and_seen_by_themselves(registrar: Api, mine: Api, plant: Api) -> None:
    request_id = new_id()
    first = await registrar.register_enterprise("smelter-9", ["SMELT_METAL"], request_id=request_id)
    assert await registrar.register_enterprise("smelter-9", ["SMELT_METAL"], request_id=request_id) == first
    with pytest.raises(Error) as refused:
        await registrar.register_enterprise("smelter-9", ["SMELT_METAL"])
    assert refused.value.reason == "ALREADY_EXISTS"
    with pytest.raises(Error) as refused:
        await registrar.register_enterprise("", ["DIG"])
    assert {each.field for each in refused.value.violations} == {"enterprise_id", "display_name", "activities[0]"}
    with pytest.raises(Error) as refused:
        await mine.register_enterprise("friend", [])
    assert refused.value.reason == "ACCESS_DENIED"
    own = await mine.call(mine.enterprises.GetEnterprise, pb.GetEnterpriseRequest(enterprise_id="mine-1"))
    assert list(own.activities) == ["MINE"]
    with pytest.raises(Error) as refused:
        await mine.call(mine.enterprises.GetEnterprise, pb.GetEnterpriseRequest(enterprise_id="plant-1"))
    assert refused.value.reason == "NOT_FOUND"


async def test_a_head_of_nobody_is_not_found(mine: Api, pen: Pen) -> None:
    lots = [pen.lot(lot_id, {58: 1_000}) for lot_id in await mine.ids(2)]
    item = pen.write(lots, SplitDetails(), spends=[Outpoint(bytes(32), 0)])
    with pytest.raises(Error) as refused:
        await mine.submit(item.encode())
    assert refused.value.reason == "NOT_FOUND"
