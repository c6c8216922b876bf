"""Keys for a verifier: the root's first, then what the database says at this moment."""

from __future__ import annotations

import asyncio

import pytest
from monazite_provenance.keys import CertifiedKey, SoftwareKey
from monazite_provenance.kinds import EventKind

from services.chassis.database import Database
from services.chassis.keyring import DatabaseKeyRing

ISSUER = "spiffe://monazite.example/enterprise/baotou-1"
SERVICE = "spiffe://monazite.example/service/quota"


class Root:
    """A root that certified one key."""

    def __init__(self, key: SoftwareKey) -> None:
        self.key = CertifiedKey(key.public, SERVICE, None, None)

    def find(self, kid: bytes) -> CertifiedKey | None:
        return self.key if kid == self.key.public.kid else None


async def certify(database: Database, key: SoftwareKey, kinds: list[int] | None = None) -> None:
    public = key.public
    await database.pool.execute(
        "INSERT INTO certified_key (kid, thumbprint, cose_key, issuer, kinds, certified_by) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        public.kid,
        public.thumbprint,
        public.cose_key,
        ISSUER,
        kinds,
        bytes(32),
    )


async def test_a_key_is_found_as_it_stands_now(database: Database) -> None:
    root, key = SoftwareKey.generate(), SoftwareKey.generate()
    ring = DatabaseKeyRing(Root(root))
    await certify(database, key, [EventKind.SPLIT, EventKind.MERGE])
    async with database.connection() as connection:
        keys = await ring.snapshot(connection, [key.public.kid, root.public.kid, bytes(16)])
        found = keys.find(key.public.kid)
        assert found is not None
        assert found.public == key.public
        assert (found.issuer, found.kinds) == (ISSUER, frozenset({EventKind.SPLIT, EventKind.MERGE}))
        assert not found.retired
        assert keys.find(bytes(16)) is None
        service = keys.find(root.public.kid)
        assert service is not None
        assert service.issuer == SERVICE
        await connection.execute("UPDATE certified_key SET retired_by = $1", bytes(32))
        now = (await ring.snapshot(connection, [key.public.kid])).find(key.public.kid)
        assert now is not None
        assert now.retired


async def test_the_database_cannot_shadow_a_service_key(database: Database) -> None:
    root = SoftwareKey.generate()
    await certify(database, root)
    async with database.connection() as connection:
        keys = await DatabaseKeyRing(Root(root)).snapshot(connection, [root.public.kid])
    found = keys.find(root.public.kid)
    assert found is not None
    assert found.issuer == SERVICE


async def test_a_locked_key_cannot_be_retired_before_the_change_commits(database: Database) -> None:
    key = SoftwareKey.generate()
    await certify(database, key)
    async with database.transaction() as holding:
        await DatabaseKeyRing(Root(SoftwareKey.generate())).snapshot(holding, [key.public.kid], lock=True)
        async with database.connection() as other:
            with pytest.raises(asyncio.TimeoutError):
                await other.execute("UPDATE certified_key SET retired_by = $1", bytes(32), timeout=0.2)
