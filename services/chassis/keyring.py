"""The keys that a service trusts: the offline root's service keys from the trust file, and the enterprise keys that
its database knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from monazite_provenance.keys import CertifiedKey, KeyRing, PublicKey
from monazite_provenance.kinds import EventKind

from services.chassis.database import Connection

PARSED_KEYS_MAX: Final = 50_000

_FIND = """
    SELECT kid, cose_key, issuer, kinds, certified_by, retired_by IS NOT NULL AS retired, compromised_by IS NOT NULL
    AS compromised, own_signature_only
    FROM certified_key WHERE kid = ANY($1::bytea[])
"""
_FIND_LOCKED = _FIND + " ORDER BY kid FOR SHARE"


class FixedKeyRing:
    """Some keys by kid, as they stood when read."""

    def __init__(self, keys: Mapping[bytes, CertifiedKey], root: KeyRing) -> None:
        self._keys = keys
        self._root = root

    def find(self, kid: bytes) -> CertifiedKey | None:
        """The key with this kid; the root's keys come first and cannot be shadowed."""
        return self._root.find(kid) or self._keys.get(kid)


class DatabaseKeyRing:
    """Gives a verifier its keys. They are read from the database each time: a key retired by another process counts
    at once."""

    def __init__(self, root: KeyRing) -> None:
        self._root = root

    async def snapshot(self, connection: Connection, kids: Iterable[bytes], *, lock: bool = False) -> FixedKeyRing:
        """The keys with these kids, for `Verifier(keys)`. With `lock` they cannot be retired before the transaction
        ends."""
        wanted = [kid for kid in set(kids) if self._root.find(kid) is None]
        if not wanted:
            return FixedKeyRing({}, self._root)
        rows = await connection.fetch(_FIND_LOCKED if lock else _FIND, wanted)
        keys = {
            row["kid"]: CertifiedKey(
                public=_public_key(row["cose_key"]),
                issuer=row["issuer"],
                kinds=None if row["kinds"] is None else frozenset(EventKind(kind) for kind in row["kinds"]),
                certified_by=row["certified_by"],
                retired=row["retired"],
                compromised=row["compromised"],
                own_signature_only=row["own_signature_only"],
            )
            for row in rows
        }
        return FixedKeyRing(keys, self._root)


@lru_cache(maxsize=PARSED_KEYS_MAX)
def _public_key(cose_key: bytes) -> PublicKey:
    return PublicKey.from_cose_key(cose_key)
