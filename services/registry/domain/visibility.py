"""Who may see a lot: the object's half of access, on loaded data. Who may not is told that there is none."""

from __future__ import annotations

from monazite_provenance.contents import CustodyState
from monazite_provenance.names import parse_spiffe

from services.chassis.identity import CallerKind, Principal

LICENSING = "export_license"


def may_see_lot(
    principal: Principal, *, holder: str, receiver: str | None, state: CustodyState, licensing: str
) -> bool:
    """Holder and named receiver; every officer; licensing; customs what is on its way out or abroad.

    `licensing`: URI of `/service/export_license`, the receiver that stands for customs.
    """
    match principal.kind:
        case CallerKind.ENTERPRISE:
            return principal.scope in {holder, receiver}
        case CallerKind.OFFICER:
            return True
        case CallerKind.SERVICE:
            return principal.is_service(LICENSING)
        case CallerKind.CUSTOMS:
            return receiver == licensing or state is CustodyState.ABROAD


def is_party(enterprise_id: str, holder: str, receiver: str | None) -> bool:
    """Whether this enterprise holds the lot or is its named receiver."""
    parties = (parse_spiffe(party) for party in (holder, receiver) if party is not None)
    return any(party.segments[:2] == ("enterprise", enterprise_id) for party in parties)


def may_see_right(principal: Principal, holder: str | None) -> bool:
    """Its holder, quota, every officer."""
    match principal.kind:
        case CallerKind.ENTERPRISE:
            return principal.scope == holder
        case CallerKind.OFFICER:
            return True
        case CallerKind.SERVICE:
            return principal.is_service("quota")
        case CallerKind.CUSTOMS:
            return False


def may_see_enterprise(principal: Principal, enterprise_id: str) -> bool:
    """Itself, officers, licensing and quota."""
    match principal.kind:
        case CallerKind.ENTERPRISE:
            return principal.id == enterprise_id
        case CallerKind.CUSTOMS:
            return False
        case CallerKind.OFFICER | CallerKind.SERVICE:
            return True
