"""Enterprise keys, as the registry's log has certified and ended them; the chassis's key ring reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from monazite_provenance.keys import CertifiedKey

from services.chassis.database import Connection

_ENDED_BEFORE: Final = "SELECT kid FROM certified_key WHERE kid = ANY($1::bytea[]) ORDER BY kid FOR UPDATE"
_ADD: Final = """
    INSERT INTO certified_key
        (kid, thumbprint, cose_key, issuer, kinds, certified_by, retired_by, compromised_by, own_signature_only)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (kid) DO UPDATE
    SET retired_by = coalesce(certified_key.retired_by, excluded.retired_by),
        compromised_by = coalesce(certified_key.compromised_by, excluded.compromised_by)
"""
_OWN_SIGNATURE: Final = """
    SELECT DISTINCT issuer FROM certified_key WHERE own_signature_only AND issuer = ANY($1::text[])
"""


async def store_keys(connection: Connection, keys: Mapping[bytes, tuple[CertifiedKey, bytes]]) -> None:
    """Store keys as they stand after a stretch of the log, by kid, each with the `keys` statement that changed it last.

    What a key is bound to never changes: of a known key only its end is taken in.
    """
    await connection.fetch(_ENDED_BEFORE, list(keys))
    for kid in sorted(keys):
        key, changed_by = keys[kid]
        await connection.execute(
            _ADD,
            kid,
            key.public.thumbprint,
            key.public.cose_key,
            key.issuer,
            None if key.kinds is None else sorted(int(kind) for kind in key.kinds),
            key.certified_by,
            changed_by if key.retired else None,
            changed_by if key.compromised else None,
            key.own_signature_only,
        )


async def own_signature_only(connection: Connection, enterprises: Collection[str]) -> set[str]:
    """Which of the enterprises (URIs) let nobody sign for them."""
    return {row[0] for row in await connection.fetch(_OWN_SIGNATURE, list(enterprises))}
