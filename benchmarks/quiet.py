"""Waits until the services have nothing left to do behind the answers they gave."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import asyncpg
from monazite_provenance.names import log_urn

from benchmarks.straight import Connection
from services.quota.operations.evidence import FOLLOWED_KINDS
from services.registry.operations.following import SETTLED

POLL_S: Final = 0.02
QUIET_S_MAX: Final = 60.0
_CLEANING: Final = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')"
_UNPLACED: Final = "SELECT EXISTS (SELECT 1 FROM entry WHERE idx IS NULL)"
_CURSOR: Final = "SELECT coalesce(max(next_index), 0) FROM follower_cursor WHERE log = $1"
_UNREAD: Final = "SELECT EXISTS (SELECT 1 FROM entry WHERE idx >= $1 AND kind = ANY($2::smallint[]))"


@dataclass(frozen=True, slots=True)
class Observer:
    """Looks into the databases of registry and quota, as superuser: no service gives anybody such a view."""

    registry: Connection
    quota: Connection

    @classmethod
    async def open(cls, registry_url: str, quota_url: str) -> Observer:
        """Connect to both."""
        return cls(await asyncpg.connect(registry_url), await asyncpg.connect(quota_url))

    async def close(self) -> None:
        """Close both connections."""
        await self.registry.close()
        await self.quota.close()

    async def wait(self) -> None:
        """Until every entry has its index, each of the two has applied what it follows of the other's log, and
        PostgreSQL cleans nothing up."""
        until = time.monotonic() + QUIET_S_MAX
        while await self._busy():
            if time.monotonic() > until:
                raise TimeoutError(f"the services are still busy after {QUIET_S_MAX} s")
            await asyncio.sleep(POLL_S)

    async def _busy(self) -> bool:
        followed = (
            (self.registry, "quota", self.quota, SETTLED),
            (self.quota, "registry", self.registry, FOLLOWED_KINDS),
        )
        for own, name, peer, kinds in followed:
            if await own.fetchval(_UNPLACED):
                return True
            cursor = await own.fetchval(_CURSOR, log_urn(name))
            if await peer.fetchval(_UNREAD, cursor, [int(kind) for kind in kinds]):
                return True
        return bool(await self.registry.fetchval(_CLEANING))
