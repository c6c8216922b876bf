"""Every method of every service has one line in its access table, and every line has a method."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import FileDescriptor
from monazite.export_license.v1 import export_license_pb2
from monazite.quota.v1 import quota_pb2
from monazite.registry.v1 import registry_pb2

from services.chassis.access import AccessTable, IncompleteAccess, check_complete
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
