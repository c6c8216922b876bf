"""Files that `monazite` writes: nothing but a file is written over, and that in one step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.configuration import ConfigurationError
from clients.admin.exit_codes import ExitCode
from clients.admin.writing import replace

COMMANDS = (("bundle", "save", "LOT"), ("entries", "save", "registry"), ("log", "checkpoint", "registry"))


@pytest.mark.parametrize("words", COMMANDS)
def test_what_is_no_file_is_not_written_over(words: tuple[str, ...], tmp_path: Path) -> None:
    pipe, link, loop = tmp_path / "pipe", tmp_path / "link", tmp_path / "loop"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    loop.symlink_to(loop)
    for place in (pipe, link, tmp_path, loop, tmp_path / "nowhere" / "file"):
        done = CliRunner().invoke(app, [*words, str(place), "--force"])
        assert (done.exit_code, done.stderr.startswith(f"CONFIGURATION cannot write {place}: ")) == (10, True), place
    assert pipe.is_fifo()
    assert link.is_symlink()


@pytest.mark.parametrize("words", COMMANDS)
def test_a_file_that_is_there_wants_force(words: tuple[str, ...], tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"kept")
    assert CliRunner().invoke(app, [*words, str(there)]).exit_code == ExitCode.USAGE
    done = CliRunner().invoke(app, [*words, "-"])
    assert (done.exit_code, "not to the standard output" in done.stderr) == (ExitCode.USAGE, True)


def test_a_link_goes_on_leading_to_the_file_which_keeps_its_mode(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"before")
    file.chmod(0o640)
    link.symlink_to(file)
    assert replace(link, [b"af", b"ter"]) == 5
    assert (link.is_symlink(), file.read_bytes(), file.stat().st_mode & 0o777) == (True, b"after", 0o640)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "link"]


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    file = tmp_path / "file"
    file.write_bytes(b"before")
    with pytest.raises(ConfigurationError, match="No space left"):
        replace(file, pieces())
    assert ([each.name for each in tmp_path.iterdir()], file.read_bytes()) == (["file"], b"before")
