"""Finding a licence by what is printed on it, or by its id."""

from __future__ import annotations

from monazite.export_license.v1.export_license_pb2 import GetLicenceRequest, Licence
from monazite.export_license.v1.export_license_pb2_grpc import LicenceServiceStub

from clients.admin.arguments import ID_BYTES
from clients.admin.session import Session


async def find(session: Session, name: str) -> Licence:
    """The licence of this number, or of this id in hex."""
    stub = LicenceServiceStub(session.channel("export_license"))
    return await session.ask(stub.GetLicence, _request(name))


def _request(name: str) -> GetLicenceRequest:
    try:
        licence_id = bytes.fromhex(name)
    except ValueError:
        licence_id = b""
    if len(licence_id) == ID_BYTES:
        return GetLicenceRequest(licence_id=licence_id)
    return GetLicenceRequest(licence_number=name)
