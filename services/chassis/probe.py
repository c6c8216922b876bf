"""Asks a server, over mTLS, whether it serves (grpc.health.v1).

`python -m services.chassis.probe` is the containers' HEALTHCHECK. It speaks as the configured service itself, and exits
with 0 when it serves, 1 when it does not, 2 when the settings are bad.
"""

from __future__ import annotations

import sys

import grpc
from grpc_health.v1 import health_pb2
from pydantic import ConfigDict

from services.chassis import settings

TIMEOUT_S_DEFAULT = 3.0
_OPTIONS = [
    # A server that starts refuses connections for a moment; the library's default waits a second between tries.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
]


def serving(address: str, credentials: grpc.ChannelCredentials, *, timeout_s: float = TIMEOUT_S_DEFAULT) -> bool:
    """Whether the server at `address` says SERVING within `timeout_s` seconds."""
    with grpc.secure_channel(address, credentials, options=_OPTIONS) as channel:
        check: grpc.UnaryUnaryMultiCallable[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            reply = check(health_pb2.HealthCheckRequest(), timeout=timeout_s, wait_for_ready=True)
        except grpc.RpcError:
            return False
    return reply.status == health_pb2.HealthCheckResponse.SERVING


class _Probed(settings.Settings):
    """The settings of any service: what it has beyond the common ones does not matter here."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


def main() -> int:
    """Probe the process that MONAZITE_CONFIG configures, on this host."""
    try:
        own = settings.load(_Probed)
        credentials = grpc.ssl_channel_credentials(
            own.certificates.authority.read_bytes(),
            own.certificates.private_key.read_bytes(),
            own.certificates.certificate.read_bytes(),
        )
    except (settings.BadSettings, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0 if serving(f"localhost:{own.listen.rpartition(':')[2]}", credentials) else 1


if __name__ == "__main__":
    sys.exit(main())
