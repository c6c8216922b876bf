"""Statements that the registry writes and their enterprise signs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite_provenance.contents import CancelDetails, LotContent, OfferDetails, SplitDetails
from monazite_provenance.item import Item
from monazite_provenance.keys import Algorithm
from monazite_provenance.prepared import read_prepared
from monazite_provenance.statement import Outpoint, parse

from services.chassis.errors import STATUS_BYTES_MAX, Error
from services.chassis.fields import outpoint_message as message
from services.registry.domain.refusals import outpoint_name
from services.registry.domain.submitting import CLOCK_AHEAD_MAX_S, ISSUED_AT_AGE_MAX_S
from services.registry.operations.lots import Steps
from tests.fakes.clock import MovableClock
from tests.service.calling import new_id
from tests.service.registry.api import (
    CE,
    IMPORTED,
    MINED,
    ND,
    OXIDE,
    SITE,
    Api,
    draw,
    material,
    outpoint,
)
from tests.service.registry.conftest import Registry
from tests.service.registry.peers import Quota
from tests.service.registry.pen import Pen

MASSES = {CE: 600_000, ND: 400_000}


@pytest.fixture
async def pen(plant: Api) -> Pen:
    """The plant's key, certified. The registry may not sign for the plant."""
    pen = Pen(plant.uri)
    await pen.certify(plant, own_signature_only=True)
    return pen


async def _sign_and_submit(api: Api, pen: Pen, prepared: pb.PreparedStatement) -> pb.StepResponse:
    done = await api.submit(pen.sign(prepared).encode())
    assert done.admission.statement_id == prepared.statement_id
    assert list(done.heads) == list(prepared.heads)
    return done


def _registering(lot_ids: Sequence[str], origin: pb.Origin = IMPORTED) -> pb.RegisterLotRequest:
    lots = [pb.NewLot(lot_id=lot_id, site=SITE, material=material(MASSES)) for lot_id in lot_ids]
    return pb.RegisterLotRequest(origin=origin, lots=lots)


async def _registered(api: Api, pen: Pen, count: int = 1) -> list[Outpoint]:
    prepared = await api.prepare(pen.key.public.kid, _registering(await api.ids(count)))
    return [outpoint(head) for head in (await _sign_and_submit(api, pen, prepared)).heads]


async def _splitting(api: Api, head: Outpoint, parts_g: Sequence[int] = (500, 1_500)) -> pb.SplitLotRequest:
    ids = await api.ids(len(parts_g))
    parts = [pb.Part(lot_id=lot_id, gross_g=gross_g) for lot_id, gross_g in zip(ids, parts_g, strict=True)]
    return pb.SplitLotRequest(spend=message(head), parts=parts)


async def _offering(api: Api, heads: Sequence[Outpoint], receiver: str) -> pb.OfferLotsRequest:
    consignments = [
        pb.Consignment(spend=message(head), remainder_lot_id=lot_id)
        for head, lot_id in zip(heads, await api.ids(len(heads)), strict=True)
    ]
    return pb.OfferLotsRequest(consignments=consignments, receiver=receiver, transport_document="CMR-1")


def _cancelling(heads: Sequence[Outpoint]) -> pb.CancelOfferRequest:
    return pb.CancelOfferRequest(spends=[message(head) for head in heads])


async def _there_and_back(api: Api, pen: Pen, heads: Sequence[Outpoint], receiver: str) -> tuple[bytes, list[Outpoint]]:
    """Offers lots and takes them back: the same lots on new heads. The id of the offer, and the heads."""
    kid = pen.key.public.kid
    offered = await _sign_and_submit(api, pen, await api.prepare(kid, await _offering(api, heads, receiver)))
    moving = [outpoint(head) for head in offered.heads]
    back = await _sign_and_submit(api, pen, await api.prepare(kid, _cancelling(moving)))
    return offered.admission.statement_id, [outpoint(head) for head in back.heads]


def _attached(refusal: Error) -> list[pb.PreparedStatement]:
    found: list[pb.PreparedStatement] = []
    for detail in refusal.attached:
        prepared = pb.PreparedStatement()
        assert detail.Unpack(prepared)
        found.append(prepared)
    return found


