"""What the transparency log costs: how fast entries are integrated, and what waiting for a receipt adds to a reply.

Integration is the sequencer alone on its own database, in one process, with its fsynced memory. What a receipt adds is
measured on the whole registry under load: the same calls with replies that wait, and by a registry told not to wait.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.log_keys import LogKey
from monazite_provenance.names import log_urn
from monazite_provenance.places import LogSpan

from benchmarks.actors import IMPORTER, Enterprise
from benchmarks.load import drive
from services.chassis import store
from services.chassis.clock import SystemClock
from services.chassis.database import Database
from services.chassis.log.heads import HeadSigner
from services.chassis.log.memory import ENTRIES_MAX, Memory
from services.chassis.migrations import migrate
from services.chassis.sequencer import Sequencer
from services.chassis.store import Audit, RequestKey, SignedStatement, Write
from services.registry.server import MIGRATIONS
from tools.local.suite import Suite

ENTRIES: Final = 20 * ENTRIES_MAX
ITEM_BYTES: Final = 2_000
"""About an item of a lot of 17 elements."""
CALLS: Final = 512
PAIRS: Final = 3
"""Rounds of calls, each once with waiting and once without."""
LOG: Final = log_urn("registry")
ISSUER: Final = "spiffe://monazite.example/service/registry"
NO_WAIT: Final = {"MONAZITE__LIMITS__RECEIPT_WAIT_MS": "0"}


class _OneKey:
    """A key ring of one log's key."""

    def __init__(self, key: SoftwareKey) -> None:
        self._key = LogKey(key.public, ISSUER, {LOG: LogSpan(0)})

    def find_log_key(self, kid: bytes) -> LogKey | None:
        return self._key if kid == self._key.public.kid else None


async def run(suite: Suite) -> Mapping[str, float]:
    """Measure on a running suite on which enterprises are established and that nobody else uses."""
    latencies: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(PAIRS):
        for waits in (False, True):
            suite.restart("registry", {} if waits else NO_WAIT)
            latencies[waits].append(await _median_latency_ms(suite))
    added = [waiting - not_waiting for waiting, not_waiting in zip(latencies[True], latencies[False], strict=True)]
    return {
        "log_entries_per_s": await _integration_rate(suite),
        "receipt_latency_ms_p50": statistics.median(added),
        "register_lot_with_receipt_ms_p50": statistics.median(latencies[True]),
        "register_lot_without_receipt_ms_p50": statistics.median(latencies[False]),
    }


async def _median_latency_ms(suite: Suite) -> float:
    async with _importer(suite) as importer:
        await drive(await importer.imports(CALLS // 4), [])
        latencies: list[float] = []
        await drive(await importer.imports(CALLS), latencies)
    return statistics.median(latencies) * 1000


@asynccontextmanager
async def _importer(suite: Suite) -> AsyncGenerator[Enterprise]:
    importer = Enterprise.open(suite, IMPORTER)
    try:
        yield importer
    finally:
        await importer.close()


async def _integration_rate(suite: Suite) -> float:
    """Entries a second, from a table full of them until the last has its index under a signed head."""
    url = suite.cluster.create_service_database("integration")
    await migrate(url, MIGRATIONS)
    key = SoftwareKey.generate(Algorithm.ED25519)
    signer = HeadSigner(LOG, ISSUER, key, _OneKey(key))
    async with Database(url) as database:
        for _ in range(ENTRIES // ENTRIES_MAX):
            async with database.transaction() as connection:
                await store.append(connection, [_write()])
        sequencer = Sequencer(database, signer, Memory(suite.directory / "integration.signed", LOG), SystemClock())
        began = time.perf_counter()
        done = 0
        while done < ENTRIES:
            done += await sequencer.step()
        return done / (time.perf_counter() - began)


def _write() -> Write:
    statements = tuple(
        SignedStatement(
            statement_id=secrets.token_bytes(32),
            kind=1,
            issuer=ISSUER,
            subject="urn:monazite:lot:benchmark",
            item=secrets.token_bytes(ITEM_BYTES),
            leaf=secrets.token_bytes(32),
        )
        for _ in range(ENTRIES_MAX)
    )
    key = RequestKey(scope=ISSUER, method="/benchmark", request_id=secrets.token_bytes(16), digest=bytes(32))
    return Write(request=key, audit=Audit.of_service(ISSUER), statements=statements, reply=b"")
