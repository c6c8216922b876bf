"""One launcher at a time in a directory: a lock that ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Final

NAME: Final = "lock"


class LockedError(RuntimeError):
    """Another process holds the directory; the message says which."""


class DirectoryLock:
    """An advisory lock (flock) on a file in `directory`, which holds the process id for whoever is refused."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Take the lock, at once or not at all; does nothing when it is held by us already. Raises LockedError."""
        if self._file is not None:
            return
        # Appending: the file must not lose the holder's number before the lock is ours.
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            file.close()
            raise LockedError(f"{self._path.parent} is in use (process {holder}); stop it first") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Let go; does nothing when the lock is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None
