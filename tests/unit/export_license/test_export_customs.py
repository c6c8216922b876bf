"""Acts of export: what may be declared and written off, and what each answer of the registry makes of an act."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance.contents import CustodyState, LotContent

from services.chassis.errors import Error, Kind
from services.export_license import refusals
from services.export_license.domain import customs, licences
from services.export_license.domain.customs import Accepted, Act, Answer, DeclaredLot, State, WrittenOff
from services.export_license.domain.licences import Line
from services.export_license.domain.licences import State as LicenceState
from tests.unit.export_license.examples import (
    ACT_ID,
    CUSTOMS,
    EXPORTER,
    LICENCE_ID,
    LICENSING,
    NOW,
    licence,
    offered,
    outpoint,
)

LOT = DeclaredLot(outpoint(1), "RE-1", "1C905.a", ("1C905.a",), 5_000)
BOTH = DeclaredLot(outpoint(2), "RE-2", "1C904.a", ("1C904.a", "1C905.a"), 300)


def act(state: State = State.DECLARING, *lots: DeclaredLot) -> Act:
    return Act(
        act_id=ACT_ID,
        state=state,
        licence_id=LICENCE_ID,
        customs=CUSTOMS,
        certificate_sha256=bytes(32),
        port="shanghai",
        declaration_number="DECL-1",
        declared=lots or (LOT,),
    )


def writing_off(gross_g: int = 4_000) -> Act:
    begun = customs.begin_write_off(licence(), act(State.LOCKED), [WrittenOff(LOT.outpoint, gross_g)], now=NOW)
    return replace(begun, intent_id=b"I" * 32)


def misfits(content: LotContent, **declared: object) -> list[tuple[str, str]]:
    """Reason of each, and what it is about."""
    found = customs.lot_misfits(licence(), replace(LOT, **declared), content, receiver=LICENSING)  # type: ignore[arg-type]
    return [(each.reason, each.metadata.get("what", "")) for each in found]


@pytest.mark.parametrize(
    ("content", "misfit"),
    [
        (offered(holder=EXPORTER + "2"), ("LICENCE_MISMATCH", "licensee")),
        (offered(in_transit=False), ("NOT_IN_TRANSIT", "")),
        (offered(for_export=False), ("NOT_IN_TRANSIT", "")),
        (offered(receiver=EXPORTER + "2"), ("LICENCE_MISMATCH", "receiver")),
        (offered(licence_id=b"M" * 32), ("LICENCE_MISMATCH", "licence")),
    ],
)
def test_a_lot_that_is_not_the_licences_is_not_declared(content: LotContent, misfit: tuple[str, str]) -> None:
    assert misfits(content) == [misfit]
    # What else is wrong with it is said at once.
    assert misfits(content, control_code="1C908.b") == [misfit, ("LICENCE_MISMATCH", "control_code")]


def test_a_lot_is_declared_as_what_it_is_and_within_the_offer() -> None:
    assert misfits(offered()) == []
    (code,) = customs.lot_misfits(licence(), replace(LOT, control_code="1C908.b"), offered(), receiver=LICENSING)
    assert code.metadata["found"] == "1C905.a"
    (over,) = customs.lot_misfits(licence(), replace(LOT, gross_g=8_001), offered(), receiver=LICENSING)
    assert over.reason == "LICENCE_EXCEEDED"
    assert (over.metadata["wanted_g"], over.metadata["offered_g"]) == ("8001", "8000")


def test_of_a_lot_that_is_not_seen_the_item_is_compared_with_the_licence() -> None:
    assert customs.code_misfits(licence(), "1C905.a") == []
    (misfit,) = customs.code_misfits(licence(), "1C999.z")
    assert (misfit.reason, misfit.metadata["licensed"]) == ("LICENCE_MISMATCH", "1C905.a")


def test_what_is_wrong_is_said_together_and_the_first_gives_the_reason() -> None:
    destination = customs.destination_misfits(licence(), "FR")
    code = customs.code_misfits(licence(), "1C999.z")
    error = refusals.together([("destination", destination[0]), ("lots[0]", code[0])])
    assert (error.kind, error.reason, error.metadata["what"]) == (Kind.PRECONDITION, "LICENCE_MISMATCH", "destination")
    assert [each.field for each in error.violations] == ["destination", "lots[0]"]
    assert "licensed DE" in error.violations[0].description
    assert error.violations[1].description == (
        "LICENCE_MISMATCH: the item is not the lot's, or is on no line of the licence"
        " (declared 1C999.z, licensed 1C905.a)"
    )


def test_each_misfit_names_the_field_at_fault() -> None:
    over = replace(LOT, gross_g=8_001, control_code="1C908.b")
    found = customs.lot_misfits(licence(), over, offered(holder=EXPORTER + "2"), receiver=LICENSING)
    assert [customs.field_of(each) for each in found] == ["", ".gross_g", ".control_code"]
    (gone,) = customs.lot_misfits(
        licence(), LOT, offered(in_transit=False)._replace(custody_state=CustodyState.ABROAD), receiver=LICENSING
    )
    assert (gone.reason, gone.message) == ("NOT_IN_TRANSIT", "the lot has left already")


def test_a_lot_that_is_two_items_draws_both_lines() -> None:
    two = licence(Line("1C904.a", "", 400), Line("1C905.a", "", 6_000))
    reserved = customs.declare(two, act(State.DECLARING, LOT, BOTH), now=NOW)
    assert [line.reserved_g for line in reserved.lines] == [300, 5_300]
    with pytest.raises(Error) as caught:
        customs.declare(licence(), act(State.DECLARING, BOTH), now=NOW)
    assert caught.value.reason == "LICENCE_MISMATCH"


@pytest.mark.parametrize(
    "unusable", [licence(state=LicenceState.SUSPENDED), licence(expires_at=NOW - timedelta(seconds=1))]
)
def test_neither_declared_nor_written_off_under_an_unusable_licence(unusable: licences.Licence) -> None:
    for attempt in (
        lambda: customs.declare(unusable, act(), now=NOW),
        lambda: customs.begin_write_off(unusable, act(State.LOCKED), [WrittenOff(LOT.outpoint, 1)], now=NOW),
    ):
        with pytest.raises(Error) as caught:
            attempt()
        assert caught.value.reason == "LICENCE_NOT_USABLE"


def test_another_destination_is_another_application() -> None:
    assert customs.destination_misfits(licence(), "DE") == []
    (misfit,) = customs.destination_misfits(licence(), "FR")
    assert misfit.reason == "LICENCE_MISMATCH"
    assert (misfit.metadata["declared"], misfit.metadata["licensed"]) == ("FR", "DE")


def test_no_more_is_written_off_than_was_declared() -> None:
    with pytest.raises(Error) as caught:
        writing_off(5_001)
    assert caught.value.reason == "LICENCE_EXCEEDED"
    assert (caught.value.metadata["wanted_g"], caught.value.metadata["declared_g"]) == ("5001", "5000")


def test_a_write_off_names_the_declared_lots_once_each() -> None:
    declared = act(State.LOCKED, LOT, BOTH)
    for lots in (
        [WrittenOff(LOT.outpoint, 1)],
        [WrittenOff(LOT.outpoint, 1), WrittenOff(LOT.outpoint, 1), WrittenOff(BOTH.outpoint, 1)],
        [WrittenOff(LOT.outpoint, 1), WrittenOff(BOTH.outpoint, 1), WrittenOff(outpoint(9), 1)],
    ):
        with pytest.raises(Error) as caught:
            customs.begin_write_off(licence(), declared, lots, now=NOW)
        assert caught.value.reason == "INVALID_FIELDS"


def test_of_a_declared_lot_nothing_need_leave_but_of_one() -> None:
    declared = act(State.LOCKED, LOT, BOTH)
    two = licence(Line("1C904.a", "", 400), Line("1C905.a", "", 6_000))
    reserved = customs.declare(two, declared, now=NOW)
    going = customs.begin_write_off(
        reserved, declared, [WrittenOff(BOTH.outpoint, 0), WrittenOff(LOT.outpoint, 5_000)], now=NOW
    )
    going = replace(going, intent_id=b"I" * 32)
    answered = Accepted({LOT.outpoint: 5_000, BOTH.outpoint: 0}, (outpoint(50),), (outpoint(51),))
    gone = customs.settle(going, Answer.EXPORTED, b"E" * 32, answered)
    lines = customs.settle_licence(reserved, going, gone).lines
    assert [(line.reserved_g, line.used_g) for line in lines] == [(0, 0), (0, 5_000)]
    with pytest.raises(Error) as caught:
        customs.begin_write_off(
            reserved, declared, [WrittenOff(LOT.outpoint, 0), WrittenOff(BOTH.outpoint, 0)], now=NOW
        )
    assert caught.value.reason == "INVALID_FIELDS"
    (violation,) = caught.value.violations
    assert violation.field == "lots"
    assert "CancelExport" in violation.description


@pytest.mark.parametrize("state", [state for state in State if state is not State.LOCKED])
def test_only_a_locked_act_is_written_off(state: State) -> None:
    with pytest.raises(Error) as caught:
        customs.begin_write_off(licence(), act(state), [WrittenOff(LOT.outpoint, 1)], now=NOW)
    assert caught.value.reason == "ACT_STATE"
    assert caught.value.metadata["state"] == state.name
    assert caught.value.message == f"an act of export that is {state.name} cannot become WRITING_OFF"


@pytest.mark.parametrize("state", list(State))
def test_an_authorised_or_ended_act_is_not_cancelled(state: State) -> None:
    if state in {State.DECLARING, State.LOCKED}:
        assert customs.begin_cancel(act(state), "WITHDRAWN").state is State.VOIDING
        return
    with pytest.raises(Error) as caught:
        customs.begin_cancel(act(state), "WITHDRAWN")
    assert caught.value.reason == "ACT_STATE"


def accepted(gross_g: int) -> Accepted:
    return Accepted({LOT.outpoint: gross_g}, (outpoint(50),), (outpoint(51),))


def test_the_whole_way_out_uses_what_left_and_frees_the_rest() -> None:
    reserved = customs.declare(licence(), act(), now=NOW)
    locked = customs.settle(act(), Answer.LOCKED, b"K" * 32)
    assert customs.settle_licence(reserved, act(), locked) is reserved
    going = writing_off(4_000)
    gone = customs.settle(going, Answer.EXPORTED, b"E" * 32, accepted(4_000))
    assert (gone.state, gone.end_id, gone.abroad, gone.returned) == (
        State.EXPORTED,
        b"E" * 32,
        (outpoint(50),),
        (outpoint(51),),
    )
    line = customs.settle_licence(reserved, going, gone).lines[0]
    assert (line.reserved_g, line.used_g, line.available_g) == (0, 4_000, 4_000)
    assert customs.settle_licence(reserved, gone, gone) is reserved


def test_a_void_releases_all_of_it() -> None:
    reserved = customs.declare(licence(), act(), now=NOW)
    for open_act in (act(), writing_off(), customs.begin_cancel(act(State.LOCKED), "WITHDRAWN")):
        void = customs.settle(open_act, Answer.VOID, b"V" * 32)
        assert customs.settle_licence(reserved, open_act, void).lines[0].available_g == 8_000


def test_masses_other_than_the_intents_change_nothing() -> None:
    with pytest.raises(Error) as caught:
        customs.settle(writing_off(4_000), Answer.EXPORTED, b"E" * 32, accepted(3_999))
    assert caught.value.reason == "INTERNAL"


@given(state=st.sampled_from(State), answer=st.sampled_from(Answer), intent=st.booleans())
def test_an_act_ends_once_and_never_exports_without_an_intent(state: State, answer: Answer, intent: bool) -> None:
    before = replace(act(state), written_off=(WrittenOff(LOT.outpoint, 4_000),), intent_id=b"I" * 32 if intent else b"")
    fits = (
        (answer is Answer.LOCKED and state is State.DECLARING)
        or (answer is Answer.VOID and state in customs.PENDING)
        or (answer is Answer.EXPORTED and state in {State.WRITING_OFF, State.VOIDING} and intent)
    )
    if not fits:
        with pytest.raises(Error, match="INTERNAL"):
            customs.settle(before, answer, b"X" * 32, accepted(4_000))
        return
    after = customs.settle(before, answer, b"X" * 32, accepted(4_000))
    assert state not in customs.ENDED
    assert after.state.name == answer.name


def test_customs_of_another_port_do_not_see_it() -> None:
    assert customs.visible_to(act(), CUSTOMS.replace("zhao", "qian"), "shanghai")
    assert not customs.visible_to(act(), CUSTOMS.replace("shanghai", "ningbo"), "ningbo")
    assert not customs.visible_to(act(), CUSTOMS.replace("monazite.example", "other.example"), "shanghai")


@pytest.mark.parametrize("state", State)
def test_of_what_ends_without_export_nothing_left(state: State) -> None:
    written = (WrittenOff(LOT.outpoint, 4_000),)
    one = replace(act(state), written_off=written, void_reason="LOT_HELD")
    if state in {State.VOIDING, State.VOID}:
        assert one.left() == ()
        with pytest.raises(Error) as caught:
            customs.check_not_void(one)
        assert caught.value.reason == "LOT_HELD"
        assert caught.value.metadata["lot_ids"] == LOT.lot_id
        with pytest.raises(Error) as caught:
            customs.check_not_void(replace(one, void_reason="WITHDRAWN"))
        assert (caught.value.reason, caught.value.metadata["void_reason"]) == ("ACT_STATE", "WITHDRAWN")
    else:
        assert (one.left(), customs.check_not_void(one)) == (written, one)


def test_a_void_keeps_the_reason_that_was_signed_and_an_export_none() -> None:
    voiding = customs.give_up(writing_off(4_000), "STALE")
    assert customs.settle(voiding, Answer.VOID, b"V" * 32, void_reason="LOT_HELD").void_reason == "LOT_HELD"
    exported = customs.settle(replace(voiding, intent_id=b"I" * 32), Answer.EXPORTED, b"E" * 32, accepted(4_000))
    assert (exported.void_reason, exported.left()) == ("", voiding.written_off)
