"""A small process that outlives its parent just long enough to clean up after it.

A launcher killed with SIGKILL runs no `finally`. Its guardian notices, because the pipe between them closes, then stops
the processes it was told to watch and removes the directories it was told to discard.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

GRACE_SECONDS_MAX: Final = 20
_POLL_SECONDS: Final = 0.05


class Guardian:
    """Watches on behalf of the process that made it, until `dismiss`."""

    def __init__(self) -> None:
        # -I -S: only the standard library, nothing of the environment; starts in some 15 ms.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Process id of the guardian."""
        return self._process.pid

    def watch(self, pid: int, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop process `pid` with signal `number` (SIGKILL after `GRACE_SECONDS_MAX`) should we die."""
        self._tell(f"watch {pid} {int(number)}")

    def forget(self, pid: int) -> None:
        """The process has ended; its number may belong to somebody else soon."""
        self._tell(f"forget {pid}")

    def discard(self, directory: Path) -> None:
        """Remove `directory` should we die."""
        self._tell(f"discard {directory}")

    def dismiss(self) -> None:
        """All is cleaned up already: end, and touch nothing."""
        self._tell("dismiss")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()


def _stop(processes: dict[int, int]) -> None:
    for pid, number in processes.items():
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    deadline = time.monotonic() + GRACE_SECONDS_MAX
    alive = set(processes)
    while alive and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        alive = {pid for pid in alive if _alive(pid)}
    for pid in alive:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    # An orphan that nobody reaps stays as a zombie; it holds nothing any more.
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def _main() -> None:
    processes: dict[int, int] = {}
    directories: list[str] = []
    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        if verb == "dismiss":
            return
        if verb == "watch":
            pid, number = rest.split()
            processes[int(pid)] = int(number)
        elif verb == "forget":
            processes.pop(int(rest), None)
        elif verb == "discard":
            directories.append(rest)
    _stop(processes)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    _main()
