"""The whole story verifies, and every attack on it is met with its own code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import bundle, lot_ids, trust
from monazite_provenance.chain import verify_bundle
from monazite_provenance.conservation import apportion
from monazite_provenance.contents import (
    AcceptLine,
    CustodyModel,
    Draw,
    Form,
    LogRange,
    OfferDetails,
    QuotaKind,
    RegisterDetails,
    RightClosedDetails,
    SplitDetails,
    TransformDetails,
    encode,
)
from monazite_provenance.contents.details import DepositType, Mined
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import Item, Opening
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import log_urn, right_urn
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint, parse

from tests.unit.provenance.chains import (
    AT_S,
    DOMAIN,
    NOW_S,
    ORE,
    ROOTS,
    World,
    code,
    enterprise,
    lot,
    scaled,
    service,
    tell,
)

MINED = Mined("Bayan Obo", "C100", DepositType.ROCK)
STORY = tell()
BUNDLE = STORY.world.encode(STORY.abroad)
GAPS = {"ABSENCE"}


def check(raw: bytes, world: World = STORY.world) -> LotReport:
    return verify_bundle([raw], world.trust, at=AT_S)


def with_items(items: list[Item], target: Outpoint = STORY.abroad, world: World = STORY.world) -> LotReport:
    return world.verify(target, items)


# The story


def test_the_story_verifies_but_for_what_a_bundle_cannot_show() -> None:
    report = check(BUNDLE)
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert report.gap_codes() == GAPS
    assert report.failure is None
    assert report.target == STORY.world.lots[STORY.abroad]
    assert [step.kind for step in report.steps][:2] == ["REGISTER", "REGISTER"]
    assert {step.on_behalf for step in report.steps} == {True, False}
    assert [each.finding.code for each in report.findings] == ["SHORTAGE"]
    with pytest.raises(TypeError):
        bool(report)


def test_the_steps_of_a_report_are_as_their_tuple() -> None:
    steps, again = check(BUNDLE).steps, check(BUNDLE).steps
    assert steps == again == tuple(again)
    assert hash(steps) == hash(again)
    assert steps != tuple(again)[1:]
    expected = tuple(again)
    assert (steps[0], steps[-2:], len(steps)) == (expected[0], expected[-2:], len(expected))
    assert repr(steps) == repr(expected)


def test_origins_add_up_to_the_target() -> None:
    report = check(BUNDLE)
    assert report.target is not None
    assert {element: sum(parts.values()) for element, parts in report.origins.items()} == report.target.element_masses()
    assert all(len(parts) == 2 for parts in report.origins.values())


@pytest.mark.parametrize("target", [STORY.returned, STORY.separation[1], STORY.separation[2]])
def test_other_heads_of_the_same_bundle(target: Outpoint) -> None:
    report = STORY.world.verify(target)
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert report.gap_codes() == GAPS
    assert report.target == STORY.world.lots[target]
    assert all(step.statement_id in STORY.world.ids for step in report.steps)


@pytest.mark.parametrize("size", [1, 7, 1_000, 10**6])
def test_pieces_may_be_cut_anywhere(size: int) -> None:
    pieces = (BUNDLE[start : start + size] for start in range(0, len(BUNDLE), size))
    report = verify_bundle(pieces, STORY.world.trust, at=AT_S)
    assert report == check(BUNDLE)


def test_a_lot_split_and_merged_is_the_same_lot() -> None:
    world = World.new("mine")
    mined = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    first, second, third = world.split("mine", mined, 333, 333, 334)
    whole = world.merge("mine", first, second, third)
    report = world.verify(whole)
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert world.lots[whole].rows == world.lots[mined].rows
    assert len(report.steps) == 3


def test_a_long_history_is_walked_without_recursion() -> None:
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    for _ in range(100):
        parts = world.split("mine", head, 500, 500)
        head = world.merge("mine", *parts)
    assert world.verify(head).verdict is Verdict.VERIFIED_WITH_GAPS


def test_a_history_past_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monazite_provenance._graph.DEPTH_MAX", 5)
    assert code(check(BUNDLE)) == (Verdict.CANNOT_TELL, "CHAIN_TOO_LONG")


# Bytes


def test_a_forged_signature() -> None:
    items = list(STORY.world.items)
    raw = items[5].statement
    items[5] = replace(items[5], statement=raw[:-1] + bytes((raw[-1] ^ 1,)))
    report = with_items(items)
    assert code(report) == (Verdict.REFUTED, "BAD_SIGNATURE")
    assert report.failure is not None
    assert report.failure.statement_id == STORY.world.ids[5]


@given(st.data())
@settings(max_examples=60)
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(BUNDLE) - 1))
    changed = BUNDLE[:place] + bytes((BUNDLE[place] ^ data.draw(st.integers(1, 255)),)) + BUNDLE[place + 1 :]
    try:
        report = check(changed)
    except ProvenanceError:
        return
    if report.verdict in (Verdict.VERIFIED, Verdict.VERIFIED_WITH_GAPS):
        # Nothing but the target in the head of a bundle is unsigned: another head of the same history is no lie.
        assert report.outpoint != STORY.abroad


@given(st.binary(max_size=300))
def test_any_bytes_give_a_provenance_error(raw: bytes) -> None:
    with pytest.raises(ProvenanceError):
        check(raw)


@given(st.binary(min_size=1, max_size=300))
def test_anything_behind_a_bundle_gives_a_provenance_error(raw: bytes) -> None:
    with pytest.raises(ProvenanceError):
        check(BUNDLE + raw)


def index_of(kind: EventKind) -> int:
    return next(place for place, item in enumerate(STORY.world.items) if parse(item.statement).claims.kind is kind)


def test_an_opening_altered() -> None:
    place = index_of(EventKind.TRANSFORM)
    items = list(STORY.world.items)
    content = STORY.world.lots[STORY.separation[0]]._replace(site="elsewhere")
    openings = {**items[place].openings, 0: Opening(items[place].openings[0].salt, encode(content))}
    items[place] = replace(items[place], openings=openings)
    report = with_items(items)
    assert code(report) == (Verdict.REFUTED, "OPENING_MISMATCH")
    assert report.failure is not None
    assert report.failure.statement_id == STORY.world.ids[place]


@pytest.mark.parametrize("kind", [EventKind.REGISTER, EventKind.OFFER, EventKind.TRANSFORM])
def test_a_parent_removed(kind: EventKind) -> None:
    items = list(STORY.world.items)
    del items[index_of(kind)]
    assert code(with_items(items)) == (Verdict.REFUTED, "MISSING_PARENT")


def test_a_bundle_in_the_wrong_order() -> None:
    items = list(STORY.world.items)
    items[-1], items[-3] = items[-3], items[-1]
    assert code(with_items(items)) == (Verdict.REFUTED, "MISSING_PARENT")


def test_a_statement_twice() -> None:
    assert code(with_items([*STORY.world.items, STORY.world.items[-1]])) == (Verdict.REFUTED, "BAD_FIELD")


def test_a_target_that_is_spent_or_not_there() -> None:
    assert code(STORY.world.verify(STORY.mined)) == (Verdict.REFUTED, "DOUBLE_SPEND")
    for target in (Outpoint(bytes(32), 0), Outpoint(STORY.abroad.statement_id, 7)):
        assert code(STORY.world.verify(target)) == (Verdict.REFUTED, "MISSING_PARENT")


def test_too_many_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"".join(bundle.write(STORY.abroad, STORY.world.items))
    monkeypatch.setattr("monazite_provenance.bundle.PAGE_STATEMENTS_MAX", 5)
    with pytest.raises(ProvenanceError) as caught:
        check(raw)
    assert caught.value.code == "TOO_MANY_PARENTS"


# Matter, custody, rights: each attack builds on a fresh world and gives the target


def fresh() -> tuple[World, Outpoint]:
    """A mine that signs for itself, with one lot of 1 kg."""
    world = World.new("mine")
    return world, world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))


def double_spend() -> tuple[World, Outpoint]:
    world, mined = fresh()
    first = world.offer("mine", mined, enterprise("plant"))
    world.offer("mine", mined, enterprise("maker"))
    return world, first


def two_births() -> tuple[World, Outpoint]:
    world, mined = fresh()
    again = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)._replace(lot_id=world.lots[mined].lot_id)
    return world, world.mine("mine", again)


def remainder_born_twice() -> tuple[World, Outpoint]:
    world, mined = fresh()
    taken = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    world.mine("mine", taken)
    offered = world.offer("mine", mined, enterprise("plant"))
    world.items.pop()
    content = world.lots[offered]._replace(remainder_lot_id=taken.lot_id)
    (offered,) = world.step(EventKind.OFFER, "mine", OfferDetails("w"), [content], [mined])
    return world, world.accept("plant", offered, AcceptLine(500, 500, 0, "PART"))[0]


def out_of_nothing() -> tuple[World, Outpoint]:
    world, mined = fresh()
    rich = lot("mine", Form.SEPARATED_COMPOUND, 1_000, {**scaled(ORE, 98, 100), "Dy": 9_000})
    return world, world.step(EventKind.TRANSFORM, "mine", TransformDetails("x"), [rich], [mined])[0]


def wrong_holder() -> tuple[World, Outpoint]:
    world, mined = fresh()
    whole = world.lots[mined]
    parts = [part.fill(whole)._replace(lot_id=lot_ids.new()) for part in apportion(whole, (500, 500))]
    return world, world.step(EventKind.SPLIT, "thief", SplitDetails(), parts, [mined])[0]


def stranger_accepts() -> tuple[World, Outpoint]:
    world, mined = fresh()
    offered = world.offer("mine", mined, enterprise("plant"))
    return world, world.accept("thief", offered)[0]


def over_the_right_in_parts() -> tuple[World, Outpoint]:
    world = World.new()
    first, second = (lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE) for _ in range(2))
    right_id = world.right("mine", QuotaKind.MINING_ROCK, first.reo_mg + 1)
    for content in (first, second):
        details = RegisterDetails(MINED, (Draw(right_id, content.reo_mg),))
        (head,) = world.step(EventKind.REGISTER, "mine", details, [content], refs=[right_id])
        world.settle(right_id, head.statement_id, content.reo_mg)
    return world, head


def _draw(kind: QuotaKind, holder: str, *, named: bool = True) -> tuple[World, Outpoint]:
    world = World.new()
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    right_id = world.right(holder, kind, content.reo_mg)
    details = RegisterDetails(MINED, (Draw(right_id, content.reo_mg),))
    return world, world.step(EventKind.REGISTER, "mine", details, [content], refs=[right_id] if named else [])[0]


def right_of_another_kind() -> tuple[World, Outpoint]:
    return _draw(QuotaKind.SMELTING_SEPARATION, "mine")


def right_of_another() -> tuple[World, Outpoint]:
    return _draw(QuotaKind.MINING_ROCK, "plant")


def right_not_named() -> tuple[World, Outpoint]:
    return _draw(QuotaKind.MINING_ROCK, "mine", named=False)


def right_not_there() -> tuple[World, Outpoint]:
    world, head = _draw(QuotaKind.MINING_ROCK, "mine")
    del world.items[-2]
    return world, head


def drawn_after_close() -> tuple[World, Outpoint]:
    world, head = _draw(QuotaKind.MINING_ROCK, "mine")
    right_id = world.ids[-2]
    details = RightClosedDetails(right_id, world.lots[head].reo_mg - 1, "RELEASED")
    world.sign(EventKind.RIGHT_CLOSED, right_urn(right_id), details, signer="registry", refs=[right_id])
    return world, head


def registry_makes_quota() -> tuple[World, Outpoint]:
    world, mined = fresh()
    world.right("mine", QuotaKind.MINING_ROCK, 1, signer="registry")
    return world, mined


def stolen_registry_key_certifies_a_quota_key() -> tuple[World, Outpoint]:
    world, mined = fresh()
    thief = SoftwareKey.generate()
    proof = trust.prove_possession(thief, service("quota"))
    details = trust.service_key_details(DOMAIN, "quota", thief.public, proof, [LogRange(log_urn("quota"), 0)])
    registry = world.keys["registry"]
    draft = trust.draft_keys(details, registry=service("registry"), key=registry.public, issued_at=NOW_S)
    world.add(draft.sign(registry))
    return world, mined


def enterprise_certifies_a_key() -> tuple[World, Outpoint]:
    world, mined = fresh()
    thief = SoftwareKey.generate()
    details = trust.enterprise_key_details(
        enterprise("x"), thief.public, trust.prove_possession(thief, enterprise("x"))
    )
    mine = world.keys["mine"]
    world.add(trust.draft_keys(details, registry=enterprise("mine"), key=mine.public, issued_at=NOW_S).sign(mine))
    return world, mined


def quota_acts_for_an_enterprise() -> tuple[World, Outpoint]:
    world, mined = fresh()
    whole = world.lots[mined]
    outpoints = world.sign(
        EventKind.SPLIT,
        f"urn:monazite:lot:{whole.lot_id}",
        SplitDetails(),
        signer="quota",
        outputs=[whole, whole],
        spends=[mined],
        on_behalf=enterprise("mine"),
    )
    return world, outpoints[0]


def registry_acts_for_nobody() -> tuple[World, Outpoint]:
    world, mined = fresh()
    whole = world.lots[mined]
    outpoints = world.sign(
        EventKind.SPLIT,
        f"urn:monazite:lot:{whole.lot_id}",
        SplitDetails(),
        signer="registry",
        outputs=[whole, whole],
        spends=[mined],
    )
    return world, outpoints[0]


def another_subject() -> tuple[World, Outpoint]:
    world = World.new()
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    (head,) = world.sign(
        EventKind.REGISTER,
        f"urn:monazite:lot:{lot_ids.new()}",
        RegisterDetails(MINED),
        signer="registry",
        outputs=[content],
        on_behalf=enterprise("mine"),
    )
    return world, head


def stricter_model() -> tuple[World, Outpoint]:
    world, mined = fresh()
    pure = lot("mine", Form.SEPARATED_COMPOUND, 1_000, scaled(ORE, 99, 100), CustodyModel.IDENTITY_PRESERVED)
    return world, world.step(EventKind.TRANSFORM, "mine", TransformDetails("x"), [pure], [mined])[0]


def more_leaves_than_the_intent() -> tuple[World, Outpoint]:
    world, mined = fresh()
    return world, world.export("mine", mined, 400, intent_g=399)[0]


def export_without_intent() -> tuple[World, Outpoint]:
    world, mined = fresh()
    heads = world.export("mine", mined, 400)
    offered = next(outpoint for outpoint in world.lots if outpoint.statement_id == world.ids[-3])
    del world.items[-2:]
    assert heads
    return world, world.take_out(offered, 400, [])[0]


def intent_not_in_the_bundle() -> tuple[World, Outpoint]:
    world, mined = fresh()
    heads = world.export("mine", mined, 400)
    del world.items[-2]
    return world, heads[0]


def settled_twice() -> tuple[World, Outpoint]:
    world, mined = fresh()
    details = world.lots[mined]
    right_id = world.ids[1]
    world.settle(right_id, mined.statement_id, details.reo_mg - 1)
    return world, mined


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (double_spend, "DOUBLE_SPEND"),
        (two_births, "DOUBLE_SPEND"),
        (remainder_born_twice, "DOUBLE_SPEND"),
        (out_of_nothing, "MASS_NOT_CONSERVED"),
        (wrong_holder, "NOT_HOLDER"),
        (stranger_accepts, "NOT_HOLDER"),
        (over_the_right_in_parts, "RIGHT_EXCEEDED"),
        (right_of_another_kind, "STEP_NOT_ALLOWED"),
        (right_of_another, "NOT_HOLDER"),
        (right_not_named, "RIGHT_MISSING"),
        (right_not_there, "RIGHT_MISSING"),
        (drawn_after_close, "RIGHT_EXCEEDED"),
        (registry_makes_quota, "EVENT_NOT_ALLOWED"),
        (stolen_registry_key_certifies_a_quota_key, "EVENT_NOT_ALLOWED"),
        (enterprise_certifies_a_key, "EVENT_NOT_ALLOWED"),
        (quota_acts_for_an_enterprise, "EVENT_NOT_ALLOWED"),
        (registry_acts_for_nobody, "EVENT_NOT_ALLOWED"),
        (another_subject, "BAD_FIELD"),
        (stricter_model, "CUSTODY_MODEL_LOOSENED"),
        (more_leaves_than_the_intent, "STEP_NOT_ALLOWED"),
        (export_without_intent, "STEP_NOT_ALLOWED"),
        (intent_not_in_the_bundle, "MISSING_PARENT"),
        (settled_twice, "STEP_NOT_ALLOWED"),
    ],
)
def test_an_attack_is_refuted(attack: Callable[[], tuple[World, Outpoint]], expected: str) -> None:
    world, target = attack()
    assert code(world.verify(target)) == (Verdict.REFUTED, expected)


# Gaps


def test_an_unsettled_right_is_a_gap() -> None:
    world = World.new()
    content = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
    report = world.verify(world.mine("mine", content, settle=False))
    assert report.verdict is Verdict.VERIFIED_WITH_GAPS
    assert report.gap_codes() == GAPS | {"UNSETTLED_RIGHT"}


def test_uncovered_quota_is_a_gap_and_a_finding() -> None:
    world = World.new()
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE), draw_mg=5)
    report = world.verify(head)
    assert report.gap_codes() == GAPS | {"QUOTA_NOT_COVERED"}
    assert [each.finding.code for each in report.findings] == ["QUOTA_NOT_COVERED"]


def test_gaps_of_a_stranger_are_not_the_targets() -> None:
    world, mined = fresh()
    world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE), draw_mg=5, settle=False)
    report = world.verify(mined)
    assert report.gap_codes() == GAPS
    assert len(report.steps) == 1


# Keys


def test_an_unknown_key_is_not_a_bad_signature() -> None:
    items = STORY.world.items[1:]
    assert code(with_items(items)) == (Verdict.CANNOT_TELL, "UNKNOWN_KEY")
    assert code(check(BUNDLE, World.new())) == (Verdict.CANNOT_TELL, "UNKNOWN_KEY")


def test_the_story_of_another_domain_is_not_ours() -> None:
    other = trust.new("other.example", [root.public for root in ROOTS], threshold=2)
    report = verify_bundle([BUNDLE], other, at=AT_S)
    assert code(report) == (Verdict.CANNOT_TELL, "UNKNOWN_KEY")
