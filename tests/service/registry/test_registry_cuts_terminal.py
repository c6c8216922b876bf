"""A registrar cuts a lot at the terminal, and saves its bundle as an officer and as a buyer gets it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from clients.admin.arguments import outpoint_text
from clients.admin.exit_codes import ExitCode
from services.registry.settings import RegistrySettings
from tests.service.registry.api import IMPORTED, Api, outpoint
from tests.service.registry.conftest import REGISTRAR, Registry
from tests.service.terminal import Terminal


@pytest.fixture
def terminal(registry: Registry, settings: RegistrySettings) -> Terminal:
    """A registrar's."""
    return Terminal(registry.authority, REGISTRAR, trust=settings.trust_file, registry=registry.port)


async def report(terminal: Terminal, command: str, file: Path) -> tuple[int, set[str], int]:
    """Exit code, gaps and number of statements of a saved bundle."""
    code, said, _ = await terminal.types("bundle", command, str(file), "--json")
    told = json.loads(said)
    return code, {gap["code"] for gap in told["not_checked"]}, told["statements"]


async def test_a_lot_is_cut_and_its_bundle_saved_from_there_or_whole(
    terminal: Terminal, plant: Api, tmp_path: Path
) -> None:
    lot_id = (await plant.register(origin=IMPORTED)).heads[0].lot_id
    whole, short = tmp_path / "whole.bundle", tmp_path / "short.bundle"

    code, said, _ = await terminal.types("lot", "cut", lot_id, "--check")
    assert (code, "Can be cut" in said) == (ExitCode.DONE, True)
    cut = await terminal.does("lot", "cut", lot_id)
    code, again, _ = await terminal.types("lot", "cut", lot_id)
    assert code == ExitCode.DONE
    assert cut["admission"]["statement_id"] in again
    assert again.startswith("Had been cut before: nothing was signed now")
    assert (cut["made_before"], (await terminal.does("lot", "cut", lot_id))["made_before"]) == (False, True)

    assert (await terminal.types("bundle", "save", lot_id, str(whole)))[0] == ExitCode.DONE
    assert (await terminal.types("bundle", "save", lot_id, str(short), "--from-cuts"))[0] == ExitCode.DONE
    # The status of what is in the file, whoever asks for it.
    for command in ("verify", "refresh"):
        assert await report(terminal, command, whole) == (ExitCode.DONE, set(), 3)
        assert await report(terminal, command, short) == (ExitCode.VERIFIED_WITH_GAPS, {"VOUCHED"}, 2)
    # Whoever reads it sees of which lot the registry's word is.
    _, said, _ = await terminal.types("bundle", "verify", str(short))
    assert f"\n{lot_id} " in said


async def test_a_cut_that_is_asked_for_again_is_the_first_one_though_the_lot_has_gone_on(
    terminal: Terminal, plant: Api, trader: Api
) -> None:
    head = (await plant.register(origin=IMPORTED)).heads[0]
    cutting = ("lot", "cut", head.lot_id, "--request-id", str(uuid.uuid4()))
    cut = await terminal.does(*cutting)
    assert cut["heads"][0]["outpoint"] == outpoint_text(head.outpoint)
    await plant.offer(outpoint(head), trader.uri)
    again = await terminal.does(*cutting)
    assert (again["statement"], again["heads"]) == (cut["statement"], cut["heads"])
    assert not again["made_before"], "the answer to the same request, as it was"
    other = await terminal.does("lot", "cut", head.lot_id)
    assert other["statement"] != cut["statement"], "without it the lot as it stands now is meant"


async def test_findings_of_a_cut_are_shown(terminal: Terminal, plant: Api, trader: Api) -> None:
    lot = await plant.register(origin=IMPORTED)
    moving = await plant.offer(outpoint(lot.heads[0]), trader.uri)
    await trader.accept(outpoint(moving.heads[0]), 1_990, shortage_g=10, reason_code="SHORTAGE_MOISTURE_LOSS")
    code, said, _ = await terminal.types("lot", "cut", lot.heads[0].lot_id)
    assert code == ExitCode.DONE, said
    assert "SHORTAGE" in said
