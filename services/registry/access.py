"""Who may call what, as data. The other half of access, whose lot or right it is, stands in the domain
(`visibility`).
"""

from __future__ import annotations

from services.chassis.access import AccessTable, Caller
from services.chassis.identity import OfficerRole
from services.chassis.log import servicer as transparency

_ENTERPRISE = Caller.enterprise()
_OFFICER = Caller.officer()
_INSPECTOR = Caller.officer(OfficerRole.INSPECTOR)
_REGISTRAR = Caller.officer(OfficerRole.REGISTRAR)
_AUDITOR = Caller.officer(OfficerRole.AUDITOR)
_CUSTOMS = Caller.customs()
_QUOTA = Caller.service("quota")
_LICENSING = Caller.service("export_license")
_READERS = frozenset({_ENTERPRISE, _OFFICER, _CUSTOMS, _LICENSING})
_PACKAGE = "/monazite.registry.v1"

TABLE: AccessTable = {
    f"{_PACKAGE}.LotService/IssueLotIds": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/RegisterLot": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/SplitLot": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/MergeLots": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/TransformLots": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/OfferLots": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/CancelOffer": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/AcceptLots": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/PrepareStatement": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/SubmitStatement": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.LotService/GetLot": _READERS,
    f"{_PACKAGE}.LotService/ListLots": _READERS,
    f"{_PACKAGE}.LotService/GetBundle": _READERS,
    f"{_PACKAGE}.LotService/GetStatus": _READERS,
    f"{_PACKAGE}.LotService/PlaceHold": frozenset({_INSPECTOR}),
    f"{_PACKAGE}.LotService/ReleaseHold": frozenset({_INSPECTOR}),
    f"{_PACKAGE}.LotService/AttestLot": frozenset({_INSPECTOR}),
    # The registry's own word for a whole history: its own officer's, and not the holder's, who would choose what his
    # buyers do not see.
    f"{_PACKAGE}.LotService/CutLot": frozenset({_REGISTRAR}),
    f"{_PACKAGE}.RightService/GetRight": frozenset({_ENTERPRISE, _OFFICER, _QUOTA}),
    f"{_PACKAGE}.RightService/CloseRight": frozenset({_QUOTA}),
    f"{_PACKAGE}.ExportService/LockExport": frozenset({_LICENSING}),
    f"{_PACKAGE}.ExportService/CompleteExport": frozenset({_LICENSING}),
    f"{_PACKAGE}.ExportService/VoidExport": frozenset({_LICENSING}),
    f"{_PACKAGE}.EnterpriseService/RegisterEnterprise": frozenset({_REGISTRAR}),
    f"{_PACKAGE}.EnterpriseService/GetEnterprise": frozenset({_ENTERPRISE, _OFFICER, _QUOTA, _LICENSING}),
    f"{_PACKAGE}.EnterpriseService/CertifyKey": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.EnterpriseService/RetireKey": frozenset({_ENTERPRISE, _REGISTRAR}),
    # Entries disclose what everybody holds.
    **transparency.access(entries=frozenset({_QUOTA, _AUDITOR, _REGISTRAR})),
}
