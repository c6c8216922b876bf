"""Places where a crash test may kill the process, as `kill -9` would: nothing is flushed, no handler runs. Or stop it,
as SIGSTOP does: a process that sleeps through its lease and knows nothing of it when it wakes up."""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Final

VARIABLE: Final = "MONAZITE_CRASH_AT"
STOP_VARIABLE: Final = "MONAZITE_STOP_AT"
EXIT_STATUS: Final = 137
_passed: Final[Counter[str]] = Counter()


def _armed(variable: str) -> tuple[str, int] | None:
    wanted = os.environ.get(variable)
    if not wanted:
        return None
    name, _, count = wanted.partition(":")
    return name, int(count or "1")


# Read once: a crash point stands on hot paths and must cost nothing when unarmed.
_target: Final = _armed(VARIABLE)
_stop: Final = _armed(STOP_VARIABLE)


def crash_point(name: str) -> None:
    """Ends the process here if MONAZITE_CRASH_AT is `name`, or at the n-th pass if it is `name:n`; stops it, once,
    where MONAZITE_STOP_AT says so."""
    if _target is None and _stop is None:
        return
    _passed[name] += 1
    if _target is not None and _target[0] == name and _passed[name] >= _target[1]:
        os._exit(EXIT_STATUS)
    if _stop == (name, _passed[name]):
        os.kill(os.getpid(), signal.SIGSTOP)
