"""The library's README: its example, and the commands that it shows with their exit codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

README: Final = Path(__file__).parents[3] / "libs" / "provenance" / "README.md"
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND: Final = re.compile(r"\$ python -m monazite_provenance (.*?) +# exit code (\d+)")


def example() -> str:
    """The Python of the README, as one program."""
    return "\n".join(body for language, body in _BLOCK.findall(README.read_text()) if language == "python")


def commands() -> list[tuple[list[str], int]]:
    """The arguments of each command shown, and the code it leaves with."""
    shown = [body for language, body in _BLOCK.findall(README.read_text()) if language == "console"]
    return [(line.split(), int(code)) for body in shown for line, code in _COMMAND.findall(body)]
