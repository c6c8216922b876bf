"""Which directories are ours: we write into those only, and we remove no other.

A directory is ours when it bears our mark. It gets the mark while it is still empty, so that nothing of anybody else's
is ever in one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

MARK: Final = "MONAZITE-SUITE"
_WORDS: Final = "A Monazite suite keeps its data and keys here. `--remove` deletes this whole directory.\n"


class ForeignDirectoryError(RuntimeError):
    """The directory is not ours; the message says which, and that nothing was touched."""


def claim(directory: Path) -> None:
    """Make `directory` ours: it is new, or empty, or ours already. Raises ForeignDirectoryError."""
    directory.mkdir(parents=True, exist_ok=True)
    if is_ours(directory):
        return
    if any(directory.iterdir()):
        raise ForeignDirectoryError(f"{directory} holds files that are not a suite's; take a new or empty directory")
    (directory / MARK).write_text(_WORDS)


def is_ours(directory: Path) -> bool:
    """Whether `directory` bears our mark."""
    return (directory / MARK).is_file()


def check(directory: Path) -> None:
    """Raises ForeignDirectoryError unless `directory` is ours."""
    if not is_ours(directory):
        raise ForeignDirectoryError(
            f"{directory} is no directory of a suite (it has no file {MARK}); nothing was removed"
        )
