"""Who may call what, as data. The other half of access, whose case or licence it is, stands in the domain."""

from __future__ import annotations

from services.chassis.access import AccessTable, Caller
from services.chassis.identity import OfficerRole
from services.chassis.log import servicer as transparency

_ENTERPRISE = Caller.enterprise()
_LICENSING = Caller.officer(OfficerRole.LICENSING)
_CUSTOMS = Caller.customs()
_PACKAGE = "/monazite.export_license.v1"

TABLE: AccessTable = {
    f"{_PACKAGE}.CaseService/SubmitCase": frozenset({_ENTERPRISE}),
    f"{_PACKAGE}.CaseService/GetCase": frozenset({_ENTERPRISE, _LICENSING}),
    f"{_PACKAGE}.CaseService/ListCases": frozenset({_ENTERPRISE, _LICENSING}),
    f"{_PACKAGE}.CaseService/ProposeDecision": frozenset({_LICENSING}),
    f"{_PACKAGE}.CaseService/CountersignDecision": frozenset({_LICENSING}),
    f"{_PACKAGE}.CaseService/RejectProposal": frozenset({_LICENSING}),
    f"{_PACKAGE}.LicenceService/GetLicence": frozenset({_ENTERPRISE, _LICENSING, _CUSTOMS}),
    f"{_PACKAGE}.LicenceService/ListLicences": frozenset({_ENTERPRISE, _LICENSING}),
    f"{_PACKAGE}.LicenceService/SuspendLicence": frozenset({_LICENSING}),
    f"{_PACKAGE}.LicenceService/ReinstateLicence": frozenset({_LICENSING}),
    f"{_PACKAGE}.CustomsService/DeclareExport": frozenset({_CUSTOMS}),
    f"{_PACKAGE}.CustomsService/WriteOffExport": frozenset({_CUSTOMS}),
    f"{_PACKAGE}.CustomsService/CancelExport": frozenset({_CUSTOMS}),
    f"{_PACKAGE}.CustomsService/GetExport": frozenset({_CUSTOMS, _LICENSING, _ENTERPRISE}),
    f"{_PACKAGE}.CustomsService/ListExports": frozenset({_CUSTOMS, _LICENSING, _ENTERPRISE}),
    # The registry follows it: bundles say what became of the licences that they carry.
    **transparency.access(
        entries=frozenset({_LICENSING, Caller.officer(OfficerRole.AUDITOR), Caller.service("registry")})
    ),
}
