"""The configuration of `monazite`: every mistake is said, nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.admin.configuration import ConfigurationError, load


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "admin.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    path = _file(
        tmp_path, 'certificate = "li.pem"\nkey = "li.key"\nauthority = "/etc/ca.pem"\n[addresses]\nquota = "q:1"'
    )
    found = load(path, {"registry": "r:2", "trust": None})
    identity = found.identity()
    assert identity.certificate == tmp_path / "li.pem"
    assert identity.authority == Path("/etc/ca.pem")
    assert found.addresses == {"registry": "r:2", "quota": "q:1", "export_license": "localhost:7403"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("certifcate = 'x'", "certifcate"),
        ("timeout_s = 0", "over 0"),
        ("timeout_s = true", "timeout_s"),
        ("[addresses]\nregister = 'x:1'", "register"),
        ("[addresses]\nquota = 7402", "must be a string"),
        ("not toml", "not TOML"),
    ],
)
def test_mistakes_are_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(_file(tmp_path, text), {})


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1.0, 0.0, 1e300])
def test_a_call_may_take_a_time_that_there_is(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="timeout_s must be over 0 and at most 86400"):
        load(None, {"timeout_s": seconds})


@pytest.mark.parametrize(
    "address",
    [
        "localhost",
        "localhost:",
        ":7401",
        "localhost:0",
        "localhost:65536",
        "localhost:x",
        "https://localhost:7401",
        "::1",
    ],
)
def test_an_address_that_is_none_is_said_by_its_name(address: str) -> None:
    with pytest.raises(ConfigurationError, match="the address of quota must be host:port"):
        load(None, {"quota": address})


def test_addresses() -> None:
    for address in ("localhost:1", "registry.example.org:65535", "127.0.0.1:7401", "[::1]:7401"):
        assert load(None, {"quota": address}).addresses["quota"] == address


def test_a_missing_certificate_is_said() -> None:
    with pytest.raises(ConfigurationError, match="certificate, key, authority"):
        load(None, {}).identity()


def test_an_absent_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        load(tmp_path / "none.toml", {})