@pytest.mark.parametrize("algorithm", Algorithm, ids=lambda each: each.name)
async def test_a_key_of_every_algorithm_signs_what_was_prepared(plant: Api, algorithm: Algorithm) -> None:
    pen = Pen(plant.uri, algorithm)
    request = pen.certify_request()
    for length, reason in ((63, "INVALID_FIELDS"), (64, "BAD_SIGNATURE"), (3_309, "BAD_SIGNATURE")):
        wrong = pb.CertifyKeyRequest()
        wrong.CopyFrom(request)
        wrong.proof_of_possession = bytes(length)
        with pytest.raises(Error) as refused:
            await plant.call(plant.enterprises.CertifyKey, wrong)
        assert refused.value.reason == reason
    await plant.call(plant.enterprises.CertifyKey, request)
    (head,) = await _registered(plant, pen)
    lots = await plant.call(plant.lots.ListLots, pb.ListLotsRequest(unspent_only=True))
    assert [outpoint(lot) for lot in lots.lots] == [head]


async def test_every_step_is_prepared_signed_and_taken_in(plant: Api, trader: Api, pen: Pen) -> None:
    kid = pen.key.public.kid
    first, second = await _registered(plant, pen, 2)
    split = await _sign_and_submit(plant, pen, await plant.prepare(kid, await _splitting(plant, first)))
    halves = [outpoint(head) for head in split.heads]
    merging = pb.MergeLotsRequest(
        spends=[message(head) for head in halves],
        lot_id=(await plant.ids())[0],
        site=SITE,
        custody_model=material(MASSES).custody_model,
    )
    merged = await _sign_and_submit(plant, pen, await plant.prepare(kid, merging))
    made = pb.NewLot(lot_id=(await plant.ids())[0], site=SITE, material=material(MASSES, form=OXIDE))
    transforming = pb.TransformLotsRequest(
        spends=[message(outpoint(merged.heads[0]))], outputs=[made], process="separation-rock"
    )
    prepared = await plant.prepare(kid, transforming)
    assert list(prepared.heads[0].holds) == ["QUOTA_NOT_COVERED"]
    await _sign_and_submit(plant, pen, prepared)

    _, (back,) = await _there_and_back(plant, pen, [second], trader.uri)
    theirs = Pen(trader.uri)
    await theirs.certify(trader)
    offered = await _sign_and_submit(plant, pen, await plant.prepare(kid, await _offering(plant, [back], trader.uri)))
    receipt = pb.Receipt(
        spend=message(outpoint(offered.heads[0])),
        accepted_gross_g=1_900,
        shortage_gross_g=100,
        reason_code="SHORTAGE_MOISTURE_LOSS",
    )
    accepting = pb.AcceptLotsRequest(receipts=[receipt], site="yard-2")
    accepted = await _sign_and_submit(trader, theirs, await trader.prepare(theirs.key.public.kid, accepting))
    lot = await trader.lot(accepted.heads[0].lot_id)
    assert (lot.holder, lot.site, lot.material.gross_g) == (trader.uri, "yard-2", 1_900)


async def test_a_draw_on_a_right_is_prepared(mine: Api, quota: Quota) -> None:
    pen = Pen(mine.uri)
    await pen.certify(mine)
    right = quota.right("mine-1", 1_000_000)
    asked = _registering(await mine.ids(), MINED)
    asked.draws.append(draw(right, 1_000_000))
    prepared = await mine.prepare(pen.key.public.kid, asked)
    assert not prepared.findings
    assert not prepared.heads[0].holds
    with pytest.raises(Error) as refused:
        await mine.submit(pen.sign(prepared).encode())
    # The registry kept nothing of the right either.
    assert refused.value.reason == "RIGHT_MISSING"
    await mine.submit(pen.sign(prepared).encode(), rights=[right])
    assert (await mine.right(right.statement_id)).drawn_mg == 1_000_000


# These the log writes by itself, whether or not anybody asks for anything.
LOG_TABLES = {"lease", "log_head"}


