"""The same as `statement`, `chains` and `startup` measure, with the library compiled (docs/decisions/0014).

    python -m benchmarks.compiled

The wheel of this platform is taken from where `make wheel` writes it, and measured in a process of its own, which finds
it before the source. Where there is none, because there is no C compiler, nothing is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Final

from monazite_provenance import _cbor

from benchmarks import chains, startup
from benchmarks.fixtures import make_bundle
from benchmarks.statement import medians, statement_cases, timer

ROOT: Final = Path(__file__).resolve().parents[1]
WHEELS: Final = ROOT / "build" / "wheels"
SUFFIX: Final = "_compiled"
"""What the names of these figures end with."""


def measure() -> dict[str, float]:
    """Figures by name; none where the library was not compiled."""
    wheels = sorted(WHEELS.glob("monazite_provenance-*.whl"), key=lambda path: path.stat().st_mtime)
    ours = [path for path in wheels if not path.name.endswith("-none-any.whl")]
    if not ours:
        return {}
    with tempfile.TemporaryDirectory(prefix="monazite-compiled-") as library:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
        subprocess.run([*pip, "--no-deps", "--target", library, str(ours[-1])], check=True)
        first = os.pathsep.join(filter(None, (library, os.environ.get("PYTHONPATH"))))
        measuring = [sys.executable, "-m", "benchmarks.compiled"]
        done = subprocess.run(
            measuring, cwd=ROOT, env={**os.environ, "PYTHONPATH": first}, check=True, capture_output=True, text=True
        )
        return {name + SUFFIX: value for name, value in json.loads(done.stdout).items()}


def _figures() -> dict[str, float]:
    of_statements, _ = medians({name: timer(case) for name, case in statement_cases().items()})
    short, page = make_bundle.chain(chains.CHAIN), make_bundle.history(chains.PAGE)
    proven = chains.without_status(short)
    twelve, all_of = chains.raw_verifications(chains.CHAIN + 1), chains.raw_verifications(page.statements + 1)
    cpu = time.process_time_ns
    return {
        **of_statements,
        "chain11_vs_raw": chains.ratio(lambda: chains.prove(proven), twelve, cpu, chains.SHORT_ROUNDS),
        "chain11_judged_vs_raw": chains.ratio(lambda: chains.judge_only(proven), twelve, cpu, chains.SHORT_ROUNDS),
        "bundle10k_vs_raw": chains.ratio(lambda: chains.judge(page, 1), all_of, cpu, chains.ROUNDS),
        "bundle10k_peak_mib": chains.peak_mib(page),
        "tool_startup_ms": startup.measure()["tool_startup_ms"],
    }


if __name__ == "__main__":
    assert _cbor.__file__.endswith(sysconfig.get_config_var("EXT_SUFFIX")), "the library is not compiled"
    print(json.dumps({name: round(value, 3) for name, value in _figures().items()}, indent=2))
