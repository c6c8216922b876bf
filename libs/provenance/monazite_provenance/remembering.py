"""A verifier that remembers: an item seen again, byte for byte, costs a look-up.

What it remembers is that a key signed these bytes and that what they disclose is what was committed to. Whether the key
is certified, and for what, is asked of the key ring each time.
"""

from __future__ import annotations

from typing import Final

from monazite_provenance.bundle import PAGE_BYTES_MAX
from monazite_provenance.errors import UnknownKey
from monazite_provenance.keys import KeyRing
from monazite_provenance.verifier import Begun, Statement, Verifier

REMEMBERED_MAX: Final = 20_000
"""Most items remembered: two pages of a bundle."""
REMEMBERED_BYTES_MAX: Final = 2 * PAGE_BYTES_MAX
"""Most bytes of items remembered: what is kept of each takes about as much again."""


class _Memory:
    """Statements by their items' bytes; forgets them all when a bound is reached."""

    def __init__(self) -> None:
        self.statements: dict[bytes, Statement] = {}
        self._bytes = 0

    def keep(self, item: bytes, statement: Statement) -> None:
        """Remember one, or what it is now."""
        if item not in self.statements:
            self._bytes += len(item)
        if len(self.statements) >= REMEMBERED_MAX or self._bytes > REMEMBERED_BYTES_MAX:
            self.statements.clear()
            self._bytes = len(item)
        self.statements[item] = statement


class RememberingVerifier:
    """Verifies encoded items against a key ring, each once. Safe to share between threads."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._verifier = Verifier(keys)
        self._memory = _Memory()

    def verify_unplaced(self, item: bytes) -> Statement:
        """As `Verifier.verify_unplaced`. Raises `ProvenanceError` only."""
        begun = self.begin(item)
        return begun if isinstance(begun, Statement) else self.complete(begun)

    def begin(self, item: bytes) -> Begun | Statement:
        """As `Verifier.begin`; what is remembered is the statement at once. Raises `ProvenanceError` only."""
        statement = self._memory.statements.get(item)
        if statement is None:
            return self._verifier.begin(item)
        known = statement.key
        key = self._keys.find(known.public.kid)
        if key is known:
            return statement
        if key is None:
            raise UnknownKey("no certified key has this kid")
        if (key.certified_by, key.issuer, key.kinds) == (known.certified_by, known.issuer, known.kinds):
            # The same certification; what became of it since is for who knows the place.
            return statement
        return self._verifier.begin(item)

    def complete(self, begun: Begun, *, dangerously_signed: bool = False) -> Statement:
        """As `Verifier.complete`. Raises `ProvenanceError` only."""
        statement = self._verifier.complete(begun, dangerously_signed=dangerously_signed)
        if isinstance(begun.given, bytes):
            self._memory.keep(begun.given, statement)
        return statement

    def with_keys(self, keys: KeyRing) -> RememberingVerifier:
        """One that remembers the same and asks another key ring."""
        other = RememberingVerifier(keys)
        other._memory = self._memory
        return other