async def _rows(database: str) -> dict[str, int]:
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            row["tablename"]: await connection.fetchval(f'SELECT count(*) FROM "{row["tablename"]}"')  # noqa: S608 - a table of our own
            for row in tables
            if row["tablename"] not in LOG_TABLES
        }
    finally:
        await connection.close()


async def test_preparing_writes_nothing_and_burns_no_request_id(mine: Api, database: str, quota: Quota) -> None:
    pen = Pen(mine.uri)
    await pen.certify(mine)
    lot_id = (await mine.ids())[0]
    request = _registering([lot_id], MINED)
    request.draws.append(draw(quota.right("mine-1", 1_000_000), 1_000_000))
    request.request_id = new_id()
    before = await _rows(database)
    first, second = [await mine.prepare(pen.key.public.kid, request) for _ in range(2)]
    assert await _rows(database) == before

    # Fresh salts each time; so these are two statements, of which one can happen.
    assert first.statement_id != second.statement_id
    await mine.call(mine.lots.RegisterLot, request)
    with pytest.raises(Error) as refused:
        await mine.submit(pen.sign(first).encode())
    assert refused.value.reason == "LOT_ID_USED"


async def test_a_stale_statement_comes_back_on_the_present_head(plant: Api, trader: Api, pen: Pen) -> None:
    (head,) = await _registered(plant, pen)
    asked = await _splitting(plant, head)
    signed = pen.sign(await plant.prepare(pen.key.public.kid, asked))
    spender, (present,) = await _there_and_back(plant, pen, [head], trader.uri)

    with pytest.raises(Error) as refused:
        await plant.submit(signed.encode())
    assert refused.value.reason == "STALE"
    assert refused.value.metadata["spent_by"] == spender.hex()
    assert refused.value.metadata["fresh"] == "ATTACHED"
    (fresh,) = _attached(refused.value)
    read = read_prepared(fresh.unsigned_item.item, fresh.signing_input, issuer=plant.uri)
    assert read.claims.spends == (present,)
    assert read.details == SplitDetails()
    assert [(lot.lot_id, lot.gross_g) for lot in read.outputs] == [(part.lot_id, part.gross_g) for part in asked.parts]
    await _sign_and_submit(plant, pen, fresh)

    # Done now: nothing is left to prepare.
    with pytest.raises(Error) as refused:
        await plant.submit(signed.encode())
    assert refused.value.reason == "STALE"
    assert "fresh" not in refused.value.metadata
    assert not refused.value.attached


async def test_a_stale_head_to_prepare_on_answers_with_the_present_one(plant: Api, trader: Api, pen: Pen) -> None:
    heads = await _registered(plant, pen, 2)
    spender, present = await _there_and_back(plant, pen, heads[:1], trader.uri)
    with pytest.raises(Error) as refused:
        await plant.prepare(pen.key.public.kid, await _offering(plant, heads, trader.uri))
    assert refused.value.reason == "STALE"
    assert refused.value.metadata["spent_by"] == spender.hex()
    assert refused.value.metadata["fresh"] == "ATTACHED"
    (fresh,) = _attached(refused.value)
    read = read_prepared(fresh.unsigned_item.item, fresh.signing_input, issuer=plant.uri)
    assert read.claims.spends == tuple(sorted([*present, heads[1]]))
    assert read.details == OfferDetails("CMR-1")
    moving = [outpoint(head) for head in (await _sign_and_submit(plant, pen, fresh)).heads]

    with pytest.raises(Error) as refused:
        await plant.prepare(pen.key.public.kid, await _offering(plant, heads, trader.uri))
    assert refused.value.reason == "STALE"
    # They are in transit, and that is not offered.
    assert not refused.value.attached
    back = await plant.prepare(pen.key.public.kid, _cancelling(moving))
    assert read_prepared(back.unsigned_item.item, back.signing_input, issuer=plant.uri).details == CancelDetails()


