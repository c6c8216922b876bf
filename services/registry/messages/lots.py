"""Requests about lots: parsed to commands, with their request ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monazite.registry.v1 import registry_pb2
from monazite_provenance.contents import DepositType, Imported, Loss, Mined, OpeningInventory, Origin, Recycled
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.errors import BadField
from monazite_provenance.names import parse_spiffe
from monazite_provenance.statement import OUTPUTS_MAX, SPENDS_MAX, Outpoint

from services.registry.domain.commands import (
    AcceptLots,
    CancelOffer,
    Consignment,
    DrawAsked,
    HoldLot,
    MergeLots,
    OfferLots,
    Receipt,
    RegisterLot,
    SplitLot,
    SubmitStatement,
    TransformLots,
)
from services.registry.messages.fields import DRAWS_MAX, Fields
from services.registry.messages.material import parse_model, parse_new_lots
from services.registry.operations.reading import LotsQuery

IDS_MAX: Final = 1000
_DEPOSITS: Final = frozenset(map(int, DepositType))
_NO_ORIGIN: Final = OpeningInventory("")


def parse_issue(request: registry_pb2.IssueLotIdsRequest) -> tuple[bytes, int]:
    """Request id and count."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    fields.between("count", request.count, 1, IDS_MAX)
    fields.done()
    return request_id, request.count


def parse_register(request: registry_pb2.RegisterLotRequest) -> tuple[bytes, RegisterLot]:
    """Request id and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = RegisterLot(
        origin=_origin(fields, request.origin),
        lots=parse_new_lots(fields, "lots", request.lots),
        draws=_draws(fields, request.draws),
    )
    fields.done()
    return request_id, command


def _origin(fields: Fields, message: registry_pb2.Origin) -> Origin:
    match message.WhichOneof("kind"):
        case "mined":
            mined = message.mined
            if mined.deposit_type not in _DEPOSITS:
                fields.wrong("origin.mined.deposit_type", "must be a deposit type")
                return _NO_ORIGIN
            return Mined(
                fields.text("origin.mined.mine", mined.mine),
                fields.text("origin.mined.mining_licence", mined.mining_licence),
                DepositType(mined.deposit_type),
            )
        case "imported":
            country = fields.country("origin.imported.country", message.imported.country)
            declaration = fields.text("origin.imported.customs_declaration", message.imported.customs_declaration)
            return Imported(country, declaration)
        case "recycled":
            return Recycled(fields.text("origin.recycled.source", message.recycled.source))
        case "opening_inventory":
            return OpeningInventory(
                fields.text("origin.opening_inventory.inventory", message.opening_inventory.inventory)
            )
        case None:
            fields.wrong("origin", "must be said")
            return _NO_ORIGIN


def _draws(fields: Fields, messages: Sequence[registry_pb2.Draw]) -> tuple[DrawAsked, ...]:
    fields.count("draws", messages, 0, DRAWS_MAX)
    draws: list[DrawAsked] = []
    for number, message in enumerate(messages):
        name = f"draws[{number}]"
        item = message.right.item or None
        if item is not None:
            fields.item(f"{name}.right", item)
        if message.right_id or item is None:
            fields.identifier(f"{name}.right_id", message.right_id)
        reo_mg = fields.reo_mg(f"{name}.reo_mg", message.reo_mg, least=1)
        draws.append(DrawAsked(message.right_id, reo_mg, item))
    return tuple(draws)


def parse_split(request: registry_pb2.SplitLotRequest) -> tuple[bytes, SplitLot]:
    """Request id and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    spend = fields.outpoint("spend", request.spend)
    fields.count("parts", request.parts, 2, OUTPUTS_MAX)
    parts = tuple(
        (
            fields.lot_id(f"parts[{number}].lot_id", part.lot_id),
            fields.grams(f"parts[{number}].gross_g", part.gross_g, least=1),
        )
        for number, part in enumerate(request.parts)
    )
    fields.distinct("parts[].lot_id", [lot_id for lot_id, _ in parts])
    fields.done()
    return request_id, SplitLot(spend, parts)


def parse_merge(request: registry_pb2.MergeLotsRequest) -> tuple[bytes, MergeLots]:
    """Request id and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = MergeLots(
        spends=fields.outpoints("spends", request.spends),
        lot_id=fields.lot_id("lot_id", request.lot_id),
        site=fields.text("site", request.site),
        custody_model=parse_model(fields, "custody_model", request.custody_model),
    )
    fields.done()
    return request_id, command


def parse_transform(request: registry_pb2.TransformLotsRequest) -> tuple[bytes, TransformLots]:
    """Request id and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = TransformLots(
        spends=fields.outpoints("spends", request.spends),
        outputs=parse_new_lots(fields, "outputs", request.outputs),
        losses=_losses(fields, request.losses),
        reason_code=fields.reason("reason_code", request.reason_code, optional=True) or None,
        process=fields.text("process", request.process),
        draws=_draws(fields, request.draws),
    )
    fields.done()
    return request_id, command


