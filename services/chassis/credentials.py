"""Mutual TLS from PEM files that may be exchanged while a process runs.

A certificate lives for days and a process for months. Every new connection is made with what the files hold then; those
that are open stay, each until it ends or its own certificate expires (`identity`).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import cast

import grpc

from services.chassis.settings import BadSettings, Certificates

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pem:
    """What the three files hold."""

    private_key: bytes
    certificate: bytes
    authority: bytes


def read(certificates: Certificates) -> Pem:
    """The files as they are now; raises BadSettings naming the one that cannot be read."""
    try:
        return Pem(
            certificates.private_key.read_bytes(),
            certificates.certificate.read_bytes(),
            certificates.authority.read_bytes(),
        )
    except OSError as error:
        raise BadSettings(f"certificates: {error.filename} cannot be read: {error.strerror}") from None


def checked(certificates: Certificates) -> Pem:
    """As `read`, of files that belong together: the key is the certificate's. Raises BadSettings if not."""
    found = read(certificates)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.private_key)
        context.load_verify_locations(certificates.authority)
    except OSError as error:  # every error of `ssl` is one
        raise BadSettings(f"certificates: {certificates.certificate} and its key cannot be used: {error}") from None
    # `ssl` read them for itself. Exchanged meanwhile: looked at once more at the next connection.
    if read(certificates) != found:
        raise BadSettings(f"certificates: {certificates.certificate} is being exchanged")
    return found


class Rotating:
    """Knows when the files have changed. Called by gRPC from threads of its own, by several at a time."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates
        self._lock = Lock()
        self._stamp = self._stamped()
        self.current = checked(certificates)

    def changed(self) -> Pem | None:
        """What the files hold, if that is new and can be used; else None. Of files that do not belong together (an
        exchange that has only begun) nothing is taken, and they are read again the next time."""
        with self._lock:
            try:
                stamp = self._stamped()
                if stamp == self._stamp:
                    return None
                found = checked(self._certificates)
            except BadSettings as error:
                _log.error("new certificates are not taken, the old ones stay: %s", error)
                return None
            self._stamp = stamp
            if found == self.current:
                return None
            self.current = found
            _log.info("new certificates from %s", self._certificates.certificate)
            return found

    def _stamped(self) -> tuple[tuple[int, int, int], ...]:
        files = (self._certificates.private_key, self._certificates.certificate, self._certificates.authority)
        try:
            found = [file.stat() for file in files]
        except OSError as error:
            raise BadSettings(f"certificates: {error.filename} cannot be read: {error.strerror}") from None
        return tuple((one.st_mtime_ns, one.st_ino, one.st_size) for one in found)


def of_server(certificates: Certificates) -> grpc.ServerCredentials:
    """A server's, asking every client for a certificate; the files are looked at anew for each connection. Raises
    BadSettings."""
    rotating = Rotating(certificates)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        found = rotating.changed()
        return None if found is None else _configuration(found)

    # The stubs leave out that None means "no change".
    fetcher = cast("Callable[[], grpc.ServerCertificateConfiguration]", fetch)
    return grpc.dynamic_ssl_server_credentials(
        _configuration(rotating.current), fetcher, require_client_authentication=True
    )


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(pem.private_key, pem.certificate)], root_certificates=pem.authority
    )


def of_client(pem: Pem) -> grpc.ChannelCredentials:
    """A client's."""
    return grpc.ssl_channel_credentials(pem.authority, pem.private_key, pem.certificate)