async def test_a_stale_lot_that_is_somebody_elses_by_now(plant: Api, trader: Api, pen: Pen) -> None:
    (head,) = await _registered(plant, pen)
    signed = pen.sign(await plant.prepare(pen.key.public.kid, await _splitting(plant, head)))
    offering = await plant.prepare(pen.key.public.kid, await _offering(plant, [head], trader.uri))
    offered = await _sign_and_submit(plant, pen, offering)
    await trader.accept(outpoint(offered.heads[0]), 2_000)
    with pytest.raises(Error) as refused:
        await plant.submit(signed.encode())
    assert refused.value.reason == "STALE"
    assert refused.value.metadata["spent_by"] == offered.admission.statement_id.hex()
    assert not refused.value.attached


async def test_the_same_statement_under_another_request_id_is_not_prepared_again(
    plant: Api, trader: Api, pen: Pen
) -> None:
    (head,) = await _registered(plant, pen)
    prepared = await plant.prepare(pen.key.public.kid, await _offering(plant, [head], trader.uri))
    item = pen.sign(prepared).encode()
    done = await plant.submit(item)
    await plant.submit(
        pen.sign(await plant.prepare(pen.key.public.kid, _cancelling([outpoint(done.heads[0])]))).encode()
    )
    with pytest.raises(Error) as refused:
        await plant.submit(item, request_id=new_id())
    assert refused.value.reason == "STALE"
    assert refused.value.metadata["spent_by"] == prepared.statement_id.hex()
    assert not refused.value.attached


async def test_a_fresh_statement_that_no_status_holds_is_asked_for(plant: Api, trader: Api, pen: Pen) -> None:
    heads = await _registered(plant, pen, 24)
    kid, offering = pen.key.public.kid, await _offering(plant, heads, trader.uri)
    signed = pen.sign(await plant.prepare(kid, offering))
    spender, present = await _there_and_back(plant, pen, heads, trader.uri)
    for ask in (plant.prepare(kid, offering), plant.submit(signed.encode())):
        with pytest.raises(Error) as refused:
            await ask
        assert refused.value.reason == "STALE"
        assert refused.value.metadata["spent_by"] == spender.hex()
        assert refused.value.metadata["fresh"] == "PREPARE"
        assert not refused.value.attached

    fresh = await plant.prepare(kid, offering, on_present_heads=True)

    assert len(fresh.SerializeToString()) > STATUS_BYTES_MAX
    read = read_prepared(fresh.unsigned_item.item, fresh.signing_input, issuer=plant.uri)
    assert read.claims.spends == tuple(sorted(present))
    await _sign_and_submit(plant, pen, fresh)


async def test_on_present_heads_nothing_else_is_decided_otherwise(plant: Api, trader: Api, pen: Pen) -> None:
    (head,) = await _registered(plant, pen)
    kid, splitting = pen.key.public.kid, await _splitting(plant, head)
    plain = await plant.prepare(kid, splitting)
    same = await plant.prepare(kid, splitting, on_present_heads=True)
    assert same.heads[0].lot_id == plain.heads[0].lot_id
    read = read_prepared(same.unsigned_item.item, same.signing_input, issuer=plant.uri)
    assert read.claims.spends == (head,)
    offering = await plant.prepare(kid, await _offering(plant, [head], trader.uri))
    offered = await _sign_and_submit(plant, pen, offering)
    with pytest.raises(Error) as refused:
        await plant.prepare(kid, splitting, on_present_heads=True)
    assert refused.value.reason == "STEP_NOT_ALLOWED", "what is in transit is not split"
    moving = outpoint(offered.heads[0])
    await trader.accept(moving, 2_000)
    with pytest.raises(Error) as refused:
        await plant.prepare(kid, splitting, on_present_heads=True)
    assert refused.value.reason == "STALE", "it is somebody else's"
    assert refused.value.metadata == {
        "outpoint": outpoint_name(head),
        "spent_by": offered.admission.statement_id.hex(),
    }
    assert not refused.value.attached
    (ended,) = await _registered(plant, pen)
    await _sign_and_submit(plant, pen, await plant.prepare(kid, await _splitting(plant, ended)))
    with pytest.raises(Error) as refused:
        await plant.prepare(kid, await _splitting(plant, ended), on_present_heads=True)
    assert refused.value.reason == "STALE"
    assert "fresh" not in refused.value.metadata


