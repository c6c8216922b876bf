"""Which kind of caller may call which method. May it touch this object: `domain.ownership`."""

from __future__ import annotations

from typing import Final

from services.chassis.access import AccessTable, Caller
from services.chassis.identity import OfficerRole
from services.chassis.log import servicer as transparency

_QUOTA_OFFICERS: Final = frozenset({Caller.officer(OfficerRole.QUOTA)})
_ENTERPRISES: Final = frozenset({Caller.enterprise()})
# Whoever has to do with balances: the enterprise its own, officers of every role any.
_READERS: Final = frozenset({Caller.enterprise(), Caller.officer()})

TABLE: Final[AccessTable] = {
    "/monazite.quota.v1.AllocationService/EnterIndicator": _QUOTA_OFFICERS,
    # Since 2025 the national figures are not published.
    "/monazite.quota.v1.AllocationService/ListIndicators": frozenset({Caller.officer()}),
    "/monazite.quota.v1.AllocationService/Allocate": _QUOTA_OFFICERS,
    "/monazite.quota.v1.AllocationService/BreakDown": _ENTERPRISES,
    "/monazite.quota.v1.AllocationService/ReduceAllocation": _QUOTA_OFFICERS,
    "/monazite.quota.v1.AllocationService/ListAllocations": _READERS,
    "/monazite.quota.v1.LedgerService/GetBalance": _READERS,
    "/monazite.quota.v1.LedgerService/ListBalances": _READERS,
    "/monazite.quota.v1.LedgerService/ListPostings": _READERS,
    "/monazite.quota.v1.RightService/Reserve": _ENTERPRISES,
    "/monazite.quota.v1.RightService/ReleaseRight": _ENTERPRISES,
    "/monazite.quota.v1.RightService/RevokeRight": _QUOTA_OFFICERS,
    "/monazite.quota.v1.RightService/GetRight": _READERS,
    "/monazite.quota.v1.RightService/ListRights": _READERS,
    **transparency.access(entries=frozenset({Caller.service("registry"), Caller.officer()})),
}
