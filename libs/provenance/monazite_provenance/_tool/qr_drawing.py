"""QR codes as text and as files, by segno (the extra `qr`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Final

from monazite_provenance._tool.leaving import WrongUse

if TYPE_CHECKING:
    from segno import QRCode

QUIET_ZONE: Final = 4
"""Light modules around a code (ISO/IEC 18004)."""
_PIXELS: Final = 4
_BLACK_ON_WHITE, _AS_BEFORE = "\x1b[30;107m", "\x1b[0m"
_HALVES: Final = {(0, 0): " ", (1, 0): "\u2580", (0, 1): "\u2584", (1, 1): "\u2588"}
"""Two modules, one above the other, in one character."""


def make(line: str) -> QRCode:
    """The code of a line. Raises WrongUse where the extra that draws is not installed."""
    try:
        import segno  # noqa: PLC0415 - an extra, needed by this alone
    except ImportError:
        raise WrongUse("drawing needs segno, which is not installed: pip install segno, or take --text") from None
    error = "m" if len(line) <= _LETTERS_AT_M else "l"
    return segno.make_qr(line, mode="alphanumeric", error=error)


_LETTERS_AT_M: Final = 3_391
"""What the largest code holds at the second level of correction."""


def drawn(code: QRCode, *, encoding: str, colours: bool) -> Iterator[str]:
    """The code in lines: half blocks, or `##` where the encoding has none; black on white of a terminal if asked to."""
    rows = [list(row) for row in code.matrix_iter(scale=1, border=QUIET_ZONE)]
    for line in _halves(rows) if _has_blocks(encoding) else _doubled(rows):
        yield f"{_BLACK_ON_WHITE}{line}{_AS_BEFORE}" if colours else line


def image(code: QRCode, kind: str) -> bytes:
    """The code as an `svg` or `png` file."""
    out = BytesIO()
    code.save(out, kind=kind, border=QUIET_ZONE, scale=_PIXELS)
    return out.getvalue()


def _has_blocks(encoding: str) -> bool:
    try:
        "".join(_HALVES.values()).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _halves(rows: Sequence[Sequence[int]]) -> Iterator[str]:
    blank = [0] * len(rows[0])
    for top in range(0, len(rows), 2):
        below: Iterable[int] = rows[top + 1] if top + 1 < len(rows) else blank
        yield "".join(_HALVES[bool(upper), bool(lower)] for upper, lower in zip(rows[top], below, strict=True))


def _doubled(rows: Sequence[Sequence[int]]) -> Iterator[str]:
    return ("".join("##" if module else "  " for module in row) for row in rows)
