"""Text that is wrapped between its pieces and never inside one: a mass keeps all its digits on one line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

# Rich breaks at every blank, the no-break ones too; the blank before a group of three digits belongs to the number.
_BETWEEN_WORDS = re.compile(r"(?<!\d) | (?!\d{3}(?:\D|$))")


def words(text: str) -> list[str]:
    """The words of a text; a number with its thousands apart is one word."""
    return [word for word in _BETWEEN_WORDS.split(text) if word]


class Flow:
    """Pieces (rich markup) one after another, as many on a line as fit; only a piece wider than a line is broken."""

    def __init__(self, pieces: Sequence[str], *, separator: str = " ", first: str = "", indent: int = 0) -> None:
        self._pieces = [Text.from_markup(piece) for piece in pieces]
        self._separator = separator
        self._first = Text.from_markup(first)
        self._indent = " " * indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lays the pieces out in the width there is."""
        line = self._first.copy()
        empty = True
        for position, piece in enumerate(self._pieces):
            following = self._separator.rstrip() if position < len(self._pieces) - 1 else ""
            blank = "" if empty else self._separator[len(self._separator.rstrip()) :]
            if not empty and line.cell_len + len(blank) + piece.cell_len + len(following) > options.max_width:
                yield line
                line, blank = Text(self._indent), ""
            line.append(blank).append_text(piece).append(following)
            empty = False
        yield line
