"""What the offline tool takes from its start to its end on the smallest inputs, command by command.

    python -m benchmarks.startup

Each run is a process of its own, in rounds that take each command in turn; a figure is a median of CPU times, which on
an idle machine are times of the clock. What is aimed at is the slowest command. Beside them stand the bare interpreter
and one that imports the keys of `cryptography`, without which nothing can be verified. As after an installation,
modules have their bytecode.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from monazite_provenance import Item, Outpoint, SoftwareKey, bundle, parse, trust
from monazite_provenance._tool.leaving import FAULT

from benchmarks.fixtures import make_statement as fixture

ROUNDS: Final = 15
_MODULE: Final = ("-m", "monazite_provenance")
_BESIDE: Final = {
    "bare": ("-c", "pass"),
    "cryptography": ("-c", "from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa"),
}


def commands(home: Path) -> dict[str, tuple[str, ...]]:
    """Arguments of the interpreter by command; the files that they name are written to `home`."""
    item = fixture.ITEM_FILE.read_bytes()
    statement = Item.decode(item).statement
    lot, believed, entries = home / "lot.bundle", home / "trust.json", home / "entries"
    lot.write_bytes(b"".join(bundle.write(Outpoint(parse(statement).statement_id, 0), [item])))
    believed.write_bytes(trust.new("monazite.example", [SoftwareKey.generate().public], 1).dump())
    entries.write_bytes(statement)
    given = {
        "verify": (lot, "--trust", believed),
        "show": (lot,),
        "keys": (believed,),
        "diff": (lot, lot),
        "redact": (lot, "-"),
        "qr": (fixture.ITEM_FILE, "--text"),
        "root": (entries,),
    }
    return {name: (*_MODULE, name, *map(str, rest)) for name, rest in given.items()}


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds: of each command, as `tool_startup_ms` of the slowest of them, and of what stands beside them."""
    with tempfile.TemporaryDirectory(prefix="monazite-startup-") as home:
        asked = {**commands(Path(home)), **_BESIDE}
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = f"{home}/bytecode"
        times: dict[str, list[float]] = {name: [] for name in asked}
        for arguments in asked.values():
            _cpu_ms(arguments, environment)
        for _ in range(rounds):
            for name, arguments in asked.items():
                times[name].append(_cpu_ms(arguments, environment))
    medians = {name: statistics.median(values) for name, values in times.items()}
    beside = {f"{name}_startup_ms": medians.pop(name) for name in _BESIDE}
    return {
        "tool_startup_ms": max(medians.values()),
        **{f"tool_{name}_ms": value for name, value in medians.items()},
        **beside,
    }


def _cpu_ms(arguments: tuple[str, ...], environment: Mapping[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *arguments], capture_output=True, check=False, env=environment)
    assert done.returncode < FAULT, done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000


if __name__ == "__main__":
    print(json.dumps({name: round(value, 1) for name, value in measure().items()}, indent=2))
