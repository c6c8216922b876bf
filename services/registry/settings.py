"""Settings of the registry, on top of what every service needs."""

from __future__ import annotations

from typing import Final

from monazite_provenance.bundle import PAGE_STATEMENTS_MAX, PAGES_MAX
from monazite_provenance.errors import BadField
from monazite_provenance.item import ITEM_BYTES_MAX
from monazite_provenance.names import log_urn, parse_log
from monazite_provenance.statuses import LIFETIME_S_MAX
from pydantic import Field, field_validator

from services.chassis import settings
from services.chassis.settings import Section
from services.registry.messages.fields import DRAWS_MAX

# The largest legal request is a statement with every right that it may carry, each at the library's bound of an item:
# 3.5 MiB. RegisterLot carries as many rights, and beside them no more than one statement holds. The rest is room for
# field numbers, and for being told what is wrong with a request that is a little over.
REQUEST_BYTES_MAX: Final = (1 + DRAWS_MAX) * ITEM_BYTES_MAX + 512 * 1024


class Cuts(Section):
    """How many bundles are verified at once before a cut is signed: each holds its bundle and a core."""

    concurrent_max: int = Field(default=1, ge=1)
    # Others that may wait for their turn, each until its caller's deadline; beyond them OVERLOADED at once.
    queued_max: int = Field(default=16, ge=0)


class Bundles(Section):
    """How bundles are cut into pages: while one leaves, a page is in memory, and the ids of all statements. And how
    many of those with more than a page are gathered at once: each holds a connection and most of a core, for some four
    seconds where it has 100 000 statements.
    """

    # In one page; no verifier takes more.
    page_statements_max: int = Field(default=PAGE_STATEMENTS_MAX, ge=1, le=PAGE_STATEMENTS_MAX)
    # Of one bundle: beyond them, and beyond as many statements as they hold, it is refused.
    pages_max: int = Field(default=10, ge=1, le=PAGES_MAX)
    concurrent_max: int = Field(default=1, ge=1)
    # Others that may wait for their turn, each until its caller's deadline; beyond them OVERLOADED at once.
    queued_max: int = Field(default=16, ge=0)


class RegistrySettings(settings.Settings):
    """Everything the registry is told from outside. `peers.quota` and `peers.export_license` name whose logs it
    follows; without them none is.
    """

    quota_log: str = log_urn("quota")
    export_license_log: str = log_urn("export_license")
    request_bytes_max: int = Field(default=REQUEST_BYTES_MAX, ge=1024)
    cuts: Cuts = Cuts()
    bundles: Bundles = Bundles()
    # How long a signed status says that it is good for: whoever gets a bundle must have verified it by then.
    status_lifetime_s: int = Field(default=24 * 3600, ge=60, le=LIFETIME_S_MAX)

    @field_validator("log_name")
    @classmethod
    def _is_a_home(cls, name: str) -> str:
        """Every lot names this log as its home, and every verifier refutes a home of another name."""
        try:
            service, _shard = parse_log(name)
        except BadField:
            service = ""
        if service != "registry":
            raise ValueError(f"must be the name of a registry's log, e.g. {log_urn('registry')}")
        return name
