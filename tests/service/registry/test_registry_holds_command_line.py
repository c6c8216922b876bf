"""`monazite holds`: an inspector stops a lot, sees what is stopped, and lets it go."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from clients.admin.exit_codes import ExitCode
from tests.service.registry.api import IMPORTED, Api
from tests.service.registry.conftest import INSPECTOR, Registry
from tests.service.terminal import Terminal
from tools.local.pki import DevelopmentAuthority


async def test_a_lot_is_put_on_hold_listed_and_released(
    registry: Registry, authority: DevelopmentAuthority, plant: Api
) -> None:
    (head,) = (await plant.register(origin=IMPORTED)).heads
    lot_id = head.lot_id
    terminal = Terminal(authority, INSPECTOR, registry=registry.port)
    assert (await terminal.does("holds", "list"))["lots"] == []
    request_id = str(uuid.uuid4())
    placing = ("holds", "place", lot_id, "--reason", "SITE_CHECK", "--request-id", request_id)
    placed = await terminal.does(*placing)
    assert placed["heads"][0]["holds"] == ["SITE_CHECK"]
    again = await terminal.does(*placing)
    assert (again["heads"], again["statement"]) == (placed["heads"], placed["statement"])
    (listed,) = (await terminal.does("holds", "list"))["lots"]
    assert (listed["lot_id"], listed["holds"]) == (lot_id, ["SITE_CHECK"])
    code, said, _ = await terminal.types("holds", "list")
    assert (code, lot_id in said, "SITE_CHECK" in said) == (ExitCode.DONE, True, True)
    assert list((await plant.lot(lot_id)).holds) == ["SITE_CHECK"]
    assert await terminal.fails("holds", "release", lot_id, "--reason", "PAPERS") == (ExitCode.NOT_FOUND, "NOT_FOUND")
    code, said, _ = await terminal.types("holds", "release", lot_id, "--reason", "SITE_CHECK")
    assert (code, said.splitlines()[-1].split()) == (ExitCode.DONE, ["on", "hold", "no", "more"])
    assert (await terminal.does("holds", "list"))["lots"] == []
    other = Terminal(authority, "officer/registrar/li", registry=registry.port)
    refused = await other.fails("holds", "place", lot_id, "--reason", "SITE_CHECK")
    assert refused == (ExitCode.NOT_ALLOWED, "ACCESS_DENIED")


async def test_what_was_done_is_not_lost_where_the_answer_finds_no_room(
    registry: Registry, authority: DevelopmentAuthority, plant: Api
) -> None:
    lot_id = (await plant.register(origin=IMPORTED)).heads[0].lot_id
    terminal = Terminal(authority, INSPECTOR, registry=registry.port)
    placing = ("holds", "place", lot_id, "--reason", "SITE_CHECK")
    code, said = await terminal.types_to(Path("/dev/full"), *placing, "--json")
    first, file, given = said.splitlines()
    assert code == ExitCode.USAGE
    assert first.startswith("FILE_UNUSABLE No space left on device; what was asked for was done")
    assert file == "  file = standard output"
    again = await terminal.does(*placing, "--request-id", given.removeprefix("Request id: "))
    assert again["heads"][0]["holds"] == ["SITE_CHECK"]


async def test_a_limited_list_of_holds_says_how_to_go_on(
    registry: Registry, authority: DevelopmentAuthority, plant: Api, inspector: Api
) -> None:
    lots = sorted([(await plant.register(origin=IMPORTED)).heads[0].lot_id for _ in range(4)])
    for lot_id in lots[1:]:
        await inspector.hold(lot_id)
    terminal = Terminal(authority, INSPECTOR, registry=registry.port)
    code, out, said = await terminal.types("holds", "list", "--limit", "2", "--json")
    first = json.loads(out)
    token = first["next_page_token"]
    assert (code, [each["lot_id"] for each in first["lots"]]) == (ExitCode.DONE, lots[1:3])
    assert f"--page-token {token}" in said
    rest = await terminal.does("holds", "list", "--page-token", token)
    assert ([each["lot_id"] for each in rest["lots"]], rest["next_page_token"]) == (lots[3:], "")
