"""The README's example runs, and its commands leave with the codes that it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from monazite_provenance.__main__ import COMMANDS, main

from tests.unit.provenance import readme


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(readme.example(), str(readme.README), "exec"), {})  # noqa: S102 - our own README


def test_the_example_runs(tmp_path: Path) -> None:
    assert {path.name for path in tmp_path.iterdir()} == {"lot.bundle", "trust.json"}


@pytest.mark.parametrize(("arguments", "code"), readme.commands(), ids=str)
def test_the_commands_leave_as_it_says(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    assert capsys.readouterr().out


def test_it_has_every_command_and_every_public_module() -> None:
    text = readme.README.read_text()
    assert set(re.findall(r"^\| `(\w+) ", text, re.MULTILINE)) == set(COMMANDS)
    package = readme.README.parent / "monazite_provenance"
    public = {path.stem for path in package.iterdir() if not path.name.startswith("_") and path.suffix in (".py", "")}
    named = set(re.findall(r"`(\w+)`", text))
    assert public - named - {"data", "schemas", "py"} == set()
