"""Licences: requests and replies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.type.v1 import statement_pb2
from monazite_provenance.contents import LicenceAction

from services.chassis.fields import timestamp
from services.chassis.pagination import PageRequest
from services.chassis.store import SignedStatement
from services.export_license.domain.cases import Party
from services.export_license.domain.licences import Line
from services.export_license.messages.fields import Fields, asked
from services.export_license.operations import Asked
from services.export_license.operations.commands import ChangeLicence, LicenceView


def get(request: pb.GetLicenceRequest) -> bytes | str:
    """The id, or the number. Raises INVALID_FIELDS, also for both."""
    fields = Fields()
    name: bytes | str
    if request.licence_number:
        name = fields.text("licence_number", request.licence_number)
        if request.licence_id:
            fields.wrong("licence_id", "is not given together with the number")
    else:
        name = fields.identifier("licence_id", request.licence_id)
    fields.done()
    return name


def page(request: pb.ListLicencesRequest) -> PageRequest:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    asked_page = fields.page(request, query=("ListLicences",), key_types=(str,))
    fields.done()
    return asked_page


def change(
    request: pb.SuspendLicenceRequest | pb.ReinstateLicenceRequest, action: LicenceAction
) -> tuple[ChangeLicence, Asked]:
    """Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = ChangeLicence(
        fields.identifier("licence_id", request.licence_id), action, fields.text("reason", request.reason)
    )
    fields.done()
    return command, asked(request_id, command.licence_id, int(action), command.reason)


def render(view: LicenceView) -> pb.Licence:
    """A licence for a reply, with its balances at an instant."""
    licence = view.licence
    return pb.Licence(
        licence_id=licence.licence_id,
        case_id=licence.case_id,
        licensee=licence.licensee,
        state=pb.Licence.State.Value(f"STATE_{licence.state(view.as_of).name}"),
        lines=[_balance(one) for one in licence.lines],
        end_user=party(licence.end_user),
        destination=licence.destination,
        expire_time=timestamp(licence.expires_at),
        statement=statement_pb2.StatementItem(item=view.item),
        licence_number=licence.number,
        as_of=timestamp(view.as_of),
    )


def reply(view: LicenceView, change: SignedStatement) -> bytes:
    """A licence and what changed it as the stored reply of a request."""
    changed = pb.ChangeLicenceResponse(
        licence=render(view),
        change=statement_pb2.StatementItem(item=change.item),
        admission=statement_pb2.Admission(statement_id=change.statement_id),
    )
    return changed.SerializeToString(deterministic=True)


def render_page(views: Iterable[LicenceView], request: PageRequest, as_of: datetime) -> pb.ListLicencesResponse:
    """A page of licences."""
    found = [render(view) for view in views]
    last = (found[-1].case_id,) if found else None
    token = request.token(found, last)
    return pb.ListLicencesResponse(licences=found, next_page_token=token, as_of=timestamp(as_of))


def party(value: Party) -> pb.Party:
    """A party for a reply."""
    return pb.Party(name=value.name, country=value.country, address=value.address)


def line(control_code: str, hs_code: str, gross_g: int) -> pb.LicenceLine:
    """A line for a reply, grams gross."""
    return pb.LicenceLine(control_code=control_code, hs_code=hs_code, gross_g=gross_g)


def _balance(one: Line) -> pb.LicenceLineBalance:
    return pb.LicenceLineBalance(
        line=line(one.control_code, one.hs_code, one.granted_g),
        reserved_g=one.reserved_g,
        used_g=one.used_g,
        available_g=one.available_g,
    )
