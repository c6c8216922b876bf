"""The counter as a process of its own: to be killed, stopped, and started anew."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from services.chassis.client import Peer
from tests.service.chassis.logs import KEY
from tests.service.chassis.scene import PLANT, SERVER, files
from tests.service.chassis.till import LOG
from tools.local.pki import DevelopmentAuthority


def configured(tmp_path: Path, url: str, authority: DevelopmentAuthority, extra: str = "") -> dict[str, str]:
    """The environment of a counter whose settings lie in `tmp_path`."""
    own = authority.issue(SERVER, server=True)
    path = tmp_path / "counter.toml"
    (tmp_path / "log.key").write_bytes(KEY.to_pem())
    path.write_text(
        f"""
domain = "{authority.domain}"
listen = "127.0.0.1:0"
database_url = "{url}"
signing_key = "none"
log_signing_key = "log.key"
log_memory = "signed"
trust_file = "none"
log_name = "{LOG}"
port_file = "port"
{extra}
[certificates]
certificate = "{own.certificate}"
private_key = "{own.key}"
authority = "{own.authority}"
"""
    )
    return {**os.environ, "MONAZITE_CONFIG": str(path)}


def started(environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Started, and not waited for."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.service.chassis.counter"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Counter:
    """One that serves. `directory` holds its settings and what its log remembers."""

    def __init__(self, process: subprocess.Popen[str], port: int, authority: DevelopmentAuthority) -> None:
        self.process = process
        self._port = port
        self._authority = authority

    def peer(self) -> Peer:
        """An enterprise's connection."""
        return Peer("quota", f"localhost:{self._port}", files(self._authority.issue(PLANT)))

    async def exited(self) -> int:
        """Its exit status, once it ends by itself."""
        return await asyncio.to_thread(self.process.wait, 30)

    async def stopped(self) -> None:
        """Returns when it has stopped (SIGSTOP)."""
        _, status = await asyncio.to_thread(os.waitpid, self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

    def go_on(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    async def said(self, what: str) -> None:
        """Returns once a line of its log has this in it."""
        assert self.process.stdout is not None
        while what not in (await asyncio.to_thread(self.process.stdout.readline)):
            assert self.process.poll() is None


@asynccontextmanager
async def counter(
    directory: Path, url: str, authority: DevelopmentAuthority, environment: Mapping[str, str] | None = None
) -> AsyncGenerator[Counter]:
    """A counter that serves; killed at the end if it still runs."""
    await asyncio.to_thread(directory.mkdir, exist_ok=True)
    process = await asyncio.to_thread(started, {**configured(directory, url, authority), **(environment or {})})
    try:
        assert process.stdout is not None
        message = ""
        while "serves on port" not in message:
            line = await asyncio.to_thread(process.stdout.readline)
            assert line, (process.wait(), await asyncio.to_thread(process.communicate))
            message = json.loads(line)["message"]
        yield Counter(process, int(message.rsplit(" ", 1)[1]), authority)
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)
