"""No crash point is forgotten: each is armed by one of the crash tests, or named here with the reason why not."""

from __future__ import annotations

from tests.system import test_crash_export, test_crash_rights
from tests.system.crash_points import crash_points

# The registry's other steps pass the same lines of its pipeline; each is repeated by its request id all the same.
SAME_LINES = (
    *("accept", "cancel", "merge", "split", "submit", "transform"),
    *("place_hold", "release_hold", "attest_lot", "cut_lot", "register_enterprise", "certify_key", "retire_key"),
)
# Outcomes that an act cannot come to on this path: the state machine has no such transition, or only a refusal of the
# registry gives it (tests/service/export_license).
NO_SUCH_OUTCOME = frozenset(
    {
        "export_license.cancel.exported",
        "export_license.cancel.locked",
        "export_license.declare.exported",
        "export_license.declare.voided",
        "export_license.writeoff.locked",
        "export_license.writeoff.voided",
    }
)


def test_every_crash_point_is_armed() -> None:
    armed = {*test_crash_rights.POINTS, *test_crash_export.POINTS}
    forgotten = [
        point
        for point in crash_points()
        if point not in armed
        and point.name not in NO_SUCH_OUTCOME
        and not point.name.startswith(tuple(f"registry.{step}." for step in SAME_LINES))
    ]
    assert forgotten == []
