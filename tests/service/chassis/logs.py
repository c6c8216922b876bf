"""The till's log: its key, its sequencers, and how entries get into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from monazite_provenance.keys import Algorithm, SoftwareKey

from services.chassis import store
from services.chassis.clock import SystemClock
from services.chassis.database import Database
from services.chassis.log.memory import Memory, Signed
from services.chassis.log.receipts import Receipts
from services.chassis.sequencer import LEASE_S, Sequencer
from tests.fakes.log_keys import head_signer
from tests.service.chassis.till import LOG, Take, statement, take

ISSUER: Final = "spiffe://monazite.example/service/till"
KEY: Final = SoftwareKey.generate(Algorithm.ED25519)
SIGNER, KEYS = head_signer(LOG, ISSUER, KEY)


class Forgetful(Memory):
    """Remembers nothing, for tests of what does not hang on it."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"), LOG)

    def write(self, signed: Signed) -> None:
        pass

    def read(self) -> Signed | None:
        return None


def sequencer(
    database: Database,
    memory: Memory | None = None,
    *,
    lease_s: float = LEASE_S,
    receipts: Receipts | None = None,
) -> Sequencer:
    """One of the till's log."""
    return Sequencer(
        database, SIGNER, memory or Forgetful(), SystemClock(), lease_s=lease_s, heartbeat_s=3600, receipts=receipts
    )


async def store_entries(database: Database, kinds: Sequence[int], *, size: int = 40) -> list[bytes]:
    """Entries of these kinds, each in a transaction of its own; their ids."""
    ids: list[bytes] = []
    for kind in kinds:
        one = statement(kind=kind, size=size)
        ids.append(one.statement_id)
        base = take()
        async with database.transaction() as connection:
            await store.append(connection, [Take(request=base.request, audit=base.audit, statements=(one,))])
    return ids


async def publish(database: Database, kinds: Sequence[int], *, size: int = 40) -> list[bytes]:
    """As `store_entries`, and integrated."""
    ids = await store_entries(database, kinds, size=size)
    one = sequencer(database)
    await one.step()
    await one.release()
    return ids
