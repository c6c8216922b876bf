"""`python -m monazite_provenance COMMAND`: checks and shows provenance with no network and no service.

Exit codes: 0 verified; 1 refuted; 2 cannot tell; 3 verified with gaps; 4 usage, or a file that cannot be read or
written; 5 malformed input; 70 a fault of this tool; 141 whoever read its output has gone. A command that gives no
verdict leaves with 0 when it is done. Python itself leaves with 1 when it cannot start the tool: a verdict is also
printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NoReturn, Protocol, cast

from monazite_provenance._tool.leaving import FAULT, MALFORMED, PIPE, USAGE
from monazite_provenance._tool.screen import complain, say_json
from monazite_provenance.errors import ProvenanceError

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
    "exit codes: 0 verified, or done; 1 refuted; 2 cannot tell; 3 verified with gaps; 4 usage; 5 malformed; 70 fault"
)


_COLUMNS: Final = 80
"""Of a terminal that does not say how wide it is."""


class Command(Protocol):
    """A module of `_tool` that is a command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its arguments; `--json` is every command's already."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Do it; gives the exit code. Raises ProvenanceError for malformed input, OSError for files."""
        ...


class _Parser(argparse.ArgumentParser):
    """Its usage errors leave with our code, not with argparse's 2, which is CANNOT_TELL here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool. Gives the exit code; raises SystemExit with it for wrong arguments."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    asked = next((word for word in given if word in COMMANDS), None)
    # Importing a command costs more than most of them do: none but the one asked for is.
    command = None if asked is None else cast("Command", import_module(f"monazite_provenance._tool.{asked}"))
    options = _parser(asked, command, alone=given[:1] == [asked]).parse_args(given)
    assert command is not None  # noqa: S101 - the parser takes nothing but a command
    try:
        return _run(command, options)
    except BrokenPipeError:
        # Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE
    except Exception:  # whatever it is: left to Python, it would leave with 1, which says REFUTED
        import traceback  # noqa: PLC0415 - costs a twentieth of the start, and is for faults alone

        traceback.print_exc()
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


def _run(command: Command, options: argparse.Namespace) -> int:
    try:
        return command.run(options)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{error.filename or 'standard input or output'}: {error.strerror}")
        return USAGE
    except ProvenanceError as error:
        if options.json:
            say_json({"error": {"code": error.code, "message": error.message, "details": dict(error.details)}})
        complain(f"malformed: {error.code}: {error.message}")
        return MALFORMED


if __name__ == "__main__":
    sys.exit(main())
