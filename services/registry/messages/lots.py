"""Requests about lots that are no steps: parsed to commands, with their request ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from monazite.registry.v1 import registry_pb2
from monazite_provenance.statement import Outpoint

from services.registry.domain.commands import CutLot, HoldLot, SubmitStatement
from services.registry.domain.visibility import Extent
from services.registry.messages.fields import DRAWS_MAX, Fields
from services.registry.operations.reading import LotsQuery
from services.registry.storage.lots import Which

IDS_MAX: Final = 1000
_EXTENTS: Final[Mapping[int, Extent | None]] = {
    registry_pb2.BUNDLE_EXTENT_UNSPECIFIED: None,
    registry_pb2.BUNDLE_EXTENT_FROM_CUTS: Extent.FROM_CUTS,
    registry_pb2.BUNDLE_EXTENT_FULL: Extent.FULL,
}


def parse_issue(request: registry_pb2.IssueLotIdsRequest) -> tuple[bytes, int]:
    """Request id and count."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    fields.between("count", request.count, 1, IDS_MAX)
    fields.done()
    return request_id, request.count


def parse_submit(request: registry_pb2.SubmitStatementRequest) -> tuple[bytes | None, SubmitStatement]:
    """Request id, which may be left out (the statement's id serves), and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id) if request.request_id else None
    item = fields.item("statement", request.statement.item)
    fields.count("rights", request.rights, 0, DRAWS_MAX)
    rights = tuple(fields.item(f"rights[{number}]", right.item) for number, right in enumerate(request.rights))
    fields.done()
    return request_id, SubmitStatement(item, rights)


def parse_hold(request: registry_pb2.PlaceHoldRequest | registry_pb2.ReleaseHoldRequest) -> tuple[bytes, HoldLot]:
    """Request id and a hold to place or to release."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    hold = HoldLot(fields.lot_id("lot_id", request.lot_id), fields.reason("reason_code", request.reason_code))
    fields.done()
    return request_id, hold


def parse_cut(request: registry_pb2.CutLotRequest) -> tuple[bytes, CutLot]:
    """Request id and what to cut."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    head = fields.outpoint("head", request.head) if request.HasField("head") else None
    lot_id = fields.lot_id("lot_id", request.lot_id) if request.lot_id else ""
    if (head is None) == (not lot_id):
        fields.wrong("head", "give either this or lot_id")
    command = CutLot(head, lot_id)
    fields.done()
    return request_id, command


def parse_lot_id(request: registry_pb2.GetLotRequest) -> str:
    """The lot id."""
    fields = Fields()
    lot_id = fields.lot_id("lot_id", request.lot_id)
    fields.done()
    return lot_id


def parse_head(
    request: registry_pb2.GetBundleRequest | registry_pb2.GetStatusRequest,
) -> tuple[Outpoint, str, Extent | None]:
    """The head that is asked about, the enterprise to which it must be visible (empty for none), and how far back."""
    fields = Fields()
    head = fields.outpoint("head", request.head)
    visible_to = fields.enterprise("visible_to", request.visible_to, optional=True)
    if request.extent not in _EXTENTS:
        fields.wrong("extent", "must be one that the API names")
    fields.done()
    return head, visible_to, _EXTENTS[request.extent]


def parse_list(request: registry_pb2.ListLotsRequest) -> LotsQuery:
    """The query."""
    fields = Fields()
    enterprise_id = fields.enterprise("enterprise_id", request.enterprise_id, optional=True)
    which = Which.ON_HOLD if request.held_only else Which.UNSPENT if request.unspent_only else Which.ALL
    query = ("ListLots", enterprise_id, which.value)
    page = fields.page(request, query=query, key_types=(str,))
    fields.done()
    return LotsQuery(enterprise_id, which, page)
