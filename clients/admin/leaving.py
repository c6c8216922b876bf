"""How `monazite` leaves: with a code of its own table, whatever ends it.

Typer leaves with 2 for wrong arguments and with 1 for a closed pipe, and Python with 1 for an exception that nobody
caught: as verdicts, 2 says CANNOT_TELL and 1 says REFUTED.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from clients.admin.exit_codes import ExitCode


class Commands(TyperGroup):
    """The root command. Arguments are read in `make_context` (its own) and in `invoke` (the commands')."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """As typer's."""
        with _our_codes():
            return super().make_context(*args, **extra)

    def invoke(self, *args: Any, **extra: Any) -> Any:
        """As typer's."""
        with _our_codes():
            return super().invoke(*args, **extra)


@contextmanager
def _our_codes() -> Generator[None]:
    try:
        yield
    except typer.TyperException as error:
        error.exit_code = ExitCode.USAGE
        raise
    except (typer.Exit, typer.Abort):
        raise
    except BrokenPipeError as error:
        # Python would flush once more at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.PIPE_CLOSED) from error
    except Exception as error:
        traceback.print_exc()
        raise typer.Exit(ExitCode.FAULT) from error
