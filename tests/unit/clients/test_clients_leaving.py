"""Whatever ends `monazite` has a code of the table: neither a crash nor a wrong argument looks like a verdict."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clients.admin import bundles
from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from clients.admin.session import Session
from tests.unit.provenance.chains import tell

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
    assert err.startswith("BAD_INPUT the bundle cannot be read: ")


def test_a_crash_has_no_verdict(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object, **_named: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(bundles, "verify_bundle", fails)
    code, out, err = verified(*files)
    assert (code, out) == (ExitCode.FAULT, "")
    assert "RecursionError: too deep" in err


def test_who_interrupts_it_gets_no_verdict(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundles, "verify_bundle", interrupt)
    assert verified(*files)[:2] == (ExitCode.INTERRUPTED, "")


@pytest.mark.parametrize(("words", "code"), [([], ExitCode.DONE), (["--once"], ExitCode.INTERRUPTED)])
def test_following_without_end_is_ended_by_interrupting_it(
    words: list[str], code: ExitCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "channel", interrupt)
    assert CliRunner().invoke(app, ["entries", "follow", "registry", *words]).exit_code == code


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
