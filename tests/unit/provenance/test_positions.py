"""Keys are judged by where statements stand in their logs, never by a clock and never by the order in a bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import trust
from monazite_provenance.contents import Form, KeyAction, KeysDetails, LogRange
from monazite_provenance.errors import BadField, Compromised, EventNotAllowed, NotYetCertified, ProvenanceError, Retired
from monazite_provenance.item import Item
from monazite_provenance.key_book import KeyBook
from monazite_provenance.keys import CertifiedKey, SoftwareKey
from monazite_provenance.places import LogSpan, Place
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.chains import DOMAIN, LOG, NOW_S, ORE, SHARD, World, code, enterprise, lot, mined, service

KEY = SoftwareKey.generate()
ENDS = (KeyAction.RETIRE, KeyAction.COMPROMISED)


# Spans.

positions = st.integers(0, 2**62)
ends = st.one_of(st.none(), positions)


@given(st.builds(LogSpan, positions, ends, ends), positions)
def test_a_span_is_what_lies_between(span: LogSpan, position: int) -> None:
    good = (
        position >= span.first
        and (span.last is None or position <= span.last)
        and (span.compromised_from is None or position < span.compromised_from)
    )
    if good:
        span.check(position)
        return
    early = position < span.first
    stolen = span.compromised_from is not None and position >= span.compromised_from
    with pytest.raises(NotYetCertified if early else Compromised if stolen else Retired):
        span.check(position)


def test_a_key_without_positions_is_judged_as_it_stands_now() -> None:
    key = CertifiedKey(KEY.public, service("registry"), None, None, spans={LOG: LogSpan(5, 9)})
    key.check(None)
    key.check(Place(LOG, 5))
    with pytest.raises(Retired):
        key.check(Place(LOG, 10))
    with pytest.raises(EventNotAllowed):
        key.check(Place(SHARD, 5))


# Keys that the registry certified: by where its statements stand.


def keys(world: World, details: KeysDetails, log: str | None = None) -> Item:
    """The registry's `keys` statement, made, registered and not in the bundle."""
    registry = world.keys["registry"]
    item = trust.draft_keys(details, registry=service("registry"), key=registry.public, issued_at=NOW_S).sign(registry)
    world.registers.add(item, log)
    return item


def test_a_statement_before_the_certification_of_its_key() -> None:
    world, head = mined()
    # The same certification once more in the log, behind what its key signed; the bundle shows that receipt.
    world.registers.add(world.items[0])
    assert code(world.verify(head)) == (Verdict.REFUTED, "NOT_YET_CERTIFIED")


@pytest.mark.parametrize("early", [True, False])
def test_retired_before_and_after(early: bool) -> None:
    world, head = mined()
    retire = trust.end_key_details(KeyAction.RETIRE, enterprise("mine"), world.keys["mine"].public)
    world.items.append(keys(world, retire))
    if early:
        # Where the end stands in the bundle says nothing: what was signed before it in the log stands.
        world.items.insert(1, world.items.pop())
    assert world.verify(head).gap_codes() == {"ABSENCE"}
    offered = world.offer("mine", head, enterprise("plant"))
    assert code(world.verify(offered)) == (Verdict.REFUTED, "KEY_RETIRED")
    world.items.append(world.items.pop(1 if early else -2))
    assert code(world.verify(offered)) == (Verdict.REFUTED, "KEY_RETIRED")


@pytest.mark.parametrize(("end", "expected"), [(1, "KEY_COMPROMISED"), (2, None), (3, None)])
def test_compromised_from_an_index_on(end: int, expected: str | None) -> None:
    world, head = mined()
    public = world.keys["mine"].public
    spans = [LogRange(LOG, 1, end)]
    world.items.append(
        keys(world, trust.end_key_details(KeyAction.COMPROMISED, enterprise("mine"), public, statements=spans))
    )
    report = world.verify(head)
    if expected is None:
        assert report.gap_codes() == {"ABSENCE"}
    else:
        assert code(report) == (Verdict.REFUTED, expected)


