"""Places where a crash test may kill the process, as `kill -9` would: nothing is flushed, no handler runs."""

from __future__ import annotations

import os
from collections import Counter
from typing import Final

VARIABLE: Final = "MONAZITE_CRASH_AT"
EXIT_STATUS: Final = 137
_passed: Final[Counter[str]] = Counter()


def _armed() -> tuple[str, int] | None:
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return None
    name, _, count = wanted.partition(":")
    return name, int(count or "1")


# Read once: a crash point stands on hot paths and must cost nothing when unarmed.
_target: Final = _armed()


def crash_point(name: str) -> None:
    """Ends the process here if MONAZITE_CRASH_AT is `name`, or at the n-th pass if it is `name:n`."""
    if _target is None or _target[0] != name:
        return
    _passed[name] += 1
    if _passed[name] >= _target[1]:
        os._exit(EXIT_STATUS)