def _losses(fields: Fields, messages: Sequence[registry_pb2.DeclaredLoss]) -> tuple[Loss, ...]:
    losses: list[Loss] = []
    for number, message in enumerate(messages):
        if message.element not in ATOMIC_NUMBERS:
            fields.wrong(f"losses[{number}].element", "must be one of the 17 rare earths")
        reo_mg = fields.reo_mg(f"losses[{number}].reo_mg", message.reo_mg, least=1)
        losses.append(Loss(message.element, reo_mg))
    fields.distinct("losses[].element", [loss.element for loss in losses])
    return tuple(losses)


def parse_offer(request: registry_pb2.OfferLotsRequest) -> tuple[bytes, OfferLots]:
    """Request id and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    fields.count("consignments", request.consignments, 1, SPENDS_MAX)
    consignments = tuple(
        Consignment(
            spend=fields.outpoint(f"consignments[{number}].spend", message.spend),
            remainder_lot_id=fields.lot_id(f"consignments[{number}].remainder_lot_id", message.remainder_lot_id),
            max_gross_g=fields.grams(f"consignments[{number}].max_gross_g", message.max_gross_g),
        )
        for number, message in enumerate(request.consignments)
    )
    fields.distinct("consignments[].spend", [each.spend for each in consignments])
    fields.distinct("consignments[].remainder_lot_id", [each.remainder_lot_id for each in consignments])
    try:
        parse_spiffe(request.receiver)
    except BadField as error:
        fields.wrong("receiver", error.message)
    licence_id = request.licence_id or None
    if licence_id is not None:
        fields.identifier("licence_id", licence_id)
    document = fields.text("transport_document", request.transport_document, optional=True)
    fields.done()
    return request_id, OfferLots(consignments, request.receiver, document, licence_id)


def parse_cancel(request: registry_pb2.CancelOfferRequest) -> tuple[bytes, CancelOffer]:
    """Request id and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    spends = fields.outpoints("spends", request.spends)
    fields.done()
    return request_id, CancelOffer(spends)


def parse_accept(request: registry_pb2.AcceptLotsRequest) -> tuple[bytes, AcceptLots]:
    """Request id and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    fields.count("receipts", request.receipts, 1, SPENDS_MAX)
    receipts = tuple(
        Receipt(
            spend=fields.outpoint(f"receipts[{number}].spend", message.spend),
            accepted_g=fields.grams(f"receipts[{number}].accepted_gross_g", message.accepted_gross_g),
            returned_g=fields.grams(f"receipts[{number}].returned_gross_g", message.returned_gross_g),
            shortage_g=fields.grams(f"receipts[{number}].shortage_gross_g", message.shortage_gross_g),
            reason_code=fields.reason(f"receipts[{number}].reason_code", message.reason_code, optional=True),
        )
        for number, message in enumerate(request.receipts)
    )
    fields.distinct("receipts[].spend", [each.spend for each in receipts])
    site = fields.text("site", request.site, optional=not any(each.accepted_g for each in receipts))
    fields.done()
    return request_id, AcceptLots(receipts, site)


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


def parse_lot_id(request: registry_pb2.GetLotRequest) -> str:
    """The lot id."""
    fields = Fields()
    lot_id = fields.lot_id("lot_id", request.lot_id)
    fields.done()
    return lot_id


def parse_bundle(request: registry_pb2.GetBundleRequest) -> tuple[Outpoint, str]:
    """The head whose bundle is wanted, and the enterprise to which it must be visible; empty for none."""
    fields = Fields()
    head = fields.outpoint("head", request.head)
    visible_to = fields.enterprise("visible_to", request.visible_to, optional=True)
    fields.done()
    return head, visible_to


def parse_list(request: registry_pb2.ListLotsRequest) -> LotsQuery:
    """The query."""
    fields = Fields()
    enterprise_id = fields.enterprise("enterprise_id", request.enterprise_id, optional=True)
    query = ("ListLots", enterprise_id, request.unspent_only)
    page = fields.page(request, query=query, key_types=(str,))
    fields.done()
    return LotsQuery(enterprise_id, request.unspent_only, page)
