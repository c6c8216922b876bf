"""RightService on a real server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from monazite.quota.v1 import quota_pb2
from monazite_provenance import EventKind, Verifier
from monazite_provenance.contents import QuotaKind, RightDetails, decode_details
from monazite_provenance.item import Item
from monazite_provenance.trust import TrustFile

from services.chassis.errors import Error
from services.chassis.log.presented import PresentedVerifier
from tests.fakes.clock import MovableClock
from tests.fakes.registry import FakeRegistry
from tests.service.calling import new_id
from tests.service.quota.api import IONIC, TONNE, Api, faults, fetch, refusal
from tests.service.quota.conftest import OFFICER, Quota

OPEN, CLOSING, CLOSED = (
    quota_pb2.Right.STATE_OPEN,
    quota_pb2.Right.STATE_CLOSING,
    quota_pb2.Right.STATE_CLOSED,
)


async def test_reserving_gives_a_right_that_anyone_can_verify_offline(quota: Quota, mine: Api) -> None:
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20)
    response = await mine.reserve(250 * TONNE, expires=expires)
    keys = TrustFile.load(quota.settings.trust_file.read_bytes()).keyring()
    statement = Verifier(keys).verify(response.right.statement.item)
    assert statement.id == response.right.right_id == response.admission.statement_id
    assert statement.claims.kind is EventKind.RIGHT
    assert statement.claims.issuer == "spiffe://monazite.example/service/quota"
    assert statement.claims.subject == "urn:monazite:account:mine-1:2024:1"
    assert statement.details is not None
    assert decode_details(EventKind.RIGHT, statement.details) == RightDetails(
        2024,
        QuotaKind.MINING_ROCK,
        250 * TONNE,
        "spiffe://monazite.example/enterprise/mine-1",
        "bayan-obo",
        "urn:monazite:log:registry:0",
        int(expires.timestamp()),
    )
    right = response.right
    assert (right.state, right.mass_mg, right.settled_mg, right.freed_mg) == (OPEN, 250 * TONNE, 0, 0)
    balance = await mine.balance("mine-1")
    assert (balance.available_mg, balance.reserved_mg) == (750 * TONNE, 250 * TONNE)
    assert await faults(quota.settings.database_url) == []


async def test_what_is_reserved_is_published_in_the_log(quota: Quota, mine: Api, officer: Api) -> None:
    first = await mine.reserve(TONNE)
    page = await officer.entries(wait_s=5)
    assert page.checkpoint.log == "urn:monazite:log:quota:0"
    assert [entry.statement_id for entry in page.entries] == [first.right.right_id]
    # With its receipt, as it is presented to the registry; the log has it as it was signed.
    keys = TrustFile.load(quota.settings.trust_file.read_bytes()).keyring()
    right = PresentedVerifier(keys).verify(first.right.statement.item)
    assert Item.decode(page.entries[0].item.item).with_receipts([first.admission.receipt]) == right.item
    assert (first.admission.index, first.admission.receipt_pending) == (0, False)
    async with quota.caller("service/registry") as registry, quota.caller("service/export_license") as licensing:
        assert await registry.log_size() == await licensing.log_size() == await mine.log_size() == 1
    assert (await refusal(mine.entries()))[0] == "ACCESS_DENIED"


async def test_sixty_four_reserve_at_once_and_the_account_is_never_overdrawn(quota: Quota, mine: Api) -> None:
    """1 000 t, asked for 64 times 30 t: 33 get a right, the others the numbers."""
    answers = await asyncio.gather(*(mine.reserve(30 * TONNE) for _ in range(64)), return_exceptions=True)
    rights = [answer.right.right_id for answer in answers if isinstance(answer, quota_pb2.ReserveResponse)]
    refused = [answer for answer in answers if isinstance(answer, Error)]
    assert (len(rights), len(set(rights)), len(refused)) == (33, 33, 31)
    assert {error.reason for error in refused} == {"QUOTA_EXCEEDED"}
    assert {error.metadata["available_t"] for error in refused} == {"10"}
    balance = await mine.balance("mine-1")
    assert (balance.available_mg, balance.reserved_mg) == (10 * TONNE, 990 * TONNE)
    assert await faults(quota.settings.database_url) == []
    stored = await fetch(quota.settings.database_url, "SELECT statement_id FROM statement")
    assert {row[0] for row in stored} == set(rights), "what was signed and refused was dropped"


async def test_reserving_more_than_there_is_tells_the_numbers(mine: Api) -> None:
    await mine.reserve(600 * TONNE)
    reason, metadata, _ = await refusal(mine.reserve(401 * TONNE))
    assert reason == "QUOTA_EXCEEDED"
    asked = {name: metadata[f"{name}_t"] for name in ("asked", "available", "reserved", "granted", "used")}
    assert asked == {"asked": "401", "available": "400", "reserved": "600", "granted": "1000", "used": "0"}
    reason, metadata, _ = await refusal(mine.reserve(1, kind=IONIC))
    assert (reason, metadata["granted_mg"]) == ("QUOTA_EXCEEDED", "0")


async def test_the_same_request_is_done_once_and_answered_alike(quota: Quota, mine: Api) -> None:
    request_id, expires = new_id(), datetime.now(UTC) + timedelta(days=3)
    first = await mine.reserve(TONNE, request_id=request_id, expires=expires)
    again = await asyncio.gather(*(mine.reserve(TONNE, request_id=request_id, expires=expires) for _ in range(5)))
    assert [answer.SerializeToString() for answer in again] == [first.SerializeToString()] * 5
    reason, metadata, _ = await refusal(mine.reserve(2 * TONNE, request_id=request_id, expires=expires))
    assert reason == "REQUEST_ID_REUSED"
    assert metadata["original_method"] == "/monazite.quota.v1.RightService/Reserve"
    assert metadata["original_statement_id"] == first.right.right_id.hex()
    async with quota.caller("enterprise/other") as other:
        assert (await refusal(other.reserve(TONNE, request_id=request_id)))[0] == "QUOTA_EXCEEDED"
    assert (await mine.balance("mine-1")).reserved_mg == TONNE


async def test_a_request_that_was_done_keeps_its_answer_after_its_right_expired(
    quota: Quota, mine: Api, clock: MovableClock
) -> None:
    request_id, expires = new_id(), datetime.now(UTC) + timedelta(days=3)
    first = await mine.reserve(TONNE, request_id=request_id, expires=expires)
    clock.offset = timedelta(days=4)
    assert (await mine.reserve(TONNE, request_id=request_id, expires=expires)) == first
    assert (await refusal(mine.reserve(TONNE, expires=expires)))[0] == "INVALID_FIELDS"


async def test_a_refused_request_id_may_be_used_again(mine: Api) -> None:
    request_id = new_id()
    assert (await refusal(mine.reserve(1001 * TONNE, request_id=request_id)))[0] == "QUOTA_EXCEEDED"
    assert (await mine.reserve(TONNE, request_id=request_id)).right.mass_mg == TONNE


async def test_every_bad_field_of_a_reservation_is_named_at_once(mine: Api) -> None:
    request = quota_pb2.ReserveRequest(request_id="x", year=1, reo_mg=-5, site="\n")
    reason, _, fields = await refusal(mine.call(mine.right.Reserve, request))
    assert (reason, fields) == (
        "INVALID_FIELDS",
        ["request_id", "year", "kind", "reo_mg", "site", "expire_time"],
    )
    far = datetime.now(UTC) + timedelta(days=401)
    assert (await refusal(mine.reserve(1, expires=far)))[2] == ["expire_time"]
    assert (await refusal(mine.reserve(1, expires=datetime.now(UTC))))[2] == ["expire_time"]
    assert (await refusal(mine.reserve(10**16 + 1)))[2] == ["reo_mg"]


async def test_only_enterprises_reserve_and_the_national_account_is_none(quota: Quota, mine: Api, officer: Api) -> None:
    assert (await refusal(officer.reserve(TONNE)))[0] == "ACCESS_DENIED"
    async with quota.caller("enterprise/national") as usurper:
        assert (await refusal(usurper.reserve(TONNE)))[0] == "ACCESS_DENIED"
        assert (await refusal(usurper.balance("national")))[0] == "ACCESS_DENIED"
    assert (await mine.balance("mine-1")).reserved_mg == 0


async def test_a_right_never_drawn_on_comes_back_whole_on_release(
    quota: Quota, mine: Api, registry: FakeRegistry
) -> None:
    right_id = (await mine.reserve(300 * TONNE)).right.right_id
    released = await mine.release(right_id)
    assert (released.state, released.freed_mg, released.settled_mg) == (CLOSED, 300 * TONNE, 0)
    assert (await mine.balance("mine-1")).available_mg == 1000 * TONNE
    # The background worker may have asked as well: the registry's CloseRight is idempotent.
    assert {(one.right_id, one.reason_code) for one in registry.asked} == {(right_id, "RELEASED")}
    reason, metadata, _ = await refusal(mine.release(right_id))
    assert (reason, metadata["close_reason"]) == ("RIGHT_STATE", "RELEASED")
    assert await faults(quota.settings.database_url) == []


async def test_a_right_drawn_in_parts_frees_the_rest_after_the_last_draw_is_settled(
    quota: Quota, mine: Api, registry: FakeRegistry
) -> None:
    """The registry ends the right before quota has seen what was drawn on it."""
    right_id = (await mine.reserve(100 * TONNE)).right.right_id
    draws = [registry.drawing((right_id, mass * TONNE)) for mass in (20, 30)]
    request_id = new_id()
    released = await mine.release(right_id, request_id=request_id)
    assert (released.state, released.settled_mg, released.freed_mg) == (CLOSING, 0, 0)
    assert (await mine.balance("mine-1")).reserved_mg == 100 * TONNE
    registry.publish(*draws)
    right = await mine.until(right_id, lambda right: right.state == CLOSED)
    assert (right.settled_mg, right.freed_mg) == (50 * TONNE, 50 * TONNE)
    balance = await mine.balance("mine-1")
    assert (balance.available_mg, balance.reserved_mg, balance.used_mg) == (950 * TONNE, 0, 50 * TONNE)
    assert (await mine.release(right_id, request_id=request_id)).state == CLOSED, "the request stands as it was done"
    assert await faults(quota.settings.database_url) == []


async def test_while_the_registry_is_away_a_release_waits_as_closing_and_is_resumed(
    quota: Quota, mine: Api, registry: FakeRegistry
) -> None:
    right_id = (await mine.reserve(100 * TONNE)).right.right_id
    registry.away = True
    released = await mine.release(right_id)
    assert (released.state, released.freed_mg) == (CLOSING, 0)
    again = await mine.release(right_id)
    assert again.state == CLOSING, "asking twice is no error while it is ending"
    registry.away = False
    right = await mine.until(right_id, lambda right: right.state == CLOSED)
    assert right.freed_mg == 100 * TONNE
    assert len({one.request_id for one in registry.asked}) == 1, "asked with one request id, however often"


async def test_closing_goes_on_after_a_restart(stopped: Quota, registry: FakeRegistry) -> None:
    async with stopped.running() as quota, quota.caller(OFFICER) as officer, quota.caller("enterprise/mine-1") as mine:
        await officer.enter_indicator(2024, 1, rock_t=100)
        await officer.allocate(2024, 1, "mine-1", rock_t=100)
        registry.away = True
        right_id = (await mine.reserve(100 * TONNE)).right.right_id
        assert (await mine.release(right_id)).state == CLOSING
    registry.away = False
    async with stopped.running() as quota, quota.caller("enterprise/mine-1") as mine:
        right = await mine.until(right_id, lambda right: right.state == CLOSED)
        assert right.freed_mg == 100 * TONNE


async def test_an_officer_revokes_with_a_reason_that_is_kept(
    quota: Quota, mine: Api, officer: Api, registry: FakeRegistry
) -> None:
    right_id = (await mine.reserve(10 * TONNE)).right.right_id
    assert (await officer.revoke(right_id, "over quota, Decree 785 art. 21")).state == CLOSED
    assert registry.asked[-1].reason_code == "REVOKED"
    rows = await fetch(quota.settings.database_url, "SELECT right_id, officer, reason FROM revocation")
    officer_uri = "spiffe://monazite.example/officer/quota/wang"
    assert [tuple(row) for row in rows] == [(right_id, officer_uri, "over quota, Decree 785 art. 21")]
    assert (await refusal(officer.revoke(right_id)))[0] == "RIGHT_STATE"
    assert (await refusal(mine.revoke(right_id)))[0] == "ACCESS_DENIED"
    async with quota.caller("officer/licensing/li") as other:
        assert (await refusal(other.revoke(right_id)))[0] == "ACCESS_DENIED"
    assert (await refusal(officer.revoke(right_id, "")))[2] == ["reason"]


async def test_an_expired_right_is_swept_through_the_registry(quota: Quota, mine: Api, registry: FakeRegistry) -> None:
    """Expiry tells the registry when to stop; what was drawn in time is its word."""
    right_id = (await mine.reserve(10 * TONNE, expires=datetime.now(UTC) + timedelta(seconds=2))).right.right_id
    registry.publish(registry.drawing((right_id, 4 * TONNE)))
    right = await mine.until(right_id, lambda right: right.state == CLOSED)
    assert (right.settled_mg, right.freed_mg) == (4 * TONNE, 6 * TONNE)
    assert registry.asked[-1].reason_code == "EXPIRED"
    audit = await fetch(quota.settings.database_url, "SELECT principal FROM audit WHERE request_id = $1", right_id)
    assert [row[0] for row in audit] == ["spiffe://monazite.example/service/quota"]
    assert await faults(quota.settings.database_url) == []


async def test_a_right_drawn_out_is_closed_without_being_asked_for(mine: Api, registry: FakeRegistry) -> None:
    right_id = (await mine.reserve(10 * TONNE)).right.right_id
    registry.publish(registry.drawing((right_id, 4 * TONNE)), registry.drawing((right_id, 6 * TONNE)))
    right = await mine.until(right_id, lambda right: right.state == CLOSED)
    assert (right.settled_mg, right.freed_mg) == (10 * TONNE, 0)
    assert {one.reason_code for one in registry.asked} == {"DRAWN_OUT"}


async def test_an_answer_that_the_registry_did_not_sign_frees_nothing(
    quota: Quota, mine: Api, registry: FakeRegistry, thief: FakeRegistry
) -> None:
    right_id = (await mine.reserve(10 * TONNE)).right.right_id
    registry.closed[right_id] = thief.closing(right_id)
    assert (await mine.release(right_id)).state == CLOSING
    assert (await mine.balance("mine-1")).reserved_mg == 10 * TONNE
    other = (await mine.reserve(5 * TONNE)).right.right_id
    registry.closed[other] = registry.closing(right_id)
    assert (await mine.release(other)).state == CLOSING, "a close of another right"


async def test_another_enterprises_right_looks_like_none(quota: Quota, mine: Api, officer: Api) -> None:
    right_id = (await mine.reserve(TONNE)).right.right_id
    async with quota.caller("enterprise/rival") as rival:
        unknown = await refusal(rival.get_right(b"\x07" * 32))
        assert unknown[0] == "NOT_FOUND"
        for act in (rival.get_right(right_id), rival.release(right_id)):
            reason, metadata, _ = await refusal(act)
            assert (reason, metadata["what"]) == ("NOT_FOUND", "right")
        assert (await refusal(rival.release(b"\x07" * 32)))[0] == "NOT_FOUND"
    assert (await refusal(officer.release(right_id)))[0] == "ACCESS_DENIED"
    assert (await refusal(mine.get_right(b"short")))[2] == ["right_id"]
    assert (await officer.get_right(right_id)).right_id == right_id
    assert (await mine.get_right(right_id)).state == OPEN


async def test_rights_are_listed_a_page_at_a_time(quota: Quota, mine: Api, officer: Api) -> None:
    made = [(await mine.reserve(mass * TONNE)).right.right_id for mass in (1, 2, 3, 4, 5)]
    listed: list[bytes] = []
    request = quota_pb2.ListRightsRequest(page_size=2, year=2024)
    while True:
        page = await mine.call(mine.right.ListRights, request)
        listed += [right.right_id for right in page.rights]
        assert all(right.statement.item for right in page.rights)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert listed == made
    assert page.as_of.ToDatetime(tzinfo=UTC) <= datetime.now(UTC) + timedelta(seconds=1)
    stolen = quota_pb2.ListRightsRequest(page_size=2, year=2023, page_token=request.page_token)
    assert (await refusal(mine.call(mine.right.ListRights, stolen)))[2] == ["page_token"]
    everybody = await officer.call(officer.right.ListRights, quota_pb2.ListRightsRequest())
    assert len(everybody.rights) == 5
    named = quota_pb2.ListRightsRequest(enterprise_id="mine-1")
    async with quota.caller("enterprise/rival") as rival:
        assert (await rival.call(rival.right.ListRights, quota_pb2.ListRightsRequest())).rights == []
        assert (await refusal(rival.call(rival.right.ListRights, named)))[0] == "ACCESS_DENIED"
