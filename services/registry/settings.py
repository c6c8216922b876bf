"""Settings of the registry, on top of what every service needs."""

from __future__ import annotations

from monazite_provenance.names import log_urn

from services.chassis import settings


class RegistrySettings(settings.Settings):
    """Everything the registry is told from outside. `peers.quota` names whose log it follows; without it none is
    followed.
    """

    quota_log: str = log_urn("quota")
