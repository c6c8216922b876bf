"""Serving a fake as the service it stands for: gRPC over mutual TLS, with that service's certificate."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import grpc

from tools.local.pki import Certificate


@asynccontextmanager
async def serving(
    add: Callable[[grpc.aio.Server], None], certificate: Certificate, *, port: int = 0
) -> AsyncGenerator[int]:
    """Serve what `add` adds, until the end of the block; gives the port, any free one unless told which."""
    server = grpc.aio.server()
    add(server)
    authority, key, chain = certificate.pem()
    credentials = grpc.ssl_server_credentials([(key, chain)], authority, require_client_auth=True)
    bound = server.add_secure_port(f"localhost:{port}", credentials)
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(None)
