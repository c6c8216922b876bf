"""Requests for custody steps: the same whether the registry is to sign them or only to prepare them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from monazite.registry.v1 import registry_pb2
from monazite_provenance.contents import DepositType, Imported, Loss, Mined, OpeningInventory, Origin, Recycled
from monazite_provenance.elements import ATOMIC_NUMBERS
from monazite_provenance.errors import BadField
from monazite_provenance.names import parse_spiffe
from monazite_provenance.statement import OUTPUTS_MAX, SPENDS_MAX

from services.registry.domain.commands import (
    AcceptLots,
    CancelOffer,
    Consignment,
    DrawAsked,
    MergeLots,
    OfferLots,
    Receipt,
    RegisterLot,
    SplitLot,
    StepCommand,
    TransformLots,
)
from services.registry.messages.fields import DRAWS_MAX, Fields
from services.registry.messages.material import parse_model, parse_new_lots

StepRequest: TypeAlias = (
    registry_pb2.RegisterLotRequest
    | registry_pb2.SplitLotRequest
    | registry_pb2.MergeLotsRequest
    | registry_pb2.TransformLotsRequest
    | registry_pb2.OfferLotsRequest
    | registry_pb2.CancelOfferRequest
    | registry_pb2.AcceptLotsRequest
)
_DEPOSITS: Final = frozenset(map(int, DepositType))
_NO_ORIGIN: Final = OpeningInventory("")


def parse_step(request: StepRequest) -> tuple[bytes, StepCommand]:
    """Request id and command."""
    fields = Fields()
    request_id = fields.request_id(request.request_id)
    command = read_step(fields, request)
    fields.done()
    return request_id, command


def read_step(fields: Fields, request: StepRequest) -> StepCommand:  # noqa: PLR0911 - one return for each kind of step
    """The command alone; what is wrong with it is noted in `fields`."""
    match request:
        case registry_pb2.RegisterLotRequest():
            return _register(fields, request)
        case registry_pb2.SplitLotRequest():
            return _split(fields, request)
        case registry_pb2.MergeLotsRequest():
            return _merge(fields, request)
        case registry_pb2.TransformLotsRequest():
            return _transform(fields, request)
        case registry_pb2.OfferLotsRequest():
            return _offer(fields, request)
        case registry_pb2.CancelOfferRequest():
            return CancelOffer(fields.outpoints("spends", request.spends))
        case registry_pb2.AcceptLotsRequest():
            return _accept(fields, request)


def _register(fields: Fields, request: registry_pb2.RegisterLotRequest) -> RegisterLot:
    return RegisterLot(
        origin=_origin(fields, request.origin),
        lots=parse_new_lots(fields, "lots", request.lots),
        draws=_draws(fields, request.draws),
    )


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


def _split(fields: Fields, request: registry_pb2.SplitLotRequest) -> SplitLot:
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
    return SplitLot(spend, parts)


def _merge(fields: Fields, request: registry_pb2.MergeLotsRequest) -> MergeLots:
    return MergeLots(
        spends=fields.outpoints("spends", request.spends),
        lot_id=fields.lot_id("lot_id", request.lot_id),
        site=fields.text("site", request.site),
        custody_model=parse_model(fields, "custody_model", request.custody_model),
    )


def _transform(fields: Fields, request: registry_pb2.TransformLotsRequest) -> TransformLots:
    return TransformLots(
        spends=fields.outpoints("spends", request.spends),
        outputs=parse_new_lots(fields, "outputs", request.outputs),
        losses=_losses(fields, request.losses),
        reason_code=fields.reason("reason_code", request.reason_code, optional=True) or None,
        process=fields.text("process", request.process),
        draws=_draws(fields, request.draws),
    )


def _losses(fields: Fields, messages: Sequence[registry_pb2.DeclaredLoss]) -> tuple[Loss, ...]:
    losses: list[Loss] = []
    for number, message in enumerate(messages):
        if message.element not in ATOMIC_NUMBERS:
            fields.wrong(f"losses[{number}].element", "must be one of the 17 rare earths")
        reo_mg = fields.reo_mg(f"losses[{number}].reo_mg", message.reo_mg, least=1)
        losses.append(Loss(message.element, reo_mg))
    fields.distinct("losses[].element", [loss.element for loss in losses])
    return tuple(losses)


def _offer(fields: Fields, request: registry_pb2.OfferLotsRequest) -> OfferLots:
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
    return OfferLots(consignments, request.receiver, document, licence_id)


def _accept(fields: Fields, request: registry_pb2.AcceptLotsRequest) -> AcceptLots:
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
    return AcceptLots(receipts, site)
