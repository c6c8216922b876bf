"""Certificates to principals."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from services.chassis.errors import Error
from services.chassis.identity import CallerKind, Identities, OfficerRole, parse_principal

DOMAIN = "monazite.example"
NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def certificate(*uris: str, names: bool = True) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    if names:
        alternatives = [x509.DNSName("localhost"), *(x509.UniformResourceIdentifier(uri) for uri in uris)]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256())


def pem(*uris: str, names: bool = True) -> bytes:
    return certificate(*uris, names=names).public_bytes(Encoding.PEM)


def test_each_shape_of_a_name_gives_its_principal() -> None:
    plant = parse_principal(f"spiffe://{DOMAIN}/enterprise/baotou-1/erp", bytes(32))
    assert (plant.kind, plant.id, plant.system) == (CallerKind.ENTERPRISE, "baotou-1", "erp")
    assert plant.enterprise_uri == plant.scope == f"spiffe://{DOMAIN}/enterprise/baotou-1"
    officer = parse_principal(f"spiffe://{DOMAIN}/officer/quota/li", bytes(32))
    assert (officer.kind, officer.role, officer.id) == (CallerKind.OFFICER, "quota", "li")
    customs = parse_principal(f"spiffe://{DOMAIN}/customs/tianjin/wu", bytes(32))
    assert (customs.kind, customs.port, customs.id) == (CallerKind.CUSTOMS, "tianjin", "wu")
    service = parse_principal(f"spiffe://{DOMAIN}/service/quota", bytes(32))
    assert service.is_service("quota")
    assert not plant.is_service("baotou-1")
    witness = parse_principal(f"spiffe://{DOMAIN}/witness/w1", bytes(32))
    assert (witness.kind, witness.id, witness.scope) == (CallerKind.WITNESS, "w1", f"spiffe://{DOMAIN}/witness/w1")
    with pytest.raises(Error, match="ACCESS_DENIED"):
        _ = officer.enterprise_uri


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://monazite.example/enterprise/a",
        f"spiffe://{DOMAIN}",
        f"spiffe://{DOMAIN}/",
        f"spiffe://{DOMAIN}/enterprise",
        f"spiffe://{DOMAIN}/enterprise/",
        f"spiffe://{DOMAIN}/enterprise/..",
        f"spiffe://{DOMAIN}/enterprise/a/b/c",
        f"spiffe://{DOMAIN}/officer/quota",
        f"spiffe://{DOMAIN}/service/quota/x",
        f"spiffe://{DOMAIN}/witness/w1/x",
        f"spiffe://{DOMAIN}/root/abc",
        f"spiffe://{DOMAIN}/laboratory/baotou",
        f"spiffe://{DOMAIN}/stranger/a",
        f"spiffe://{DOMAIN}/enterprise/a%2Fb",
        f"spiffe://{DOMAIN}/enterprise/a\n",
        f"spiffe://{DOMAIN}/enterprise/a?x=1",
        f"spiffe://user@{DOMAIN}/enterprise/a",
        f"spiffe://{DOMAIN}/enterprise/" + "a" * 600,
    ],
)
def test_any_other_name_is_nobody(uri: str) -> None:
    with pytest.raises(Error, match="NO_IDENTITY"):
        parse_principal(uri, bytes(32))


def test_a_certificate_is_parsed_once_and_its_digest_is_of_its_der() -> None:
    cert = certificate(f"spiffe://{DOMAIN}/service/quota")
    identities = Identities(DOMAIN)
    raw = cert.public_bytes(Encoding.PEM)
    first = identities.principal(raw, now=NOW.timestamp())
    assert first.certificate_sha256 == hashlib.sha256(cert.public_bytes(Encoding.DER)).digest()
    assert identities.principal(raw, now=NOW.timestamp()) is first


def test_a_connection_does_not_outlive_its_certificate() -> None:
    identities = Identities(DOMAIN)
    raw = pem(f"spiffe://{DOMAIN}/service/quota")
    identities.principal(raw, now=NOW.timestamp())
    with pytest.raises(Error, match="expired"):
        identities.principal(raw, now=(NOW + 2 * DAY).timestamp())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no certificate",
        pem(names=False),
        pem(),
        pem(f"spiffe://{DOMAIN}/service/quota", f"spiffe://{DOMAIN}/service/registry"),
        pem("spiffe://another.example/service/quota"),
    ],
    ids=["empty", "garbage", "no names", "no URI", "two URIs", "another domain"],
)
def test_a_certificate_that_names_nobody_here(raw: bytes) -> None:
    with pytest.raises(Error, match="NO_IDENTITY"):
        Identities(DOMAIN).principal(raw, now=NOW.timestamp())


@pytest.mark.parametrize("role", list(OfficerRole))
def test_every_office_of_the_suite_is_somebody(role: OfficerRole) -> None:
    assert parse_principal(f"spiffe://{DOMAIN}/officer/{role}/li", bytes(32)).role == role


@pytest.mark.parametrize("role", ["minister", "Quota", "quota2", "export"])
def test_an_office_that_there_is_not_is_nobody_and_hears_why(role: str) -> None:
    cert = pem(f"spiffe://{DOMAIN}/officer/{role}/li")
    with pytest.raises(Error, match="NO_IDENTITY") as refusal:
        Identities(DOMAIN).principal(cert, now=NOW.timestamp())
    assert "auditor, inspector, licensing, quota, registrar" in refusal.value.message
