"""Receipts in a bundle: in its head for all statements of a log, or carried by a statement; good, bad and missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import _cbor, bundle, trust
from monazite_provenance.bundle import Listing
from monazite_provenance.chain import verify_bundle
from monazite_provenance.contents import Form, KeyAction, LogRange
from monazite_provenance.errors import (
    BadField,
    NotABundle,
    ProofMismatch,
    ProvenanceError,
    TooLarge,
    UnsupportedVersion,
)
from monazite_provenance.item import Item
from monazite_provenance.listings import listing, nodes_needed
from monazite_provenance.names import log_urn
from monazite_provenance.places import Place
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint, log_leaf, parse

from tests.unit.provenance.chains import AT_S, LOG, NOW_S, ORE, SHARD, World, code, enterprise, lot, mined, service
from tests.unit.provenance.registers import Register

QUOTA_LOG = log_urn("quota")


def judged(world: World, target: Outpoint, items: Sequence[Item], listings: Sequence[Listing]) -> LotReport:
    return verify_bundle([b"".join(bundle.write(target, items, listings))], world.trust, at=AT_S)


def carrying(item: Item, *receipts: bytes) -> Item:
    """The item with receipts in its unprotected header."""
    parts = _cbor.decode(item.statement[1:])
    assert isinstance(parts, list)
    return replace(item, statement=b"\xd2" + _cbor.encode([parts[0], {394: list(receipts)}, *parts[2:]]))


def with_own_receipts(world: World, *, size: int | None = None) -> list[Item]:
    """Every item with a receipt of its own."""
    carried: list[Item] = []
    for item in world.items:
        log, index = world.registers.places[parse(item.statement).statement_id]
        carried.append(carrying(item, world.registers.logs[log].receipt(index, NOW_S, size)))
    return carried


# Where statements are registered.


def test_a_report_says_where_each_statement_stands() -> None:
    world, head = mined()
    report = world.verify(head)
    assert report.registered == dict(
        zip(world.ids, [Place(LOG, 0), Place(QUOTA_LOG, 0), Place(LOG, 1), Place(QUOTA_LOG, 1)], strict=True)
    )
    assert [(found.log, found.size) for found in report.heads] == [(QUOTA_LOG, 2), (LOG, 2)]
    found = report.as_json()
    assert found["heads"] == [
        {"log": each.log, "size": each.size, "root": each.root.hex(), "signed_at": NOW_S} for each in report.heads
    ]


def test_statements_may_carry_their_own_receipts() -> None:
    world, head = mined()
    items = with_own_receipts(world)
    assert judged(world, head, items, []) == world.verify(head)
    # Peers' statements carry their own, the registry's stand in the head.
    mixed = [items[place] if place in (1, 3) else world.items[place] for place in range(4)]
    heads = [each for each in world.registers.listings(world.items, NOW_S) if each.ordinals == (0, 2)]
    assert judged(world, head, mixed, heads) == world.verify(head)


def test_receipts_under_several_heads_of_one_log() -> None:
    world, head = mined()
    old, new = world.registers.logs[LOG].listing({0: 0}, NOW_S, 1), world.registers.logs[LOG].listing({2: 1}, NOW_S)
    rest = [each for each in world.registers.listings(world.items, NOW_S) if each.ordinals == (1, 3)]
    report = judged(world, head, world.items, [old, new, *rest])
    assert report.gap_codes() == {"ABSENCE"}
    assert [(found.log, found.size) for found in report.heads] == [(QUOTA_LOG, 2), (LOG, 1), (LOG, 2)]


# Missing, bad, foreign.


def test_no_receipt_at_all_cannot_be_told() -> None:
    world, head = mined()
    report = judged(world, head, world.items, [])
    assert code(report) == (Verdict.CANNOT_TELL, "NO_TRUSTED_RECEIPT")
    assert report.failure is not None
    assert report.failure.statement_id == world.ids[0]


def altered(raw: bytes, place: int = -1) -> bytes:
    changed = bytearray(raw)
    changed[place] ^= 1
    return bytes(changed)


def test_a_receipt_in_the_head_that_does_not_hold() -> None:
    world, head = mined()
    good = world.registers.listings(world.items, NOW_S)
    for spoilt in (altered(good[1].receipt), good[1].receipt[:-1], b"\x00", good[0].receipt):
        listings = [good[0], replace(good[1], receipt=spoilt)]
        report = judged(world, head, world.items, listings)
        assert code(report) == (Verdict.CANNOT_TELL, "NO_TRUSTED_RECEIPT")
        assert report.failure is not None
        assert report.failure.statement_id == world.ids[0 if good[1].ordinals[0] == 0 else 1]


def test_a_receipt_in_the_head_of_other_items_than_it_says() -> None:
    world, head = mined()
    first, second = world.registers.listings(world.items, NOW_S)
    for ordinals in ((second.ordinals[1], second.ordinals[0]), second.ordinals[:1], (*second.ordinals, 9)):
        listings = [first, replace(second, ordinals=ordinals)]
        assert judged(world, head, world.items, listings).verdict is Verdict.CANNOT_TELL


def test_a_bad_receipt_beside_a_good_one_vetoes_nothing() -> None:
    world, head = mined()
    good = with_own_receipts(world)
    receipts = [parse(item.statement).receipts[0] for item in good]
    spoilt = [
        carrying(item, altered(receipt), b"\x00", receipt) for item, receipt in zip(world.items, receipts, strict=True)
    ]
    assert judged(world, head, spoilt, []) == world.verify(head)
    # Nor does one in the head, whatever index it claims.
    claims = [replace(each, receipt=altered(each.receipt)) for each in world.registers.listings(world.items, NOW_S)]
    assert judged(world, head, good, claims) == world.verify(head)
    register = world.registers.logs[LOG]
    swapped = register.listing({0: 1, 2: 0}, NOW_S)
    assert judged(world, head, good, [swapped]).gap_codes() == {"ABSENCE"}


def test_a_receipt_of_another_log_is_none() -> None:
    world, head = mined()
    # Quota registers the registry's statement too, and the other way round: neither is the other's log.
    quota = world.registers.logs[QUOTA_LOG]
    index = quota.append(log_leaf(world.items[2].statement))
    items = [*world.items]
    items[2] = carrying(world.items[2], quota.receipt(index, NOW_S))
    listings = [
        world.registers.logs[LOG].listing({0: 0}, NOW_S),
        world.registers.logs[QUOTA_LOG].listing({1: 0, 3: 1}, NOW_S),
    ]
    report = judged(world, head, items, listings)
    assert code(report) == (Verdict.CANNOT_TELL, "NO_TRUSTED_RECEIPT")
    assert report.failure is not None
    assert report.failure.statement_id == world.ids[2]


def ended_log_key(world: World, action: KeyAction, end: int) -> None:
    key = world.registers.logs[QUOTA_LOG].key.public
    world.act(trust.end_key_details(action, service("quota"), key, logs=[LogRange(QUOTA_LOG, 0, end)]))


@pytest.mark.parametrize(
    ("action", "end", "stands"),
    [
        (KeyAction.RETIRE, 2, True),
        (KeyAction.RETIRE, 1, False),
        (KeyAction.COMPROMISED, 3, True),
        (KeyAction.COMPROMISED, 2, False),
    ],
)
def test_heads_are_judged_by_their_size(action: KeyAction, end: int, stands: bool) -> None:
    world, head = mined()
    ended_log_key(world, action, end)
    report = world.verify(head)
    if stands:
        assert report.gap_codes() == {"ABSENCE"}
    else:
        assert code(report) == (Verdict.CANNOT_TELL, "NO_TRUSTED_RECEIPT")


# Order, forks.


def out_of_order(world: World, head: Outpoint) -> tuple[Sequence[Item], Sequence[Listing]]:
    """The register statement once more in the log, behind the offer that spends it; that receipt is shown."""
    world.offer("mine", head, enterprise("plant"))
    world.registers.add(world.items[2])
    return world.items, world.registers.listings(world.items, NOW_S)


def test_a_parent_behind_its_child_in_the_log() -> None:
    world, head = mined()
    items, listings = out_of_order(world, head)
    report = judged(world, Outpoint(world.ids[-1], 0), items, listings)
    assert code(report) == (Verdict.REFUTED, "LOG_PROBLEM")
    # If the receipt that says so does not hold, nothing is refuted.
    report = judged(
        world, Outpoint(world.ids[-1], 0), items, [replace(each, receipt=altered(each.receipt)) for each in listings]
    )
    assert code(report) == (Verdict.CANNOT_TELL, "NO_TRUSTED_RECEIPT")


def test_a_statement_behind_one_that_refers_to_it() -> None:
    world, head = mined()
    world.hold(head)
    world.items.insert(2, world.items.pop())
    assert code(world.verify(head)) == (Verdict.REFUTED, "MISSING_PARENT")


def test_a_lot_registered_away_from_home() -> None:
    world = World.new()
    content = lot("importer", Form.ORE_CONCENTRATE, 1_000, ORE)._replace(home_log=SHARD)
    head = world.bring_in("importer", content)
    world.registers.add(world.items[0], LOG)
    assert code(world.verify(head)) == (Verdict.REFUTED, "LOG_PROBLEM")


def test_one_statement_at_two_places() -> None:
    world, head = mined()
    register = world.registers.logs[LOG]
    again = register.append(log_leaf(world.items[2].statement))
    items = [*world.items]
    items[2] = carrying(world.items[2], register.receipt(1, NOW_S), register.receipt(again, NOW_S))
    listings = [register.listing({0: 0}, NOW_S), world.registers.logs[QUOTA_LOG].listing({1: 0, 3: 1}, NOW_S)]
    assert code(judged(world, head, items, listings)) == (Verdict.REFUTED, "LOG_FORKED")
    # One place by the head, another by itself.
    items[2] = carrying(world.items[2], register.receipt(1, NOW_S))
    listings[0] = register.listing({0: 0, 2: again}, NOW_S)
    report = judged(world, head, items, listings)
    assert code(report) == (Verdict.REFUTED, "LOG_FORKED")
    assert report.failure is not None
    assert report.failure.statement_id == world.ids[2]


def forked(world: World) -> Register:
    """The registry's log with another first entry, under the same key."""
    true = world.registers.logs[LOG]
    other = Register(LOG, true.issuer, true.key)
    for leaf in (bytes(32), log_leaf(world.items[2].statement)):
        other.append(leaf)
    return other


