"""Bundles that begin at a cut: the registry's word in place of what is behind it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from monazite_provenance.contents import Form, LotContent
from monazite_provenance.item import Item
from monazite_provenance.names import lot_urn
from monazite_provenance.report import Verdict
from monazite_provenance.settings import DEFAULT_SETTINGS, RuleSettings
from monazite_provenance.statement import Outpoint, parse

from tests.unit.provenance.chains import LOG, NOW_S, ORE, SHARD, World, code, lot

RULES = DEFAULT_SETTINGS.policy_hash


def cut() -> tuple[World, Outpoint, bytes]:
    """A mine's lot, and the registry's cut on it."""
    world = World.new("mine")
    head = world.mine("mine", lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE))
    return world, head, world.cut(head)


def from_cut(world: World, cut_id: bytes) -> list[Item]:
    """The items that a bundle needs which begins there."""
    place = world.ids.index(cut_id)
    return [world.items[0], *world.items[place:]]


def test_a_history_may_begin_at_a_cut() -> None:
    world, head, cut_id = cut()
    first, second = world.split("mine", head, 400, 600)
    items = from_cut(world, cut_id)
    report = world.verify(first, items)
    assert report.gap_codes() == {"ABSENCE", "VOUCHED"}
    assert [step.kind for step in report.steps] == ["SPLIT"]
    (vouched,) = report.vouched
    assert (vouched.statement_id, vouched.lot.outpoint, vouched.findings, vouched.same_rules) == (
        cut_id,
        head,
        (),
        True,
    )
    assert {name for shares in report.origins.values() for name in shares} == {"mine X"}
    shown = report.as_json()["vouched"]
    assert isinstance(shown, list)
    assert shown
    assert world.verify(second, items).vouched == report.vouched


def test_a_cut_may_be_all_there_is() -> None:
    world, head, cut_id = cut()
    report = world.verify(head, from_cut(world, cut_id)[1:])
    assert report.gap_codes() == {"ABSENCE", "VOUCHED"}
    assert (report.steps, report.target) == ((), world.lots[head])
    status = world.verify(head, [world.items[-1], world.status(head)])
    assert status.gap_codes() == {"VOUCHED", "INCOMPLETE"}


def test_a_cut_among_what_it_stands_for_changes_nothing() -> None:
    world, head, _ = cut()
    report = world.verify(head)
    assert report.gap_codes() == {"ABSENCE"}
    assert (report.vouched, len(report.steps)) == ((), 1)
    offered = world.split("mine", head, 400, 600)[0]
    world.cut(head)
    assert world.verify(offered).gap_codes() == {"ABSENCE"}


def test_a_cut_that_another_lot_rests_on_is_not_the_targets() -> None:
    world, head, cut_id = cut()
    other = world.bring_in("mine", lot("mine", Form.ORE_CONCENTRATE, 100, ORE))
    assert world.verify(other, from_cut(world, cut_id)).vouched == ()
    merged = world.merge("mine", other, head)
    assert [each.statement_id for each in world.verify(merged, from_cut(world, cut_id)).vouched] == [cut_id]


def test_origins_that_were_not_traced() -> None:
    world, head, _ = cut()
    cut_id = world.cut(head, origins=())
    report = world.verify(head, from_cut(world, cut_id))
    assert report.gap_codes() == {"ABSENCE", "VOUCHED", "ORIGINS_NOT_TRACED"}
    assert report.origins == {}


def test_other_rules_and_findings_are_shown() -> None:
    world, head, _ = cut()
    cut_id = world.cut(head, policy_hash=RuleSettings(version="other").policy_hash, findings=("SHORTAGE",))
    (vouched,) = world.verify(head, from_cut(world, cut_id)).vouched
    assert (vouched.same_rules, vouched.findings) == (False, ("SHORTAGE",))


def test_the_rules_of_a_verifier_have_a_hash_of_their_own() -> None:
    changed = [
        replace(DEFAULT_SETTINGS, version="x"),
        replace(DEFAULT_SETTINGS, find_at=DEFAULT_SETTINGS.refuse_at),
        replace(DEFAULT_SETTINGS, mined_forms=frozenset()),
        replace(DEFAULT_SETTINGS, recycled_forms=frozenset()),
        replace(DEFAULT_SETTINGS, metered_feeds=frozenset()),
        replace(DEFAULT_SETTINGS, inputs_max=1),
        replace(DEFAULT_SETTINGS, outputs_max=1),
    ]
    assert len({RULES, *(each.policy_hash for each in changed)}) == len(changed) + 1


# What a cut may not say.


def another(content: LotContent) -> LotContent:
    return content._replace(site="elsewhere")


def test_a_cut_that_says_something_else_than_the_bundle_shows() -> None:
    world, head, _ = cut()
    world.cut(head, lot=another(world.lots[head]))
    assert code(world.verify(head)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")
    world, head, _ = cut()
    world.cut(head, lot=another(world.lots[head]))
    assert code(world.verify(head, world.items[-2:])) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")
    # The same twice is no contradiction.
    world, head, _ = cut()
    world.cut(head)
    assert len(world.verify(head, world.items[-2:]).vouched) == 1


def test_a_cut_of_an_output_that_its_statement_does_not_have() -> None:
    world, head, _ = cut()
    world.cut(head, outpoint=Outpoint(head.statement_id, 1))
    assert code(world.verify(head)) == (Verdict.REFUTED, "STEP_NOT_ALLOWED")


def test_a_cut_of_one_lot_under_two_outpoints() -> None:
    world, head, cut_id = cut()
    other = world.cut(world.bring_in("mine", world.lots[head]))
    items = [world.items[world.ids.index(each)] for each in (cut_id, other)]
    assert code(world.verify(head, items)) == (Verdict.REFUTED, "DOUBLE_SPEND")


def test_a_cut_behind_what_it_stands_for_comes_in_order() -> None:
    world, head, _ = cut()
    world.items.insert(0, world.items.pop())
    assert code(world.verify(head)) == (Verdict.REFUTED, "MISSING_PARENT")


def test_a_cut_of_another_log_or_moment() -> None:
    world, head, _ = cut()
    registers = world.registers.logs
    late = registers[LOG].size + 1
    registers[LOG].append(bytes(32))
    registers[LOG].append(bytes(32))
    good = registers[LOG].head(NOW_S, registers[LOG].size).checkpoint()
    assert late
    for bad, expected in (
        (registers[SHARD].head(NOW_S).checkpoint(), (Verdict.REFUTED, "LOG_PROBLEM")),
        (b"\x00", (Verdict.REFUTED, "BAD_FIELD")),
    ):
        cut_id = world.cut(head, checkpoint=bad)
        assert code(world.verify(head, from_cut(world, cut_id))) == expected
    cut_id = world.cut(head, checkpoint=good)
    assert world.verify(head, from_cut(world, cut_id)).vouched
    # A checkpoint of what came after it.
    early = world.ids[-1]
    registers[LOG].append(bytes(32))
    world.cut(head, checkpoint=registers[LOG].head(NOW_S).checkpoint())
    place = world.registers.places[world.ids[-1]]
    world.registers.places[world.ids[-1]] = world.registers.places[early]._replace(index=place.index)
    assert world.verify(head, from_cut(world, world.ids[-1])).vouched


def test_a_cut_whose_subject_is_another_lot() -> None:
    world, head, _ = cut()
    wrong = another(world.lots[head])._replace(lot_id=world.lots[head].lot_id + "X")
    world.cut(head, lot=wrong)
    assert parse(world.items[-1].statement).claims.subject == lot_urn(world.lots[head].lot_id)
    assert code(world.verify(head, [world.items[-1]])) == (Verdict.REFUTED, "BAD_FIELD")


@pytest.mark.parametrize("home", [SHARD, "anywhere"])
def test_a_cut_of_a_lot_that_lives_elsewhere(home: str) -> None:
    world, head, _ = cut()
    world.cut(head, lot=world.lots[head]._replace(home_log=home))
    assert code(world.verify(head, [world.items[-1]])) == (Verdict.REFUTED, "LOG_PROBLEM")
