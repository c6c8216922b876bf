"""Where the suite is and whose certificates there are. `__main__` fills it in from a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clients.connection import Identity

SERVICES = ("registry", "quota", "export_license")
YEAR_DEFAULT = 2024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Addresses by service, certificates by the path of the actor's SPIFFE id, the trust file, the quota year."""

    domain: str
    addresses: Mapping[str, str]
    identities: Mapping[str, Identity]
    trust: Path
    year: int = YEAR_DEFAULT

    def uri(self, path: str) -> str:
        """SPIFFE id of a path in this domain."""
        return f"spiffe://{self.domain}/{path}"
