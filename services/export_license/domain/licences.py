"""A licence and its lines: granted = reserved + used + available, grams gross, never below zero.

The best open licensing system removed its draw-down because it double-counted: here every gram of a declaration is
reserved once, and each reservation ends once, as use or as a release, by the act that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from monazite_provenance.contents import LicenceAction
from monazite_provenance.names import same_owner

from services.export_license import refusals
from services.export_license.domain.cases import Party


class State(Enum):
    """Where a licence stands; EXHAUSTED and EXPIRED are derived, never stored."""

    ACTIVE = 1
    SUSPENDED = 2
    EXHAUSTED = 3
    EXPIRED = 4
    REVOKED = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a licence with its draw-down, grams gross."""

    control_code: str
    hs_code: str
    granted_g: int
    reserved_g: int = 0
    used_g: int = 0

    def __post_init__(self) -> None:
        """Pair of the CHECK in SQL: a line that breaks it is a defect, not a refusal."""
        if min(self.reserved_g, self.used_g) < 0 or self.reserved_g + self.used_g > self.granted_g:
            raise AssertionError(f"line {self.control_code} does not add up")

    @property
    def available_g(self) -> int:
        """What is neither reserved nor used."""
        return self.granted_g - self.reserved_g - self.used_g


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence as granted, with its lines as they stand."""

    licence_id: bytes
    number: str
    case_id: str
    licensee: str
    stored_state: State
    end_user: Party
    destination: str
    expires_at: datetime
    lines: tuple[Line, ...]

    def state(self, now: datetime) -> State:
        """The state at an instant: revoked, expired, suspended, exhausted, active, the first that holds."""
        if self.stored_state is State.REVOKED:
            return State.REVOKED
        if now >= self.expires_at:
            return State.EXPIRED
        if self.stored_state is State.SUSPENDED:
            return State.SUSPENDED
        if all(line.used_g == line.granted_g for line in self.lines):
            return State.EXHAUSTED
        return State.ACTIVE


def visible_to(licence: Licence, caller: str) -> bool:
    """Whether an enterprise may see the licence: the licensee only. A licence is not transferable."""
    return same_owner(licence.licensee, caller)


def change(licence: Licence, what: LicenceAction, *, now: datetime) -> Licence:
    """Suspend or reinstate (Decree 792 art. 18).

    Raises:
        Error: LICENCE_NOT_USABLE when the licence is in no state for it.
    """
    state = licence.state(now)
    allowed, after = {
        LicenceAction.SUSPEND: (frozenset({State.ACTIVE, State.EXHAUSTED}), State.SUSPENDED),
        LicenceAction.REINSTATE: (frozenset({State.SUSPENDED}), State.ACTIVE),
    }[what]
    if state not in allowed:
        raise refusals.licence_not_usable(licence.licence_id, state.name)
    return replace(licence, stored_state=after)


def check_usable(licence: Licence, *, now: datetime) -> None:
    """The licence may be drawn on or written off at this moment.

    Raises:
        Error: LICENCE_NOT_USABLE with the state.
    """
    state = licence.state(now)
    if state in {State.SUSPENDED, State.EXPIRED, State.REVOKED}:
        raise refusals.licence_not_usable(licence.licence_id, state.name)


def reserve(licence: Licence, draws: Mapping[str, int]) -> Licence:
    """Reserve `draws`, grams by control code.

    Raises:
        Error: LICENCE_MISMATCH when the licence has no such line, LICENCE_EXCEEDED with the numbers.
    """
    held = {line.control_code: line for line in licence.lines}
    for code, gross_g in sorted(draws.items()):
        if code not in held:
            raise refusals.licence_mismatch(licence.licence_id, "control_code", {"control_code": code})
        line = held[code]
        if gross_g > line.available_g:
            raise refusals.licence_exceeded(
                licence.licence_id,
                {
                    "control_code": code,
                    "wanted_g": gross_g,
                    "granted_g": line.granted_g,
                    "reserved_g": line.reserved_g,
                    "used_g": line.used_g,
                    "available_g": line.available_g,
                },
            )
    return _moved(licence, {code: (gross_g, 0) for code, gross_g in draws.items()})


def release(licence: Licence, draws: Mapping[str, int]) -> Licence:
    """Give back a reservation; only ever on a signed export-void."""
    return _moved(licence, {code: (-gross_g, 0) for code, gross_g in draws.items()})


def write_off(licence: Licence, reserved: Mapping[str, int], exported: Mapping[str, int]) -> Licence:
    """Turn a reservation into use: what was exported is used, the rest of the reservation is free again."""
    return _moved(licence, {code: (-gross_g, exported.get(code, 0)) for code, gross_g in reserved.items()})


def _moved(licence: Licence, moves: Mapping[str, tuple[int, int]]) -> Licence:
    def moved(line: Line) -> Line:
        reserved_g, used_g = moves.get(line.control_code, (0, 0))
        return replace(line, reserved_g=line.reserved_g + reserved_g, used_g=line.used_g + used_g)

    return replace(licence, lines=tuple(moved(line) for line in licence.lines))
