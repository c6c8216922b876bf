"""`python -m clients.demo`: starts a suite, or takes the one it is pointed to, and tells the story on it.

The only module of the clients that knows `tools.local`: it launches; everything else speaks gRPC.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from clients.connection import Identity
from clients.demo.actors import BY_HAND, EVERYBODY, OFFICERS
from clients.demo.stage import StoryError
from clients.demo.story import Told, tell
from clients.demo.surroundings import YEAR_DEFAULT, Surroundings
from clients.errors import CallError
from tools.local.configuration import Table
from tools.local.deployment import Deployment
from tools.local.ports import free_port, is_free
from tools.local.suite import DEFAULT_PORTS, Suite

# The services' long polls of each other would otherwise be waited for at the end.
BRIEF: Table = {"limits": {"drain_ms": 500}}

ENDS_HERE = (
    "There is no terminal to stay up for: the suite ends here and its files are removed. In a terminal it stays up "
    "until Ctrl-C and gives its addresses, a configuration for each officer and the commands to go on by hand."
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def demo(
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", envvar="MONAZITE_E2E_CONFIG", help="A running deployment; default: start one here."),
    ] = None,
    year: Annotated[int, typer.Option("--year", help="Quota year of the story.")] = YEAR_DEFAULT,
) -> None:
    """Tells the story of a tonne of rare earths."""
    console = Console()
    if config is not None:
        _tell(Deployment.load(config), year, console)
        return
    with _suite() as suite:
        told = _tell(suite.deployment, year, console)
        console.print(f"[bold green]The story is told: {len(told.refusals)} attacks, every one refused as it must be.")
        if sys.stdin.isatty() and sys.stdout.isatty():
            _epilogue(suite, told, year, console)
            console.print("The suite stays up until Ctrl-C.")
            _wait_for_signal()
        else:
            console.print(ENDS_HERE)


def surroundings(deployment: Deployment, year: int) -> Surroundings:
    """What the story needs to know of a deployment; issues the certificates that are missing."""
    identities: dict[str, Identity] = {}
    for actor in EVERYBODY:
        files = deployment.certificate(actor.path)
        identities[actor.path] = Identity(files.certificate, files.key, files.authority)
    return Surroundings(deployment.domain, deployment.addresses, identities, deployment.trust_file, year)


def _tell(deployment: Deployment, year: int, console: Console) -> Told:
    try:
        return asyncio.run(tell(surroundings(deployment, year), console))
    except StoryError as error:
        console.print(f"[bold red]The story failed:[/bold red] {escape(str(error))}")
    except CallError as error:
        console.print(
            f"[bold red]The story failed:[/bold red] {escape(str(error))} {escape(str(dict(error.metadata)))}"
        )
        for violation in error.violations:
            console.print(f"  {escape(violation.field)}: {escape(violation.description)}")
    raise typer.Exit(1)


def _scratch() -> Path:
    """A directory of this run; PostgreSQL has to pass through it as another user when we are root."""
    directory = Path(tempfile.mkdtemp(prefix="monazite-demo-"))
    directory.chmod(0o755)
    return directory


@contextmanager
def _suite() -> Generator[Suite]:
    """A running suite at the well-known ports where they are free; leaves nothing behind."""
    # SIGTERM ends us like Ctrl-C does; and Ctrl-C does so also where whoever started us ignores it, as shells do for
    # what they put into the background.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    directory = _scratch()
    ports = {name: _port(port) for name, port in DEFAULT_PORTS.items()}
    try:
        with Suite(directory, ports=ports, settings=dict.fromkeys(DEFAULT_PORTS, BRIEF), ephemeral=True) as suite:
            yield suite
    except KeyboardInterrupt:
        pass
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _port(wanted: int) -> int:
    """`wanted` if nobody has it, else any free one."""
    return wanted if is_free(wanted) else free_port()


def _wait_for_signal() -> None:
    threading.Event().wait()


# --- going on by hand -------------------------------------------------------------------------------------------------


def _addresses(suite: Suite, console: Console) -> None:
    console.rule("[bold]Where it runs", align="left")
    for service, address in suite.deployment.addresses.items():
        console.print(f"  {service:<15} {address}", highlight=False)
    console.print(f"  {'trust file':<15} {suite.trust_file}", highlight=False, soft_wrap=True)
    for actor in BY_HAND:
        file = suite.deployment.client_configuration(actor.path)
        console.print(f"  {actor.title:<38} {file}", highlight=False, soft_wrap=True)


def _program(name: str) -> Path:
    """A program of this environment, as it is called from where we are."""
    program = Path(sys.prefix) / "bin" / name
    here = Path.cwd()
    return program.relative_to(here) if program.is_relative_to(here) else program


def _epilogue(suite: Suite, told: Told, year: int, console: Console) -> None:
    saved = suite.directory / "magnets.bundle"
    saved.write_bytes(told.plot.bundle)
    _addresses(suite, console)
    quota, registrar, licensing = (suite.deployment.client_configuration(actor.path) for actor in OFFICERS[:3])
    console.rule("[bold]To go on by hand", align="left")
    monazite, python = _program("monazite"), _program("python")
    for command in (
        f"{monazite} --config {quota} balances --year {year}",
        f"{monazite} --config {quota} rights list --year {year}",
        f"{monazite} --config {registrar} lot trace {told.plot.abroad_lot}",
        f"{monazite} --config {registrar} entries follow registry --once",
        f"{monazite} --config {licensing} cases list",
        f"{monazite} --config {licensing} licences show {told.plot.licence.licence_id.hex()}",
        f"{python} -m monazite_provenance verify {saved} --trust {suite.trust_file}",
    ):
        console.print(f"  {command}", highlight=False, soft_wrap=True, markup=False)


def main() -> None:
    """Runs the command line."""
    app()


if __name__ == "__main__":
    main()