@pytest.mark.parametrize(
    ("action", "spans"),
    [
        (KeyAction.RETIRE, [LogRange(LOG, 1, 5)]),
        (KeyAction.COMPROMISED, []),
        (KeyAction.COMPROMISED, [LogRange(LOG, 0, 5)]),
        (KeyAction.COMPROMISED, [LogRange(LOG, 1)]),
        (KeyAction.COMPROMISED, [LogRange(LOG, 1, 0)]),
        (KeyAction.COMPROMISED, [LogRange(SHARD, 1, 5)]),
        (KeyAction.COMPROMISED, [LogRange(LOG, 1, 5), LogRange(SHARD, 1, 5)]),
    ],
)
def test_ends_that_do_not_fit_the_certification(action: KeyAction, spans: list[LogRange]) -> None:
    world, head = mined()
    end = trust.end_key_details(action, enterprise("mine"), world.keys["mine"].public, statements=spans)
    world.items.append(keys(world, end))
    assert code(world.verify(head)) == (Verdict.REFUTED, "BAD_FIELD")


def test_an_end_in_another_log() -> None:
    world, head = mined()
    end = trust.end_key_details(KeyAction.RETIRE, enterprise("mine"), world.keys["mine"].public)
    world.items.append(keys(world, end, SHARD))
    assert code(world.verify(head)) == (Verdict.REFUTED, "BAD_FIELD")


def test_a_key_certified_in_one_log_signs_in_no_other() -> None:
    world = World.new("mine")
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)._replace(home_log=SHARD)
    assert code(world.verify(world.bring_in("mine", content))) == (Verdict.REFUTED, "EVENT_NOT_ALLOWED")


@given(st.permutations([(KeyAction.RETIRE, 9), (KeyAction.RETIRE, 7), (KeyAction.COMPROMISED, 5)]))
def test_of_several_ends_the_earliest_counts_in_whatever_order(order: list[tuple[KeyAction, int]]) -> None:
    book = KeyBook(DOMAIN)
    proof = trust.prove_possession(KEY, enterprise("mine"))
    details = trust.enterprise_key_details(enterprise("mine"), KEY.public, proof)
    book.apply(details, bytes(32), by_root=False, place=Place(LOG, 2))
    for action, at in order:
        spans = [] if action is KeyAction.RETIRE else [LogRange(LOG, 3, 4)]
        end = trust.end_key_details(action, enterprise("mine"), KEY.public, statements=spans)
        book.apply(end, bytes(32), by_root=False, place=Place(LOG, at))
    key = book.find(KEY.public.kid)
    assert key is not None
    assert key.spans == {LOG: LogSpan(3, 6, 4)}
    assert key.retired
    assert key.compromised


# Keys that the root certified: by the positions that its acts name.


def quota_ended(world: World, action: KeyAction, end: int) -> None:
    spans = [LogRange("urn:monazite:log:quota:0", 0, end)]
    world.act(trust.end_key_details(action, service("quota"), world.keys["quota"].public, statements=spans))


@pytest.mark.parametrize(
    ("action", "end", "expected"),
    [
        # Quota's log holds the right at 0 and its settlement at 1.
        (KeyAction.RETIRE, 1, None),
        (KeyAction.RETIRE, 0, "KEY_RETIRED"),
        (KeyAction.COMPROMISED, 2, None),
        (KeyAction.COMPROMISED, 1, "KEY_COMPROMISED"),
    ],
)
def test_a_service_key_that_ended(action: KeyAction, end: int, expected: str | None) -> None:
    world, head = mined()
    quota_ended(world, action, end)
    report = world.verify(head)
    if expected is None:
        assert report.gap_codes() == {"ABSENCE"}
    else:
        assert code(report) == (Verdict.REFUTED, expected)


