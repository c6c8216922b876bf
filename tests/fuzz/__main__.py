"""`python -m tests.fuzz [--seconds N] [TARGET ...]`: fuzz every target, or these, for so many seconds in all.

What is new is kept in build/fuzz between runs; an input that breaks a target is written there and named.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.fuzz.seeds import folders
from tests.fuzz.targets import BYTES_MAX, TARGETS

SECONDS: Final = 60
BUILD: Final = Path(__file__).parents[2] / "build" / "fuzz"
HANGS_S: Final = 10
MEMORY_MIB: Final = 1_024


def fuzz(target: str, seconds: int) -> bool:
    """Fuzz one target; whether nothing was found."""
    kept = BUILD / target
    kept.mkdir(parents=True, exist_ok=True)
    options = {
        "max_total_time": seconds,
        "max_len": BYTES_MAX,
        "timeout": HANGS_S,
        "rss_limit_mb": MEMORY_MIB,
        "artifact_prefix": f"{BUILD}/{target}-",
        "verbosity": 0,
        "print_final_stats": 1,
    }
    flags = [f"-{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "tests.fuzz.drive", target, *flags, str(kept), *map(str, folders(target))]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.stdout.write(done.stdout)
        return False
    runs = [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("stat::number_of_executed_units")]
    sys.stdout.write(f"{target}: {', '.join(runs)} inputs, nothing found\n")
    return True


def main() -> int:
    """0 when nothing was found, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for all targets together")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    given = parser.parse_args()
    chosen = given.targets or list(TARGETS)
    if unknown := set(chosen) - TARGETS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    found = [target for target in chosen if not fuzz(target, max(1, given.seconds // len(chosen)))]
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
