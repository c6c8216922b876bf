"""Free TCP ports of this machine."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import Final

LOCAL: Final = "127.0.0.1"


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago; who binds it late may have to ask again."""
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        port: int = probe.getsockname()[1]
        return port


class HeldPorts(ExitStack):
    """Ports that this machine gives to nobody until the end of the block, also while their server is down.

    Each is bound and not listened on: a connection to it is refused, and a server that is told its number can still
    listen there (Linux: both sides set SO_REUSEADDR, and one of them does not listen).
    """

    def take(self) -> int:
        """One more port of 127.0.0.1. Raises OSError when there is none."""
        holder = self.enter_context(socket.socket())
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((LOCAL, 0))
        port: int = holder.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether nobody listens on `port` of 127.0.0.1 just now."""
    with socket.socket() as probe:
        # Connections of an earlier run that have not quite ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCAL, port))
        except OSError:
            return False
    return True
