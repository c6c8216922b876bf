"""What one write may do to the rows, and that the second of two in a batch is decided on what the first left."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given
from monazite_provenance.contents import CustodyState
from monazite_provenance.names import SpiffeId, log_urn
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Error
from services.registry.domain.admission import Terms, admit
from services.registry.domain.change import (
    Change,
    ExportEnd,
    IssueNames,
    ListEnterprise,
    LockAct,
    Name,
    NameUse,
    PlaceCut,
    PlaceHold,
    ReleaseHold,
    Spend,
    Step,
    VoidAct,
)
from services.registry.domain.records import (
    Activity,
    ActState,
    EnterpriseRow,
    HeadRow,
    HoldRow,
    NameRow,
    NameState,
    Rows,
)
from services.registry.domain.refusals import Moved, exists

TERMS = Terms(log_urn("registry"), 100)
HOLDER = "spiffe://monazite.example/enterprise/a"
HEAD = Outpoint(b"p" * 32, 0)
ACT = b"a" * 16


def rows(*, holds: tuple[str, ...] = (), act_id: bytes | None = None) -> Rows:
    """One enterprise with one lot and two ids."""
    found = Rows()
    found.enterprises["a"] = EnterpriseRow("a", frozenset({"MINE"}))
    found.names["L1"] = NameRow("L1", "a", NameState.BORN, HEAD)
    found.names["L2"] = NameRow("L2", "a", NameState.ISSUED)
    found.names["L3"] = NameRow("L3", "b", NameState.ISSUED)
    found.heads[HEAD] = HeadRow(HEAD, "L1", HOLDER, None, CustodyState.HELD, None, holds, act_id)
    return found


def step(
    *names: Name,
    unlocks: bytes | None = None,
    act: ExportEnd | None = None,
    activities: frozenset[Activity] = frozenset(),
    on_behalf: bool = True,
) -> Step:
    """A step of `a` that spends its lot."""
    return Step("a", HOLDER, on_behalf, activities, (Spend(HEAD, "L1", unlocks),), names, act=act)


def refusal(change: Change, found: Rows) -> Error:
    """What refuses it."""
    with pytest.raises(Error) as refused:
        admit(change, found, b"s" * 32, TERMS)
    return refused.value


def test_a_step_spends_and_bears() -> None:
    changed = admit(step(Name("L2", NameUse.BEAR, 0)), rows(), b"s" * 32, TERMS)
    assert changed.heads[HEAD].spent_by == b"s" * 32
    assert changed.names["L2"] == NameRow("L2", "a", NameState.BORN, Outpoint(b"s" * 32, 0))


def test_of_two_in_a_batch_the_second_is_stale() -> None:
    found = rows()
    found.merge(admit(step(), found, b"s" * 32, TERMS))
    refused = refusal(step(), found)
    assert refused.reason == "STALE"
    assert refused.metadata["spent_by"] == (b"s" * 32).hex()


@pytest.mark.parametrize(
    ("change", "found", "reason"),
    [
        (step(), rows(holds=("PAPERS",)), "LOT_HELD"),
        (step(), rows(act_id=ACT), "EXPORT_LOCKED"),
        (step(), Rows(enterprises=rows().enterprises), "NOT_FOUND"),
        (step(), Rows(), "ENTERPRISE_NOT_LISTED"),
        (step(activities=frozenset({Activity.SEPARATE})), rows(), "ENTERPRISE_NOT_LISTED"),
        (step(Name("L1", NameUse.BEAR, 0)), rows(), "LOT_ID_USED"),
        (step(Name("L3", NameUse.BEAR, 0)), rows(), "LOT_ID_UNKNOWN"),
        (step(Name("L4", NameUse.RESERVE)), rows(), "LOT_ID_UNKNOWN"),
        (step(Name("L2", NameUse.BEAR_RESERVED, 0)), rows(), "LOT_ID_USED"),
        (PlaceHold("L1", HEAD, "PAPERS"), rows(holds=("PAPERS",)), "ALREADY_EXISTS"),
        (PlaceCut("L1", HEAD), rows(holds=("PAPERS",)), "LOT_HELD"),
        (PlaceCut("L1", HEAD), Rows(), "NOT_FOUND"),
        (LockAct(ACT, b"l" * 32, (HEAD,)), rows(holds=("PAPERS",)), "LOT_HELD"),
        (LockAct(ACT, b"l" * 32, (HEAD,)), rows(act_id=b"o" * 16), "EXPORT_LOCKED"),
        (ListEnterprise("a", HOLDER, "A", frozenset(), "li"), rows(), "ALREADY_EXISTS"),
    ],
)
def test_what_is_refused(change: Change, found: Rows, reason: str) -> None:
    assert refusal(change, found).reason == reason


@pytest.mark.parametrize("what", ["enterprise", "hold", "key"])
def test_what_is_there_already_is_said_without_an_article(what: str) -> None:
    assert exists(what, "name").message == f"this {what} is there already"


def test_a_release_ends_the_hold_that_it_names_and_no_other() -> None:
    found = rows(holds=("PAPERS", "WEIGHT"))
    found.holds[b"h" * 32] = HoldRow(b"h" * 32, HEAD, "PAPERS")
    release = ReleaseHold("L1", HEAD, "PAPERS", b"h" * 32)
    changed = admit(release, found, b"r" * 32, TERMS)
    assert changed.heads[HEAD].holds == ("WEIGHT",)
    assert changed.holds[b"h" * 32].released_by == b"r" * 32
    found.merge(changed)
    # The same reason again, by another hold: a release of the first must not end it.
    found.merge(admit(PlaceHold("L1", HEAD, "PAPERS"), found, b"g" * 32, TERMS))
    assert isinstance(refusal(release, found), Moved)
    assert isinstance(refusal(ReleaseHold("L1", HEAD, "PAPERS", b"n" * 32), found), Moved)


@given(st.lists(st.sampled_from(["cut", "hold", "release", "spend"]), max_size=8))
def test_a_head_is_cut_once_and_only_while_nobody_has_spent_or_held_it(tries: list[str]) -> None:
    found = rows()
    found.holds[b"h" * 32] = HoldRow(b"h" * 32, HEAD, "PAPERS")
    changes: dict[str, Change] = {
        "cut": PlaceCut("L1", HEAD),
        "hold": PlaceHold("L1", HEAD, "PAPERS"),
        "release": ReleaseHold("L1", HEAD, "PAPERS", b"h" * 32),
        "spend": step(),
    }
    for number, name in enumerate(tries):
        head, cut = found.heads[HEAD], dict(found.cuts)
        may = not cut and head.spent_by is None and not head.holds
        try:
            found.merge(admit(changes[name], found, bytes([number]) * 32, TERMS))
        except Error:
            assert name != "cut" or not may
            continue
        if name == "cut":
            assert may
            assert found.cuts == {HEAD: bytes([number]) * 32}
        else:
            assert found.cuts == cut


@pytest.mark.parametrize("on_behalf", [True, False])
def test_every_receiver_that_is_not_on_the_register_is_named(on_behalf: bool) -> None:
    here, nobody = (SpiffeId("monazite.example", ("enterprise", name)) for name in ("a", "nobody"))
    elsewhere = SpiffeId("other.example", ("enterprise", "a"))
    found = rows()
    admit(replace(step(on_behalf=on_behalf), receivers=((0, here),)), found, b"s" * 32, TERMS)
    # Output 1 goes to licensing.
    receivers = ((0, nobody), (2, here), (3, elsewhere))
    refused = refusal(replace(step(on_behalf=on_behalf), receivers=receivers), found)
    assert refused.reason == "RECEIVER_NOT_LISTED"
    fields = ["receiver"] if on_behalf else ["statement.outputs[0].receiver", "statement.outputs[3].receiver"]
    assert sorted({violation.field for violation in refused.violations}) == fields
    assert refused.metadata["receivers"] == f"{nobody},{elsewhere}"


def test_own_signature_only_binds_the_registry_and_not_the_enterprise() -> None:
    found = rows()
    found.enterprises["a"] = EnterpriseRow("a", frozenset(), own_signature_only=True)
    assert refusal(step(), found).reason == "OWN_SIGNATURE_ONLY"
    admit(step(on_behalf=False), found, b"s" * 32, TERMS)


def test_ids_met_twice_are_drawn_again() -> None:
    assert isinstance(refusal(IssueNames("a", ("L2",)), rows()), Moved)


@given(st.lists(st.sampled_from(["lock", "export", "void", "hold", "spend"]), max_size=12))
def test_an_export_act_ends_once_whatever_is_tried(tries: list[str]) -> None:
    found = rows()
    ends: list[ActState] = []
    changes: dict[str, Change] = {
        "lock": LockAct(ACT, b"l" * 32, (HEAD,)),
        "export": step(unlocks=ACT, act=ExportEnd(ACT, b"i" * 32)),
        "void": VoidAct(ACT, (HEAD,)),
        "hold": PlaceHold("L1", HEAD, "PAPERS"),
        "spend": step(),
    }
    for number, name in enumerate(tries):
        before = found.acts.get(ACT)
        try:
            changed = admit(changes[name], found, bytes([number]) * 32, TERMS)
        except Error:
            continue
        found.merge(changed)
        after = found.acts.get(ACT)
        if after is not None and after != before and after.state is not ActState.LOCKED:
            ends.append(after.state)
        head = found.heads[HEAD]
        locked = after is not None and after.state is ActState.LOCKED
        assert (head.act_id == ACT) is locked
        assert head.spent_by is None or head.act_id is None
    assert len(ends) <= 1
    if ActState.EXPORTED in ends:
        assert found.heads[HEAD].spent_by is not None


def test_a_tombstone_is_void_and_cannot_be_locked() -> None:
    found = rows()
    found.merge(admit(VoidAct(ACT, ()), found, b"v" * 32, TERMS))
    assert found.acts[ACT].state is ActState.VOID
    assert refusal(LockAct(ACT, b"l" * 32, (HEAD,)), found).reason == "EXPORT_ACT_ENDED"


def test_an_export_of_a_lot_that_was_held_meanwhile_is_built_again_as_a_void() -> None:
    found = rows()
    found.merge(admit(LockAct(ACT, b"l" * 32, (HEAD,)), found, b"k" * 32, TERMS))
    found.merge(admit(PlaceHold("L1", HEAD, "PAPERS"), found, b"h" * 32, TERMS))
    assert isinstance(refusal(step(unlocks=ACT, act=ExportEnd(ACT, b"i" * 32)), found), Moved)