def acted(details: KeysDetails) -> trust.TrustFile:
    world = World()
    world.act(details)
    return world.trust


def certification(**changes: object) -> KeysDetails:
    proof = trust.prove_possession(KEY, service("quota"))
    spans = [LogRange("urn:monazite:log:quota:0", 3, 9)]
    details = trust.service_key_details(DOMAIN, "quota", KEY.public, proof, spans)
    return replace(details, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_service_key_is_certified_for_positions() -> None:
    key = acted(certification()).keyring().find(KEY.public.kid)
    assert key is not None
    assert key.spans == {"urn:monazite:log:quota:0": LogSpan(3, 9)}
    with pytest.raises(NotYetCertified):
        key.check(Place("urn:monazite:log:quota:0", 2))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"statements": ()}, BadField),
        ({"statements": (LogRange(LOG, 0),)}, EventNotAllowed),
        ({"statements": (LogRange("urn:monazite:log:quota:0", 5, 4),)}, BadField),
        ({"logs": (LogRange("urn:monazite:log:quota:0", 0),)}, EventNotAllowed),
        ({"kinds": (), "logs": (LogRange("urn:monazite:log:quota:0", 0),)}, BadField),
    ],
)
def test_certifications_of_services_that_do_not_stand(changes: dict[str, object], error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        acted(certification(**changes))


def test_an_owner_is_not_certified_for_positions() -> None:
    proof = trust.prove_possession(KEY, enterprise("mine"))
    good = trust.enterprise_key_details(enterprise("mine"), KEY.public, proof)
    bad = replace(good, statements=(LogRange(LOG, 0),))
    with pytest.raises(BadField):
        KeyBook(DOMAIN).apply(bad, bytes(32), by_root=False, place=Place(LOG, 0))


@pytest.mark.parametrize("action", ENDS)
@pytest.mark.parametrize(
    "spans", [[], [LogRange("urn:monazite:log:quota:0", 4, 8)], [LogRange("urn:monazite:log:quota:0", 3)]]
)
def test_ends_of_services_that_do_not_stand(action: KeyAction, spans: list[LogRange]) -> None:
    world = World()
    world.act(certification())
    with pytest.raises(BadField):
        world.act(trust.end_key_details(action, service("quota"), KEY.public, statements=spans))


# Own signature only.


def alone() -> tuple[World, Outpoint]:
    """A lot registered on behalf of a mine, which wants its own signature only from then on."""
    world = World.new()
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    world.certify("mine", own_signature_only=True)
    return world, head


def signed_before() -> tuple[World, Outpoint]:
    return alone()


def signed_before_and_shown_behind() -> tuple[World, Outpoint]:
    world, head = alone()
    world.items.insert(0, world.items.pop())
    return world, head


@pytest.mark.parametrize("made", [signed_before, signed_before_and_shown_behind])
def test_what_was_signed_on_behalf_before_stands(made: Callable[[], tuple[World, Outpoint]]) -> None:
    world, head = made()
    assert world.verify(head).gap_codes() == {"ABSENCE"}


@pytest.mark.parametrize("place", [0, -1])
def test_what_is_signed_on_behalf_after_does_not(place: int) -> None:
    world, head = alone()
    world.self_signing.clear()
    offered = world.offer("mine", head, enterprise("plant"))
    certification = world.items.pop(-2)
    world.items.insert(0 if place == 0 else len(world.items), certification)
    assert code(world.verify(offered)) == (Verdict.REFUTED, "OWN_SIGNATURE_ONLY")


def test_in_another_log_nobody_knows_which_came_first() -> None:
    world = World.new()
    content = lot("importer", Form.ORE_CONCENTRATE, 1_000, ORE)._replace(home_log=SHARD)
    head = world.bring_in("importer", content)
    world.certify("importer", own_signature_only=True)
    report = world.verify(head)
    assert report.gap_codes() == {"ABSENCE", "OWN_SIGNATURE_ORDER"}
