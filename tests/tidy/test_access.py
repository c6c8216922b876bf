"""Every method of every service has one line in its access table, and every line has a method."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor
from monazite.export_license.v1 import export_license_pb2
from monazite.quota.v1 import quota_pb2
from monazite.registry.v1 import registry_pb2

from services.chassis.access import AccessTable, IncompleteAccess, check_complete
from services.chassis.identity import CallerKind, OfficerRole
from services.chassis.log.servicer import SERVICE
from services.export_license import access as export_license_access
from services.quota import access as quota_access
from services.registry import access as registry_access

TABLES = [
    (registry_pb2.DESCRIPTOR, registry_access.TABLE),
    (quota_pb2.DESCRIPTOR, quota_access.TABLE),
    (export_license_pb2.DESCRIPTOR, export_license_access.TABLE),
]
IDS = ["registry", "quota", "export_license"]
OFFICERS_MANUAL = Path(__file__).parents[2] / "clients" / "admin" / "README.md"


@pytest.mark.parametrize(("file", "table"), TABLES, ids=IDS)
def test_the_table_fits_the_protos(file: FileDescriptor, table: AccessTable) -> None:
    check_complete(table, [*file.services_by_name.values(), SERVICE])


@pytest.mark.parametrize(("file", "table"), TABLES, ids=IDS)
def test_a_forgotten_method_would_be_noticed(file: FileDescriptor, table: AccessTable) -> None:
    for method in table:
        with pytest.raises(IncompleteAccess):
            check_complete(
                {name: callers for name, callers in table.items() if name != method},
                [*file.services_by_name.values(), SERVICE],
            )


@pytest.mark.parametrize(("service", "table"), [(name, table) for name, (_, table) in zip(IDS, TABLES, strict=True)])
def test_the_officers_manual_says_which_office_reads_which_log(service: str, table: AccessTable) -> None:
    callers = table[f"/{SERVICE.full_name}/StreamEntries"]
    assert not {each for each in callers if each.kind in {CallerKind.CUSTOMS, CallerKind.ENTERPRISE}}
    named = {each.name for each in callers if each.kind is CallerKind.OFFICER}
    text = OFFICERS_MANUAL.read_text().partition("### Which log an office reads")[2]
    row = re.search(rf"^\| `{service}` \| (.*) \|$", text, re.MULTILINE)
    assert row is not None
    said = set(re.findall(r"`(\w+)`", row[1])) or ({""} if "every office" in row[1] else set[str]())
    assert said == named
    assert said <= {"", *OfficerRole}
