"""`python -m benchmarks`: measures everything in one run, prints it, writes build/bench.json; `--record` RESULTS.md."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from rich.console import Console

from benchmarks import chains, compiled, log, machine, report, services, startup, statement
from benchmarks.report import Measured
from tools.local.suite import Suite

ROOT: Final = Path(__file__).resolve().parents[1]
FIGURES: Final = ROOT / "build" / "bench.json"
RESULTS: Final = Path(__file__).resolve().parent / "RESULTS.md"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    *,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which every case has its turn.")] = services.ROUNDS,
    record: Annotated[bool, typer.Option("--record", help=f"Write {RESULTS.name} anew.")] = False,
) -> None:
    """Measures statements and services."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="monazite-bench-") as scratch:
        home = Path(scratch)
        home.chmod(0o755)  # PostgreSQL passes through it as another user when we are root
        console.print("statements ...")
        statements = {**statement.measure(), **startup.measure()}
        console.print("chains ...")
        statements |= chains.measure()
        console.print("the same with the library compiled ...")
        statements |= compiled.measure()
        console.print("services ...")
        with Suite(home / "suite", ephemeral=True) as suite:
            described = machine.describe(suite.cluster)
            calls = uvloop.run(services.run(suite, rounds))
            console.print("log ...")
            figures = {**statements, **uvloop.run(log.run(suite))}
            measured = Measured(figures, calls, described, machine.fdatasync_us())
    report.show(measured, console)
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(measured.flat(), indent=2) + "\n")
    console.print(f"written: {FIGURES.relative_to(ROOT)}")
    if record:
        RESULTS.write_text(report.page(measured))
        console.print(f"written: {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    app()
