"""Files that cannot speak for a caller are said before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from typer.testing import CliRunner

from clients.admin.__main__ import app
from clients.admin.exit_codes import ExitCode
from clients.connection import Identity, IdentityError
from tools.local.pki import Certificate, DevelopmentAuthority


@pytest.fixture
def li(authority: DevelopmentAuthority) -> Certificate:
    return authority.issue("officer/quota/li")


@pytest.fixture
def zhao(authority: DevelopmentAuthority) -> Certificate:
    return authority.issue("officer/registrar/zhao")


def test_a_pair_is_taken(li: Certificate) -> None:
    assert isinstance(Identity(li.certificate, li.key, li.authority).credentials(), grpc.ChannelCredentials)


def test_a_chain_speaks_for_its_first_certificate(li: Certificate, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(li.certificate.read_bytes() + li.authority.read_bytes())
    assert isinstance(Identity(chain, li.key, li.authority).credentials(), grpc.ChannelCredentials)


def test_a_key_of_another_certificate_is_a_matter_of_configuration(li: Certificate, zhao: Certificate) -> None:
    options = ["--certificate", str(li.certificate), "--key", str(zhao.key), "--ca", str(li.authority)]
    command = [*options, "indicator", "list", "--year", "2024"]
    said = f"the private key {zhao.key} is not the key of the certificate {li.certificate}"
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, result.stdout) == (ExitCode.CONFIGURATION, "")
    assert result.stderr.splitlines() == [f"CONFIGURATION {said}"]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert (result.exit_code, result.stderr) == (ExitCode.CONFIGURATION, "")
    assert json.loads(result.stdout) == {"error": {"reason": "CONFIGURATION", "message": said, "metadata": {}}}


def test_an_encrypted_key_is_said(li: Certificate, tmp_path: Path) -> None:
    key = load_pem_private_key(li.key.read_bytes(), password=None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(IdentityError, match="is encrypted"):
        Identity(li.certificate, locked, li.authority).credentials()


def test_files_that_were_swapped_are_said(li: Certificate) -> None:
    with pytest.raises(IdentityError, match="holds no usable private key"):
        Identity(li.certificate, li.certificate, li.authority).credentials()
    with pytest.raises(IdentityError, match="holds no usable certificate"):
        Identity(li.key, li.key, li.authority).credentials()
