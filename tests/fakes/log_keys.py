"""Keys of a log that no root certified: a ring of one, for tests of what is built on it."""

from __future__ import annotations

from collections.abc import Mapping

from monazite_provenance.keys import Algorithm, SigningKey, SoftwareKey
from monazite_provenance.log_keys import LogKey
from monazite_provenance.places import LogSpan

from services.chassis.log.heads import HeadSigner


class Ring:
    """A `LogKeyRing` of the keys given."""

    def __init__(self, keys: Mapping[bytes, LogKey]) -> None:
        self._keys = keys

    def find_log_key(self, kid: bytes) -> LogKey | None:
        return self._keys.get(kid)


def ring(log: str, issuer: str, *keys: SigningKey, span: LogSpan | None = None) -> Ring:
    """These keys, good for all heads of the log unless a span says otherwise."""
    return Ring({key.public.kid: LogKey(key.public, issuer, {log: span or LogSpan(0)}) for key in keys})


def head_signer(
    log: str, issuer: str, key: SigningKey | None = None, second: SigningKey | None = None
) -> tuple[HeadSigner, Ring]:
    """A signer, with a fresh key if none is given, and the ring that knows it."""
    key = key or SoftwareKey.generate(Algorithm.ED25519)
    keys = ring(log, issuer, key, *([] if second is None else [second]))
    return HeadSigner(log, issuer, key, keys, second), keys
