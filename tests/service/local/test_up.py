"""`make up` as people and supervisors meet it: a process with output, an exit code, and configurations that work."""

from __future__ import annotations

import os
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clients.demo.actors import EVERYBODY
from tools.local.deployment import Deployment
from tools.local.ours import MARK
from tools.local.pki import DOMAIN
from tools.local.ports import HeldPorts

PATIENCE_SECONDS = 90
LAST_LINE = "Ctrl-C stops"
ROLES = (
    "officer-quota-li",
    "officer-registrar-zhao",
    "officer-licensing-chen",
    "officer-licensing-wu",
    "officer-inspector-sun",
    "customs-tianjin-hu",
    "enterprise-northern-bayan-obo",
)


def _up(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tools.local.up", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _refused(*arguments: str) -> str:
    """The one line that a refused run says."""
    process = _up(*arguments)
    out, words = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, out) == (1, "")
    assert words.count("\n") == 1
    return words


@dataclass
class Running:
    """A `make up` that has said its welcome."""

    directory: Path
    process: subprocess.Popen[str]
    ports: list[int]
    welcome: list[str] = field(default_factory=list[str])

    def end(self) -> tuple[int, str]:
        """Exit code and standard error of a process that is about to end."""
        _, words = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, words

    def child(self, words: str) -> int:
        """Process id of the launcher's child whose command line contains `words`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        commands = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ") for pid in children}
        (found,) = [pid for pid, command in commands.items() if words.encode() in command]
        return found


@pytest.fixture
def running(session_directory: Path, tmp_path: Path, ports: HeldPorts) -> Iterator[Running]:
    """The suite as `make up` runs it, on free ports."""
    directory = session_directory / tmp_path.name
    own = [ports.take() for _ in range(3)]
    up = Running(directory, _up(str(directory), "--ports", *map(str, own)), own)
    assert up.process.stdout is not None
    for line in up.process.stdout:
        up.welcome.append(line.rstrip("\n"))
        if line.startswith(LAST_LINE):
            break
    assert up.welcome, up.end()
    yield up
    if up.process.poll() is None:
        up.process.send_signal(signal.SIGTERM)
        up.end()
    assert _up(str(directory), "--remove").wait(PATIENCE_SECONDS) == 0
    assert not directory.exists()


def _monazite(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("monazite")), "--config", str(file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_going_on_by_hand_and_stopping(running: Running) -> None:
    text = "\n".join(running.welcome)
    files = {role: running.directory / f"{role}.toml" for role in ROLES}
    assert all(str(file) in text and file.exists() for file in files.values())
    registrar = files["officer-registrar-zhao"]
    printed = [shlex.split(line) for line in running.welcome if line.startswith("  .venv/bin/monazite ")]
    assert [words[3:5] for words in printed] == [["enterprise", "register"], ["indicator", "list"]]
    for _, _, file, *arguments in printed:
        done = _monazite(Path(file), *arguments)
        assert done.returncode == 0, done.stderr
    listed = _monazite(registrar, "enterprise", "register", "mine-a", "--name", "Mine A", "--activity", "mine")
    assert listed.returncode == 0, listed.stderr
    issued = _up(str(running.directory), "--issue", "enterprise/mine-a")
    mine = Path(issued.communicate(timeout=PATIENCE_SECONDS)[0].strip())
    seen = _monazite(mine, "enterprise", "show", "mine-a")
    assert (seen.returncode, "Mine A" in seen.stdout) == (0, True), seen.stderr
    refused = _refused(str(running.directory), "--issue", "somebody/../else")
    assert "names nobody of the suite" in refused
    assert "or witness/NAME" in refused

    # While it runs nobody removes it, and nobody starts a second one on it.
    for arguments in (["--remove"], []):
        assert f"(process {running.process.pid})" in _refused(str(running.directory), *arguments)
    assert running.process.poll() is None

    running.process.send_signal(signal.SIGTERM)
    assert running.end() == (0, "")


@pytest.mark.parametrize(
    ("command", "name"),
    [("services.quota", "quota"), ("postgres -D", "PostgreSQL")],
)
def test_the_end_of_one_is_the_end_of_all(running: Running, command: str, name: str) -> None:
    others = [os.pidfd_open(running.child(f"services.{service}")) for service in ("registry", "export_license")]
    os.kill(running.child(command), signal.SIGKILL)
    code, words = running.end()
    assert code == 1
    assert words.startswith(f"{name} ended by itself")
    assert words.count("\n") == 1
    for process in others:
        assert select.select([process], [], [], 0)[0]
        os.close(process)


def test_the_example_of_each_start_is_an_enterprise_of_its_own(running: Running) -> None:
    """An id that every start prints alike is taken when the data are those of an earlier one."""
    printed = next(line for line in running.welcome if "enterprise register" in line)
    enterprise_id = shlex.split(printed)[5]
    assert enterprise_id not in {actor.id for actor in EVERYBODY}
    arguments = shlex.split(printed)[3:]
    registrar = running.directory / "officer-registrar-zhao.toml"
    assert _monazite(registrar, *arguments).returncode == 0
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == (0, "")
    again = _up(str(running.directory), "--ports", *map(str, running.ports))
    assert again.stdout is not None
    line = next(line for line in again.stdout if "enterprise register" in line)
    try:
        assert _monazite(registrar, *shlex.split(line)[3:]).returncode == 0
    finally:
        again.send_signal(signal.SIGTERM)
        assert again.wait(PATIENCE_SECONDS) == 0


def test_taken_ports_are_named_before_anything_starts(tmp_path: Path, ports: HeldPorts) -> None:
    directory = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = _refused(str(directory), "--ports", str(ports.take()), str(port), str(ports.take()))
    assert f"{port} (quota)" in words
    assert sorted(path.name for path in directory.iterdir()) == [MARK, "lock"]


def test_a_directory_that_is_not_ours_is_neither_used_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "take a new or empty directory" in _refused(str(tmp_path))
    assert "nothing was removed" in _refused(str(tmp_path), "--remove")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_is_not_there_is_removed_already(tmp_path: Path) -> None:
    directory = tmp_path / "never"
    assert _up(str(directory), "--remove").wait(PATIENCE_SECONDS) == 0
    assert not directory.exists()


def test_nothing_is_issued_where_nothing_was_started(tmp_path: Path) -> None:
    assert "nothing was started" in _refused(str(tmp_path), "--issue", "enterprise/mine-a")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("service/registry", "is a service"),
        ("service/anything", "is a service"),
        ("officer/minister/wang", "auditor"),
        ("officer/quota", "officer/ROLE/NAME with ROLE one of quota, licensing, registrar, inspector, auditor"),
        ("customs/tianjin", "customs/PORT/NAME"),
        ("nonsense", "names nobody"),
        ("spiffe://elsewhere.example/officer/quota/li", "of another domain"),
    ],
)
def test_certificates_are_issued_to_callers_that_there_are(tmp_path: Path, path: str, why: str) -> None:
    Deployment(DOMAIN, {}, tmp_path / "pki", tmp_path / "trust.json").save(tmp_path / "deployment.json")
    assert why in _refused(str(tmp_path), "--issue", path)
    assert not list(tmp_path.glob("**/*.pem"))
