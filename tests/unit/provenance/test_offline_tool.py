"""`python -m monazite_provenance`: what it prints and the codes it leaves with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from monazite_provenance import __main__ as tool
from monazite_provenance import bundle
from monazite_provenance.__main__ import EXIT_CODES, main
from monazite_provenance.contents import Form, Recycled, RegisterDetails
from monazite_provenance.kinds import EventKind
from monazite_provenance.trust import TRUST_FILE_BYTES_MAX

from tests.unit.provenance.chains import ORE, World, lot, tell

STORY = tell()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A good bundle and its trust file."""
    lot, trust = tmp_path / "lot.bundle", tmp_path / "trust.json"
    lot.write_bytes(STORY.world.encode(STORY.abroad))
    trust.write_bytes(STORY.world.trust.dump())
    return lot, trust


def test_a_good_bundle(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    lot, trust = files
    assert main(["verify", str(lot), "--trust", str(trust)]) == 3
    out = capsys.readouterr().out
    for words in ("VERIFIED_WITH_GAPS", "REGISTRATION", "ABSENCE", "Dy", "imported US", "mined Bayan Obo", "TRANSFORM"):
        assert words in out


def test_json_says_the_same(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    lot, trust = files
    assert main(["verify", str(lot), "--trust", str(trust), "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "VERIFIED_WITH_GAPS"
    assert {gap["code"] for gap in report["not_checked"]} == {"REGISTRATION", "ABSENCE"}
    assert sum(report["origins"]["Dy"].values()) == report["target"]["reo_mg"]["Dy"]
    assert len(report["steps"]) == 14


def test_a_refuted_bundle(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    lot, trust = files
    items = list(STORY.world.items)
    raw = items[5].statement
    items[5] = replace(items[5], statement=raw[:-1] + bytes((raw[-1] ^ 1,)))
    lot.write_bytes(b"".join(bundle.write(STORY.abroad, items)))
    assert main(["verify", str(lot), "--trust", str(trust)]) == 1
    assert "BAD_SIGNATURE" in capsys.readouterr().out


def test_a_bundle_of_strangers(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    lot, trust = files
    trust.write_bytes(World.new().trust.dump())
    assert main(["verify", str(lot), "--trust", str(trust)]) == 2
    assert "UNKNOWN_KEY" in capsys.readouterr().out


def test_usage_and_files_that_are_not_there(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    lot, trust = files
    for arguments in ([], ["verify", str(lot)], ["certify"], ["verify", str(lot), "--trust", str(trust), "--more"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 4
    assert main(["verify", str(lot) + "x", "--trust", str(trust)]) == 4
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_malformed_files(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], as_json: list[str]) -> None:
    lot, trust = files
    lot.write_bytes(lot.read_bytes()[:-1])
    assert main(["verify", str(lot), "--trust", str(trust), *as_json]) == 5
    trust.write_bytes(b"{}")
    assert main(["verify", str(lot), "--trust", str(trust), *as_json]) == 5
    assert "malformed" in capsys.readouterr().err


def test_it_runs_as_a_module_and_reads_a_pipe(files: tuple[Path, Path]) -> None:
    lot, trust = files
    done = subprocess.run(
        [sys.executable, "-m", "monazite_provenance", "verify", "-", "--trust", str(trust)],
        input=lot.read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith(b"VERIFIED_WITH_GAPS")


def test_a_name_that_the_terminal_cannot_show_is_no_refutation(tmp_path: Path) -> None:
    world = World.new()
    scrap = lot("recycler", Form.SECONDARY_MATERIAL, 1_000, ORE)
    (head,) = world.step(EventKind.REGISTER, "recycler", RegisterDetails(Recycled("包头废料")), [scrap])
    (tmp_path / "trust.json").write_bytes(world.trust.dump())
    done = subprocess.run(
        [sys.executable, "-m", "monazite_provenance", "verify", "-", "--trust", str(tmp_path / "trust.json")],
        input=world.encode(head),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 3, done.stderr
    assert b"\\u5305" in done.stdout


def test_a_trust_file_without_end_is_not_read_to_it(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    bundle_file, trust = files
    with trust.open("wb") as file:
        file.truncate(64 * TRUST_FILE_BYTES_MAX)
    assert main(["verify", str(bundle_file), "--trust", str(trust)]) == 5
    assert "TOO_LARGE" in capsys.readouterr().err


def test_every_verdict_has_a_code_of_its_own() -> None:
    assert {verdict.value: code for verdict, code in EXIT_CODES.items()} == {
        "VERIFIED": 0,
        "REFUTED": 1,
        "CANNOT_TELL": 2,
        "VERIFIED_WITH_GAPS": 3,
    }


def test_a_fault_of_the_tool_is_no_verdict(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr(tool, "verify_bundle", fails)
    lot, trust = files
    assert main(["verify", str(lot), "--trust", str(trust)]) == 70
    said = capsys.readouterr()
    assert said.out == ""
    assert "RecursionError: too deep" in said.err


def test_a_reader_that_has_gone_is_no_verdict(files: tuple[Path, Path]) -> None:
    lot, trust = files
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "monazite_provenance", "verify", str(lot), "--trust", str(trust)],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