async def test_on_present_heads_a_stranger_learns_nothing_of_a_lot(
    plant: Api, trader: Api, mine: Api, pen: Pen
) -> None:
    (head,) = await _registered(plant, pen)
    theirs = Pen(mine.uri)
    await theirs.certify(mine)
    offering = await plant.prepare(pen.key.public.kid, await _offering(plant, [head], trader.uri))
    offered = await _sign_and_submit(plant, pen, offering)
    await trader.accept(outpoint(offered.heads[0]), 2_000)
    with pytest.raises(Error) as refused:
        await mine.prepare(theirs.key.public.kid, await _splitting(mine, head), on_present_heads=True)
    assert refused.value.reason == "NOT_FOUND"
    assert refused.value.metadata == {"what": "lot", "name": outpoint_name(head)}


async def test_on_present_heads_that_are_spent_meanwhile(
    plant: Api, trader: Api, pen: Pen, monkeypatch: pytest.MonkeyPatch
) -> None:
    (head,) = await _registered(plant, pen)
    kid, splitting = pen.key.public.kid, await _splitting(plant, head)
    _, present = await _there_and_back(plant, pen, [head], trader.uri)
    inputs, newest = Steps.inputs, list(present)

    async def overtaken(self: Steps, holder: str, spends: tuple[Outpoint, ...]) -> dict[Outpoint, LotContent]:
        monkeypatch.setattr(Steps, "inputs", inputs)
        _, newest[:] = await _there_and_back(plant, pen, present, trader.uri)
        return await inputs(self, holder, spends)

    monkeypatch.setattr(Steps, "inputs", overtaken)
    with pytest.raises(Error) as refused:
        await plant.prepare(kid, splitting, on_present_heads=True)
    assert refused.value.reason == "STALE"
    assert refused.value.metadata["outpoint"] == outpoint_name(present[0])
    assert refused.value.metadata["fresh"] == "ATTACHED"
    (fresh,) = _attached(refused.value)
    read = read_prepared(fresh.unsigned_item.item, fresh.signing_input, issuer=plant.uri)
    assert read.claims.spends == tuple(newest)
    await _sign_and_submit(plant, pen, fresh)


async def test_past_its_expiry_a_statement_is_refused(plant: Api, pen: Pen, clock: MovableClock) -> None:
    prepared = await plant.prepare(pen.key.public.kid, _registering(await plant.ids()))
    issued_at = parse(pen.sign(prepared).statement).claims.issued_at
    assert prepared.expires_at.ToSeconds() == issued_at + ISSUED_AT_AGE_MAX_S
    done = await _sign_and_submit(plant, pen, prepared)
    late = pen.sign(await plant.prepare(pen.key.public.kid, _registering(await plant.ids())))

    clock.offset += timedelta(seconds=ISSUED_AT_AGE_MAX_S + 60)
    with pytest.raises(Error) as refused:
        await plant.submit(late.encode())
    assert refused.value.reason == "ISSUED_AT_OUT_OF_RANGE"
    assert int(refused.value.metadata["issued_at"]) < int(refused.value.metadata["earliest"])
    # What was taken in is answered again all the same.
    assert (await plant.submit(done.statement.item)).heads == done.heads

    clock.offset = timedelta(seconds=-CLOCK_AHEAD_MAX_S - 60)
    with pytest.raises(Error) as refused:
        await plant.submit(late.encode())
    assert refused.value.reason == "ISSUED_AT_OUT_OF_RANGE"
    assert int(refused.value.metadata["issued_at"]) > int(refused.value.metadata["latest"])
    clock.offset = timedelta()
    await plant.submit(late.encode())


