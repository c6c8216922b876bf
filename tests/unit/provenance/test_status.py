"""The registry's status: what it checks of a bundle, when it is too old, and what it may not say."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import bundle, trust
from monazite_provenance.chain import verify_bundle
from monazite_provenance.contents import Form, KeyAction, LogRange, StatusDetails, decode_details, encode
from monazite_provenance.draft import draft
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import lot_urn
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import OnBehalf, Outpoint, parse
from monazite_provenance.statuses import FUTURE_S_MAX, LIFETIME_S_MAX, digest_of

from tests.unit.provenance.chains import (
    AT_S,
    INSPECTOR,
    LOG,
    NOW_S,
    ORE,
    SHARD,
    World,
    code,
    enterprise,
    lot,
    mined,
    service,
    tell,
)
from tests.unit.provenance.registers import Register

STORY = tell()
HOUR_S = 3_600


def judged(world: World, target: Outpoint, status: Item, at: int = AT_S) -> LotReport:
    return world.verify(target, [*world.items, status], at=at)


# What it checks.


@pytest.mark.parametrize("target", [STORY.abroad, STORY.returned, STORY.separation[1]])
def test_a_bundle_with_receipts_and_a_fresh_status_is_verified(target: Outpoint) -> None:
    report = judged(STORY.world, target, STORY.world.status(target))
    assert report.verdict is Verdict.VERIFIED
    assert report.not_checked == ()
    assert report.status is not None
    assert (report.status.fresh, report.status.complete) == (True, True)
    assert report.status.heads[0].log == LOG
    assert report.statements == len(STORY.world.items) + 1
    shown = report.as_json()["status"]
    assert isinstance(shown, dict)
    assert shown["expires_at"] == NOW_S + HOUR_S


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, unique=True))
def test_the_digest_knows_no_order(ids: list[bytes]) -> None:
    assert digest_of(ids) == digest_of(list(reversed(ids))) == sha256(b"".join(sorted(ids))).digest()
    assert digest_of(ids[1:]) != digest_of(ids)


def test_what_the_registry_knows_and_the_bundle_lacks() -> None:
    world, head = mined()
    kept = len(world.items)
    world.hold(head)
    status = world.status(head)
    report = world.verify(head, [*world.items[:kept], status])
    assert report.gap_codes() == {"INCOMPLETE"}
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS


def test_of_other_statements_in_the_same_number() -> None:
    world, head = mined()
    assert judged(world, head, world.status(head, digest=bytes(32))).gap_codes() == {"INCOMPLETE"}
    assert judged(world, head, world.status(head, count=3)).gap_codes() == {"INCOMPLETE"}


def test_a_target_that_the_registry_says_is_spent() -> None:
    world, head = mined()
    for at in (AT_S, AT_S + 10**9):
        # What is spent stays spent, however old the word.
        assert code(judged(world, head, world.status(head, spender=bytes(32)), at)) == (Verdict.REFUTED, "HEAD_SPENT")


def test_holds_of_the_status_count_like_those_of_the_bundle() -> None:
    world, head = mined()
    hold_id = world.hold(head)
    held = judged(world, head, world.status(head, holds=(hold_id,)))
    assert held.gap_codes() == {"ON_HOLD"}
    assert [each.finding.code for each in held.findings] == ["ON_HOLD"]
    kept = [each for each in world.items if parse(each.statement).statement_id != hold_id]
    status = world.status(head, holds=(hold_id,))
    hidden = world.verify(head, [*kept, status])
    assert hidden.gap_codes() == {"ON_HOLD", "INCOMPLETE"}
    assert [(each.statement_id, each.finding.code) for each in hidden.findings] == [(hold_id, "ON_HOLD")]
    # The status has the hold's id alone: both say where the rest is to be had.
    assert "a bundle got anew" in hidden.findings[0].finding.message
    assert any("the bundle is to be got anew" in gap.message for gap in hidden.not_checked)
    world.release(head, hold_id)
    assert judged(world, head, world.status(head)).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("issued_at", "expires_at", "at", "fresh"),
    [
        (NOW_S, NOW_S + HOUR_S, NOW_S + HOUR_S - 1, True),
        (NOW_S, NOW_S + HOUR_S, NOW_S + HOUR_S, False),
        (NOW_S, NOW_S + HOUR_S, NOW_S - FUTURE_S_MAX, True),
        (NOW_S, NOW_S + HOUR_S, NOW_S - FUTURE_S_MAX - 1, False),
        (NOW_S, NOW_S + LIFETIME_S_MAX, NOW_S, True),
        (NOW_S, NOW_S + LIFETIME_S_MAX + 1, NOW_S, False),
    ],
)
def test_a_status_is_fresh_for_a_time(issued_at: int, expires_at: int, at: int, fresh: bool) -> None:
    world, head = mined()
    status = world.status(head, issued_at=issued_at, expires_at=expires_at)
    report = judged(world, head, status, at)
    assert report.gap_codes() == (set[str]() if fresh else {"STATUS_EXPIRED"})
    assert report.status is not None
    assert report.status.fresh is fresh


# What it may not be.


def test_of_another_outpoint() -> None:
    world, head = mined()
    other = world.bring_in("importer", lot("importer", Form.ORE_CONCENTRATE, 100, ORE))
    assert code(judged(world, head, world.status(other))) == (Verdict.REFUTED, "BAD_FIELD")


def test_nothing_stands_behind_a_status() -> None:
    world, head = mined()
    for items in ([world.status(head), *world.items], [*world.items, world.status(head), world.status(head)]):
        assert code(world.verify(head, items))[1] in ("BAD_FIELD", "MISSING_PARENT")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"subject": lot_urn("another")}, "BAD_FIELD"),
        ({"refs": ()}, "BAD_FIELD"),
        ({"refs": (bytes(32),)}, "BAD_FIELD"),
        ({"spends": (Outpoint(bytes(32), 0),)}, "STEP_NOT_ALLOWED"),
        ({"on_behalf": OnBehalf(INSPECTOR, bytes(32), bytes(16))}, "ISSUER_MISMATCH"),
    ],
)
def test_claims_of_a_status_that_are_wrong(changes: dict[str, object], expected: str) -> None:
    world, head = mined()
    content = world.status(head).details
    assert content is not None
    claims = parse(world.status(head).statement).claims
    claims = claims._replace(**changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    key = world.keys["registry"]
    status = draft(claims, (), content.content, key.public).sign(key)
    assert code(judged(world, head, status)) == (Verdict.REFUTED, expected)


def test_a_status_by_anybody_else() -> None:
    world, head = mined()
    content = world.status(head).details
    assert content is not None
    for name, issuer in (("mine", enterprise("mine")), ("quota", service("quota"))):
        claims = parse(world.status(head).statement).claims._replace(issuer=issuer)
        key = world.keys[name]
        status = draft(claims, (), content.content, key.public).sign(key)
        assert code(judged(world, head, status)) == (Verdict.REFUTED, "EVENT_NOT_ALLOWED")


def test_a_status_that_makes_something_or_hides_its_details() -> None:
    world, head = mined()
    status = world.status(head)
    assert status.details is not None
    key = world.keys["registry"]
    claims = parse(status.statement).claims
    making = draft(claims, [b"\xa0"], status.details.content, key.public).sign(key)
    assert code(judged(world, head, making)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")
    assert code(judged(world, head, replace(status, details=None))) == (Verdict.CANNOT_TELL, "UNDISCLOSED")


# Of which moment of which logs it speaks.


def checkpoints(world: World, head: Outpoint) -> tuple[bytes, ...]:
    content = world.status(head).details
    assert content is not None
    details = decode(content.content)
    return details.checkpoints


def decode(content: bytes) -> StatusDetails:
    details = decode_details(EventKind.STATUS, content)
    assert isinstance(details, StatusDetails)
    assert encode(details) == content
    return details


def test_without_a_checkpoint_that_is_to_be_believed() -> None:
    world, head = mined()
    good = checkpoints(world, head)
    spoilt = good[0][:-1] + bytes((good[0][-1] ^ 1,))
    for bad in ((spoilt, *good[1:]), (b"\x00", *good[1:])):
        report = judged(world, head, world.status(head, checkpoints=bad))
        assert code(report) == (Verdict.CANNOT_TELL, "NO_TRUSTED_RECEIPT")


def test_a_peers_checkpoint_that_is_not_to_be_believed() -> None:
    world, head = mined()
    good = checkpoints(world, head)
    # Of a log that this bundle does not rest on it says nothing.
    assert judged(world, head, world.status(head, checkpoints=(*good[:-1], b"\x00"))).verdict is Verdict.VERIFIED
    # Of quota's it is missing.
    report = judged(world, head, world.status(head, checkpoints=(good[0],)))
    assert code(report) == (Verdict.CANNOT_TELL, "STALE_HEAD")


def test_the_home_of_the_lot_comes_first_and_each_log_once() -> None:
    world, head = mined()
    good = checkpoints(world, head)
    for bad in ((*good[1:], good[0]), (good[0], good[0], *good[1:])):
        assert code(judged(world, head, world.status(head, checkpoints=bad))) == (Verdict.REFUTED, "BAD_FIELD")


def with_old_receipts(world: World, head: Outpoint, log: str, status: Item) -> LotReport:
    """The bundle with the receipts of one log under the head before its last entry."""
    items = [*world.items, status]
    listings = [
        world.registers.logs[log].listing({0: 0, 2: 1}, NOW_S, 2) if each.ordinals == (0, 2) else each
        for each in world.registers.listings(world.items, NOW_S)
    ]
    return verify_bundle([b"".join(bundle.write(head, items, listings))], world.trust, at=AT_S)


def test_a_status_has_seen_the_receipts_of_the_home_log() -> None:
    world, head = mined()
    early = world.status(head)
    # The log grows by a stranger's lot: the status of before has not seen the head of now.
    stranger = World.new()
    stranger.registers, stranger.keys = world.registers, world.keys
    stranger.bring_in("importer", lot("importer", Form.ORE_CONCENTRATE, 100, ORE))
    assert code(judged(world, head, early)) == (Verdict.CANNOT_TELL, "STALE_HEAD")
    # The status of now takes the place of an older one behind receipts of before.
    late = world.status(head)
    assert judged(world, head, late).verdict is Verdict.VERIFIED
    assert with_old_receipts(world, head, LOG, late).verdict is Verdict.VERIFIED


def test_receipts_of_peers_may_be_older_and_not_newer() -> None:
    world, head = mined()
    early = world.status(head)
    world.right("other", 1, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    world.items.pop()
    assert code(judged(world, head, early)) == (Verdict.CANNOT_TELL, "STALE_HEAD")
    listings = world.registers.listings(world.items, NOW_S)
    listings = [
        each
        if each.ordinals == (0, 2)
        else world.registers.logs["urn:monazite:log:quota:0"].listing({1: 0, 3: 1}, NOW_S, 2)
        for each in listings
    ]
    raw = b"".join(bundle.write(head, [*world.items, world.status(head)], listings))
    assert verify_bundle([raw], world.trust, at=AT_S).verdict is Verdict.VERIFIED


def test_receipts_that_nothing_rests_on_veto_nothing() -> None:
    world, head = mined()
    early, listings = world.status(head), world.registers.listings(world.items, NOW_S)
    quota = world.registers.logs["urn:monazite:log:quota:0"]
    own = quota.receipt(0, NOW_S)
    quota.append(bytes(32))
    # Beside the receipt that the status has seen another, and the whole log once more: both under a head of after it.
    items = [*world.items, early]
    items[1] = items[1].with_receipts([own, quota.receipt(0, NOW_S)])
    items[3] = items[3].with_receipts([quota.receipt(1, NOW_S, 2)])
    registry = [each for each in listings if each.ordinals == (0, 2)]
    raw = b"".join(bundle.write(head, items, [*registry, quota.listing({1: 0, 3: 1}, NOW_S)]))
    assert verify_bundle([raw], world.trust, at=AT_S).verdict is Verdict.VERIFIED


def test_a_checkpoint_of_a_forked_log() -> None:
    world, head = mined()
    true = world.registers.logs[LOG]
    other = Register(LOG, true.issuer, true.key)
    for _ in range(true.size):
        other.append(bytes(32))
    good = checkpoints(world, head)
    report = judged(world, head, world.status(head, checkpoints=(other.head(NOW_S).checkpoint(), *good[1:])))
    assert code(report) == (Verdict.REFUTED, "LOG_FORKED")


@pytest.mark.parametrize(
    ("action", "end", "expected"),
    [
        (KeyAction.RETIRE, 2, None),
        (KeyAction.RETIRE, 1, "KEY_RETIRED"),
        (KeyAction.COMPROMISED, 3, None),
        (KeyAction.COMPROMISED, 2, "KEY_COMPROMISED"),
    ],
)
def test_the_key_of_a_status_is_judged_by_the_size_of_its_checkpoint(
    action: KeyAction, end: int, expected: str | None
) -> None:
    world, head = mined()
    spans = [LogRange(LOG, 0, end), LogRange(SHARD, 0, end)]
    status = world.status(head)
    world.act(trust.end_key_details(action, service("registry"), world.keys["registry"].public, statements=spans))
    report = judged(world, head, status)
    if expected is None:
        assert report.verdict is Verdict.VERIFIED
    else:
        assert code(report) == (Verdict.REFUTED, expected)
