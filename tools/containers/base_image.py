"""The image that ours are built on: pulled where that is possible, made with debootstrap where it is not."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tools.containers.engine import Engine, NoEngineError, install

PULLED: Final = "python:3.11-slim-bookworm"
MADE: Final = "monazite-base:bookworm"
RELEASE: Final = "bookworm"
PULL_SECONDS_MAX: Final = 180
# Python 3.11 is Debian 12's own; its shared library is what the collector's wheel embeds.
PACKAGES: Final = ("python3", "python3-venv", "libpython3.11", "ca-certificates")
LEFT_OUT: Final = ("./var/cache/apt", "./var/lib/apt/lists", "./usr/share/doc", "./usr/share/man", "./usr/share/locale")


def pull(engine: Engine) -> str | None:
    """The official image, or None where it cannot be pulled."""
    try:
        engine.output("docker", "pull", "--quiet", PULLED, timeout_s=PULL_SECONDS_MAX)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return PULLED


def make(engine: Engine, folder: Path) -> str:
    """Make a base with debootstrap, kept as a tar file in `folder`, and import it. Raises NoEngineError."""
    made_of = " ".join([RELEASE, *PACKAGES, *LEFT_OUT])
    cache = folder / f"base-image-{hashlib.sha256(made_of.encode()).hexdigest()[:8]}.tar"
    if not cache.exists():
        _debootstrap(cache)
    engine.output("docker", "import", str(cache), MADE, timeout_s=120)
    return MADE


def _debootstrap(cache: Path) -> None:
    if os.geteuid() != 0:
        raise NoEngineError("no image can be pulled, and only root can make one with debootstrap")
    if shutil.which("debootstrap") is None:
        install("debootstrap")
    tree = cache.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    cache.parent.mkdir(parents=True, exist_ok=True)
    try:
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(tree)]
        done = subprocess.run(
            [*command, *_mirror()], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NoEngineError(f"debootstrap: {(done.stdout + done.stderr)[-1000:]}")
        partial = cache.with_suffix(".partial")
        subprocess.run(
            ["tar", "-C", str(tree), *(f"--exclude={path}" for path in LEFT_OUT), "-cf", str(partial), "."], check=True
        )
        partial.rename(cache)
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _mirror() -> list[str]:
    """The mirror that this machine's apt uses for the release, if it says; debootstrap has its own default."""
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {RELEASE}", "Label: Debian"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return done.stdout.split()[:1]
