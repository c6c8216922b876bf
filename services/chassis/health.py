"""grpc.health.v1: what an orchestrator, a load balancer and a person ask a server.

Names: `""` and each gRPC service are **readiness**, `liveness` is the process itself, and the name of each followed log
tells whether it is still followed. A database that is away makes a server not ready and leaves it alive, since a
restart would not bring it back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer

from services.chassis import errors
from services.chassis.wakeup import Wakeup

READINESS: Final = ""
LIVENESS: Final = "liveness"
# A watcher that no change wakes looks again all the same.
LOOK_AGAIN_S: Final = 60.0

SERVING: Final = HealthCheckResponse.SERVING
NOT_SERVING: Final = HealthCheckResponse.NOT_SERVING


class Health(HealthServicer):
    """The states by name. `services`: full names of the gRPC services. Nothing serves until `ready(True)`."""

    def __init__(self, services: Iterable[str]) -> None:
        self._ready_names = (READINESS, *services)
        self._status: dict[str, int] = dict.fromkeys(self._ready_names, NOT_SERVING)
        self._status[LIVENESS] = SERVING
        self._changed = Wakeup()
        self._draining = False

    def ready(self, ready: bool) -> None:
        """Whether calls can be served."""
        for name in self._ready_names:
            self._set(name, serving=ready)
        self._changed.ring()

    def following(self, log: str, *, followed: bool) -> None:
        """Whether a peer's log is followed."""
        self._set(log, serving=followed)
        self._changed.ring()

    def drain(self) -> None:
        """For good: everything but the process itself is NOT_SERVING, and who watches hears so and is let go."""
        for name in self._status:
            self._set(name, serving=name == LIVENESS)
        self._draining = True
        self._changed.ring()

    def _set(self, name: str, *, serving: bool) -> None:
        if not self._draining:
            self._status[name] = SERVING if serving else NOT_SERVING

    async def Check(self, request: HealthCheckRequest, context: object) -> HealthCheckResponse:  # noqa: N802, ARG002
        """The state now. Raises NOT_FOUND for a name that is not known, as the protocol wants it."""
        status = self._status.get(request.service)
        if status is None:
            raise errors.not_found("health name", request.service)
        return HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802
        self,
        request: HealthCheckRequest,
        context: object,  # noqa: ARG002
    ) -> AsyncIterator[HealthCheckResponse]:
        """The state now and at each change, until the server drains."""
        told: int | None = None
        while True:
            seen = self._changed.rings
            status = self._status.get(request.service, HealthCheckResponse.SERVICE_UNKNOWN)
            if status != told:
                yield HealthCheckResponse(status=status)
                # It may have changed while the message was written.
                told = status
            elif self._draining:
                return
            else:
                await self._changed.wait(seen, LOOK_AGAIN_S)
