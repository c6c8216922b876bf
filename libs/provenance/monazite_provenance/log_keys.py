"""Keys that sign a log's heads: from which size of the log, and up to which, each is good.

A clock says nothing about a stolen key, which can write any date; the size of the tree that it signs over is what a
verifier judges by. Root acts name the sizes (docs/STATEMENTS.md, "Log keys").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from monazite_provenance.errors import Compromised, EventNotAllowed, NotYetCertified, Retired
from monazite_provenance.keys import PublicKey


@dataclass(frozen=True, slots=True)
class LogSpan:
    """The sizes of one log at which a key is good, in entries: `first` and `last` among them, None for no end so far.

    `compromised_from` is the size from which on nothing it signed stands; heads below it do.
    """

    first: int
    last: int | None = None
    compromised_from: int | None = None

    def check(self, size: int) -> None:
        """Return if the key is good at this size. Raises NotYetCertified, Compromised, Retired."""
        if size < self.first:
            raise NotYetCertified("the key was certified for a later part of the log", size=size)
        if self.compromised_from is not None and size >= self.compromised_from:
            raise Compromised("the key counts as compromised from before this size of the log", size=size)
        if self.last is not None and size > self.last:
            raise Retired("the key was retired before this size of the log", size=size)


@dataclass(frozen=True, slots=True)
class LogKey:
    """What the root certified of a key that signs heads: its owner, a service, and the logs it signs for."""

    public: PublicKey
    issuer: str
    logs: Mapping[str, LogSpan]

    def check(self, log: str, size: int) -> None:
        """Return if the key may sign the head of `log` at `size` entries. Raises the KeyProblem family."""
        span = self.logs.get(log)
        if span is None:
            raise EventNotAllowed("the key is not certified for this log")
        span.check(size)


class LogKeyRing(Protocol):
    """Where a verifier looks log keys up: by `kid` alone, exactly one key or none, and nothing is fetched."""

    def find_log_key(self, kid: bytes) -> LogKey | None: ...
