"""Whether a server can work: its database, asked over a connection of its own.

Of its own, because a pool whose connections are all busy is a busy database and no absent one. One answer that does not
come is not an absence either: only several in a row are, and one good answer ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from services.chassis import telemetry
from services.chassis.database import Connection, Database

EVERY_S: Final = 1.0
# For connecting and one answer together.
TIMEOUT_S: Final = 2.0
FAILURES_MAX: Final = 2

# A standby that was not promoted takes no writes: with it nothing can be done here.
_WRITABLE: Final = "SELECT current_setting('transaction_read_only') = 'off'"

_log = logging.getLogger(__name__)


class Readiness:
    """Ready until more than `failures_max` probes in a row failed; then not, until one succeeds."""

    def __init__(self, *, failures_max: int = FAILURES_MAX) -> None:
        self._failures_max = failures_max
        self._failures = 0

    @property
    def ready(self) -> bool:
        """What the probes so far say."""
        return self._failures <= self._failures_max

    def probed(self, answered: bool) -> bool:
        """Takes in one probe; whether `ready` changed by it."""
        before = self.ready
        self._failures = 0 if answered else self._failures + 1
        return self.ready is not before


class DatabaseProbe:
    """Asks the database again and again. `tell` hears of each change."""

    def __init__(self, database: Database, tell: Callable[[bool], None]) -> None:
        self._database = database
        self._tell = tell
        self._connection: Connection | None = None
        self._readiness = Readiness()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                self._take_in(await self.answers())
        finally:
            self._drop()

    def _take_in(self, answered: bool) -> None:
        changed = self._readiness.probed(answered)
        ready = self._readiness.ready
        telemetry.database_reachable.set(int(ready))
        if not changed:
            return
        if ready:
            _log.warning("the database answers again: serving")
        else:
            _log.error("the database does not answer: not serving until it does")
        self._tell(ready)

    async def answers(self) -> bool:
        """One probe: whether the database answers within TIMEOUT_S seconds, and takes writes."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if self._connection is None:
                    self._connection = await self._database.connect()
                writable: bool = await self._connection.fetchval(_WRITABLE)
        except Exception as error:  # of what is not PostgreSQL's answer, asyncpg's parser may make any
            _log.info("the database was asked and did not answer: %r", error)
            self._drop()
            return False
        return writable

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
