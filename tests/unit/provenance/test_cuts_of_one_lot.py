"""Several cuts of one lot id: a lot keeps its id from hand to hand, and never lives at two heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance.contents import AcceptLine, Form
from monazite_provenance.item import Item
from monazite_provenance.places import Place
from monazite_provenance.redaction import Omission, omit
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint, log_leaf, parse

from tests.unit.provenance.chains import ORE, SHARD, World, code, enterprise, lot
from tests.unit.provenance.taken_back import PARTIES, from_cuts, only, taken_back


def refuted(world: World, target: Outpoint, items: Sequence[Item]) -> bool:
    """Because something lives twice."""
    return code(world.verify(target, items)) == (Verdict.REFUTED, "DOUBLE_SPEND")


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("latest_first", [False, True])
def test_a_lot_that_came_back_has_two_cuts(latest_first: bool, hidden: bool) -> None:
    world, heads = taken_back()
    assert world.lots[heads.first].lot_id == world.lots[heads.second].lot_id
    items = from_cuts(world, heads)
    if latest_first:
        latest = world.items[world.ids.index(heads.cuts[1])]
        items.remove(latest)
        items.insert(0, latest)
    if hidden:
        items = list(omit(items, [Omission(heads.kept.statement_id, 0)]))
    report = world.verify(heads.merged, items)
    assert report.gap_codes() == {"ABSENCE", "VOUCHED", *(("NOT_DISCLOSED",) if hidden else ())}
    assert {each.statement_id for each in report.vouched} == set(heads.cuts)
    assert [step.kind for step in report.steps] == ["OFFER", "ACCEPT", "MERGE"]


def test_beside_all_that_they_stand_for_both_stand_for_nothing() -> None:
    world, heads = taken_back()
    assert world.verify(heads.merged).gap_codes() == {"ABSENCE"}


def test_an_earlier_cut_that_nothing_spends() -> None:
    world, heads = taken_back()
    items = only(world, *heads.cuts)
    assert refuted(world, heads.second, items)
    assert refuted(world, heads.first, items)


def test_a_target_that_lives_on_behind_a_later_cut() -> None:
    world, heads = taken_back()
    items = only(world, *heads.cuts, heads.offered.statement_id, heads.kept.statement_id)
    assert world.verify(heads.returned, items).gap_codes() == {"ABSENCE", "VOUCHED"}
    assert refuted(world, heads.kept, items)


def test_an_earlier_cut_spent_behind_a_later_one() -> None:
    world, heads = taken_back()
    late = world.offer("plant", heads.first, enterprise("trader"))
    other = world.merge("plant", heads.second, *world.accept("plant", world.offer("trader", late, enterprise("plant"))))
    assert other
    assert refuted(world, late, only(world, *heads.cuts, late.statement_id))


def test_an_earlier_head_spent_behind_a_later_cut() -> None:
    world, heads = taken_back()
    part = world.split("trader", heads.kept, 500, 1_000)[0]
    items = only(world, *heads.cuts, heads.offered.statement_id, heads.kept.statement_id, part.statement_id)
    assert refuted(world, part, items)
    # Behind a birth and one cut too.
    whole = only(world, heads.first.statement_id, *(parse(each.statement).statement_id for each in items))
    assert refuted(world, part, whole)


def test_a_lot_born_behind_a_cut_of_it_that_is_spent() -> None:
    world, heads = taken_back()
    again = world.bring_in("plant", world.lots[heads.first])
    items = only(world, heads.cuts[0], heads.offered.statement_id, again.statement_id)
    assert refuted(world, again, items)


@pytest.mark.parametrize("from_birth", [False, True])
def test_a_lot_that_ended_before_a_later_cut(from_birth: bool) -> None:
    world = World.new(*PARTIES)
    head = world.bring_in("plant", lot("plant", Form.ORE_CONCENTRATE, 1_000, ORE))
    begun = head.statement_id if from_birth else world.cut(head)
    part = world.split("plant", head, 400, 600)[0]
    # The registry's word against its own: another head of the lot that was split.
    again = world.bring_in("plant", world.lots[head])
    cut_id = world.cut(again)
    merged = world.merge("plant", part, again)
    assert refuted(world, merged, only(world, begun, part.statement_id, cut_id, merged.statement_id))


def test_a_cut_of_a_head_that_was_spent() -> None:
    world, heads = taken_back()
    late = world.cut(heads.first)
    early, late_cut = (world.items[world.ids.index(each)] for each in (heads.cuts[0], late))
    keys, steps = only(world), only(world, heads.offered.statement_id, heads.kept.statement_id)[len(only(world)) :]
    assert world.verify(heads.returned, [*keys, early, *steps]).vouched
    for cuts in ([late_cut], [early, late_cut], [late_cut, early]):
        assert refuted(world, heads.returned, [*keys, *cuts, *steps])


@pytest.mark.parametrize("latest_first", [False, True])
def test_of_two_cuts_of_one_head_the_earlier_says_since_when_it_lives(latest_first: bool) -> None:
    world, heads = taken_back()
    late = world.offer("trader", heads.kept, enterprise("plant"))
    world.accept("plant", late)
    again = world.cut(heads.second)
    merged = world.merge("plant", heads.second, heads.returned)
    ids = [heads.offered.statement_id, heads.kept.statement_id, merged.statement_id, heads.cuts[0], again]
    # But for the earlier cut, what is offered late could be an earlier head.
    assert world.verify(merged, only(world, *ids, late.statement_id)).vouched
    items = only(world, *ids, heads.cuts[1], late.statement_id)
    if latest_first:
        latest = world.items[world.ids.index(again)]
        items.remove(latest)
        items.insert(0, latest)
    assert refuted(world, merged, items)


def test_cuts_of_one_lot_in_two_logs() -> None:
    world, heads = taken_back()
    shard = world.registers.logs[SHARD]
    for number in range(50):
        shard.append(bytes([number]) * 32)
    abroad = world.bring_in("plant", world.lots[heads.first]._replace(home_log=SHARD))
    cut_id = world.cut(abroad)
    world.registers.places[cut_id] = Place(SHARD, shard.append(log_leaf(world.items[-1].statement)))
    assert world.verify(abroad, only(world, cut_id)).vouched
    assert refuted(world, abroad, only(world, heads.cuts[0], heads.offered.statement_id, cut_id))


@st.composite
def travels(draw: st.DrawFn) -> list[tuple[bool, int]]:
    """For each time that a lot changes hands: is it cut there, and how much of it is sent back at once."""
    return draw(st.lists(st.tuples(st.booleans(), st.integers(0, 99)), min_size=1, max_size=6))


def walked(world: World, target: Outpoint, cuts: dict[Outpoint, bytes]) -> Iterator[bytes]:
    """From the target backwards, past no head with a cut: all statements on the way, and these cuts: what goes into a
    bundle that begins at the last cuts.
    """
    stack, seen = [target], set[Outpoint]()
    claims = {each: parse(item.statement).claims for item, each in zip(world.items, world.ids, strict=True)}
    while stack:
        head = stack.pop()
        if head in seen:
            continue
        seen.add(head)
        if head in cuts:
            yield cuts[head]
        else:
            yield head.statement_id
            stack += claims[head.statement_id].spends


@settings(max_examples=25, deadline=None)
@given(travels())
def test_what_truly_happened_is_never_refuted(travel: list[tuple[bool, int]]) -> None:
    world = World.new(*PARTIES)
    head = world.bring_in("plant", lot("plant", Form.ORE_CONCENTRATE, 2_000, ORE))
    cuts = {head: world.cut(head)}
    returned: list[Outpoint] = []
    shipper, receiver = PARTIES
    for is_cut, back_g in travel:
        offered = world.offer(shipper, head, enterprise(receiver))
        whole_g = world.lots[offered].gross_g
        line = AcceptLine(whole_g - back_g, back_g, 0, "PART" if back_g else "")
        head, *others = world.accept(receiver, offered, line)
        returned += [world.hand_over(shipper, "smelter", each) for each in others]
        if is_cut:
            cuts[head] = world.cut(head)
        shipper, receiver = receiver, shipper
    last = world.hand_over(shipper, "smelter", head)
    target = world.merge("smelter", last, *returned) if returned else last
    ids = set(walked(world, target, cuts))
    report = world.verify(target, only(world, *ids))
    assert report.gap_codes() == {"ABSENCE", "VOUCHED"}
    standing = {cut_id for outpoint, cut_id in cuts.items() if outpoint.statement_id not in ids}
    assert {each.statement_id for each in report.vouched} == ids & standing
    assert world.verify(target).gap_codes() == {"ABSENCE"}
