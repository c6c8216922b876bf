"""Asks a server, over mTLS, whether it serves (grpc.health.v1).

`python -m services.chassis.probe ready` asks whether it can do its work: the containers' HEALTHCHECK, Kubernetes'
readiness. `... alive` asks whether the process answers at all: Kubernetes' liveness, and what a restart may hang on. It
speaks as the configured service itself, and exits with 0 for yes, 1 for no, 2 when the settings are bad.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import grpc
from grpc_health.v1 import health_pb2
from pydantic import ConfigDict

from services.chassis import credentials, settings
from services.chassis.health import LIVENESS, READINESS

TIMEOUT_S_DEFAULT: Final = 3.0
_NAMES: Final[Mapping[str, str]] = {"ready": READINESS, "alive": LIVENESS}
_OPTIONS = [
    # A server that starts refuses connections for a moment; the library's default waits a second between tries.
    ("grpc.initial_reconnect_backoff_ms", 50),
    # How long one attempt may take, whatever its name says: on a busy machine TLS alone needs more than the above.
    ("grpc.min_reconnect_backoff_ms", 3000),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
]


def serving(
    address: str, caller: grpc.ChannelCredentials, *, name: str = READINESS, timeout_s: float = TIMEOUT_S_DEFAULT
) -> bool:
    """Whether the server at `address` says SERVING of `name` within `timeout_s` seconds."""
    with grpc.secure_channel(address, caller, options=_OPTIONS) as channel:
        check: grpc.UnaryUnaryMultiCallable[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            reply = check(health_pb2.HealthCheckRequest(service=name), timeout=timeout_s, wait_for_ready=True)
        except grpc.RpcError:
            return False
    return reply.status == health_pb2.HealthCheckResponse.SERVING


class _Probed(settings.Settings):
    """The settings of any service: what it has beyond the common ones does not matter here."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Probe the process that MONAZITE_CONFIG configures, on this host."""
    parser = argparse.ArgumentParser(prog="python -m services.chassis.probe", description="Ask the service here.")
    parser.add_argument("question", choices=sorted(_NAMES))
    question: str = parser.parse_args(arguments).question
    try:
        own = settings.load(_Probed)
        caller = credentials.of_client(credentials.read(own.certificates))
    except settings.BadSettings as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0 if serving(f"localhost:{own.listen.rpartition(':')[2]}", caller, name=_NAMES[question]) else 1


if __name__ == "__main__":
    sys.exit(main())
