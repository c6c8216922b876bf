"""A development CA, and the offline root ceremony, for one machine.

The CA issues mTLS certificates whose SAN URI names the principal (SPIFFE X509-SVID; RFC 5280). It has nothing to do
with the statement keys: those are certified by the offline root in the trust file.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DOMAIN: Final = "monazite.example"
AUTHORITY_VALIDITY: Final = datetime.timedelta(days=3650)
VALIDITY: Final = datetime.timedelta(days=30)
# A certificate found from an earlier run is issued anew when it has less than this to live.
VALIDITY_LEFT_MIN: Final = datetime.timedelta(days=2)
# Clocks of containers and hosts disagree a little; a certificate from the future is refused.
BACKDATED: Final = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of one principal: PEM certificate, PEM key (mode 0600), and the CA that peers are checked against."""

    uri: str
    certificate: Path
    key: Path
    authority: Path

    def pem(self) -> tuple[bytes, bytes, bytes]:
        """(authority, key, certificate) in the order that `grpc.ssl_channel_credentials` takes them."""
        return self.authority.read_bytes(), self.key.read_bytes(), self.certificate.read_bytes()


class DevelopmentAuthority:
    """A CA in `directory`: made on first use, found again later. P-256 throughout.

    Certificates are kept too: asking twice for the same principal gives the same files.
    """

    def __init__(self, directory: Path, domain: str = DOMAIN) -> None:
        self.directory = directory
        self.domain = domain
        self.certificate_path = directory / "ca.pem"
        self._key_path = directory / "ca.key"
        directory.mkdir(parents=True, exist_ok=True)
        if not self.certificate_path.exists():
            self._create()
        self._certificate = x509.load_pem_x509_certificate(self.certificate_path.read_bytes())
        key = serialization.load_pem_private_key(self._key_path.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self._key = key

    def issue(self, uri: str, *, server: bool = False, names: Sequence[str] = ()) -> Certificate:
        """Certificate of the principal `uri`.

        A server's is also good for `localhost`, 127.0.0.1, the last segment of its URI (the host name of its container)
        and the extra `names`. A path like "enterprise/x" is completed with this authority's domain.
        """
        uri = uri if uri.startswith("spiffe://") else f"spiffe://{self.domain}/{uri}"
        stem = self.directory / _file_name(uri, server=server, names=names)
        issued = Certificate(uri, stem.with_suffix(".pem"), stem.with_suffix(".key"), self.certificate_path)
        if not _still_good(issued.certificate):
            self._sign(issued, server=server, names=names)
        return issued

    def _sign(self, issued: Certificate, *, server: bool, names: Sequence[str]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives: list[x509.GeneralName] = [x509.UniformResourceIdentifier(issued.uri)]
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if server:
            hosts = dict.fromkeys(["localhost", issued.uri.rpartition("/")[2].replace("_", "-"), *names])
            alternatives += [x509.DNSName(host) for host in hosts]
            alternatives += [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            usages += [ExtendedKeyUsageOID.SERVER_AUTH]
        builder = _builder(issued.uri.rpartition("/")[2], self._certificate.subject, key, VALIDITY)
        certificate = (
            builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        _write_key(issued.key, key)
        issued.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _create(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(f"{self.domain} development CA")
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(f"{self.domain} development CA", subject, key, AUTHORITY_VALIDITY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write_key(self._key_path, key)
        self.certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _still_good(path: Path) -> bool:
    if not path.exists():
        return False
    left = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left > VALIDITY_LEFT_MIN


def _builder(
    common_name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + validity)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _file_name(uri: str, *, server: bool, names: Sequence[str]) -> str:
    """Readable, and unique for what was asked."""
    path = uri.removeprefix("spiffe://").partition("/")[2]
    digest = hashlib.sha256("\0".join([uri, str(server), *names]).encode()).hexdigest()[:8]
    return "-".join("".join(c if c.isalnum() else "-" for c in path).split()) + f"-{digest}"


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
