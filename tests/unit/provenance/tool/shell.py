"""Runs our programs as a shell does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def redirected(program: str, redirections: str, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """A program, by its module, with its standard streams redirected; what is not is captured."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, "-m", program, *arguments],
        capture_output=True,
        check=False,
    )