def test_two_heads_of_one_size_convict_the_log() -> None:
    world, head = mined()
    items = [*world.items]
    items[2] = carrying(world.items[2], forked(world).receipt(1, NOW_S))
    report = judged(world, head, items, world.registers.listings(world.items, NOW_S))
    assert code(report) == (Verdict.REFUTED, "LOG_FORKED")
    assert report.failure is not None
    heads = HeadVerifier(world.trust.keyring())
    earlier, later = (heads.verify_checkpoint(raw) for raw in report.failure.evidence)
    assert (earlier.log, earlier.size) == (later.log, later.size) == (LOG, 2)
    assert earlier.root != later.root
    assert report.as_json()["failure"]


def test_two_statements_at_one_place() -> None:
    world, head = mined()
    first, second = (world.bring_in("importer", lot("importer", Form.ORE_CONCENTRATE, 100, ORE)) for _ in range(2))
    index = world.registers.places[second.statement_id].index
    # A longer history of the same log, in which the first stands where the second does here.
    fork = forked(world)
    while fork.size < index:
        fork.append(bytes(32))
    fork.append(log_leaf(world.items[-2].statement))
    fork.append(bytes(32))
    items = [*world.items[:-2], carrying(world.items[-2], fork.receipt(index, NOW_S)), world.items[-1]]
    listings = [
        world.registers.logs[LOG].listing({0: 0, 2: 1, 5: index}, NOW_S),
        world.registers.logs[QUOTA_LOG].listing({1: 0, 3: 1}, NOW_S),
    ]
    assert first != head
    assert code(judged(world, head, items, listings)) == (Verdict.REFUTED, "LOG_FORKED")


