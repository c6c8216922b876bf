"""That a service takes in the heads of a log that it does not follow: the same for each of them."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from monazite_provenance.keys import SigningKey
from monazite_provenance.names import log_urn, service_uri

from tests.fakes.log import new_log, served
from tests.service.calling import Calls
from tools.local.pki import DevelopmentAuthority


class Service(Protocol):
    """A service that is configured, and started by `running`; its settings are a model of its own."""

    settings: Any
    authority: DevelopmentAuthority

    def running(self) -> AbstractAsyncContextManager[object]: ...
    def caller(self, uri: str) -> AbstractAsyncContextManager[Calls]: ...


async def check_heads_are_taken_in(service: Service, peer: str, key: SigningKey, caller: str) -> None:
    """Told where the service `peer` is, whose log is under `key`, `service` takes in each head of that log."""
    name, authority = log_urn(peer), service.authority
    log = new_log(name, service_uri(authority.domain, peer), key)
    async with served(log, authority.issue(f"service/{peer}", server=True)) as port:
        peers = {**service.settings.peers, peer: f"localhost:{port}"}
        service.settings = service.settings.model_copy(update={"peers": peers, "peer_heads_ms": 10})
        async with service.running(), service.caller(caller) as officer, asyncio.timeout(20):
            for size in (1, 2):
                log.register.append(bytes([size]) * 32)
                taken = await officer.takes_in(name, size)
        assert taken[name] == log.register.size
