"""Rights: requests and views."""

from __future__ import annotations

from monazite.registry.v1 import registry_pb2

from services.chassis.fields import timestamp
from services.registry.domain.commands import EndRight
from services.registry.domain.records import RightState
from services.registry.messages.fields import Fields
from services.registry.messages.replies import item_message
from services.registry.operations.rights import RightView


def parse_close(request: registry_pb2.CloseRightRequest) -> tuple[bytes, EndRight]:
    """Request id and a right to end."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    end = EndRight(fields.identifier("right_id", request.right_id), fields.reason("reason_code", request.reason_code))
    fields.done()
    return request_id, end


def parse_right_id(request: registry_pb2.GetRightRequest) -> bytes:
    """The right's id."""
    fields = Fields()
    right_id = fields.identifier("right_id", request.right_id)
    fields.done()
    return right_id


def render_right(view: RightView) -> registry_pb2.Right:
    """A right as it stands here; one that is being closed is still open to a reader."""
    states, row = registry_pb2.Right, view.row
    state = states.STATE_UNSEEN
    if row is not None:
        state = states.STATE_CLOSED if row.state is RightState.CLOSED else states.STATE_OPEN
    return registry_pb2.Right(
        right_id=view.right_id,
        state=state,
        drawn_mg=0 if row is None else row.drawn_mg,
        mass_mg=0 if row is None or row.terms is None else row.terms.mass_mg,
        closed=None if view.closed is None else item_message(view.closed),
        as_of=timestamp(view.as_of),
    )
