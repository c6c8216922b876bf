"""Goes on with acts that a crash or an absent registry left behind, until each has ended."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from services.chassis import errors
from services.chassis.store import Audit
from services.export_license import storage
from services.export_license.operations.customs import Customs
from services.export_license.storage import customs

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Worker:
    """One a process; several do no harm: the registry answers by act id, and an act is compared before it is set."""

    customs: Customs

    async def run(self) -> None:
        """Until cancelled. The first round takes every open act: who moved it may have died with the last process."""
        everything = True
        while True:
            try:
                await self.round(everything=everything)
                everything = False
            except errors.Error as error:
                _log.warning("open acts of export wait: %s", error)
            except Exception:
                _log.exception("open acts of export wait")
            await asyncio.sleep(self.customs.site.settings.customs.poll_ms / 1000)

    async def round(self, *, everything: bool = False) -> int:
        """Ask the registry once for each act that is due; returns how many there were."""
        site = self.customs.site
        async with site.database.connection() as connection:
            due = await customs.due(connection, site.settings.customs.acts_per_poll_max, everything=everything)
        for act_id in due:
            await self._resume(act_id)
        return len(due)

    async def _resume(self, act_id: bytes) -> None:
        site = self.customs.site
        async with storage.snapshot(site.database) as session:
            act = await customs.get(session, act_id)
        if act is None:
            return
        try:
            after = await self.customs.drive(act, Audit.of_service(site.signer.issuer))
        except errors.Error as refusal:
            _log.warning("act %s stays %s: %s", act_id.hex(), act.state.name, refusal.reason)
            await self._postpone(act_id)
        except Exception:
            # A defect in one act must neither end the process nor keep the other acts waiting.
            _log.exception("act %s stays %s", act_id.hex(), act.state.name)
            await self._postpone(act_id)
        else:
            _log.info("act %s went on from %s to %s", act_id.hex(), act.state.name, after.state.name)

    async def _postpone(self, act_id: bytes) -> None:
        async with self.customs.site.database.connection() as connection:
            await customs.postpone(connection, act_id)
