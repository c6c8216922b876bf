"""What the command line refuses before it asks any service, and how it says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.export_license.v1.export_license_pb2 import Licence, LicenceLine, LicenceLineBalance
from rich.console import Console
from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.commands.licences import print_licences
from clients.admin.exit_codes import ExitCode
from clients.admin.output import Output

HUGE = "99999999999999999999"
LOT = "RE-54G0-ZW1Q-MJVM-J"


def _typed(*words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.output


@pytest.mark.parametrize(
    "words",
    [
        ("balances", "--year", HUGE),
        ("allocations", "--year", "0"),
        ("rights", "list", "--year", HUGE),
        ("allocate", "--year", "2024", "--batch", HUGE, "--mining-rock", "1", "china-northern"),
        ("entries", "follow", "registry", "--from", HUGE),
        ("bundle", "save", f"{'00' * 32}:{HUGE}", "never-written.bundle"),
        ("cases", "list", "--state", "forgotten"),
    ],
)
def test_numbers_that_no_message_holds_are_usage_errors(words: tuple[str, ...]) -> None:
    code, said = _typed(*words)
    assert code == ExitCode.USAGE, said
    assert "Traceback" not in said


def test_a_bundle_into_an_absent_directory_is_said(tmp_path: Path) -> None:
    absent = tmp_path / "absent" / "b"
    code, said = _typed("bundle", "save", LOT, str(absent))
    assert code == ExitCode.CONFIGURATION
    assert f"cannot write {absent}" in said


@pytest.mark.parametrize("state", ["GRANTED", "granted", "In-Review"])
def test_states_are_taken_in_either_case(state: str) -> None:
    code, said = _typed("cases", "list", "--state", state)
    # As far as the certificate, which is not configured here.
    assert code == ExitCode.CONFIGURATION, said


def test_help_names_the_table_of_addresses() -> None:
    code, said = _typed("--help")
    assert code == ExitCode.DONE
    assert "[addresses]" in said


@pytest.mark.parametrize("width", [20, 80, 100, 240])
def test_licences_are_whole_in_every_window(width: int) -> None:
    expires = Timestamp()
    expires.FromDatetime(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    line = LicenceLineBalance(
        line=LicenceLine(control_code="1C905.a", hs_code="8505111000", gross_g=123_456_789_012),
        reserved_g=1_234_567,
        used_g=123_456_789_012,
    )
    licence = Licence(
        licence_number="EL-2026-975573F8B8",
        licence_id=bytes(32),
        licensee="spiffe://monazite.example/enterprise/tianjin-export",
        state=Licence.STATE_ACTIVE,
        destination="DE",
        expire_time=expires,
        lines=[line],
    )
    console = Console(width=width, record=True)
    print_licences(Output(as_json=False, console=console), [licence])
    said = console.export_text()
    assert said.count("123 456.789012") == 2
    assert licence.licence_id.hex() in said
    assert all(part in said for part in (licence.licence_number, licence.licensee, "8505111000", "2026-12-31"))


@pytest.mark.parametrize("columns", ["0", "00", "-1", "x", "1", "50"])
def test_whatever_width_a_program_claims_something_is_printed(columns: str) -> None:
    said = CliRunner().invoke(app, ["licences", "show", "NIX"], env={"COLUMNS": columns})
    assert said.exit_code != 0
    assert len(said.output.split()) > 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rights", "list", "--year", "abc"), "'abc' must be a whole number"),
        (("rights", "list", "--limit", "0"), "'0' must be at least 1"),
        (("balances", "--year", HUGE), f"'{HUGE}' must be at most 9999"),
        (("--timeout", "soon", "lot", "list"), "'soon' must be a number"),
        (("cases", "list", "--state", "lost"), "'lost' is not one of 'draft', 'submitted'"),
        (("cases", "countersign", "X", "--outcome", "grant", "--expires", "2024-99-01"), "is not a day, YYYY-MM-DD"),
    ],
)
def test_wrong_arguments_are_told_in_our_own_words(words: tuple[str, ...], said: str) -> None:
    code, out = _typed(*words)
    assert (code, said in out) == (ExitCode.USAGE, True), out
    assert not any(theirs in out for theirs in ("Input should", "Value error", "unable to parse", "formats"))
