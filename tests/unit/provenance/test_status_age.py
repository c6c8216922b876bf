"""A status stands in no log: what dates it is the checkpoint of its home log, which another key signs."""

from __future__ import annotations

import pytest
from monazite_provenance import trust
from monazite_provenance.contents import KeyAction, LogRange
from monazite_provenance.report import LotReport, Verdict
from monazite_provenance.statement import Outpoint
from monazite_provenance.statuses import CHECKPOINT_AGE_S_MAX

from tests.unit.provenance.chains import LOG, NOW_S, SHARD, World, mined, service

MINUTE_S = 60


def stated(world: World, head: Outpoint, after_s: int) -> LotReport:
    """A status signed so long after the checkpoints in it, and judged at once."""
    issued_at = NOW_S + after_s
    status = world.status(head, issued_at=issued_at, expires_at=issued_at + MINUTE_S)
    return world.verify(head, [*world.items, status], at=issued_at)


@pytest.mark.parametrize(("after_s", "fresh"), [(CHECKPOINT_AGE_S_MAX, True), (CHECKPOINT_AGE_S_MAX + 1, False)])
def test_a_status_is_hardly_older_than_its_checkpoint(after_s: int, fresh: bool) -> None:
    world, head = mined()
    report = stated(world, head, after_s)
    assert report.gap_codes() == (frozenset() if fresh else {"STATUS_EXPIRED"})


def test_a_stolen_key_signs_no_fresh_status_under_a_checkpoint_of_before_the_theft() -> None:
    world, head = mined()
    ends = [LogRange(log, 0, world.registers.logs[LOG].size + 1) for log in (LOG, SHARD)]
    key = world.keys["registry"].public
    world.act(trust.end_key_details(KeyAction.COMPROMISED, service("registry"), key, statements=ends))
    # By its place alone the key is good: the thief takes the last checkpoint below the end.
    assert stated(world, head, 0).verdict is Verdict.VERIFIED
    assert stated(world, head, 30 * CHECKPOINT_AGE_S_MAX).gap_codes() == {"STATUS_EXPIRED"}
