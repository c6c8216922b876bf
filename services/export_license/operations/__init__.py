"""Use cases. Peers are read first, then our heads; the domain decides; we sign; then one transaction begins and ends.

Nothing waits inside a transaction: no peer, no signature. A write that lost against another starts again from a read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from services.chassis.clock import Clock
from services.chassis.database import Database
from services.chassis.identity import Principal
from services.chassis.log.composition import LogParts
from services.chassis.store import Audit, RequestKey
from services.export_license.domain.control_items import RuleSet
from services.export_license.registry_client import RegistryClient
from services.export_license.settings import Settings
from services.export_license.signing import Signer

ATTEMPTS_MAX: Final = 3


@dataclass(frozen=True, slots=True)
class Site:
    """What every use case works with."""

    database: Database
    registry: RegistryClient
    signer: Signer
    rules: RuleSet
    log: LogParts
    clock: Clock
    settings: Settings

    def today(self) -> date:
        """The day that rules apply to, in the zone of the law."""
        return self.clock.now().astimezone(ZoneInfo(self.settings.rules.time_zone)).date()


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and by which request."""

    principal: Principal
    request: RequestKey
    audit: Audit
