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


def test_a_missing_certificate_is_said() -> None:
    with pytest.raises(ConfigurationError, match="certificate, key, authority"):
        load(None, {}).identity()


def test_an_absent_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        load(tmp_path / "none.toml", {})
