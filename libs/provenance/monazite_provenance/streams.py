"""The standard streams of a command whose exit code is a verdict: closed, or on a disk that is full, they are none.

Python leaves with 1 where it trips over a closed stream and with 120 where it cannot write what is left at its end; and
the next file that is opened takes the number of a closed stream, so that what was meant for the screen goes into it.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

STANDARD_OUTPUT = "standard output"
"""What stands for the file where it is named."""

# A stream that is closed is taken to be one of the wrong direction: its number is taken, and every use of it fails.
_WRONG_DIRECTION = {"stdin": ("r", os.O_WRONLY), "stdout": ("w", os.O_RDONLY), "stderr": ("w", os.O_RDONLY)}


class OutputUnusable(Exception):  # noqa: N818 - says what happened
    """Standard output is closed or takes no more; the message says why. No OSError: it is about none of the files."""


def guard() -> None:
    """Of this process from here on: what standard output does not take raises OutputUnusable, or BrokenPipeError where
    its reader has gone, and what standard error does not take is lost. For the program itself, not for who calls it.
    """
    for name, (mode, direction) in _WRONG_DIRECTION.items():
        if getattr(sys, name) is None:
            closed = open(os.open(os.devnull, direction), mode, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - it is a stream of the process
            setattr(sys, name, closed)
    for name in ("stdout", "stderr"):
        setattr(sys, name, _Guarded(getattr(sys, name), is_output=name == "stdout"))


def forget(stream: Any) -> None:
    """What a stream did not take goes nowhere: Python would try once more at its end, and complain."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Guarded:
    """A stream, of text or of bytes."""

    def __init__(self, stream: Any, *, is_output: bool) -> None:
        self._stream = stream
        self._is_output = is_output

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def buffer(self) -> _Guarded:
        """As of every stream of text."""
        return _Guarded(self._stream.buffer, is_output=self._is_output)

    def write(self, data: Any) -> int:
        """As of every stream."""
        try:
            return int(self._stream.write(data))
        except OSError as error:
            self._fail(error)
            return len(data)

    def flush(self) -> None:
        """As of every stream."""
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        forget(self._stream)
        if isinstance(error, BrokenPipeError):
            raise error
        if self._is_output:
            raise OutputUnusable(error.strerror or type(error).__name__) from error
