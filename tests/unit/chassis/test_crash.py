"""A crash point ends the process, exactly where and when it was asked to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
from services.chassis.crash import crash_point
for turn in range(3):
    print(turn, flush=True)
    crash_point("before.commit")
    crash_point("after.commit")
"""


@pytest.mark.parametrize(
    ("armed", "status", "turns"),
    [(None, 0, 3), ("before.commit", 137, 1), ("after.commit:2", 137, 2), ("elsewhere", 0, 3)],
)
def test_where_it_ends(armed: str | None, status: int, turns: int) -> None:
    environment = dict(os.environ)
    environment.pop("MONAZITE_CRASH_AT", None)
    if armed is not None:
        environment["MONAZITE_CRASH_AT"] = armed
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stdout.split() == [str(turn) for turn in range(turns)]


def test_where_it_stops_and_goes_on() -> None:
    environment = {**os.environ, "MONAZITE_STOP_AT": "before.commit:2"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=30)
    assert out.split() == ["0", "1", "2"]