# The head of a bundle.


def encoded(*parts: _cbor.Encodable) -> bytes:
    return _cbor.encode(list(parts))


TARGET = bytes(34)


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (encoded(1, TARGET), NotABundle),
        (encoded(3, TARGET, []), UnsupportedVersion),
        (encoded(2, TARGET, []), BadField),
        (encoded(True, TARGET, []), NotABundle),
        (encoded(1, bytes(33), []), BadField),
        (encoded(1, TARGET, {}), BadField),
        (encoded(1, TARGET, [], []), BadField),
        (encoded(1, TARGET, [[b"r"]]), BadField),
        (encoded(1, TARGET, [[b"r", []]]), BadField),
        (encoded(1, TARGET, [["r", [0]]]), BadField),
        (encoded(1, TARGET, [[b"r", [True]]]), BadField),
        (encoded(1, TARGET, [[b"r", [-1]]]), BadField),
        (encoded(1, TARGET, [[b"r", [10_000]]]), BadField),
        (encoded(1, TARGET, [[b"r", [0, 0]]]), BadField),
        (encoded(1, TARGET, [[b"r", [0]], [b"s", [0]]]), BadField),
        (encoded(1, TARGET, [[b"r", [place]] for place in range(65)]), TooLarge),
        (b"", NotABundle),
    ],
)
def test_heads_of_another_form(head: bytes, error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        bundle.read([head])


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=4), st.data())
def test_a_head_round_trips(receipts: list[bytes], data: st.DataObject) -> None:
    ordinals = data.draw(st.permutations(range(2 * len(receipts))))
    listings = tuple(
        Listing(receipt, tuple(ordinals[2 * place : 2 * place + 2])) for place, receipt in enumerate(receipts)
    )
    opened = bundle.read(bundle.write(Outpoint.decode(TARGET), [], listings))
    assert (opened.target, opened.listings, list(opened.items)) == (Outpoint.decode(TARGET), listings, [])


