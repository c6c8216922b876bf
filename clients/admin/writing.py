"""Files that a command writes: whole or not at all, and in the place of nothing but a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import typer

from clients.admin.configuration import ConfigurationError


def check_free(file: Path, *, force: bool) -> None:
    """Return if `file` may be written: it is not there, or with `force` it is a file, or a link to one.

    Raises:
        typer.BadParameter: it is there and `force` was not given, or it names the standard output.
        ConfigurationError: what is there is a directory, a device, a pipe: nothing to be written over.
    """
    if str(file) == "-":
        raise typer.BadParameter("it goes into a file, not to the standard output: name one", param_hint="FILE")
    check_file(file)
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} is there already; give --force to overwrite it", param_hint="FILE")


def check_file(file: Path) -> None:
    """Return if `file` is one, or could become one. Raises ConfigurationError."""
    try:
        if not file.is_file() and (file.exists() or file.is_symlink()):
            raise ConfigurationError(f"cannot write {file}: it is there, and is not a file")
        if not file.parent.is_dir():
            raise ConfigurationError(f"cannot write {file}: there is no directory {file.parent}")
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error


def replace(file: Path, pieces: Iterable[bytes]) -> int:
    """Writes the pieces beside `file` and, when they are on the disk, puts them in its place; gives how many bytes.

    What ends this before leaves what was there. Raises ConfigurationError.
    """
    try:
        # A link goes on leading to where it did.
        place = file.resolve()
        new = place.with_name(f"{place.name}.new")
        try:
            size = _write(new, pieces)
            if place.exists():
                new.chmod(place.stat().st_mode)
            new.replace(place)
        finally:
            with suppress(OSError):
                new.unlink()
        _sync_directory(place.parent)
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error
    return size


def _write(new: Path, pieces: Iterable[bytes]) -> int:
    # What a run that was cut off left there; whatever else it is, it is not written into.
    new.unlink(missing_ok=True)
    with new.open("xb") as written:
        size = sum(map(written.write, pieces))
        written.flush()
        os.fsync(written.fileno())
    return size


def _sync_directory(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
