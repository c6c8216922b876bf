"""LogService."""

from __future__ import annotations

from monazite.quota.v1.quota_pb2_grpc import LogServiceServicer

from services.chassis.log import LogServing


class LogServicer(LogServing, LogServiceServicer):
    """Quota's log: rights and settlements, in the order that the sequencer gave them."""