def test_bounds_of_a_head() -> None:
    long = Listing(bytes(bundle.HEAD_BYTES_MAX), (0,))
    for listings in ([long], [Listing(b"r", (place,)) for place in range(65)]):
        with pytest.raises(TooLarge):
            list(bundle.write(Outpoint.decode(TARGET), [], listings))
    # Of an item the bound is smaller than of a head.
    with pytest.raises(TooLarge):
        list(bundle.read([encoded(1, TARGET, []), _cbor.encode(bytes(300_000))]).items)


@given(st.integers(1, 60), st.data())
def test_a_listing_names_its_items_in_the_order_of_the_log(size: int, data: st.DataObject) -> None:
    while REGISTER.size < size:
        REGISTER.append(log_leaf(ITEM.statement))
    indexes = data.draw(st.dictionaries(st.integers(0, 99), st.integers(0, size - 1), min_size=1).filter(distinct))
    made = REGISTER.listing(indexes, NOW_S, size)
    assert [indexes[ordinal] for ordinal in made.ordinals] == sorted(indexes.values())
    found = HEADS.verify_multi_receipt(made.receipt, [log_leaf(ITEM.statement)] * len(indexes))
    assert list(found.indexes) == sorted(indexes.values())


def distinct(indexes: dict[int, int]) -> bool:
    return len(set(indexes.values())) == len(indexes)


WORLD = World.new("mine")
ITEM = WORLD.items[0]
REGISTER = Register(LOG, service("registry"), WORLD.registers.logs[LOG].key)
HEADS = HeadVerifier(WORLD.trust.keyring())


def test_two_items_at_one_index() -> None:
    with pytest.raises(ProofMismatch):
        WORLD.registers.logs[LOG].listing({0: 0, 1: 0}, NOW_S)
    head = WORLD.registers.logs[LOG].head(NOW_S)
    with pytest.raises(ProofMismatch):
        listing(head, {0: 5}, lambda _node: bytes(32))
    assert nodes_needed(1, [0]) == []
