"""An operator's check: its findings and its exit status, each of which says one thing."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from services.chassis import check
from services.chassis.check import EXIT_FAULTS
from services.chassis.database import Database
from services.chassis.server import EXIT_SETTINGS
from services.chassis.settings import Settings
from tests.conftest import Migrate
from tools.local.ports import HeldPorts

TABLE = """
domain = "monazite.example"
listen = "127.0.0.1:0"
database_url = "{url}"
signing_key = "signing.pem"
log_signing_key = "log.pem"
log_memory = "signed"
trust_file = "trust.json"
log_name = "urn:monazite:log:quota:0"
[certificates]
certificate = "service.pem"
private_key = "service.key"
authority = "ca.pem"
"""


def configured(directory: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = directory / "service.toml"
    file.write_text(TABLE.format(url=url))
    monkeypatch.setenv("MONAZITE_CONFIG", str(file))


def no_tables(_: str) -> None:
    """The migration of an empty database."""


@pytest.fixture
def _configured(database_from: Callable[[Migrate], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(tmp_path, database_from(no_tables), monkeypatch)


async def two_faults(database: Database) -> Sequence[str]:
    async with database.connection() as connection:
        return [f"fault {await connection.fetchval('SELECT 1')}", "fault 2"]


async def no_fault(_: Database) -> Sequence[str]:
    return ()


@pytest.mark.usefixtures("_configured")
def test_faults_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(Settings, two_faults) == EXIT_FAULTS == 2
    assert capsys.readouterr().out == "fault 1\nfault 2\n"


@pytest.mark.usefixtures("_configured")
def test_a_sound_database_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(Settings, no_fault) == 0
    assert capsys.readouterr().out == "sound\n"


def test_a_database_that_is_away_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ports: HeldPorts
) -> None:
    configured(tmp_path, f"postgresql://quota:x@127.0.0.1:{ports.take()}/quota", monkeypatch)
    assert check.run(Settings, no_fault) == os.EX_TEMPFAIL
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("UNAVAILABLE")


def test_bad_settings_are_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(tmp_path, "mysql://nowhere", monkeypatch)
    assert check.run(Settings, no_fault) == EXIT_SETTINGS
    said = capsys.readouterr()
    assert said.out == ""
    assert "database_url" in said.err