async def test_a_key_that_may_not_sign(registry: Registry, plant: Api, mine: Api, pen: Pen, database: str) -> None:
    theirs = Pen(mine.uri)
    await theirs.certify(mine)
    ended = Pen(plant.uri)
    await ended.certify(plant)
    retirement = pb.RetireKeyRequest(request_id=new_id(), thumbprint=ended.key.public.thumbprint)
    await plant.call(plant.enterprises.RetireKey, retirement)
    narrow = Pen(plant.uri)
    await narrow.certify(plant)
    stolen = Pen(plant.uri)
    await stolen.certify(plant)
    connection = await asyncpg.connect(database)
    # As a registry of older rules would have certified it, and as one knows of a key that was stolen.
    await connection.execute("UPDATE certified_key SET kinds = '{3}' WHERE kid = $1", narrow.key.public.kid)
    await connection.execute(
        "UPDATE certified_key SET compromised_by = certified_by WHERE kid = $1", stolen.key.public.kid
    )
    await connection.close()
    certified = await plant.call(plant.enterprises.GetEnterprise, pb.GetEnterpriseRequest(enterprise_id="plant-1"))
    of_registry = parse(Item.decode(certified.keys[0].certification.item).statement).kid
    asked = _registering(await plant.ids())
    for kid, reason in (
        (Pen(plant.uri).key.public.kid, "UNKNOWN_KEY"),
        (theirs.key.public.kid, "ISSUER_MISMATCH"),
        (of_registry, "ISSUER_MISMATCH"),
        (ended.key.public.kid, "KEY_RETIRED"),
        (stolen.key.public.kid, "KEY_COMPROMISED"),
        (narrow.key.public.kid, "EVENT_NOT_ALLOWED"),
    ):
        with pytest.raises(Error) as refused:
            await plant.prepare(kid, asked)
        assert refused.value.reason == reason
    assert (await plant.prepare(pen.key.public.kid, asked)).statement_id
    async with registry.caller("officer/registrar/li") as registrar:
        with pytest.raises(Error) as refused:
            await registrar.prepare(pen.key.public.kid, asked)
    assert refused.value.reason == "ACCESS_DENIED"


async def test_what_could_not_be_submitted_is_not_prepared(
    plant: Api, mine: Api, inspector: Api, pen: Pen, database: str
) -> None:
    kid = pen.key.public.kid
    first, second = await _registered(plant, pen, 2)
    listed = await plant.call(plant.lots.ListLots, pb.ListLotsRequest())
    (held,) = (lot.lot_id for lot in listed.lots if outpoint(lot) == second)
    await inspector.hold(held)
    foreign = outpoint((await mine.register()).heads[0])
    appearing = pb.NewLot(lot_id=(await plant.ids())[0], site=SITE, material=material({ND: 2_000_000}, form=OXIDE))
    transform = pb.TransformLotsRequest(spends=[message(first)], outputs=[appearing], process="separation-rock")
    used = await _splitting(plant, first)
    used.parts[0].lot_id = held
    for step, reason in (
        (_registering(await plant.ids(), MINED), "ENTERPRISE_NOT_LISTED"),
        (await _splitting(plant, foreign), "NOT_FOUND"),
        (await _splitting(plant, second), "LOT_HELD"),
        (await _splitting(plant, first, (500, 1_501)), "MASS_NOT_CONSERVED"),
        (await _offering(plant, [first], f"{mine.uri}-x"), "RECEIVER_NOT_LISTED"),
        (transform, "MASS_NOT_CONSERVED"),
        (used, "LOT_ID_USED"),
    ):
        with pytest.raises(Error) as refused:
            await plant.prepare(kid, step)
        assert refused.value.reason == reason
    # Nothing was declared, so no attempt is on record.
    assert (await _rows(database))["refused_step"] == 0


async def test_all_bad_fields_are_named_where_they_stand(plant: Api, pen: Pen) -> None:
    with pytest.raises(Error) as refused:
        await plant.call(plant.lots.PrepareStatement, pb.PrepareStatementRequest(kid=b"short"))
    assert {each.field for each in refused.value.violations} == {"kid", "step"}
    with pytest.raises(Error) as refused:
        await plant.prepare(b"short", pb.SplitLotRequest(parts=[pb.Part(lot_id="x", gross_g=1)]))
    assert refused.value.reason == "INVALID_FIELDS"
    assert {each.field for each in refused.value.violations} >= {
        "kid",
        "split_lot.spend.statement_id",
        "split_lot.parts",
        "split_lot.parts[0].lot_id",
    }
