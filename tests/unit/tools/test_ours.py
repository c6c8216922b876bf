"""Directories that are ours, and those that are not and stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.local import ours
from tools.local.ours import MARK, ForeignDirectoryError


def test_a_new_and_an_empty_directory_become_ours(tmp_path: Path) -> None:
    for directory in (tmp_path / "new" / "deep", tmp_path / "empty"):
        if directory.name == "empty":
            directory.mkdir()
        ours.claim(directory)
        ours.check(directory)
        assert [path.name for path in directory.iterdir()] == [MARK]


def test_a_directory_stays_ours_when_it_fills(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    ours.claim(directory)
    (directory / "registry.toml").write_text("")
    ours.claim(directory)
    assert ours.is_ours(directory)


def test_a_directory_with_anything_in_it_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ForeignDirectoryError, match="take a new or empty directory"):
        ours.claim(tmp_path)
    with pytest.raises(ForeignDirectoryError, match="nothing was removed"):
        ours.check(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_mark_that_is_no_file_is_no_mark(tmp_path: Path) -> None:
    (tmp_path / MARK).mkdir()
    assert not ours.is_ours(tmp_path)
