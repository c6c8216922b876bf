"""`python -m monazite_provenance COMMAND`: checks and shows provenance with no network and no service.

Exit codes: 0 verified; 1 refuted; 2 cannot tell; 3 verified with gaps; 4 usage, or a file or stream that cannot be
read or written; 5 malformed input; 70 a fault of this tool; 130 interrupted; 141 whoever read its output has gone. A
command that gives no verdict leaves with 0 when it is done. Python itself leaves with 1 when it cannot start the tool:
a verdict is also printed. Why there is no result stands on standard error, with `--json` on standard output as an
object.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Final, NoReturn, Protocol, cast

from monazite_provenance._tool.leaving import (
    FAULT,
    FAULT_REASON,
    FILE_REASON,
    INTERRUPTED,
    MALFORMED,
    PIPE,
    USAGE,
    USAGE_REASON,
    WrongUse,
)
from monazite_provenance._tool.screen import say, say_failure
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.streams import STANDARD_OUTPUT, OutputUnusable, forget, guard

COMMANDS: Final = {
    "verify": "verify a bundle against a trust file",
    "show": "show a bundle or a single statement: chain, element masses, where they came from",
    "keys": "show what a trust file says; read and write sets of keys",
    "diff": "compare two bundles",
    "redact": "leave out of a bundle what its reader need not see",
    "witness": "add to a bundle what witnesses co-signed",
    "qr": "write a statement or a small bundle as QR codes, and read them back",
    "root": "rebuild the root of a log from its entries",
}
_EPILOG: Final = (
    "exit codes: 0 verified, or done; 1 refuted; 2 cannot tell; 3 verified with gaps; 4 usage; 5 malformed; 70 fault; "
    "130 interrupted; 141 whoever read the output has gone"
)


_COLUMNS: Final = 80
"""Of a terminal that does not say how wide it is."""


class Command(Protocol):
    """A module of `_tool` that is a command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its arguments; `--json` is every command's already."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Do it; gives the exit code. Raises ProvenanceError for malformed input, WrongUse, OSError for files."""
        ...


class _Parser(argparse.ArgumentParser):
    """Its usage errors leave as ours do, not with argparse's 2, which is CANNOT_TELL here."""

    def error(self, message: str) -> NoReturn:
        raise WrongUse(message, " ".join(self.format_usage().split()).removeprefix("usage: "))

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 - argparse's signature
        # What argparse prints it does not see to its end.
        say(self.format_help().splitlines())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Gives the exit code; raises SystemExit with 0 where help was asked for."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _run(given)
    except BrokenPipeError:
        forget(sys.stdout)
        return PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # whatever it is: left to Python, it would leave with 1, which says REFUTED
        import traceback  # noqa: PLC0415 - costs a twentieth of the start, and is for faults alone

        traceback.print_exc()
        with suppress(OSError):
            fault = {"fault": type(error).__name__}
            say_failure(FAULT_REASON, "a fault of this tool; nothing was judged", fault, as_json="--json" in given)
        return FAULT


def _formatter(prog: str) -> argparse.HelpFormatter:
    """As argparse makes them, which asks for one for every argument: to measure the terminal it loads all archivers."""
    try:
        columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size().columns
    except (OSError, ValueError):
        columns = 0
    return argparse.HelpFormatter(prog, width=(columns or _COLUMNS) - 2)


def _parser(asked: str | None, command: Command | None, *, alone: bool) -> argparse.ArgumentParser:
    """`alone`: nothing will be asked of the other commands, not even their names."""
    parser = _Parser(
        prog="monazite_provenance",
        description="Check the provenance of rare-earth lots offline.",
        epilog=_EPILOG,
        formatter_class=_formatter,
    )
    # Asked for no name, argparse would format a usage to find one, for which it measures the terminal.
    commands = parser.add_subparsers(required=True, metavar="COMMAND", prog=parser.prog)
    for name, what in COMMANDS.items():
        if alone and name != asked:
            continue
        its_own = commands.add_parser(name, help=what, description=what, epilog=_EPILOG, formatter_class=_formatter)
        its_own.add_argument("--json", action="store_true", help="print JSON")
        if command is not None and name == asked:
            command.add_arguments(its_own)
    return parser


def _run(given: Sequence[str]) -> int:
    as_json = "--json" in given
    asked = next((word for word in given if word in COMMANDS), None)
    # Importing a command costs more than most of them do: none but the one asked for is.
    command = None if asked is None else cast("Command", import_module(f"monazite_provenance._tool.{asked}"))
    try:
        options = _parser(asked, command, alone=given[:1] == [asked]).parse_args(given)
        assert command is not None  # noqa: S101 - the parser takes nothing but a command
        return command.run(options)
    except BrokenPipeError:
        raise
    except OSError as error:
        file = error.filename or "standard input"
        say_failure(FILE_REASON, str(error.strerror), {"file": file}, as_json=as_json)
        return USAGE
    except OutputUnusable as error:
        say_failure(FILE_REASON, str(error), {"file": STANDARD_OUTPUT}, as_json=False)
        return USAGE
    except WrongUse as error:
        say_failure(USAGE_REASON, str(error), {"usage": error.usage} if error.usage else {}, as_json=as_json)
        return USAGE
    except ProvenanceError as error:
        say_failure(error.code, error.message, error.details, as_json=as_json)
        return MALFORMED


if __name__ == "__main__":
    guard()
    sys.exit(main())
