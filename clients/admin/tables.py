"""Tables in which no cell is ever lost: as wide as the window, or stacked where the window is too narrow for that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Blanks between two columns, as the offline tool has them: lines about the cells would take three columns each.
_BETWEEN = 2


def show(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, or each row as a block of lines, a cell a line.

    Columns whose name starts with ">" are numbers: they stand right and are never broken. Other cells are broken
    between words, and an id is one word: where the window is too narrow for the longest words, the rows are stacked.
    """
    names = [column.removeprefix(">") for column in columns]
    right = [column.startswith(">") for column in columns]
    if not rows:
        console.print(Text(f"{title}: none"))
        return
    cells = [list(column) for column in zip(names, *rows, strict=True)]
    room = console.width - _BETWEEN * (len(columns) - 1)
    widths = _widths([_least(column, whole=whole) for column, whole in zip(cells, right, strict=True)], cells, room)
    if widths is None:
        for line in _stacked(title, names, rows):
            console.print(line, soft_wrap=True)
        return
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False, padding=(0, _BETWEEN, 0, 0))
    for name, is_right, width in zip(names, right, widths, strict=True):
        table.add_column(Text(name), justify="right" if is_right else "left", width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _least(cells: Sequence[str], *, whole: bool) -> int:
    """The fewest columns of the terminal in which no word of the cells (of numbers: no line) is broken."""
    parts = [part for cell in cells for part in (cell.split("\n") if whole else cell.split())]
    return max(map(cell_len, parts), default=0)


def _widths(least: Sequence[int], cells: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Columns as wide as they want to be, else what is left shared out among those that want more; None: no room."""
    if sum(least) > room:
        return None
    most = [_least(column, whole=True) for column in cells]
    widths, spare = list(least), room - sum(least)
    order = sorted(range(len(least)), key=lambda each: most[each] - least[each])
    for done, each in enumerate(order):
        more = min(most[each] - least[each], spare // (len(order) - done))
        widths[each] += more
        spare -= more
    return widths


def _stacked(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Text]:
    yield Text(title, style="bold")
    width = max(map(cell_len, names))
    for row in rows:
        yield Text()
        for name, cell in zip(names, row, strict=True):
            if cell:
                yield Text(f"  {name}{' ' * (width - cell_len(name))}  {', '.join(cell.splitlines())}")
