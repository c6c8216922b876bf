"""Settings of quota, beyond what every service has."""

from __future__ import annotations

from typing import Final

from monazite_provenance.names import log_urn
from pydantic import Field, field_validator

from services.chassis.settings import Settings

# The largest legal request names an allocation: some texts of 256 bytes and a few numbers, below 4 KiB. The rest is
# room for being told what is wrong with a request that is far over.
REQUEST_BYTES_MAX: Final = 32 * 1024


class QuotaSettings(Settings):
    """Numbers that the law leaves to notices stand here and not in code."""

    request_bytes_max: int = Field(default=REQUEST_BYTES_MAX, ge=1024)
    # The registry whose log is followed, and at which our rights are good.
    registry_log: str = log_urn("registry")
    # Whose heads are taken in, at `peers.export_license`; without the peer none are.
    export_license_log: str = log_urn("export_license")
    # Latest expiry of a right, days from its reservation.
    right_days_max: int = Field(default=400, ge=1, le=3660)
    # How often the background worker looks for expired rights and for rights still to be closed.
    close_poll_ms: int = Field(default=1000, ge=10)

    @field_validator("peers")
    @classmethod
    def _names_the_registry(cls, value: dict[str, str]) -> dict[str, str]:
        if "registry" not in value:
            raise ValueError("must name the registry's address")
        return value
