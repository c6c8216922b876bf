"""Settings of export licensing, on top of what every service needs."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.chassis import settings
from services.chassis.settings import Section


class Rules(Section):
    """Where the control lists come from and how long a licence may last."""

    # Replace the tables of the package; what a suspension is followed by is published, not programmed.
    control_items: Path | None = None
    classification: Path | None = None
    # A single licence lasts up to a year (Decree 792 art. 15).
    licence_days_max: int = Field(default=365, ge=1, le=3 * 366)
    # The day a rule applies to is the day in this zone.
    time_zone: str = "Asia/Shanghai"


class Customs(Section):
    """How the hand-over with the registry is driven."""

    registry_timeout_ms: int = Field(default=10_000, ge=100)
    # So long a worker leaves an act to the call that moved it.
    grace_ms: int = Field(default=5_000, ge=0)
    poll_ms: int = Field(default=1_000, ge=10)
    acts_per_poll_max: int = Field(default=64, ge=1)
    # Of one bundle, verified in memory.
    bundle_bytes_max: int = Field(default=64 * 1024 * 1024, ge=1024)


class Settings(settings.Settings):
    """Everything the service is told from outside."""

    rules: Rules = Rules()
    customs: Customs = Customs()
