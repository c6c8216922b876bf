"""Keys that sign a log's heads: from which size of the log, and up to which, each is good.

A clock says nothing about a stolen key, which can write any date; the size of the tree that it signs over is what a
verifier judges by. Root acts name the sizes (docs/STATEMENTS.md, "Log keys").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from monazite_provenance._frozen import dataclass
from monazite_provenance.keys import PublicKey
from monazite_provenance.places import LogSpan, check_spans


@dataclass(frozen=True, slots=True)
class LogKey:
    """What the root certified of a key that signs heads: its owner, a service, and the logs it signs for."""

    public: PublicKey
    issuer: str
    logs: Mapping[str, LogSpan]

    def check(self, log: str, size: int) -> None:
        """Return if the key may sign the head of `log` at `size` entries. Raises the KeyProblem family."""
        check_spans(self.logs, log, size)


class LogKeyRing(Protocol):
    """Where a verifier looks log keys up: by `kid` alone, exactly one key or none, and nothing is fetched."""

    def find_log_key(self, kid: bytes) -> LogKey | None: ...
