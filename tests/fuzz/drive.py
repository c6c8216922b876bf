"""One fuzzer: `python -m tests.fuzz.drive TARGET [libFuzzer's options and folders]`. It ends its process itself."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Final

# Not in the development environment: `make fuzz` installs it.
atheris = import_module("atheris")
with atheris.instrument_imports(include=["monazite_provenance"]):
    from tests.fuzz.targets import COST_MAX, CPU_MAX_S, TARGETS, seconds

CLOCK: Final = [sys.executable, "-m", "tests.fuzz.clock"]


class SlowError(AssertionError):
    """An input takes longer than any may."""


class Clock:
    """A process without instruments, which cost twenty times what they watch: what is slow here is timed there."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(CLOCK, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def cost(self, target: str, data: bytes) -> float:
        """What an input costs, in bare verifications."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{target} {data.hex()}\n")
        return float(self._process.stdout.readline())


def main() -> None:
    """Fuzz until an option of libFuzzer ends it, or something is found."""
    target = sys.argv.pop(1)
    clock = Clock()

    def check(data: bytes) -> None:
        if seconds(TARGETS[target], data) > CPU_MAX_S and (cost := clock.cost(target, data)) > COST_MAX:
            raise SlowError(f"{cost:.0f} bare verifications for {len(data)} bytes")

    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
