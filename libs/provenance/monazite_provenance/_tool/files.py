"""Reading and writing files; `-` stands for standard input and output. All raise OSError, and OutputUnusable.

Paths are text: to import `pathlib` costs a twentieth of the tool's start.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from errno import EINVAL
from typing import BinaryIO, Final

from monazite_provenance.errors import ProvenanceError

CHUNK_BYTES: Final = 64 * 1024
STANDARD: Final = "-"


@contextmanager
def named(path: str) -> Generator[None]:
    """What is found wrong inside is wrong with this file: the error says so, unless it names one already."""
    try:
        yield
    except ProvenanceError as error:
        error.details = {"file": path, **error.details}
        raise


def start_of(path: str, bytes_max: int) -> bytes:
    """A file up to its bound and one byte more, by which it is seen to be too long: no disk image comes into memory."""
    if path == STANDARD:
        return sys.stdin.buffer.read(bytes_max + 1)
    with open(path, "rb") as file:
        return file.read(bytes_max + 1)


def chunks(path: str) -> Iterator[bytes]:
    """A file piece by piece."""
    if path == STANDARD:
        yield from _pieces(sys.stdin.buffer)
        return
    with open(path, "rb") as file:
        yield from _pieces(file)


def write(path: str, pieces: Iterable[bytes]) -> None:
    """Write the pieces to a new file or standard output. Raises OSError, also for a file that exists, which is not
    overwritten, and for a terminal, which what is not text could steer.

    The pieces are all made before the file is: an input that turns out malformed leaves no half of an output.
    """
    whole = b"".join(pieces)
    if path == STANDARD:
        if sys.stdout.isatty():
            raise OSError(EINVAL, "a terminal is not sent what is not text", "standard output")
        sys.stdout.buffer.write(whole)
        sys.stdout.buffer.flush()
        return
    try:
        with open(path, "xb") as file:
            file.write(whole)
    except FileExistsError as error:
        raise OSError(error.errno, "it is there already, and is not written over: name another file", path) from error


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
