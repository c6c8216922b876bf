"""How `monazite` leaves: with a code of its own table, whatever ends it, and saying why in its own form.

Typer leaves with 2 for wrong arguments and with 1 for a closed pipe, and Python with 1 for an exception that nobody
caught: as verdicts, 2 says CANNOT_TELL and 1 says REFUTED.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import typer
from monazite_provenance.streams import OutputUnusable, forget
from typer.core import TyperGroup

from clients.admin.configuration import ConfigurationError
from clients.admin.exit_codes import ExitCode
from clients.admin.output import Output
from clients.admin.wrong_arguments import explain
from clients.errors import CONFIGURATION, FAULT, USAGE


class Commands(TyperGroup):
    """The root command. Arguments are read in `make_context` (its own) and in `invoke` (the commands')."""

    _output: Output

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> Any:
        """As typer's."""
        # Before the command has read its arguments nobody but they can say how to answer.
        self._output = Output(as_json="--json" in args)
        with _our_codes(self._output):
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, *args: Any, **extra: Any) -> Any:
        """As typer's."""
        with _our_codes(self._output):
            return super().invoke(*args, **extra)


@contextmanager
def _our_codes(output: Output) -> Generator[None]:
    try:
        yield
    except typer.TyperException as error:
        _say_usage(output, error)
        raise typer.Exit(ExitCode.USAGE) from error
    except ConfigurationError as error:
        output.problem(CONFIGURATION, str(error), {})
        raise typer.Exit(ExitCode.CONFIGURATION) from error
    except (typer.Exit, typer.Abort):
        raise
    except OutputUnusable as error:
        output.unusable(error)
        raise typer.Exit(ExitCode.USAGE) from error
    except BrokenPipeError as error:
        forget(sys.stdout)
        raise typer.Exit(ExitCode.PIPE_CLOSED) from error
    except Exception as error:
        traceback.print_exc()
        with suppress(OSError):
            output.problem(FAULT, "a fault of this program; see the trace", {"fault": type(error).__name__})
        raise typer.Exit(ExitCode.FAULT) from error


def _say_usage(output: Output, error: typer.TyperException) -> None:
    """What is wrong with the arguments; where none were given, typer has shown by now what there is to give."""
    message = explain(error)
    if not message:
        return
    context: Any = getattr(error, "ctx", None)
    usage = "" if context is None else " ".join(context.get_usage().partition(": ")[2].split())
    output.problem(USAGE, message, {"usage": usage} if usage else {})
