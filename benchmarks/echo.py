"""The yardstick: a gRPC server that gives back the bytes it got, with the suite's mutual TLS and event loop.

    python -m benchmarks.echo HOST:PORT AUTHORITY KEY CERTIFICATE

No message is parsed, nothing is intercepted, nothing is stored: what is left is grpc.aio itself.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import grpc
import uvloop

from tools.local.guardian import Guardian
from tools.local.pki import Certificate
from tools.local.ports import free_port

SERVICE: Final = "monazite.benchmarks.Echo"
METHOD: Final = "Echo"
STOP_SECONDS_MAX: Final = 10


async def serve(address: str, authority: bytes, key: bytes, certificate: bytes) -> None:
    """Echo at `address` until the process is told to end. Files in PEM."""

    async def echo(request: bytes, _context: object) -> bytes:
        return request

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {METHOD: grpc.unary_unary_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    credentials = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
    server.add_secure_port(address, credentials)
    await server.start()
    await asyncio.Event().wait()


@contextmanager
def running(certificate: Certificate) -> Generator[str]:
    """An echo server in a process of its own with a server's certificate; yields its address."""
    port = free_port()
    paths = [str(path) for path in (certificate.authority, certificate.key, certificate.certificate)]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.echo", f"127.0.0.1:{port}", *paths])
    guardian = Guardian()
    guardian.watch(process.pid)
    try:
        yield f"localhost:{port}"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS_MAX)
        guardian.dismiss()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], *(Path(name).read_bytes() for name in sys.argv[2:5])))
