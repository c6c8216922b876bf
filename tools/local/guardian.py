"""A small process that outlives its parent just long enough to clean up after it.

A launcher killed with SIGKILL runs no `finally`. Its guardian notices, because the pipe between them closes, then stops
the processes it was told to watch and removes the directories it was told to discard.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

GRACE_SECONDS_MAX: Final = 20


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


def _stop(processes: dict[int, tuple[int, int]]) -> None:
    """Signal each, wait for all, kill what is left. By pidfd: the number of one that has ended may be a stranger's by
    now."""
    for handle, number in processes.values():
        _signal(handle, number)
    alive = {handle for handle, _ in processes.values()}
    deadline = time.monotonic() + GRACE_SECONDS_MAX
    # A pidfd is readable once its process has ended, reaped or not.
    while alive and (ended := select.select(list(alive), [], [], max(0.0, deadline - time.monotonic()))[0]):
        alive -= set(ended)
    for handle in alive:
        _signal(handle, signal.SIGKILL)


def _signal(handle: int, number: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)


def _main() -> None:
    processes: dict[int, tuple[int, int]] = {}
    directories: list[str] = []
    for line in sys.stdin:
        verb, _, rest = line.rstrip("\n").partition(" ")
        if verb == "dismiss":
            return
        if verb == "watch":
            pid, number = map(int, rest.split())
            with suppress(ProcessLookupError):  # it has ended, and was reaped, before we came to look
                processes[pid] = (os.pidfd_open(pid), number)
        elif verb == "forget":
            handle, _ = processes.pop(int(rest), (None, 0))
            if handle is not None:
                os.close(handle)
        elif verb == "discard":
            directories.append(rest)
    _stop(processes)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    _main()
