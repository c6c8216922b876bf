"""The tests' world of bundles with nothing left to chance: the same keys, lot ids and salts each time it is built.

Here the library writes, since what is forged is not bytes but histories: who says what, in which order, and where
it is registered.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import shake_256
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from monazite_provenance import lot_ids, roots, trust
from monazite_provenance.draft import draft
from monazite_provenance.keys import SoftwareKey

from tests.unit.provenance import chains


class _Counter:
    """Draws bytes that hang on a name and a number alone, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._drawn = 0

    def __call__(self, size: int) -> bytes:
        self._drawn += 1
        return shake_256(f"monazite hostile vectors: {self._name} {self._drawn}".encode()).digest(size)


def keys(name: str) -> partial[SoftwareKey]:
    """Makes keys that hang on this name and their number alone."""
    secrets = _Counter(name)
    return partial(_key, secrets)


def _key(secrets: _Counter) -> SoftwareKey:
    return SoftwareKey(Ed25519PrivateKey.from_private_bytes(secrets(32)))


def _roots() -> tuple[SoftwareKey, ...]:
    fresh = keys("root key")
    return tuple(fresh() for _ in range(3))


ROOTS = _roots()
"""The root keys of every seeded world."""


@contextmanager
def seeded() -> Generator[None]:
    """Within it, worlds are built from counters that begin anew. Signatures are deterministic anyway (RFC 8032)."""
    salted = partial(draft, salts=_Counter("salt"))
    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(SoftwareKey, "generate", keys("key")))
        patches.enter_context(mock.patch.object(lot_ids, "new", partial(lot_ids.new, _Counter("lot"))))
        patches.enter_context(mock.patch.object(chains, "ROOTS", ROOTS))
        for module in (chains, trust, roots):
            patches.enter_context(mock.patch.object(module, "draft", salted))
        yield
