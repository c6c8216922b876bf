"""A licence that was suspended or ended: what its log says after that is held against an intent, and only that."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import licensing
from monazite_provenance.contents import LicenceAction
from monazite_provenance.errors import LicenceNotUsable
from monazite_provenance.item import Item
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import licence_urn, log_urn
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint, parse

from tests.unit.provenance.chains import CUSTOMS, OFFICERS, SERVICE_LOGS, World, code, mined

SUSPEND, REINSTATE, REVOKE, SURRENDER = LicenceAction
ACT_ID = bytes([7]) * 16
LICENCES, OTHER_LOG = log_urn("export_license"), log_urn("export_license", 1)
TWO_LOGS = {**SERVICE_LOGS, "export_license": (LICENCES, OTHER_LOG)}


def exported(*before: LicenceAction, after: Sequence[LicenceAction] = ()) -> tuple[World, Outpoint]:
    """A lot taken out under a licence that was changed before its intent and after it."""
    world, head = mined()
    licence_id = world.licence("mine", 1_000)
    offered = world.offer_out("mine", head, licence_id)
    for action in before:
        world.change_licence(licence_id, action)
    intent = world.intent(licence_id, {offered: 1_000}, act_id=ACT_ID)
    for action in after:
        world.change_licence(licence_id, action)
    return world, world.take_out(offered, 1_000, [intent])[0]


def stands(report: LotReport) -> bool:
    """Whether nothing but absence is left unchecked."""
    return report.failure is None and set(report.gap_codes()) == {"ABSENCE"}


@pytest.mark.parametrize("action", [SUSPEND, REVOKE, SURRENDER])
def test_an_intent_behind_the_end_of_its_licence_is_refuted(action: LicenceAction) -> None:
    world, abroad = exported(action)
    assert code(world.verify(abroad)) == (Verdict.REFUTED, "LICENCE_NOT_USABLE")


@pytest.mark.parametrize("action", LicenceAction)
def test_what_stands_behind_the_intent_does_not_touch_it(action: LicenceAction) -> None:
    world, abroad = exported(after=[action])
    assert stands(world.verify(abroad))


def test_the_place_in_the_log_decides_and_not_the_order_in_the_bundle() -> None:
    def moved(world: World, last: EventKind) -> list[Item]:
        kinds = [parse(item.statement).claims.kind for item in world.items]
        at = kinds.index(EventKind.LICENCE_CHANGE)
        item, rest = world.items[at], [*world.items[:at], *world.items[at + 1 :]]
        behind = [parse(each.statement).claims.kind for each in rest].index(last)
        return [*rest[:behind], item, *rest[behind:]]

    world, abroad = exported(SUSPEND)
    hidden_behind = [*moved(world, EventKind.ACCEPT)]
    assert code(world.verify(abroad, hidden_behind)) == (Verdict.REFUTED, "LICENCE_NOT_USABLE")
    world, abroad = exported(after=[SUSPEND])
    assert stands(world.verify(abroad, moved(world, EventKind.EXPORT_INTENT)))


def test_a_suspension_that_ended_in_time() -> None:
    world, abroad = exported(SUSPEND, REINSTATE)
    assert stands(world.verify(abroad))


def test_nothing_left_under_a_voided_act() -> None:
    world, head = mined()
    licence_id = world.licence("mine", 1_000)
    offered = world.offer_out("mine", head, licence_id)
    world.change_licence(licence_id, REVOKE)
    world.intent(licence_id, {offered: 1_000}, act_id=ACT_ID)
    world.void(ACT_ID)
    assert stands(world.verify(offered))


def test_a_change_counts_without_the_licence_itself() -> None:
    world, abroad = exported(REVOKE)
    items = [item for item in world.items if parse(item.statement).claims.kind is not EventKind.LICENCE]
    assert code(world.verify(abroad, items)) == (Verdict.REFUTED, "LICENCE_NOT_USABLE")


@pytest.mark.parametrize("licence_shown", [True, False])
@pytest.mark.parametrize(("changed_in", "intended_in"), [(OTHER_LOG, LICENCES), (LICENCES, OTHER_LOG)])
def test_words_of_one_licence_in_two_logs(licence_shown: bool, changed_in: str, intended_in: str) -> None:
    world, head = mined(World.new("mine", service_logs=TWO_LOGS))
    licence_id = world.licence("mine", 1_000)
    offered = world.offer_out("mine", head, licence_id)
    world.change_licence(licence_id, REVOKE, log=changed_in)
    (abroad,) = world.take_out(offered, 1_000, [world.intent(licence_id, {offered: 1_000}, log=intended_in)])
    items = [item for item in world.items if licence_shown or parse(item.statement).statement_id != licence_id]
    assert code(world.verify(abroad, items)) == (Verdict.REFUTED, "LOG_PROBLEM")


@pytest.mark.parametrize(("second", "expected"), [(LICENCES, True), (OTHER_LOG, False)])
def test_intents_under_one_licence_in_two_logs(second: str, expected: bool) -> None:
    world, head = mined(World.new("mine", service_logs=TWO_LOGS))
    licence_id = world.licence("mine", 1_000)
    offered = world.offer_out("mine", head, licence_id)
    world.intent(licence_id, {offered: 500}, act_id=ACT_ID)
    (abroad, _back) = world.take_out(offered, 500, [world.intent(licence_id, {offered: 500}, log=second)])
    report = world.verify(abroad)
    assert stands(report) is expected
    assert expected or code(report) == (Verdict.REFUTED, "LOG_PROBLEM")


def test_of_another_licence() -> None:
    world, abroad = exported()
    other = world.licence("mine", 1_000, number="L-2")
    world.change_licence(other, REVOKE, subject_urn=licence_urn("L-2"))
    assert stands(world.verify(abroad))


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"on_behalf": OFFICERS[1]}, "STEP_NOT_ALLOWED"),
        ({"on_behalf": CUSTOMS}, "STEP_NOT_ALLOWED"),
        ({"on_behalf": None}, "STEP_NOT_ALLOWED"),
        ({"refs": []}, "BAD_FIELD"),
        ({"subject_urn": licence_urn("L-2")}, "BAD_FIELD"),
        ({"signer": "registry"}, "EVENT_NOT_ALLOWED"),
    ],
)
def test_a_change_that_is_none(claims: dict[str, object], expected: str) -> None:
    world, abroad = exported()
    licence_id = next(
        parse(item.statement).statement_id
        for item in world.items
        if parse(item.statement).claims.kind is EventKind.LICENCE
    )
    world.change_licence(licence_id, REINSTATE, **claims)
    assert code(world.verify(abroad)) == (Verdict.REFUTED, expected)


@given(st.lists(st.sampled_from([*LicenceAction, None]), max_size=12))
def test_what_makes_a_licence_usable(history: list[LicenceAction | None]) -> None:
    usable = all(
        not {REVOKE, SURRENDER} & set(before)
        and ([each for each in before if each is not None] or [REINSTATE])[-1] is REINSTATE
        for before in (history[:at] for at, each in enumerate(history) if each is None)
    )
    try:
        licensing.check_usable(history)
    except LicenceNotUsable:
        assert not usable
    else:
        assert usable
