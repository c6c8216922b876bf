"""The same step once more, on other heads: what an enterprise asked for or signed before somebody else was faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from monazite_provenance.contents import (
    AcceptDetails,
    CancelDetails,
    Details,
    LotContent,
    MergeDetails,
    OfferDetails,
    SplitDetails,
    TransformDetails,
)
from monazite_provenance.statement import Outpoint

from services.registry.domain.commands import (
    AcceptLots,
    CancelOffer,
    Consignment,
    DrawAsked,
    MergeLots,
    NewLot,
    OfferLots,
    Receipt,
    RegisterLot,
    SplitLot,
    StepCommand,
    TransformLots,
)


def respend(command: StepCommand, present: Mapping[Outpoint, Outpoint]) -> StepCommand:
    """`command` with each head that it spends put in the place of the one it named; `present` has them all."""
    match command:
        case RegisterLot():
            return command
        case SplitLot():
            return replace(command, spend=present[command.spend])
        case OfferLots():
            moved = tuple(replace(each, spend=present[each.spend]) for each in command.consignments)
            return replace(command, consignments=moved)
        case AcceptLots():
            found = tuple(replace(each, spend=present[each.spend]) for each in command.receipts)
            return replace(command, receipts=found)
        case MergeLots() | TransformLots() | CancelOffer():
            return replace(command, spends=tuple(present[spend] for spend in command.spends))


def command_of(  # noqa: PLR0911 - one return for each kind of step
    spends: Sequence[Outpoint], outputs: Sequence[LotContent], details: Details, rights: Mapping[bytes, bytes]
) -> StepCommand | None:
    """The command that a signed step would have been; None where no one command is like it.

    Nothing has judged the step yet. `rights`: the encoded items that came with it, by right id.
    """
    match details:
        case SplitDetails() if len(spends) == 1:
            return SplitLot(spends[0], tuple((lot.lot_id, lot.gross_g) for lot in outputs))
        case MergeDetails() if len(outputs) == 1:
            whole = outputs[0]
            return MergeLots(tuple(spends), whole.lot_id, whole.site, whole.custody_model)
        case TransformDetails():
            return _transform(spends, outputs, details, rights)
        case OfferDetails():
            return _offer(spends, outputs, details)
        case CancelDetails():
            return CancelOffer(tuple(spends))
        case AcceptDetails() if len(details.lines) == len(spends):
            return _accept(spends, outputs, details)
        case _:
            return None


def _transform(
    spends: Sequence[Outpoint], outputs: Sequence[LotContent], details: TransformDetails, rights: Mapping[bytes, bytes]
) -> TransformLots:
    return TransformLots(
        spends=tuple(spends),
        outputs=tuple(
            NewLot(
                lot.lot_id,
                lot.site,
                lot.form,
                lot.gross_g,
                lot.net_g,
                lot.moisture_g,
                tuple(lot.rows),
                lot.sources,
                lot.custody_model,
            )
            for lot in outputs
        ),
        losses=details.losses,
        reason_code=details.reason_code,
        process=details.process,
        draws=tuple(DrawAsked(draw.right_id, draw.reo_mg, rights.get(draw.right_id)) for draw in details.draws),
    )


def _offer(spends: Sequence[Outpoint], outputs: Sequence[LotContent], details: OfferDetails) -> OfferLots | None:
    terms = {(lot.receiver, None if lot.export is None else lot.export.licence_id) for lot in outputs}
    if len(terms) != 1 or len(outputs) != len(spends):
        # A command has one receiver and one licence; a statement need not.
        return None
    ((receiver, licence_id),) = terms
    consignments = tuple(
        Consignment(spend, lot.remainder_lot_id, 0 if lot.export is None else lot.export.max_gross_g)
        for spend, lot in zip(spends, outputs, strict=True)
        if lot.remainder_lot_id is not None
    )
    if receiver is None or len(consignments) != len(spends):
        return None
    return OfferLots(consignments, receiver, details.transport_document, licence_id)


def _accept(spends: Sequence[Outpoint], outputs: Sequence[LotContent], details: AcceptDetails) -> AcceptLots | None:
    receipts = tuple(
        Receipt(spend, line.accepted_g, line.returned_g, line.shortage_g, line.reason_code)
        for spend, line in zip(spends, details.lines, strict=True)
    )
    # Of each line the accepted part comes first, then what is returned.
    accepted = [
        taken for line in details.lines for taken, mass in ((True, line.accepted_g), (False, line.returned_g)) if mass
    ]
    if len(accepted) != len(outputs):
        return None
    sites = {lot.site for lot, taken in zip(outputs, accepted, strict=True) if taken}
    return AcceptLots(receipts, sites.pop() if sites else "") if len(sites) <= 1 else None
