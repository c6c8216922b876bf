"""Who is calling: the one SPIFFE URI in the client certificate's subject alternative names.

`spiffe://<domain>/enterprise/<id>[/<system>]`, `/officer/<role>/<name>`, `/customs/<port>/<name>`, `/service/<name>`,
`/witness/<name>`.
An officer's role is one of `OfficerRole`: who says "any officer" means these.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.names import parse_spiffe

from services.chassis import errors

CACHED_CERTIFICATES_MAX: Final = 10_000


class CallerKind(StrEnum):
    """First segment of a principal's path."""

    ENTERPRISE = "enterprise"
    OFFICER = "officer"
    CUSTOMS = "customs"
    SERVICE = "service"
    # Of the logs: no office of the suite, and may be anybody's.
    WITNESS = "witness"


class OfficerRole(StrEnum):
    """The offices of this suite; a certificate that names another one names nobody."""

    # Indicators, allocations, rights (Order 71).
    QUOTA = "quota"
    # Export cases and licences (Decree 792).
    LICENSING = "licensing"
    # Enterprises and their keys.
    REGISTRAR = "registrar"
    # Holds on lots.
    INSPECTOR = "inspector"
    # Reads all, changes nothing.
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Fields that its kind does not have are empty strings."""

    uri: str
    domain: str
    kind: CallerKind
    # Enterprise id, officer's or customs officer's name, service's or witness's name.
    id: str
    # An officer's: a value of `OfficerRole`.
    role: str
    # An enterprise's calling system.
    system: str
    # A customs officer's.
    port: str
    certificate_sha256: bytes

    @property
    def enterprise_uri(self) -> str:
        """`spiffe://<domain>/enterprise/<id>`, without the system; raises ACCESS_DENIED for who is no enterprise."""
        if self.kind is not CallerKind.ENTERPRISE:
            raise errors.Error(errors.Kind.DENIED, "ACCESS_DENIED", "only an enterprise may do this")
        return self.scope

    @property
    def scope(self) -> str:
        """In whose name it acts, and within which its request ids are unique: the enterprise, whatever its system;
        else the principal itself."""
        if self.kind is CallerKind.ENTERPRISE:
            return f"spiffe://{self.domain}/enterprise/{self.id}"
        return self.uri

    def is_service(self, name: str) -> bool:
        """Whether this is the named service."""
        return self.kind is CallerKind.SERVICE and self.id == name


def parse_principal(uri: str, certificate_sha256: bytes) -> Principal:
    """The principal of a SPIFFE URI; raises NO_IDENTITY for any other text, and for an office that there is not."""
    try:
        name = parse_spiffe(uri)
    except ProvenanceError as error:
        raise errors.no_identity() from error
    role = system = port = ""
    match name.segments:
        case ("enterprise" | "service" | "witness" as kind, identifier):
            pass
        case ("enterprise" as kind, identifier, system):
            pass
        case ("officer" as kind, role, identifier):
            if role not in _ROLES:
                raise errors.no_identity(f"the certificate names an office that there is not; there are {_OFFICES}")
        case ("customs" as kind, port, identifier):
            pass
        case _:
            raise errors.no_identity()
    return Principal(uri, name.domain, CallerKind(kind), identifier, role, system, port, certificate_sha256)


_ROLES: Final = frozenset(role.value for role in OfficerRole)
_OFFICES: Final = ", ".join(sorted(_ROLES))


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    not_after: float


class Identities:
    """Turns certificates into principals; each certificate is parsed once. `domain` is the only trust domain
    admitted."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._known: dict[bytes, _Known] = {}

    def principal(self, certificate_pem: bytes, *, now: float) -> Principal:
        """The principal of a client certificate. `now` in Unix seconds: a connection may outlive the certificate it
        was opened with.

        Raises NO_IDENTITY.
        """
        known = self._known.get(certificate_pem)
        if known is None:
            known = self._read(certificate_pem)
            if len(self._known) >= CACHED_CERTIFICATES_MAX:
                self._known.clear()
            self._known[certificate_pem] = known
        if now > known.not_after:
            raise errors.no_identity("the certificate has expired")
        return known.principal

    def _read(self, certificate_pem: bytes) -> _Known:
        try:
            certificate = x509.load_pem_x509_certificate(certificate_pem)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, x509.ExtensionNotFound) as error:
            raise errors.no_identity() from error
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        if len(uris) != 1:
            raise errors.no_identity("the certificate must carry exactly one URI")
        digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
        principal = parse_principal(uris[0], digest)
        if principal.domain != self._domain:
            raise errors.no_identity("the certificate is of another domain")
        return _Known(principal, certificate.not_valid_after_utc.timestamp())
