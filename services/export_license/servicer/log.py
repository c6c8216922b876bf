"""LogService."""

from __future__ import annotations

from monazite.export_license.v1.export_license_pb2_grpc import LogServiceServicer

from services.chassis.log import LogServing


class LogServicer(LogServing, LogServiceServicer):
    """The licensing log."""
