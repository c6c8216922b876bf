"""The tool as a process: exit codes, pipes, encodings, and which modules a command loads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from monazite_provenance._tool import leaving
from monazite_provenance.contents import Form, Recycled, RegisterDetails
from monazite_provenance.kinds import EventKind

from tests.unit.provenance.chains import ORE, World, lot
from tests.unit.provenance.tool.files import Files
from tests.unit.provenance.tool.shell import redirected


def run(
    *arguments: str | Path, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "monazite_provenance", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def test_it_runs_as_a_module_and_reads_a_pipe(files: Files) -> None:
    done = run("verify", "-", "--trust", files.trust, stdin=files.abroad.read_bytes())
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith(b"VERIFIED_WITH_GAPS")


def test_it_writes_into_a_pipe(files: Files) -> None:
    done = run("redact", "-", "-", "--only", stdin=files.abroad.read_bytes())
    assert (done.returncode, done.stdout) == (0, files.abroad.read_bytes()), done.stderr


def test_a_name_that_the_terminal_cannot_show_is_no_refutation(files: Files) -> None:
    world = World.new()
    scrap = lot("recycler", Form.SECONDARY_MATERIAL, 1_000, ORE)
    (head,) = world.step(EventKind.REGISTER, "recycler", RegisterDetails(Recycled("包头废料")), [scrap])
    trust = files.new("world.json", world.trust.dump())
    done = run("verify", "-", "--trust", trust, stdin=world.encode(head), environment={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 3, done.stderr
    assert b"\\u5305" in done.stdout


@pytest.mark.parametrize("arguments", [["verify", "--trust"], ["show", "--trust"], ["keys", None]])
def test_a_reader_that_has_gone_is_no_verdict(files: Files, arguments: list[str | None]) -> None:
    command, option = arguments
    paths = [files.abroad, option, files.trust] if option else [files.trust]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "monazite_provenance", str(command), *map(str, paths)],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


closed = partial(redirected, "monazite_provenance")
"""As a shell runs it with these redirections."""


@pytest.mark.parametrize("to", [">&-", ">/dev/full"])
def test_what_standard_output_does_not_take_is_no_verdict(files: Files, to: str) -> None:
    verify = ("verify", files.abroad, "--trust", files.trust)
    for arguments in (verify, (*verify, "--json"), ("--help",), ("verify", "--help"), ("redact", files.abroad, "-")):
        done = closed(to, *arguments)
        why, file = done.stderr.decode().splitlines()
        assert (done.returncode, why.split()[0], file) == (4, "FILE_UNUSABLE", "  file = standard output")
    done = closed(to, "verify", "nope", "--trust", files.trust, "--json")
    assert (done.returncode, b"file = nope" in done.stderr) == (4, True), "what it was about is not hidden by that"


@pytest.mark.parametrize("to", ["2>&-", "2>/dev/full", "2>&- >&-", "2>/dev/full >/dev/full"])
def test_what_standard_error_does_not_take_changes_no_code(files: Files, to: str) -> None:
    assert closed(to, "verify", "nope", "--trust", files.trust).returncode == 4
    assert closed(to, "nonsense").returncode == 4
    verified = closed(to, "verify", files.abroad, "--trust", files.trust).returncode
    assert verified == (4 if " >" in to else 3)


def test_a_standard_input_that_is_closed_is_a_file_that_cannot_be_read(files: Files) -> None:
    done = closed("<&-", "verify", "-", "--trust", files.trust)
    assert (done.returncode, b"file = standard input" in done.stderr) == (4, True)


def test_no_file_is_written_where_a_closed_stream_was(files: Files, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert closed(">&-", "redact", files.abroad, out, "--only").returncode == 4
    assert out.read_bytes() == files.abroad.read_bytes(), "what it says of the file is not in it"


def test_a_command_loads_no_other_and_no_drawing(files: Files) -> None:
    script = (
        "import sys; from monazite_provenance.__main__ import main; code = main(sys.argv[1:]);"
        "print(*sorted(name for name in sys.modules if '._tool.' in name or name == 'segno'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "keys", str(files.trust), "--json"], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "monazite_provenance._tool.keys" in loaded
    assert loaded.isdisjoint({"segno", *(f"monazite_provenance._tool.{name}" for name in ("qr", "diff", "show"))})


def test_its_help_names_every_code_that_it_leaves_with() -> None:
    said = run("--help").stdout.decode().partition("exit codes:")[2]
    codes = {*leaving.VERDICT_CODES.values(), leaving.USAGE, leaving.MALFORMED, leaving.FAULT, leaving.INTERRUPTED}
    assert {int(word) for word in said.split() if word.isdigit()} == {*codes, leaving.PIPE}
