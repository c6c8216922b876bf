"""Rights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monazite.quota.v1 import quota_pb2
from monazite.type.v1 import statement_pb2

from services.chassis.fields import timestamp
from services.chassis.log.receipts import Registered, carrying
from services.chassis.log.servicer import admit
from services.quota.domain.right import Reserve, Right, State
from services.quota.messages.fields import Fields, Query, parse_query, quota_kind


def parse_reserve(request: quota_pb2.ReserveRequest) -> tuple[bytes, Reserve]:
    """Request id and command. Raises INVALID_FIELDS."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = Reserve(
        year=fields.year(request.year),
        kind=fields.kind("kind", request.kind),
        reo_mg=fields.mass("reo_mg", request.reo_mg),
        site=fields.text("site", request.site),
        # What a right states is in whole seconds.
        expires_at=fields.instant("expire_time", request.expire_time, present=request.HasField("expire_time")).replace(
            microsecond=0
        ),
    )
    fields.done()
    return request_id, command


def parse_release(request: quota_pb2.ReleaseRightRequest) -> tuple[bytes, bytes]:
    """Request id and right id. Raises INVALID_FIELDS."""
    fields = Fields()
    parsed = fields.request_id(request.request_id), fields.identifier("right_id", request.right_id)
    fields.done()
    return parsed


def parse_revoke(request: quota_pb2.RevokeRightRequest) -> tuple[bytes, bytes, str]:
    """Request id, right id and the officer's reason. Raises INVALID_FIELDS."""
    fields = Fields()
    parsed = (
        fields.request_id(request.request_id),
        fields.identifier("right_id", request.right_id),
        fields.text("reason", request.reason),
    )
    fields.done()
    return parsed


def parse_get_right(request: quota_pb2.GetRightRequest) -> bytes:
    """Right id. Raises INVALID_FIELDS."""
    fields = Fields()
    right_id = fields.identifier("right_id", request.right_id)
    fields.done()
    return right_id


def parse_list_rights(request: quota_pb2.ListRightsRequest) -> Query:
    """The query. Raises INVALID_FIELDS."""
    return parse_query(request, "ListRights", str, int, bytes)


def render_right(right: Right, item: bytes, as_of: datetime) -> quota_pb2.Right:
    """A right with its signed statement."""
    return quota_pb2.Right(
        right_id=right.right_id,
        holder=right.holder,
        year=right.key.year,
        kind=quota_kind(right.key.kind),
        mass_mg=right.mass_mg,
        settled_mg=right.settled_mg,
        freed_mg=right.freed_mg if right.state is State.CLOSED else 0,
        state=quota_pb2.Right.State.ValueType(right.state.value),
        site=right.site,
        expire_time=timestamp(right.expires_at),
        statement=statement_pb2.StatementItem(item=item),
        as_of=timestamp(as_of),
    )


def render_rights(
    rows: Sequence[tuple[Right, bytes]], next_page_token: str, as_of: datetime
) -> quota_pb2.ListRightsResponse:
    """A page, by holder and then oldest first."""
    return quota_pb2.ListRightsResponse(
        rights=[render_right(right, item, as_of) for right, item in rows],
        next_page_token=next_page_token,
        as_of=timestamp(as_of),
    )


def registered(response: quota_pb2.ReserveResponse, found: Registered | None) -> quota_pb2.ReserveResponse:
    """The reply with the receipt of the right, where there is one by now: the right carries it, too."""
    admit(response.admission, found)
    response.right.statement.item = carrying(response.right.statement.item, found)
    return response


def render_reserved(right: Right, item: bytes, log: str, committed_at: datetime) -> quota_pb2.ReserveResponse:
    """A fresh right and its admission, whose index the sequencer gives later."""
    return quota_pb2.ReserveResponse(
        right=render_right(right, item, committed_at),
        admission=statement_pb2.Admission(
            statement_id=right.right_id, log=log, receipt_pending=True, committed_at=timestamp(committed_at)
        ),
    )
