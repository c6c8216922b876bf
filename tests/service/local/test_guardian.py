"""A launcher that is killed leaves nothing: its guardian stops what it watched and removes what it was to discard."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

PATIENCE_SECONDS = 30
# Prints the guardian's pid and the pid it watches, then waits to be killed.
LAUNCHER = """
import signal, subprocess, sys
from pathlib import Path
from tools.local.guardian import Guardian

child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
guardian = Guardian()
guardian.watch(child.pid)
guardian.discard(Path(sys.argv[1]))
print(guardian.pid, child.pid, flush=True)
{end}
"""


def _launch(directory: Path, end: str) -> tuple[subprocess.Popen[str], int, int]:
    """The launcher, and file descriptors of the guardian's and the watched process."""
    directory.mkdir()
    (directory / "data").write_text("something")
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER.format(end=end), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    guardian, watched = (os.pidfd_open(int(pid)) for pid in launcher.stdout.readline().split())
    return launcher, guardian, watched


def _ends(process: int, *, within_s: float = PATIENCE_SECONDS) -> bool:
    """Whether the process ends (a pidfd is readable from then on)."""
    return bool(select.select([process], [], [], within_s)[0])


def test_a_killed_launcher_leaves_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "ephemeral"
    launcher, guardian, watched = _launch(directory, "signal.pause()")
    launcher.kill()
    launcher.wait(PATIENCE_SECONDS)
    assert _ends(watched)
    assert _ends(guardian)
    assert not directory.exists()


def test_a_dismissed_guardian_touches_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    launcher, guardian, watched = _launch(directory, "sys.stdin.readline(); guardian.dismiss()")
    assert launcher.stdin is not None
    launcher.stdin.write("\n")
    launcher.stdin.flush()
    launcher.wait(PATIENCE_SECONDS)
    assert _ends(guardian)
    assert not _ends(watched, within_s=0)
    assert (directory / "data").exists()
    signal.pidfd_send_signal(watched, signal.SIGKILL)
