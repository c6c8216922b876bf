"""Channels to the services with a caller's certificate, and calls that always carry a deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from grpc import aio

from clients.errors import CallError, decode

DEADLINE_S_DEFAULT = 20.0
# Of one answer: a page of a thousand lots with long analyses; gRPC's own default of 4 MiB would cut it.
ANSWER_BYTES_MAX = 16 * 1024 * 1024
# Of one request: well above what the registry, which takes the largest, takes at most. What is larger is refused
# here and not sent.
REQUEST_BYTES_MAX = 8 * 1024 * 1024

Q = TypeVar("Q")
R = TypeVar("R")


class IdentityError(Exception):
    """A certificate, key or authority file that cannot be used; says which and why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: PEM files of the certificate, its private key and the authority that signed the servers'."""

    certificate: Path
    key: Path
    authority: Path

    def credentials(self) -> grpc.ChannelCredentials:
        """Client credentials for mTLS.

        Raises:
            IdentityError: a file is missing, unreadable or not PEM, or the key is not the certificate's.
        """
        authority = _pem(self.authority, "certificate authority")
        key = _pem(self.key, "private key")
        certificate = _pem(self.certificate, "certificate")
        # gRPC would take them, write to the standard error, and fail as if nobody answered.
        if self._key_of(key) != self._key_in(certificate):
            raise IdentityError(f"the private key {self.key} is not the key of the certificate {self.certificate}")
        return grpc.ssl_channel_credentials(root_certificates=authority, private_key=key, certificate_chain=certificate)

    def _key_of(self, content: bytes) -> bytes:
        try:
            key = load_pem_private_key(content, password=None)
        except TypeError as error:
            raise IdentityError(
                f"the private key {self.key} is encrypted; only one without a password is read"
            ) from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise IdentityError(f"the private key {self.key} holds no usable private key") from error
        return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def _key_in(self, content: bytes) -> bytes:
        try:
            # The first one of a chain is the caller's own.
            key = x509.load_pem_x509_certificate(content).public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise IdentityError(f"the certificate {self.certificate} holds no usable certificate") from error
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(path: Path, what: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IdentityError(f"cannot read the {what} {path}: {error.strerror}") from error
    if b"-----BEGIN " not in content:
        raise IdentityError(f"the {what} {path} is not a PEM file")
    return content


def open_channel(address: str, identity: Identity) -> aio.Channel:
    """An mTLS channel to `address` ("host:port"); close it when done."""
    options = [
        ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
        ("grpc.max_send_message_length", REQUEST_BYTES_MAX),
        # One process may speak for several callers: connections must not be shared between certificates.
        ("grpc.use_local_subchannel_pool", 1),
        # A service that restarts is back within seconds; gRPC's own back-off would wait for minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        # How long one attempt may take, whatever its name says: on a busy machine TLS alone needs more than the above.
        ("grpc.min_reconnect_backoff_ms", 5000),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    return aio.secure_channel(address, identity.credentials(), options=options)


async def ask(
    method: aio.UnaryUnaryMultiCallable[Q, R],
    request: Q,
    *,
    timeout_s: float = DEADLINE_S_DEFAULT,
    wait_for_ready: bool = False,
) -> R:
    """Calls `method` with a deadline of `timeout_s` seconds.

    Raises:
        CallError: the service refused, or was not reached.
    """
    try:
        return await method(request, timeout=timeout_s, wait_for_ready=wait_for_ready)
    except aio.AioRpcError as error:
        raise decode(error) from error


async def stream(
    method: aio.UnaryStreamMultiCallable[Q, R],
    request: Q,
    *,
    timeout_s: float = DEADLINE_S_DEFAULT,
) -> AsyncIterator[R]:
    """The answers of a streaming `method`, under one deadline of `timeout_s` seconds.

    Raises:
        CallError: as `ask`.
    """
    try:
        async for each in method(request, timeout=timeout_s):
            yield each
    except aio.AioRpcError as error:
        raise decode(error) from error


__all__ = ["DEADLINE_S_DEFAULT", "CallError", "Identity", "IdentityError", "ask", "open_channel", "stream"]
