"""A lot's bundle as a file, over the wire: saved, verified, asked about again, and what the officer reads of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from monazite_provenance import bundle
from monazite_provenance.contents import Form
from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from tests.fakes.export_registry import ExportRegistry, Lot, served
from tests.unit.provenance.chains import NOW_S, lot
from tests.unit.provenance.witnesses import witness_keys
from tools.local.pki import DevelopmentAuthority


@dataclass
class Desk:
    """A registry with one lot, and a terminal in front of it."""

    registry: ExportRegistry
    lot: Lot
    options: list[str]
    file: Path

    async def types(self, *words: str) -> tuple[int, str]:
        """Exit code and output."""
        # In a thread: the command runs its own event loop.
        done = await asyncio.to_thread(CliRunner().invoke, app, [*self.options, *words], env={"COLUMNS": "160"})
        return done.exit_code, done.output

    async def save(self, *words: str) -> None:
        """`bundle save`."""
        code, said = await self.types("bundle", "save", self.lot.content.lot_id, str(self.file), "--force", *words)
        assert code == ExitCode.DONE, said

    async def verdict(self, command: str = "verify") -> tuple[int, set[str]]:
        """Exit code of a command on the file, and the gaps."""
        code, said = await self.types("bundle", command, str(self.file), "--json")
        return code, {gap["code"] for gap in json.loads(said)["not_checked"]}


@pytest.fixture
async def desk(authority: DevelopmentAuthority, tmp_path: Path) -> AsyncIterator[Desk]:
    registry = ExportRegistry()
    kept = registry.imported(lot("exporter", Form.MAGNET, 10_000, {"Nd": 3_000_000}))
    trust = tmp_path / "trust.json"
    trust.write_bytes(registry.world.trust.dump())
    zhao = authority.issue("officer/registrar/zhao")
    async with served(registry, authority.issue("service/registry", server=True)) as port:
        options = ["--registry", f"localhost:{port}", "--certificate", str(zhao.certificate), "--key", str(zhao.key)]
        options += ["--ca", str(zhao.authority), "--trust", str(trust)]
        yield Desk(registry, kept, options, tmp_path / "lot.bundle")


async def test_a_saved_bundle_is_verified_and_its_history_has_a_gap(desk: Desk) -> None:
    await desk.save()
    assert await desk.verdict() == (ExitCode.DONE, set())
    code, said = await desk.types("bundle", "verify", str(desk.file))
    assert code == ExitCode.DONE
    assert said.startswith("VERIFIED after 2 statements")
    assert "status: as of 20" in said
    await desk.save("--history")
    assert await desk.verdict() == (ExitCode.VERIFIED_WITH_GAPS, {"ABSENCE"})


async def test_a_trace_is_of_now(desk: Desk) -> None:
    code, said = await desk.types("lot", "trace", desk.lot.content.lot_id)
    assert code == ExitCode.DONE
    assert "status: as of 20" in said
    desk.lot.unspent = False
    code, said = await desk.types("lot", "trace", desk.lot.content.lot_id)
    assert code == ExitCode.REFUTED
    assert "HEAD_SPENT" in said


async def test_a_bundle_without_a_status_or_with_an_old_one_gets_one_of_now(desk: Desk) -> None:
    desk.lot.status = {"expires_at": NOW_S}
    await desk.save()
    assert await desk.verdict() == (ExitCode.VERIFIED_WITH_GAPS, {"STATUS_EXPIRED"})
    desk.lot.status = {}
    assert await desk.verdict("refresh") == (ExitCode.DONE, set())
    assert await desk.verdict() == (ExitCode.DONE, set())
    await desk.save("--history")
    assert await desk.verdict("refresh") == (ExitCode.DONE, set())
    assert await desk.verdict() == (ExitCode.DONE, set())


async def test_what_happened_since_shows_when_it_is_asked_about_again(desk: Desk) -> None:
    await desk.save()
    desk.lot.world.hold(desk.lot.head)
    assert await desk.verdict() == (ExitCode.DONE, set()), "good until it expires"
    code, said = await desk.types("bundle", "refresh", str(desk.file))
    assert code == ExitCode.VERIFIED_WITH_GAPS
    assert "INCOMPLETE" in said
    again = f"save it again (monazite bundle save {desk.lot.content.lot_id} {desk.file} --force)"
    assert again in " ".join(said.split())
    await desk.save()
    assert await desk.verdict() == (ExitCode.VERIFIED_WITH_GAPS, {"ON_HOLD"})
    kept = desk.file.read_bytes()
    desk.lot.unspent = False
    code, said = await desk.types("bundle", "refresh", str(desk.file))
    assert code == ExitCode.REFUTED
    assert "HEAD_SPENT" in said
    assert desk.file.read_bytes() == kept


async def test_what_is_no_bundle_is_not_asked_about(desk: Desk) -> None:
    desk.file.write_bytes(b"nothing")
    code, said = await desk.types("bundle", "refresh", str(desk.file))
    assert code == ExitCode.BAD_INPUT
    assert f"  file = {desk.file}\n" in said
    assert desk.registry.asked == []


async def test_a_lot_that_is_nobodys_to_see_leaves_the_file_alone(desk: Desk) -> None:
    await desk.save()
    kept = desk.file.read_bytes()
    desk.registry.lots.clear()
    code, said = await desk.types("bundle", "refresh", str(desk.file))
    assert (code, desk.file.read_bytes()) == (ExitCode.NOT_FOUND, kept), said


async def test_a_bundle_of_several_pages_is_saved_verified_and_asked_about_again(desk: Desk) -> None:
    await desk.save()
    whole = await desk.types("bundle", "verify", str(desk.file))
    desk.lot.world.release(desk.lot.head, desk.lot.world.hold(desk.lot.head))
    for ends in ((1,), (2,), (1, 3)):
        desk.lot.ends = ends
        await desk.save()
        pages = list(bundle.read([desk.file.read_bytes()]).pages)
        assert len(pages) == len(ends) + 1
        assert (await desk.types("bundle", "verify", str(desk.file)))[0] == whole[0] == ExitCode.DONE
        assert await desk.verdict("refresh") == (ExitCode.DONE, set())
        assert len(list(bundle.read([desk.file.read_bytes()]).pages)) == len(pages)
        await desk.save("--history")
        assert await desk.verdict("refresh") == (ExitCode.DONE, set())
    code, said = await desk.types("lot", "trace", desk.lot.content.lot_id)
    assert code == ExitCode.DONE, said


async def test_a_status_that_has_no_room_in_the_last_page_gets_one_of_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.save("--history")
    count = len(list(bundle.read([desk.file.read_bytes()]).pieces))
    monkeypatch.setattr("monazite_provenance.bundle.PAGE_STATEMENTS_MAX", count)
    assert await desk.verdict("refresh") == (ExitCode.DONE, set())
    pages = list(bundle.read([desk.file.read_bytes()]).pages)
    assert [page.of for page in pages] == [2, 2]


async def test_a_download_that_broke_off_is_no_bundle(desk: Desk) -> None:
    desk.lot.ends = (1,)
    await desk.save()
    desk.file.write_bytes(desk.file.read_bytes()[:-1])
    code, said = await desk.types("bundle", "verify", str(desk.file))
    assert (code, "PAGES_INCOMPLETE" in said) == (ExitCode.BAD_INPUT, True)


async def test_a_hold_that_the_status_alone_names_is_told_with_its_reason(desk: Desk) -> None:
    await desk.save()
    desk.lot.world.hold(desk.lot.head)
    desk.lot.holds.append("SITE_CHECK")
    code, said = await desk.types("bundle", "refresh", str(desk.file))
    assert code == ExitCode.VERIFIED_WITH_GAPS
    assert f"{desk.lot.content.lot_id} is on hold for: SITE_CHECK." in said


async def test_the_bundle_of_a_spent_head_comes_with_a_hint(desk: Desk) -> None:
    words = ("bundle", "save", desk.lot.content.lot_id, str(desk.file), "--force")
    _, said = await desk.types(*words)
    assert "--history" not in said
    desk.lot.unspent = False
    code, said = await desk.types(*words)
    assert code == ExitCode.DONE
    assert "save it again with --history" in " ".join(said.split())
    _, said = await desk.types(*words, "--history")
    assert "HEAD_SPENT" not in said


async def test_of_which_log_too_few_heads_are_witnessed_is_told_and_how_to_get_others(desk: Desk) -> None:
    await desk.save()
    world = desk.registry.world
    trust = world.trust.with_witnesses({name: key.public for name, key in witness_keys().items()}, 2)
    path = desk.file.with_name("trust.json")
    path.write_bytes(trust.dump())
    for words in (("bundle", "verify", str(desk.file)), ("lot", "trace", desk.lot.content.lot_id)):
        code, said = await desk.types(*words)
        assert code == ExitCode.VERIFIED_WITH_GAPS
        assert "witnesses 0, threshold 2, witnessed_size 0)" in " ".join(said.split())
    _, said = await desk.types("bundle", "refresh", str(desk.file))
    assert f"monazite bundle save {desk.lot.content.lot_id} {desk.file} --force" in " ".join(said.split())
