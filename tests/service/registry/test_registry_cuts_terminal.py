"""A registrar cuts a lot at the terminal, and saves its bundle as an officer and as a buyer gets it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from services.registry.settings import RegistrySettings
from tests.service.registry.api import IMPORTED, Api, outpoint
from tests.service.registry.conftest import REGISTRAR, Registry


class Terminal:
    """Of a registrar."""

    def __init__(self, registry: Registry, settings: RegistrySettings) -> None:
        li = registry.authority.issue(REGISTRAR)
        self._options = ["--registry", f"localhost:{registry.port}", "--certificate", str(li.certificate)]
        self._options += ["--key", str(li.key), "--ca", str(li.authority), "--trust", str(settings.trust_file)]

    async def types(self, *words: str) -> tuple[int, str]:
        """Exit code and output."""
        # In a thread: the command runs its own event loop.
        done = await asyncio.to_thread(CliRunner().invoke, app, [*self._options, *words], env={"COLUMNS": "160"})
        return done.exit_code, done.output

    async def report(self, command: str, file: Path) -> tuple[int, set[str], int]:
        """Exit code, gaps and number of statements of a saved bundle."""
        code, said = await self.types("bundle", command, str(file), "--json")
        report = json.loads(said)
        return code, {gap["code"] for gap in report["not_checked"]}, report["statements"]


async def test_a_lot_is_cut_and_its_bundle_saved_from_there_or_whole(
    registry: Registry, settings: RegistrySettings, plant: Api, tmp_path: Path
) -> None:
    terminal = Terminal(registry, settings)
    lot_id = (await plant.register(origin=IMPORTED)).heads[0].lot_id
    whole, short = tmp_path / "whole.bundle", tmp_path / "short.bundle"

    code, said = await terminal.types("lot", "cut", lot_id, "--check")
    assert (code, "Can be cut" in said) == (ExitCode.DONE, True)
    code, said = await terminal.types("lot", "cut", lot_id, "--json")
    assert code == ExitCode.DONE
    cut = json.loads(said)
    code, again = await terminal.types("lot", "cut", lot_id)
    assert code == ExitCode.DONE
    assert cut["admission"]["statement_id"] in again

    assert (await terminal.types("bundle", "save", lot_id, str(whole)))[0] == ExitCode.DONE
    assert (await terminal.types("bundle", "save", lot_id, str(short), "--from-cuts"))[0] == ExitCode.DONE
    # The status of what is in the file, whoever asks for it.
    for command in ("verify", "refresh"):
        assert await terminal.report(command, whole) == (ExitCode.DONE, set(), 3)
        assert await terminal.report(command, short) == (ExitCode.VERIFIED_WITH_GAPS, {"VOUCHED"}, 2)


async def test_findings_of_a_cut_are_shown(
    registry: Registry, settings: RegistrySettings, plant: Api, trader: Api
) -> None:
    terminal = Terminal(registry, settings)
    lot = await plant.register(origin=IMPORTED)
    moving = await plant.offer(outpoint(lot.heads[0]), trader.uri)
    await trader.accept(outpoint(moving.heads[0]), 1_990, shortage_g=10, reason_code="SHORTAGE_MOISTURE_LOSS")
    code, said = await terminal.types("lot", "cut", lot.heads[0].lot_id)
    assert code == ExitCode.DONE, said
    assert "SHORTAGE" in said
