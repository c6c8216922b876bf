"""`monazite log` against a log that lies under its real key."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
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

    async def types(self, port: int, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code and what it says."""
        config = self.directory / "admin.toml"
        table: Table = {**self.settings, "addresses": {"registry": f"localhost:{port}"}}
        await asyncio.to_thread(config.write_text, to_toml(table))
        command = ["--config", str(config), "log", *arguments, "--json"]
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
        said = json.loads(result.stdout or "{}")
        said.pop("signed_at", None)
        return result.exit_code, said

    async def watch(self, port: int) -> tuple[int, dict[str, Any]]:
        """One head, with a state kept between runs."""
        return await self.types(port, "watch", "registry", "--once", "--state", str(self.directory / "head"))


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
        code, said = await watcher.types(port, "verify", "registry")
        assert (code, said["verdict"], said["size"]) == (ExitCode.DONE, "VERIFIED", 20)
        log.entries[11] = other.entries[11]
        code, said = await watcher.types(port, "verify", "registry")
        assert (code, said["first_divergent_entry"]) == (ExitCode.REFUTED, 11)


async def test_what_was_mistyped_convicts_no_log(
    authority: DevelopmentAuthority, trust: ceremony.Trust, watcher: Watcher, tmp_path: Path
) -> None:
    log = registry_log(authority, trust)
    grow(log, 1)
    foreign = tmp_path / "foreign"
    foreign.write_bytes(new_log(log_urn("registry"), log.register.issuer, KEY).register.head(0).checkpoint())
    async with served(log, authority.issue("service/registry", server=True)) as port:
        for arguments, expected in (
            (["--shard", "3"], ExitCode.BAD_INPUT),
            (["--state", str(foreign)], ExitCode.BAD_INPUT),
            (["--state", str(tmp_path)], ExitCode.CONFIGURATION),
            (["--state", str(tmp_path / "nowhere" / "head")], ExitCode.CONFIGURATION),
        ):
            assert await watcher.types(port, "watch", "registry", "--once", *arguments) == (expected, {}), arguments


def _consistent(log: FakeLog) -> dict[str, object]:
    head = log.register.head(0).head
    return {"log": head.log, "size": head.size, "root": head.root.hex(), "verdict": "CONSISTENT"}
