"""The files that the tidy tests look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("libs", "services", "clients", "tools", "benchmarks")


def tracked_files() -> list[Path]:
    """Every file that is, or is about to be, in the repository; a source tree without git counts whole."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        hidden = {".git", ".venv", ".monazite", "build", "__pycache__"}
        return [path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.relative_to(ROOT).parts)]
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def our_modules() -> list[Path]:
    """Python modules that we wrote: not generated, not tests."""
    modules = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in modules if "migrations" not in path.parts)
