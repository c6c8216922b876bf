"""Settings of quota, beyond what every service has."""

from __future__ import annotations

from pydantic import Field, field_validator

from services.chassis.settings import Settings


class QuotaSettings(Settings):
    """Numbers that the law leaves to notices stand here and not in code."""

    # The registry whose log is followed, and at which our rights are good.
    registry_log: str = "urn:monazite:log:registry:0"
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
