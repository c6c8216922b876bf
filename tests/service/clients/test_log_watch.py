"""`monazite log` against a log that lies under its real key."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from monazite_provenance.__main__ import main as offline
from monazite_provenance.checkpoints import parse_checkpoint_text, sign_checkpoint
from monazite_provenance.contents import RightClosedDetails, encode
from monazite_provenance.draft import draft
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.monitor import check_fork
from monazite_provenance.names import log_urn, service_uri
from monazite_provenance.receipts import HeadVerifier
from monazite_provenance.statement import Claims
from monazite_provenance.trust import TrustFile
from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from tests.fakes.log import FakeLog, new_log, served
from tools.local import ceremony
from tools.local.configuration import Table, to_toml
from tools.local.pki import DevelopmentAuthority

KEY = SoftwareKey.generate()


def grow(log: FakeLog, *numbers: int) -> None:
    """An entry for each number."""
    for number in numbers:
        claims = Claims(log.register.issuer, "urn:monazite:right:x", number, EventKind.RIGHT_CLOSED, refs=(bytes(32),))
        made = draft(claims, (), encode(RightClosedDetails(bytes(32), number, "RELEASED")), KEY.public)
        log.publish(made.statement_id, claims.kind, made.sign(KEY))


class Watcher:
    """Somebody with a certificate who watches the registry's log at a port."""

    def __init__(self, authority: DevelopmentAuthority, trust: ceremony.Trust, directory: Path) -> None:
        files = authority.issue("enterprise/anybody")
        self.settings = {
            "certificate": str(files.certificate),
            "key": str(files.key),
            "authority": str(files.authority),
            "trust": str(trust.trust_file),
        }
        self.directory = directory

    def options(self, port: int) -> list[str]:
        """What every command is given."""
        config = self.directory / "admin.toml"
        table: Table = {**self.settings, "addresses": {"registry": f"localhost:{port}"}}
        config.write_text(to_toml(table))
        return ["--config", str(config)]

    async def types(self, port: int, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and what it says."""
        command = [*self.options(port), *arguments, "--json"]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
        (line,) = result.stdout.splitlines() if arguments[0] == "log" else [result.stdout]
        said = json.loads(line)
        said.pop("signed_at", None)
        return result.exit_code, said

    async def watch(self, port: int) -> tuple[int, dict[str, Any]]:
        """One head, with a state kept between runs."""
        return await self.types(port, "log", "watch", "registry", "--once", "--state", str(self.directory / "head"))


@pytest.fixture
def watcher(authority: DevelopmentAuthority, trust: ceremony.Trust, tmp_path: Path) -> Watcher:
    return Watcher(authority, trust, tmp_path)


def registry_log(authority: DevelopmentAuthority, trust: ceremony.Trust) -> FakeLog:
    """An empty log under the registry's own key."""
    key = SoftwareKey.from_pem(trust.log_keys["registry"].read_bytes())
    return new_log(log_urn("registry"), service_uri(authority.domain, "registry"), key)


async def test_a_fork_is_told_with_both_signed_heads(
    authority: DevelopmentAuthority, trust: ceremony.Trust, watcher: Watcher
) -> None:
    log, other = registry_log(authority, trust), registry_log(authority, trust)
    verifier = HeadVerifier(TrustFile.load(trust.trust_file.read_bytes()).keyring())
    grow(log, 1, 2, 3)
    grow(other, 1, 2, 4)
    server = authority.issue("service/registry", server=True)
    async with served(log, server) as port, served(other, server) as other_port:
        assert await watcher.watch(port) == (ExitCode.DONE, _consistent(log))
        assert await watcher.watch(port) == (ExitCode.DONE, _consistent(log, grown=False))
        grow(log, 5)
        assert await watcher.watch(port) == (ExitCode.DONE, _consistent(log))
        # Of the size seen last, with another root: the two heads convict it.
        grow(other, 5)
        code, said = await watcher.watch(other_port)
        assert (code, said["verdict"]) == (ExitCode.REFUTED, "REFUTED")
        check_fork(bytes.fromhex(said["earlier"]), bytes.fromhex(said["later"]), verifier)
        # Grown since: its path proves nothing, its entries do.
        grow(other, 6)
        code, said = await watcher.watch(other_port)
        assert (code, said["verdict"]) == (ExitCode.REFUTED, "REFUTED")
        leaves = [entry.leaf for entry in other.entries]
        check_fork(bytes.fromhex(said["earlier"]), bytes.fromhex(said["later"]), verifier, leaves)
        # What was kept is not lost by it.
        assert (await watcher.watch(port))[0] == ExitCode.DONE


async def test_the_first_divergent_entry_is_named(
    authority: DevelopmentAuthority, trust: ceremony.Trust, watcher: Watcher
) -> None:
    log, other = registry_log(authority, trust), registry_log(authority, trust)
    grow(log, *range(20))
    grow(other, *range(11), 100, *range(12, 20))
    async with served(log, authority.issue("service/registry", server=True)) as port:
        code, said = await watcher.types(port, "log", "verify", "registry")
        assert (code, said["verdict"], said["size"]) == (ExitCode.DONE, "VERIFIED", 20)
        assert "grown" not in said, "there is no head before"
        log.entries[11] = other.entries[11]
        code, said = await watcher.types(port, "log", "verify", "registry")
        assert (code, said["first_divergent_entry"]) == (ExitCode.REFUTED, 11)


async def test_what_was_mistyped_convicts_no_log(
    authority: DevelopmentAuthority, trust: ceremony.Trust, watcher: Watcher, tmp_path: Path
) -> None:
    log = registry_log(authority, trust)
    grow(log, 1)
    foreign = tmp_path / "foreign"
    foreign.write_bytes(new_log(log_urn("registry"), log.register.issuer, KEY).register.head(0).checkpoint())
    async with served(log, authority.issue("service/registry", server=True)) as port:
        for arguments, expected, reason in (
            (["--shard", "3"], ExitCode.BAD_INPUT, "BAD_INPUT"),
            (["--state", str(foreign)], ExitCode.BAD_INPUT, "UNKNOWN_KEY"),
            (["--state", str(tmp_path)], ExitCode.CONFIGURATION, "CONFIGURATION"),
            (["--state", str(tmp_path / "nowhere" / "head")], ExitCode.CONFIGURATION, "CONFIGURATION"),
        ):
            code, said = await watcher.types(port, "log", "watch", "registry", "--once", *arguments)
            assert (code, said["error"]["reason"]) == (expected, reason), arguments


async def test_a_saved_log_is_what_the_offline_tool_adds_up(
    authority: DevelopmentAuthority,
    trust: ceremony.Trust,
    watcher: Watcher,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log, other = registry_log(authority, trust), registry_log(authority, trust)
    grow(log, *range(20))
    grow(other, *range(11), 100, *range(12, 20))
    saved = tmp_path / "registry.entries"
    head = tmp_path / "registry.entries.head"
    judge = ["root", str(saved), "--checkpoint", str(head), "--trust", str(trust.trust_file)]
    async with served(log, authority.issue("service/registry", server=True)) as port:
        code, said = await watcher.types(port, "entries", "save", "registry", str(saved))
        assert (code, said) == (ExitCode.DONE, {"entries": str(saved), "checkpoint": str(head), "size": 20})
        assert offline(judge) == 0
        assert capsys.readouterr().out.startswith(f"VERIFIED  {log.register.name}\nsize 20\n")
        code, said = await watcher.types(port, "entries", "save", "registry", str(saved))
        assert (code, said["error"]["reason"]) == (ExitCode.USAGE, "USAGE")
        # It saves what it is shown; that it is not what was signed, the offline tool says.
        log.entries[11] = other.entries[11]
        code, said = await watcher.types(port, "entries", "save", "registry", str(saved), "--force")
        assert code == ExitCode.DONE
        assert offline(judge) == 1
        absent = tmp_path / "absent" / "entries"
        code, said = await watcher.types(port, "entries", "save", "registry", str(absent))
        assert (code, said["error"]["reason"]) == (ExitCode.CONFIGURATION, "CONFIGURATION")
    there = await asyncio.to_thread(os.listdir, tmp_path)
    assert {each for each in there if each.startswith("registry.")} == {saved.name, head.name}


async def test_a_checkpoint_in_either_form_is_what_the_offline_tool_reads(
    authority: DevelopmentAuthority, trust: ceremony.Trust, watcher: Watcher, tmp_path: Path
) -> None:
    log = registry_log(authority, trust)
    grow(log, 1, 2, 3)
    saved, text, cose = (tmp_path / name for name in ("entries", "head.txt", "head.cose"))
    async with served(log, authority.issue("service/registry", server=True)) as port:
        assert (await watcher.types(port, "entries", "save", "registry", str(saved)))[0] == ExitCode.DONE
        code, shown = await watcher.types(port, "log", "checkpoint", "registry", str(cose))
        assert (code, shown["verdict"], shown["size"], shown["file"]) == (ExitCode.DONE, "VERIFIED", 3, str(cose))
        code, said = await watcher.types(port, "log", "checkpoint", "registry", "--text", str(text))
        assert (code, said["text"]) == (ExitCode.DONE, text.read_text())
        assert parse_checkpoint_text(text.read_text()).size == 3
        code, said = await watcher.types(port, "log", "checkpoint", "registry", str(text))
        assert (code, said["error"]["reason"]) == (ExitCode.USAGE, "USAGE")
        absent = str(tmp_path / "absent" / "head")
        code, said = await watcher.types(port, "log", "checkpoint", "registry", absent)
        assert (code, said["error"]["reason"]) == (ExitCode.CONFIGURATION, "CONFIGURATION")
        command = [*watcher.options(port), "log", "checkpoint", "registry", "--text"]
        bare = await asyncio.to_thread(CliRunner().invoke, app, command)
        assert bare.stdout == text.read_text()
    judge = ["root", str(saved), "--trust", str(trust.trust_file)]
    assert offline([*judge, "--checkpoint", str(text), "--checkpoint", str(cose)]) == 0


async def test_a_text_that_is_not_the_heads_is_not_handed_on(
    authority: DevelopmentAuthority, trust: ceremony.Trust, watcher: Watcher
) -> None:
    log, other = registry_log(authority, trust), registry_log(authority, trust)
    grow(log, 1, 2)
    head = other.register.head(0).head
    for note, reason in (
        ("", "BAD_INPUT"),
        (sign_checkpoint(head.log, head.size, head.root, log.register.key), "BAD_INPUT"),
        (sign_checkpoint(head.log, head.size, head.root, KEY), "UNKNOWN_KEY"),
        ("no checkpoint", "BAD_FIELD"),
    ):
        log.note = note
        async with served(log, authority.issue("service/registry", server=True)) as port:
            code, said = await watcher.types(port, "log", "checkpoint", "registry", "--text")
            assert (code, said["error"]["reason"]) == (ExitCode.BAD_INPUT, reason)


async def test_a_log_that_cannot_be_saved_leaves_what_was_there(
    authority: DevelopmentAuthority, trust: ceremony.Trust, watcher: Watcher, tmp_path: Path
) -> None:
    log = registry_log(authority, trust)
    grow(log, *range(20))
    saved, head = tmp_path / "log" / "entries", tmp_path / "log" / "entries.head"
    saved.parent.mkdir()
    saving = ("entries", "save", "registry", str(saved))
    async with served(log, authority.issue("service/registry", server=True)) as port:
        # A disk that is full where the entries are written, and then where the head is.
        for name in ("entries.new", "entries.head.new"):
            saved.with_name(name).symlink_to("/dev/full")
            code, said = await watcher.types(port, *saving)
            assert (code, "No space left" in said["error"]["message"]) == (ExitCode.CONFIGURATION, True)
            assert list(saved.parent.iterdir()) == []
        assert (await watcher.types(port, *saving))[0] == ExitCode.DONE
        kept = saved.read_bytes(), head.read_bytes()
        grow(log, *range(20, 25))
        saved.with_name("entries.head.new").symlink_to("/dev/full")
        assert (await watcher.types(port, *saving, "--force"))[0] == ExitCode.CONFIGURATION
        assert (saved.read_bytes(), head.read_bytes()) == kept
        assert set(saved.parent.iterdir()) == {saved, head}
        saved.unlink()
        saved.mkdir()
        assert (await watcher.types(port, *saving, "--force"))[0] == ExitCode.CONFIGURATION
        assert head.read_bytes() == kept[1], "a new head beside no entries"
        assert set(saved.parent.iterdir()) == {saved, head}


def _consistent(log: FakeLog, *, grown: bool = True) -> dict[str, object]:
    head = log.register.head(0).head
    return {"log": head.log, "size": head.size, "root": head.root.hex(), "verdict": "CONSISTENT", "grown": grown}


async def test_a_state_that_cannot_be_kept_is_a_matter_of_configuration(
    authority: DevelopmentAuthority, trust: ceremony.Trust, watcher: Watcher
) -> None:
    log = registry_log(authority, trust)
    grow(log, 1)
    # As in a directory that one may not write into, which root always may.
    await asyncio.to_thread((watcher.directory / "head.new").mkdir)
    async with served(log, authority.issue("service/registry", server=True)) as port:
        command = [*watcher.options(port), "log", "watch", "registry", "--once", "--state"]
        for state in (watcher.directory / "head", Path(), watcher.directory / "absent" / "head"):
            done = await asyncio.to_thread(CliRunner().invoke, app, [*command, str(state)])
            assert (done.exit_code, done.stderr.split()[0]) == (ExitCode.CONFIGURATION, "CONFIGURATION")
