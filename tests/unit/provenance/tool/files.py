"""Files of the story for the tool: a bundle, its trust file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from monazite_provenance.__main__ import main

from tests.unit.provenance.chains import tell

STORY = tell()


@dataclass(frozen=True)
class Files:
    """The bundle of what is abroad, that of the magnets before, the trust file; in a directory of the test."""

    home: Path
    abroad: Path
    magnets: Path
    trust: Path

    def new(self, name: str, content: bytes = b"") -> Path:
        """Another file there; without content it is not made."""
        path = self.home / name
        if content:
            path.write_bytes(content)
        return path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The story's files."""
    made = Files(tmp_path, *(tmp_path / name for name in ("abroad.bundle", "magnets.bundle", "trust.json")))
    made.abroad.write_bytes(STORY.world.encode(STORY.abroad))
    made.magnets.write_bytes(STORY.world.encode(STORY.magnets))
    made.trust.write_bytes(STORY.world.trust.dump())
    return made


@dataclass(frozen=True)
class Said:
    """What a run of the tool left with and printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Tool:
    """Runs the tool in this process; arguments are whatever has a text."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> Said:
        try:
            code = main([str(each) for each in arguments])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        said = self.capture.readouterr()
        return Said(code, said.out, said.err)


@pytest.fixture
def tool(capsys: pytest.CaptureFixture[str]) -> Tool:
    """The tool, ready to run."""
    return Tool(capsys)
