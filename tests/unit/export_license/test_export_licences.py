"""Licence lines against a plain model of acts: every gram reserved once, ended once; states of a licence."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from monazite_provenance.contents import LicenceAction

from services.chassis.errors import Error
from services.export_license.domain import licences
from services.export_license.domain.licences import Line, State
from tests.unit.export_license.examples import EXPORTER, NOW, licence

CODES: tuple[str, ...] = ("1C904.a", "1C905.a")
GRANTED_G = 1_000
MASSES = st.dictionaries(st.sampled_from([*CODES, "1C908.b"]), st.integers(1, GRANTED_G + 1), min_size=1)


class DrawDown(RuleBasedStateMachine):
    """Acts reserve, release and are written off in any order; a plain tally says what each line must show."""

    def __init__(self) -> None:
        super().__init__()
        self.licence = licence(*(Line(code, "8505111000", GRANTED_G) for code in CODES))
        self.open: list[dict[str, int]] = []
        self.used = dict.fromkeys(CODES, 0)

    def reserved(self, code: str) -> int:
        return sum(act.get(code, 0) for act in self.open)

    @rule(draws=MASSES)
    def reserve(self, draws: dict[str, int]) -> None:
        fits = all(
            code in CODES and self.used[code] + self.reserved(code) + gross_g <= GRANTED_G
            for code, gross_g in draws.items()
        )
        if not fits:
            with pytest.raises(Error, match=r"LICENCE_(MISMATCH|EXCEEDED)"):
                licences.reserve(self.licence, draws)
            return
        self.licence = licences.reserve(self.licence, draws)
        self.open.append(draws)

    @rule(which=st.integers(0, 50))
    def release(self, which: int) -> None:
        if self.open:
            self.licence = licences.release(self.licence, self.open.pop(which % len(self.open)))

    @rule(which=st.integers(0, 50), share=st.integers(0, 100))
    def write_off(self, which: int, share: int) -> None:
        if not self.open:
            return
        act = self.open.pop(which % len(self.open))
        exported = {code: gross_g * share // 100 for code, gross_g in act.items()}
        self.licence = licences.write_off(self.licence, act, exported)
        for code, gross_g in exported.items():
            self.used[code] += gross_g

    @invariant()
    def adds_up(self) -> None:
        for line in self.licence.lines:
            code = line.control_code
            assert (line.reserved_g, line.used_g) == (self.reserved(code), self.used[code])
            assert line.granted_g == line.reserved_g + line.used_g + line.available_g == GRANTED_G
            assert min(line.reserved_g, line.used_g, line.available_g) >= 0


TestDrawDown = DrawDown.TestCase
TestDrawDown.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_draw_over_the_line_names_the_numbers() -> None:
    drawn = licences.reserve(licence(Line("1C905.a", "8505111000", 100, used_g=30)), {"1C905.a": 50})
    with pytest.raises(Error) as caught:
        licences.reserve(drawn, {"1C905.a": 21})
    assert caught.value.reason == "LICENCE_EXCEEDED"
    numbers = {
        name: caught.value.metadata[name] for name in ("wanted_g", "granted_g", "reserved_g", "used_g", "available_g")
    }
    assert numbers == {"wanted_g": "21", "granted_g": "100", "reserved_g": "50", "used_g": "30", "available_g": "20"}


def test_a_draw_on_two_lines_is_whole_or_not_at_all() -> None:
    two = licence(Line("1C904.a", "", 10), Line("1C905.a", "", 100))
    with pytest.raises(Error):
        licences.reserve(two, {"1C904.a": 11, "1C905.a": 11})
    assert all(line.reserved_g == 0 for line in two.lines)


@pytest.mark.parametrize(("reserved_g", "used_g"), [(-1, 0), (0, -1), (60, 41)])
def test_a_line_that_does_not_add_up_is_a_defect(reserved_g: int, used_g: int) -> None:
    with pytest.raises(AssertionError):
        Line("1C905.a", "", 100, reserved_g, used_g)


def test_derived_states() -> None:
    late = NOW + timedelta(days=31)
    full = Line("1C905.a", "", 100, used_g=100)
    assert licence().state(NOW) is State.ACTIVE
    assert licence().state(late) is State.EXPIRED
    assert licence(expires_at=NOW).state(NOW) is State.EXPIRED
    assert licence(expires_at=NOW + timedelta(microseconds=1)).state(NOW) is State.ACTIVE
    assert licence(full).state(NOW) is State.EXHAUSTED
    assert licence(full, state=State.SUSPENDED).state(NOW) is State.SUSPENDED
    assert licence(state=State.SUSPENDED).state(late) is State.EXPIRED
    assert licence(state=State.REVOKED).state(late) is State.REVOKED
    assert licence(Line("1C905.a", "", 100, reserved_g=100)).state(NOW) is State.ACTIVE


@pytest.mark.parametrize(
    ("state", "action", "after"),
    [
        (State.ACTIVE, LicenceAction.SUSPEND, State.SUSPENDED),
        (State.SUSPENDED, LicenceAction.REINSTATE, State.ACTIVE),
        (State.SUSPENDED, LicenceAction.SUSPEND, None),
        (State.ACTIVE, LicenceAction.REINSTATE, None),
        (State.REVOKED, LicenceAction.REINSTATE, None),
    ],
)
def test_suspension_and_reinstatement(state: State, action: LicenceAction, after: State | None) -> None:
    if after is not None:
        assert licences.change(licence(state=state), action, now=NOW).stored_state is after
        return
    with pytest.raises(Error) as caught:
        licences.change(licence(state=state), action, now=NOW)
    assert caught.value.reason == "LICENCE_NOT_USABLE"


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED])
def test_a_licence_that_is_not_active_is_not_usable(state: State) -> None:
    with pytest.raises(Error) as caught:
        licences.check_usable(licence(state=state), now=NOW)
    assert caught.value.metadata["state"] == state.name


def test_only_the_licensee_sees_it() -> None:
    assert licences.visible_to(licence(), EXPORTER)
    assert licences.visible_to(licence(), EXPORTER + "/erp")
    assert not licences.visible_to(licence(), EXPORTER + "2")
