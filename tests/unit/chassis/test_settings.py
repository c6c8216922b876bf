"""Settings: files and environment, and messages that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.settings import BadSettings, Settings, load

WHOLE = """
domain = "monazite.example"
listen = "127.0.0.1:0"
database_url = "postgresql://quota:secret@127.0.0.1:5432/quota"
signing_key = "keys/quota.pem"
log_signing_key = "keys/quota-log.pem"
log_memory = "/var/lib/monazite/signed"
trust_file = "/etc/monazite/trust.json"
log_name = "urn:monazite:log:quota:0"
[certificates]
certificate = "pki/quota.pem"
private_key = "pki/quota.key"
authority = "pki/ca.pem"
[peers]
registry = "127.0.0.1:7401"
"""


def written(directory: Path, text: str) -> dict[str, str]:
    path = directory / "quota.toml"
    path.write_text(text)
    return {"MONAZITE_CONFIG": str(path)}


def test_a_file_is_read_and_its_paths_are_relative_to_it(tmp_path: Path) -> None:
    settings = load(Settings, written(tmp_path, WHOLE))
    assert settings.signing_key == tmp_path / "keys/quota.pem"
    assert settings.certificates.authority == tmp_path / "pki/ca.pem"
    assert settings.trust_file == Path("/etc/monazite/trust.json")
    assert settings.peers == {"registry": "127.0.0.1:7401"}
    assert "secret" not in repr(settings)


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    environment = written(tmp_path, WHOLE) | {
        "MONAZITE__LISTEN": "0.0.0.0:7402",
        "MONAZITE__LIMITS__DRAIN_MS": "5",
        "MONAZITE__PEERS__EXPORT_LICENSE": "export:7403",
        "MONAZITE__TELEMETRY": '{"otlp_endpoint": "http://collector:4317"}',
        "MONAZITE_CRASH_AT": "not a setting",
    }
    settings = load(Settings, environment)
    assert settings.listen == "0.0.0.0:7402"
    assert settings.limits.drain_ms == 5
    assert settings.peers == {"registry": "127.0.0.1:7401", "export_license": "export:7403"}
    assert settings.telemetry.otlp_endpoint == "http://collector:4317"


def test_an_unknown_key_in_the_file_is_an_error_that_names_its_neighbour(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="listem: unknown setting; did you mean listen"):
        load(Settings, written(tmp_path, 'listem = "x"\n' + WHOLE))


def test_an_unknown_key_in_the_environment_is_one_too(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"limits\.drain: unknown setting; did you mean drain_ms"):
        load(Settings, written(tmp_path, WHOLE) | {"MONAZITE__LIMITS__DRAIN": "5"})


def test_all_problems_are_told_at_once_and_no_value_is_shown(tmp_path: Path) -> None:
    text = WHOLE.replace("postgresql://", "mysql://").replace('log_name = "urn:monazite:log:quota:0"', "")
    with pytest.raises(BadSettings) as refused:
        load(Settings, written(tmp_path, text))
    message = str(refused.value)
    assert "log_name: missing; set it in the file or as MONAZITE__LOG_NAME" in message
    assert "database_url: Value error, must start with postgresql://" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("MONAZITE__LISTEN__PORT", "1", "listen is a value"),
        ("MONAZITE__", "1", "an empty name"),
        ("MONAZITE__PEERS", "{", "written as JSON"),
    ],
)
def test_variables_that_make_no_sense(tmp_path: Path, variable: str, text: str, problem: str) -> None:
    with pytest.raises(BadSettings, match=problem):
        load(Settings, written(tmp_path, WHOLE) | {variable: text})


def test_a_file_that_is_not_there_or_not_toml(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        load(Settings, {"MONAZITE_CONFIG": str(tmp_path / "none.toml")})
    with pytest.raises(BadSettings, match="is not TOML"):
        load(Settings, written(tmp_path, "= ="))
