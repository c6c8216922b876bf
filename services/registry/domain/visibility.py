"""Who may see a lot: the object's half of access, on loaded data. Who may not is told that there is none."""

from __future__ import annotations

from enum import Enum

from monazite_provenance.contents import CustodyState
from monazite_provenance.names import parse_spiffe

from services.chassis.identity import CallerKind, Principal
from services.registry.domain import refusals

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
            return is_leaving(receiver, state, licensing=licensing)
        case CallerKind.WITNESS:
            return False


def is_leaving(receiver: str | None, state: CustodyState, *, licensing: str) -> bool:
    """Whether a lot is on its way out of the country or has left: these are customs' business, whosever they are."""
    return receiver == licensing or state is CustodyState.ABROAD


class Extent(Enum):
    """How far back a bundle goes: to the last cuts, or to where the material began."""

    FROM_CUTS = 1
    FULL = 2


def extent_for(principal: Principal, asked: Extent | None) -> Extent:
    """How far back the caller sees a lot that it may see; `asked` of None means as far as it may.

    A cut spares a holder from showing everybody's business to every buyer, so that what is behind it is for those alone
    who judge: officers, and licensing. Raises ACCESS_DENIED for one that asks for more.
    """
    sees_all = principal.kind is CallerKind.OFFICER or principal.is_service(LICENSING)
    if asked is Extent.FULL and not sees_all:
        raise refusals.behind_a_cut()
    return asked or (Extent.FULL if sees_all else Extent.FROM_CUTS)


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
        case CallerKind.CUSTOMS | CallerKind.WITNESS:
            return False


def may_see_enterprise(principal: Principal, enterprise_id: str) -> bool:
    """Itself, officers, licensing and quota."""
    match principal.kind:
        case CallerKind.ENTERPRISE:
            return principal.id == enterprise_id
        case CallerKind.CUSTOMS | CallerKind.WITNESS:
            return False
        case CallerKind.OFFICER | CallerKind.SERVICE:
            return True
