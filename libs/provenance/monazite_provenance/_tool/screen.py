"""What reaches the terminal: lines in which nothing but our own text can move a cursor, and tables of plain characters.

Names in a bundle are its sender's. A control character, a mark that turns the direction of writing, or a letter that
the terminal's encoding lacks is written as an escape: it neither draws over the verdict nor ends the tool.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from monazite_provenance.streams import OutputUnusable

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""Plain values; masses are decimal texts, counts and times integers."""

_WIDE: Final = "WF"


def say(lines: Iterable[str]) -> None:
    """Write lines to standard output and see that they left. Raises BrokenPipeError when nobody reads them, and
    OutputUnusable.
    """
    encoding = sys.stdout.encoding or "ascii"
    text = "".join(f"{visible(line)}\n" for line in lines)
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()


def say_json(value: object) -> None:
    """Write plain values as JSON, in ASCII."""
    say(json.dumps(value, indent=2).split("\n"))


def say_failure(reason: str, message: str, metadata: Mapping[str, object], *, as_json: bool) -> None:
    """Why there is no result: as JSON on standard output in the result's place, else in lines on standard error.

    The shape is that of the `monazite` command too (docs/ERRORS.md). Where nothing can be written on standard output it
    stands on standard error all the same.
    """
    facts = {name: str(value) for name, value in metadata.items()}
    if as_json:
        with suppress(OutputUnusable):
            say([json.dumps({"error": {"reason": reason, "message": message, "metadata": facts}})])
            return
    _complain((f"{reason} {message}", *(f"  {name} = {value}" for name, value in facts.items())))


def warn(warnings: Iterable[str]) -> None:
    """What was done and may not be what was meant, on standard error."""
    _complain(f"warning: {each}" for each in warnings)


def _complain(lines: Iterable[str]) -> None:
    encoding = sys.stderr.encoding or "ascii"
    for line in lines:
        sys.stderr.write(f"{visible(line)}\n".encode(encoding, "backslashreplace").decode(encoding))


def visible(line: str) -> str:
    """The line with everything that is not seen as itself escaped: control, format and private characters, other
    spaces, unpaired surrogates.
    """
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in line)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: str = "") -> Iterator[str]:
    """A table in lines, two blanks between columns. The columns at which `right` has an `r` are flush right."""
    cells = [[visible(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(map(_columns, column)) for column in zip(*cells, strict=True)]
    sides = right.ljust(len(widths))
    for row in cells:
        padded = (_pad(*each) for each in zip(row, widths, sides, strict=True))
        yield "  ".join(padded).rstrip()


def indented(lines: Iterable[str]) -> Iterator[str]:
    """The lines, two blanks in."""
    return (f"  {line}" for line in lines)


def _pad(cell: str, width: int, side: str) -> str:
    blanks = " " * (width - _columns(cell))
    return blanks + cell if side == "r" else cell + blanks


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes; a letter of East Asia takes two (UAX 11)."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(each) in _WIDE) for each in text)
