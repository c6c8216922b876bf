"""Rights at the registry: never over their mass, whoever races; ended once, whoever asks."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from monazite.registry.v1 import registry_pb2 as pb
from monazite_provenance.contents import QuotaKind, RightClosedDetails, decode_details
from monazite_provenance.item import Item
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import log_urn
from monazite_provenance.statement import log_leaf, parse

from services.chassis.errors import Error
from tests.fakes.clock import MovableClock
from tests.service.calling import new_id
from tests.service.registry.api import CE, Api, draw
from tests.service.registry.peers import Licensing, Quota, Signed


def closed_total(closed: pb.CloseRightResponse) -> int:
    """What the signed statement says was drawn."""
    opening = Item.decode(closed.closed.item).details
    assert opening is not None
    details = decode_details(EventKind.RIGHT_CLOSED, opening.content)
    assert isinstance(details, RightClosedDetails)
    return details.total_drawn_mg


async def test_a_right_is_drawn_in_parts_up_to_its_mass(mine: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000)
    await mine.register({CE: 600}, draws=[draw(right, 600)])
    await mine.register({CE: 300}, draws=[draw(right, 300, carried=False)])

    with pytest.raises(Error) as refused:
        await mine.register({CE: 101}, draws=[draw(right, 101)])

    assert refused.value.reason == "RIGHT_EXCEEDED"
    assert refused.value.metadata == {
        "right_id": right.statement_id.hex(),
        "mass_mg": "1000",
        "drawn_mg": "900",
        "left_mg": "100",
        "asked_mg": "101",
    }
    await mine.register({CE: 100}, draws=[draw(right, 100, carried=False)])


async def test_more_than_the_step_needs_is_refused(mine: Api, quota: Quota) -> None:
    with pytest.raises(Error) as refused:
        await mine.register({CE: 100}, draws=[draw(quota.right("mine-1", 1_000), 101)])
    assert refused.value.reason == "RIGHT_EXCEEDED"


async def test_a_right_raced_by_64_draws_never_bears_more_than_its_mass(mine: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 4_000)
    ids = await mine.ids(64)

    outcomes = await asyncio.gather(
        *(mine.register({CE: 100}, draws=[draw(right, 100)], lot_id=lot_id) for lot_id in ids), return_exceptions=True
    )

    lost = [outcome for outcome in outcomes if isinstance(outcome, Error)]
    assert len(outcomes) - len(lost) == 40
    assert {each.reason for each in lost} == {"RIGHT_EXCEEDED"}
    assert (await mine.right(right.statement_id)).drawn_mg == 4_000


async def test_a_right_must_fit(mine: Api, quota: Quota) -> None:
    stranger = SoftwareKey.generate()
    cases = {
        "RIGHT_NOT_YOURS": [
            quota.right("plant-1", 100),
            quota.right("mine-1", 100, site="elsewhere"),
            quota.right("mine-1", 100, log=log_urn("registry", 7)),
        ],
        "RIGHT_WRONG_KIND": [quota.right("mine-1", 100, kind=QuotaKind.SMELTING_SEPARATION)],
        "RIGHT_EXPIRED": [quota.right("mine-1", 100, expires_in_s=-1)],
        "UNKNOWN_KEY": [Quota(quota.domain, stranger, quota.log.register.key).right("mine-1", 100)],
    }
    for reason, rights in cases.items():
        for right in rights:
            with pytest.raises(Error) as refused:
                await mine.register({CE: 100}, draws=[draw(right, 100)])
            assert refused.value.reason == reason
            assert (await mine.right(right.statement_id)).drawn_mg == 0


async def test_a_right_without_a_receipt_of_quotas_log_is_not_believed(
    mine: Api, quota: Quota, licensing: Licensing
) -> None:
    right = quota.right("mine-1", 100)
    leaf = log_leaf(Item.decode(right.bare).statement)
    elsewhere = licensing.log.register
    spoilt = {
        "none": right.bare,
        "of another service's log": carried(right, elsewhere.receipt(elsewhere.append(leaf), int(time.time()))),
        "of another statement": carried(right, receipt_of(quota.right("mine-1", 200))),
        "malformed": carried(right, b"junk"),
    }
    for name, item in spoilt.items():
        with pytest.raises(Error) as refused:
            await mine.register({CE: 100}, draws=[draw(replace(right, item=item), 100)])
        assert refused.value.reason == "NO_TRUSTED_RECEIPT", name
    # Beside a good one a bad one vetoes nothing.
    both = Item.decode(right.bare).with_receipts([b"junk", receipt_of(right)]).encode()
    assert (await mine.register({CE: 100}, draws=[draw(replace(right, item=both), 100)])).admission.receipt


def carried(right: Signed, receipt: bytes) -> bytes:
    return Item.decode(right.bare).with_receipts([receipt]).encode()


def receipt_of(right: Signed) -> bytes:
    (receipt,) = parse(Item.decode(right.item).statement).receipts
    return receipt


async def test_a_right_expires_by_the_registrys_clock(mine: Api, quota: Quota, clock: MovableClock) -> None:
    right = quota.right("mine-1", 200)
    await mine.register({CE: 100}, draws=[draw(right, 100)])
    clock.offset = timedelta(hours=2)
    with pytest.raises(Error) as refused:
        await mine.register({CE: 100}, draws=[draw(right, 100)])
    assert refused.value.reason == "RIGHT_EXPIRED"


async def test_a_right_that_was_never_presented_is_missing(mine: Api, plant: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 100)
    with pytest.raises(Error) as refused:
        await mine.register({CE: 100}, draws=[draw(right, 100, carried=False)])
    assert refused.value.reason == "RIGHT_MISSING"

    await mine.register({CE: 50}, draws=[draw(right, 50)])
    assert (await plant.right(right.statement_id)).state == pb.Right.STATE_UNSEEN


async def test_a_statement_that_is_no_right_draws_nothing(mine: Api, quota: Quota) -> None:
    settled = quota.settled(secrets.token_bytes(32), secrets.token_bytes(32), 5)
    with pytest.raises(Error) as refused:
        await mine.register({CE: 100}, draws=[draw(settled, 100)])
    assert refused.value.reason == "STEP_NOT_ALLOWED"


async def test_imports_draw_on_no_right(plant: Api, quota: Quota) -> None:
    right = quota.right("plant-1", 100)
    origin = pb.Origin(imported=pb.Imported(country="US", customs_declaration="D-2"))
    with pytest.raises(Error) as refused:
        await plant.register({CE: 100}, origin=origin, draws=[draw(right, 100)])
    assert refused.value.reason == "STEP_NOT_ALLOWED"


async def test_closing_says_what_was_drawn_and_ends_the_right(mine: Api, quota_service: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000)
    await mine.register({CE: 300}, draws=[draw(right, 300)])

    closed = await quota_service.close_right(right.statement_id)

    assert closed.total_drawn_mg == closed_total(closed) == 300
    with pytest.raises(Error) as refused:
        await mine.register({CE: 100}, draws=[draw(right, 100)])
    assert refused.value.reason == "RIGHT_CLOSED"
    seen = await quota_service.right(right.statement_id)
    assert (seen.state, seen.drawn_mg, seen.mass_mg) == (pb.Right.STATE_CLOSED, 300, 1_000)
    assert seen.closed == closed.closed


async def test_closing_again_gives_the_same_statement(mine: Api, quota_service: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000)
    request_id = new_id()

    first = await quota_service.close_right(right.statement_id, request_id=request_id)
    same = await quota_service.close_right(right.statement_id, request_id=request_id)
    later = await quota_service.close_right(right.statement_id, "EXPIRED")

    assert first.closed == same.closed == later.closed


async def test_a_right_never_seen_gets_a_tombstone(mine: Api, quota_service: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000)

    closed = await quota_service.close_right(right.statement_id, "REVOKED")

    assert closed.total_drawn_mg == 0
    with pytest.raises(Error) as refused:
        await mine.register({CE: 100}, draws=[draw(right, 100)])
    assert refused.value.reason == "RIGHT_CLOSED"


async def test_whichever_locks_the_row_first_wins(mine: Api, quota_service: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000_000)
    ids = await mine.ids(48)

    async def race(lot_id: str) -> pb.StepResponse:
        return await mine.register({CE: 100}, draws=[draw(right, 100)], lot_id=lot_id)

    drawn = [asyncio.create_task(race(lot_id)) for lot_id in ids[:24]]
    closing = asyncio.create_task(quota_service.close_right(right.statement_id))
    drawn += [asyncio.create_task(race(lot_id)) for lot_id in ids[24:]]

    outcomes = await asyncio.gather(*drawn, return_exceptions=True)
    lost = [outcome for outcome in outcomes if not isinstance(outcome, pb.StepResponse)]
    assert {str(each) for each in lost} <= {"RIGHT_CLOSED: this right is closed"}
    total = 100 * (len(outcomes) - len(lost))
    assert closed_total(await closing) == total
    assert (await quota_service.right(right.statement_id)).drawn_mg == total


async def test_closing_in_two_places_at_once_gives_one_statement(quota_service: Api, mine: Api, quota: Quota) -> None:
    right = quota.right("mine-1", 1_000)
    await mine.register({CE: 300}, draws=[draw(right, 300)])

    answers = await asyncio.gather(*(quota_service.close_right(right.statement_id) for _ in range(8)))

    assert len({answer.closed.item for answer in answers}) == 1


async def test_only_quota_ends_rights(mine: Api, licensing_service: Api, quota: Quota) -> None:
    for caller in (mine, licensing_service):
        with pytest.raises(Error) as refused:
            await caller.close_right(quota.right("mine-1", 1).statement_id)
        assert refused.value.reason == "ACCESS_DENIED"
