"""LogService."""

from __future__ import annotations

from monazite.registry.v1.registry_pb2_grpc import LogServiceServicer

from services.chassis.log import LogServing


class LogServicer(LogServing, LogServiceServicer):
    """The registry's log."""
