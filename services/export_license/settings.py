"""Settings of export licensing, on top of what every service needs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from monazite_provenance.bundle import PAGE_BYTES_MAX, PAGES_MAX
from monazite_provenance.names import log_urn
from pydantic import Field

from services.chassis import settings
from services.chassis.settings import Section

# The largest legal request is a case: 31 lots, 64 lines and texts of 512 bytes, below 16 KiB. Bundles do not come in
# here: they are fetched (`bundles`).
REQUEST_BYTES_MAX: Final = 64 * 1024


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


class Bundles(Section):
    """What may be fetched from the registry and verified at once: of each of `concurrent_max` bundles a page in memory,
    with what is read out of all of them (some 2 KB a statement), what is over a page in a temporary file; and as many
    cores."""

    # Of one bundle, all its pages.
    bytes_max: int = Field(default=10 * PAGE_BYTES_MAX, ge=1024, le=PAGES_MAX * PAGE_BYTES_MAX)
    # Of fetching one, where its caller has as long.
    timeout_ms: int = Field(default=60_000, ge=100)
    concurrent_max: int = Field(default=2, ge=1)
    # Lots that may wait for their turn, each until its caller's deadline; beyond them OVERLOADED at once.
    queued_max: int = Field(default=64, ge=0)


class Settings(settings.Settings):
    """Everything the service is told from outside."""

    request_bytes_max: int = Field(default=REQUEST_BYTES_MAX, ge=1024)
    # Whose heads are taken in, at `peers.registry`.
    registry_log: str = log_urn("registry")
    # The same at `peers.quota`; without the peer none are.
    quota_log: str = log_urn("quota")
    bundles: Bundles = Bundles()
    rules: Rules = Rules()
    customs: Customs = Customs()
