"""Lots as they are read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from monazite.registry.v1 import registry_pb2
from monazite.type.v1 import material_pb2
from monazite.type.v1.statement_pb2 import StatementItem
from monazite_provenance.bundle import Cosigned

from services.chassis.fields import outpoint_message, timestamp
from services.registry.messages.material import render_material
from services.registry.operations.reading import LotsPage, LotView


def render_lot(view: LotView, as_of: datetime) -> registry_pb2.Lot:
    """One lot."""
    head, content = view.head, view.content
    return registry_pb2.Lot(
        lot_id=head.lot_id,
        head=outpoint_message(head.outpoint),
        holder=head.holder,
        receiver=head.receiver or "",
        site=content.site,
        custody_state=material_pb2.CustodyState.ValueType(head.state),
        material=render_material(content),
        unspent=head.spent_by is None,
        holds=head.holds,
        export_act_id=head.act_id or b"",
        as_of=timestamp(as_of),
    )


def render_lots(page: LotsPage) -> registry_pb2.ListLotsResponse:
    """A page of lots."""
    return registry_pb2.ListLotsResponse(
        lots=[render_lot(view, page.as_of) for view in page.views],
        next_page_token=page.next_page_token,
        as_of=timestamp(page.as_of),
    )


def render_status(item: bytes, cosigned: Iterable[Cosigned]) -> registry_pb2.GetStatusResponse:
    """A status, and what witnesses said of its head."""
    heads = [
        registry_pb2.CosignedHead(
            checkpoint=each.checkpoint,
            paths=[registry_pb2.ConsistencyPath(old_size=joint.size, path=joint.path) for joint in each.joints],
        )
        for each in cosigned
    ]
    return registry_pb2.GetStatusResponse(status=StatementItem(item=item), cosigned=heads)
