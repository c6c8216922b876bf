"""Whatever ends `monazite` has a code of the table: neither a crash nor a wrong argument looks like a verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from monazite.registry.v1.registry_pb2 import GetLotRequest, Lot, PlaceHoldRequest
from monazite_provenance.__main__ import main as offline
from typer import BadParameter
from typer.testing import CliRunner

from clients.admin import bundles
from clients.admin.__main__ import app
from clients.admin.configuration import Configuration
from clients.admin.exit_codes import ExitCode
from clients.admin.output import Output
from clients.admin.session import Session
from tests.unit.provenance.chains import tell
from tests.unit.provenance.tool.shell import redirected

STORY = tell()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A good bundle and its trust file."""
    lot, trust = tmp_path / "lot.bundle", tmp_path / "trust.json"
    lot.write_bytes(STORY.world.encode(STORY.abroad))
    trust.write_bytes(STORY.world.trust.dump())
    return lot, trust


def verified(lot: Path, trust: Path) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["--trust", str(trust), "bundle", "verify", str(lot)], env={"COLUMNS": "200"})
    return found.exit_code, found.stdout, found.stderr


def test_a_verdict(files: tuple[Path, Path]) -> None:
    code, out, err = verified(*files)
    assert (code, err) == (ExitCode.VERIFIED_WITH_GAPS, "")
    assert out.startswith("VERIFIED_WITH_GAPS")


def test_a_file_that_is_no_bundle_has_no_verdict(files: tuple[Path, Path]) -> None:
    lot, trust = files
    lot.write_bytes(lot.read_bytes()[:-1])
    code, out, err = verified(lot, trust)
    assert (code, out) == (ExitCode.BAD_INPUT, "")
    assert err.splitlines()[:2] == ["BAD_FIELD it ends within an item: a part of it is missing", f"  file = {lot}"]


def test_a_trust_file_that_is_none_is_a_matter_of_configuration(files: tuple[Path, Path]) -> None:
    lot, trust = files
    trust.write_bytes(b"{}")
    code, out, err = verified(lot, trust)
    assert (code, out) == (ExitCode.CONFIGURATION, "")
    assert err.startswith(f"CONFIGURATION the trust file {trust} cannot be used: ")


def test_what_gives_no_result_says_so_as_the_offline_tool_does(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lot, trust = files
    lot.write_bytes(lot.read_bytes()[:-1])
    ours = CliRunner().invoke(app, ["--trust", str(trust), "bundle", "verify", str(lot), "--json"])
    code = offline(["verify", str(lot), "--trust", str(trust), "--json"])
    theirs = capsys.readouterr()
    assert (ours.exit_code, ours.stderr, theirs.err) == (code, "", "")
    assert json.loads(ours.stdout) == json.loads(theirs.out)


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["lot", "list"], ExitCode.CONFIGURATION, "CONFIGURATION"),
        (["--config", "/nowhere", "lot", "list"], ExitCode.CONFIGURATION, "CONFIGURATION"),
        (["lot", "show"], ExitCode.USAGE, "USAGE"),
        (["nonsense"], ExitCode.USAGE, "USAGE"),
        (["balances", "--year", "x"], ExitCode.USAGE, "USAGE"),
    ],
)
def test_why_there_is_no_result_takes_its_place(words: list[str], code: ExitCode, reason: str) -> None:
    said = CliRunner().invoke(app, words)
    assert (said.exit_code, said.stdout, said.stderr.split()[0]) == (code, "", reason)
    told = CliRunner().invoke(app, [*words, "--json"])
    assert (told.exit_code, told.stderr) == (code, "")
    assert json.loads(told.stdout)["error"].keys() == {"reason", "message", "metadata"}
    assert json.loads(told.stdout)["error"]["reason"] == reason


def test_a_crash_has_no_verdict(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object, **_named: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(bundles, "verify_bundle", fails)
    code, out, err = verified(*files)
    assert (code, out) == (ExitCode.FAULT, "")
    assert "RecursionError: too deep" in err
    assert "FAULT a fault of this program" in err


def test_who_interrupts_it_gets_no_verdict(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundles, "verify_bundle", interrupt)
    assert verified(*files)[:2] == (ExitCode.INTERRUPTED, "")


@pytest.mark.parametrize("words", [["follow"], ["follow", "--once"]])
def test_who_interrupts_what_follows_is_told_so_too(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "channel", interrupt)
    assert CliRunner().invoke(app, ["entries", *words, "registry"]).exit_code == ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    "words", [[], ["--nonsense"], ["nonsense"], ["bundle"], ["bundle", "verify"], ["bundle", "verify", "/nowhere"]]
)
def test_wrong_arguments_have_no_verdict(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == ExitCode.USAGE


def test_a_reader_that_has_gone_is_no_verdict(files: tuple[Path, Path]) -> None:
    lot, trust = files
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "clients.admin", "--trust", str(trust), "bundle", "verify", str(lot)],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (ExitCode.PIPE_CLOSED, b"")


closed = partial(redirected, "clients.admin")
"""As a shell runs it with these redirections."""


@pytest.mark.parametrize("to", [">&-", ">/dev/full"])
def test_what_standard_output_does_not_take_is_no_verdict(files: tuple[Path, Path], to: str) -> None:
    lot, trust = files
    for arguments in (("--trust", trust, "bundle", "verify", lot), ("holds", "--help")):
        done = closed(to, *arguments)
        why, file = done.stderr.decode().splitlines()
        assert (done.returncode, file) == (ExitCode.USAGE, "  file = standard output")
        assert why.startswith("FILE_UNUSABLE ")
    done = closed(to, "holds", "list", "--json")
    assert (done.returncode, done.stderr.split()[0]) == (ExitCode.CONFIGURATION, b"CONFIGURATION")


@pytest.mark.parametrize("to", ["2>&-", "2>/dev/full"])
def test_what_standard_error_does_not_take_changes_no_code(files: tuple[Path, Path], to: str) -> None:
    lot, trust = files
    assert closed(to, "holds", "list").returncode == ExitCode.CONFIGURATION
    done = closed(to, "--trust", trust, "bundle", "verify", lot)
    assert (done.returncode, done.stdout[:20]) == (ExitCode.VERIFIED_WITH_GAPS, b"VERIFIED_WITH_GAPS a")


async def test_only_a_request_id_that_was_sent_is_told() -> None:
    async def answer(*_request: object, **_named: object) -> Lot:
        return Lot()

    method: Any = answer
    session = Session(Configuration(), Output(as_json=False))
    with pytest.raises(BadParameter, match="'zzz' is not a UUID"):
        session.new_request_id("zzz")
    assert session.sent_id() == ""
    given = session.new_request_id("")
    await session.ask(method, GetLotRequest(lot_id="x"))
    assert session.sent_id() == "", "it was looked at, and nothing asked for"
    await session.ask(method, PlaceHoldRequest(request_id=given, lot_id="x"))
    assert session.sent_id() == given
