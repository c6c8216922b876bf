"""`make demo` in a terminal: it stays up, says how to go on by hand, and leaves nothing behind when it ends."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clients.demo.actors import BY_HAND
from tools.local.deployment import Deployment
from tools.local.ports import is_free
from tools.local.suite import SERVICES

PATIENCE_S = 240.0
LAST_LINE = "The suite stays up until Ctrl-C."
# Ctrl-C reaches the foreground process of the terminal that a process has for its own. It is ignored at first, as by
# what a shell started in the background.
LAUNCHER = (
    "import fcntl, runpy, signal, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "runpy.run_module('clients.demo', run_name='__main__', alter_sys=True)"
)


@dataclass
class Screen:
    """A demo in a terminal of its own; `scratch` is where it may make its directories."""

    process: subprocess.Popen[bytes]
    terminal: int
    scratch: Path
    said: str = ""
    handles: list[int] = field(default_factory=list[int])

    def read_until(self, words: str | None) -> None:
        """Until the screen shows `words`, or until nobody writes to it any more."""
        deadline = time.monotonic() + PATIENCE_S
        while words is None or words not in self.said:
            assert select.select([self.terminal], [], [], max(0.0, deadline - time.monotonic()))[0], self.said
            try:
                piece = os.read(self.terminal, 65536)
            except OSError:  # EIO: the last process that had the terminal is gone
                piece = b""
            if not piece:
                assert words is None, self.said
                return
            self.said += piece.decode(errors="replace").replace("\r\n", "\n")

    def descendants(self) -> list[int]:
        """Process ids of everything that the demo started, and of what that started."""
        found = [self.process.pid]
        for pid in found:
            found += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found[1:]

    def close(self) -> None:
        """Let go of everything, also after a failure."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
        for handle in (self.terminal, *self.handles):
            os.close(handle)


@pytest.fixture
def screen(session_directory: Path, tmp_path: Path) -> Iterator[Screen]:
    """The demo, just started."""
    if Deployment.from_environment() is not None:
        pytest.skip("the demo starts a suite of its own")
    scratch = session_directory / tmp_path.name
    scratch.mkdir()
    terminal, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 160, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(scratch), "TERM": "dumb"},
    )
    os.close(other_end)
    screen = Screen(process, terminal, scratch)
    yield screen
    screen.close()


def ctrl_c(screen: Screen) -> None:
    """As the keyboard does it."""
    os.write(screen.terminal, b"\x03")


def sigterm(screen: Screen) -> None:
    """As a supervisor does it."""
    screen.process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("end", [ctrl_c, sigterm])
def test_it_stays_up_says_how_to_go_on_and_leaves_nothing(screen: Screen, end: Callable[[Screen], None]) -> None:
    screen.read_until(LAST_LINE)
    assert screen.process.poll() is None
    ports = _ports(screen.said)
    assert not any(is_free(port) for port in ports)
    _files_are_there(screen)
    _commands_work(screen)
    descendants = screen.descendants()
    assert len(descendants) > len(SERVICES)
    screen.handles = [os.pidfd_open(pid) for pid in descendants]

    end(screen)
    screen.read_until(None)
    assert screen.process.wait(PATIENCE_S) == 0, screen.said
    assert "Traceback" not in screen.said
    for handle in screen.handles:
        assert select.select([handle], [], [], PATIENCE_S)[0]
    assert all(is_free(port) for port in ports)
    assert list(screen.scratch.iterdir()) == []


def _ports(said: str) -> list[int]:
    """Of the addresses that it printed."""
    found = {service: re.search(rf"^  {service} +localhost:(\d+)$", said, re.MULTILINE) for service in SERVICES}
    return [int(match[1]) for match in found.values() if match is not None]


def _files_are_there(screen: Screen) -> None:
    assert len(_ports(screen.said)) == len(SERVICES)
    trust = re.search(r"^  trust file +(\S+)$", screen.said, re.MULTILINE)
    assert trust is not None
    assert Path(trust[1]).is_file()
    for actor in BY_HAND:
        configuration = re.search(rf"^  {re.escape(actor.title)} +(\S+)$", screen.said, re.MULTILINE)
        assert configuration is not None, actor.title
        assert Path(configuration[1]).is_relative_to(screen.scratch)
        assert Path(configuration[1]).is_file()


def _commands_work(screen: Screen) -> None:
    """Each as a person would paste it: done, and what is to be verified is."""
    commands = re.findall(r"^  (\S*(?:monazite|python) .+)$", screen.said, re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout
