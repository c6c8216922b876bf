"""`monazite` at a terminal in front of services that run in a test."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from tools.local.pki import DevelopmentAuthority


class Terminal:
    """A principal's, who verifies with the file `trust`; `ports` are those of the services by name, as the options
    spell them.
    """

    def __init__(self, authority: DevelopmentAuthority, uri: str, *, trust: Path | None = None, **ports: int) -> None:
        files = authority.issue(uri)
        self._options = ["--certificate", str(files.certificate), "--key", str(files.key)]
        self._options += ["--ca", str(files.authority)]
        if trust is not None:
            self._options += ["--trust", str(trust)]
        for service, port in ports.items():
            self._options += [f"--{service.replace('_', '-')}", f"localhost:{port}"]

    async def types(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        # In a thread: the command runs its own event loop.
        result = await asyncio.to_thread(CliRunner().invoke, app, [*self._options, *words], env={"COLUMNS": "200"})
        return result.exit_code, result.stdout, result.stderr

    async def types_to(self, output: Path, *words: str) -> tuple[int, str]:
        """Exit code and standard error of a process that writes to `output`."""
        with output.open("wb") as stream:
            command = (sys.executable, "-m", "clients.admin", *self._options, *words)
            process = await asyncio.create_subprocess_exec(*command, stdout=stream, stderr=asyncio.subprocess.PIPE)
            _, said = await process.communicate()
        return process.returncode or 0, said.decode()

    async def does(self, *words: str) -> Any:
        """What a command that must succeed prints as JSON."""
        code, out, err = await self.types(*words, "--json")
        assert (code, err) == (ExitCode.DONE, ""), out
        return json.loads(out)

    async def fails(self, *words: str) -> tuple[int, str]:
        """Exit code and reason of a command that must not succeed."""
        code, out, err = await self.types(*words, "--json")
        assert (code != ExitCode.DONE, err) == (True, "")
        return code, str(json.loads(out)["error"]["reason"])
