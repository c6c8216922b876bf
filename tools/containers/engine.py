"""A container engine: the one that is there, or a private one from Debian's packages.

The private engine is Debian's docker.io, run as root in a network namespace of its own with its data in a directory of
ours. It is entered with nsenter, since `ip netns exec` hides the cgroups that runc needs. Ports that it publishes live
in the namespace, so whoever talks to them is run there too.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tools.local.guardian import Guardian

PACKAGES: Final = ("docker.io", "docker-compose", "iproute2", "iptables")
NAMESPACE: Final = f"monazite-{os.getpid()}"
START_SECONDS_MAX: Final = 60
STOP_SECONDS_MAX: Final = 60
ASK_SECONDS_MAX: Final = 30


class NoEngineError(Exception):
    """No engine is there and none can be started; the message says why."""


@dataclass(frozen=True, slots=True)
class Engine:
    """How to reach an engine: commands are run with `environment`, inside its network with `inside`."""

    compose: tuple[str, ...]
    inside: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def run(
        self,
        *command: str,
        timeout_s: float,
        environment: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
    ) -> None:
        """Run a command that speaks to the engine, its output shown. Raises CalledProcessError, TimeoutExpired."""
        subprocess.run(command, env=self._environment(environment), stdin=stdin, check=True, timeout=timeout_s)

    def output(self, *command: str, timeout_s: float = ASK_SECONDS_MAX) -> str:
        """Run a command quietly; returns all it printed. Raises CalledProcessError, TimeoutExpired."""
        done = subprocess.run(
            command,
            env=self._environment(None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # `docker logs` gives a container's standard error as its own
            text=True,
            check=True,
            timeout=timeout_s,
        )
        return done.stdout

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, **self.environment, **(more or {})}


@contextmanager
def engine(directory: Path) -> Generator[Engine]:
    """The engine that is there, or a private one with its data in `directory`, which is removed at the end.

    Raises NoEngineError.
    """
    if _answers(["docker", "info"]):
        yield Engine(compose=_compose())
        return
    with _private(directory) as started:
        yield started


def install(*packages: str) -> None:
    """Install Debian packages unless their commands are there. Raises NoEngineError where that is not ours to do."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoEngineError(f"not root on Debian, so these cannot be installed: {', '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NoEngineError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")


def _answers(command: Sequence[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=ASK_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _compose() -> tuple[str, ...]:
    if _answers(["docker", "compose", "version"]):
        return ("docker", "compose")
    if shutil.which("docker-compose") is None:
        install("docker-compose")
    return ("docker-compose",)


@contextmanager
def _private(directory: Path) -> Generator[Engine]:
    if os.geteuid() != 0:
        raise NoEngineError("no engine answers, and only root can start a private one")
    if any(shutil.which(command) is None for command in ("dockerd", "docker-compose", "ip", "iptables", "nsenter")):
        install(*PACKAGES)
    directory.mkdir(parents=True, exist_ok=True)
    guardian = Guardian()
    socket = f"unix://{directory}/docker.sock"
    try:
        _command("ip", "netns", "add", NAMESPACE)
        inside = ("nsenter", f"--net=/run/netns/{NAMESPACE}")
        _command(*inside, "ip", "link", "set", "lo", "up")
        daemon = _start(directory, inside, socket)
        guardian.watch(daemon.pid)
        try:
            _await(daemon, directory, socket)
            yield Engine(compose=("docker-compose",), inside=inside, environment={"DOCKER_HOST": socket})
        finally:
            _stop(daemon)
    finally:
        _clear(directory)
        guardian.dismiss()


def _start(directory: Path, inside: Sequence[str], socket: str) -> subprocess.Popen[bytes]:
    arguments = [
        "--data-root",
        f"{directory}/data",
        "--exec-root",
        f"{directory}/exec",
        "--pidfile",
        f"{directory}/pid",
    ]
    with (directory / "dockerd.log").open("wb") as log:
        return subprocess.Popen(
            [*inside, "dockerd", *arguments, "--host", socket],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await(daemon: subprocess.Popen[bytes], directory: Path, socket: str) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and daemon.poll() is None:
        if _answers(["docker", "--host", socket, "version"]):
            return
        time.sleep(0.2)
    words = (directory / "dockerd.log").read_text(errors="replace")[-1500:]
    raise NoEngineError(f"dockerd did not start:\n{words}")


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _clear(directory: Path) -> None:
    """Unmount what is left below `directory`, deepest first; remove it and the namespace."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run(["ip", "netns", "delete", NAMESPACE], capture_output=True, check=False)


def _command(*command: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoEngineError(f"{' '.join(command)}: {done.stderr.strip()}")
