"""The counter service in this process, seen from outside: a port, and peers with certificates of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from monazite.registry.v1.registry_pb2 import GetRightRequest
from monazite.registry.v1.registry_pb2_grpc import RightServiceStub
from monazite_provenance.trust import TrustFile

from services.chassis.access import AccessTable
from services.chassis.client import Peer
from services.chassis.errors import Error
from services.chassis.server import Follows, serving
from services.chassis.settings import REQUEST_BYTES_MAX, Certificates, Limits, Settings, Telemetry
from tests.fakes.log import FakeLog, served
from tests.service.chassis import counter
from tests.service.chassis.counter import ACCESS, Rights
from tests.service.chassis.logs import KEY
from tests.service.chassis.till import LOG, MIGRATIONS
from tools.local.pki import Certificate, DevelopmentAuthority

PLANT = "enterprise/baotou-1/erp"
SERVER = "service/quota"


def files(certificate: Certificate) -> Certificates:
    return Certificates(
        certificate=certificate.certificate, private_key=certificate.key, authority=certificate.authority
    )


@dataclass
class Scene:
    port: int
    rights: Rights
    authority: DevelopmentAuthority

    def peer(self, path: str = PLANT, authority: DevelopmentAuthority | None = None) -> Peer:
        own = files((authority or self.authority).issue(path))
        trusted = own.model_copy(update={"authority": self.authority.certificate_path})
        return Peer("quota", f"localhost:{self.port}", trusted)


Serve = Callable[..., AbstractAsyncContextManager[Scene]]


def stage(url: str, authority: DevelopmentAuthority, tmp_path: Path) -> Serve:
    """`serve(limits=..., access=...)`: serves until the end of the block."""

    @asynccontextmanager
    async def start(
        *,
        limits: Limits | None = None,
        access: AccessTable = ACCESS,
        trace_ratio: float = 0.0,
        request_bytes_max: int = REQUEST_BYTES_MAX,
        certificates: Certificates | None = None,
        followers: Sequence[Follows] = (),
        trust: TrustFile | None = None,
    ) -> AsyncGenerator[Scene]:
        log_key = tmp_path / "log.key"
        log_key.write_bytes(KEY.to_pem())
        settings = Settings(
            domain=authority.domain,
            listen="127.0.0.1:0",
            database_url=url,
            certificates=certificates or files(authority.issue(SERVER, server=True)),
            signing_key=tmp_path / "none",
            log_signing_key=log_key,
            log_memory=tmp_path / "signed",
            trust_file=tmp_path / "none",
            log_name=LOG,
            request_bytes_max=request_bytes_max,
            limits=limits or Limits(),
            telemetry=Telemetry(trace_ratio=trace_ratio),
        )
        made: list[Rights] = []

        async with serving(
            settings, lambda site: counter.compose(site, made, access, followers, trust), MIGRATIONS
        ) as running:
            yield Scene(running.port, made[0], authority)

    return start


async def get_right(peer: Peer, what: str = "", *, timeout_s: float = 5) -> list[str]:
    right = await peer.call(
        RightServiceStub(peer.channel).GetRight, GetRightRequest(right_id=what.encode()), timeout_s=timeout_s
    )
    return right.right_id.decode().split()


async def refused(peer: Peer, what: str = "", *, timeout_s: float = 5) -> Error:
    with pytest.raises(Error) as raised:
        await get_right(peer, what, timeout_s=timeout_s)
    return raised.value


async def check_health(peer: Peer, service: str = "") -> HealthCheckResponse:
    check: grpc.aio.UnaryUnaryMultiCallable[HealthCheckRequest, HealthCheckResponse] = peer.channel.unary_unary(
        "/grpc.health.v1.Health/Check", HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
    )
    return await check(HealthCheckRequest(service=service))


def watch_health(peer: Peer, service: str = "") -> grpc.aio.UnaryStreamCall[HealthCheckRequest, HealthCheckResponse]:
    watch: grpc.aio.UnaryStreamMultiCallable[HealthCheckRequest, HealthCheckResponse] = peer.channel.unary_stream(
        "/grpc.health.v1.Health/Watch", HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
    )
    return watch(HealthCheckRequest(service=service))


@asynccontextmanager
async def peer_of(log: FakeLog, authority: DevelopmentAuthority) -> AsyncGenerator[Peer]:
    """A peer that keeps this log, as the plant reaches it."""
    async with (
        served(log, authority.issue(SERVER, server=True)) as port,
        Peer("till", f"localhost:{port}", files(authority.issue(PLANT))) as peer,
    ):
        yield peer
