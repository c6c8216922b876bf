"""From a command to the contents of its statement: what comes out of the lots that go in.

What a step may do is not judged here but by the library's rule book, for these drafts as for what enterprises sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monazite_provenance import uncertainty
from monazite_provenance.conservation import apportion, combine
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    CancelDetails,
    CustodyState,
    Details,
    Draw,
    ExportLimit,
    LotContent,
    MergeDetails,
    OfferDetails,
    RegisterDetails,
    SplitDetails,
    TransformDetails,
)
from monazite_provenance.elements import FACTOR_TABLE
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint
from monazite_provenance.steps import accepted_outputs, attested, transit

from services.registry.domain.commands import (
    AcceptLots,
    CancelOffer,
    DrawAsked,
    MergeLots,
    NewLot,
    OfferLots,
    RegisterLot,
    SplitLot,
    StepCommand,
    TransformLots,
)
from services.registry.domain.exports import ExportedLot, accept_lines


@dataclass(frozen=True, slots=True)
class DraftedStep:
    """A custody step by its contents, whoever drafted it. `spends` ascend, `inputs` are their lots."""

    kind: EventKind
    spends: tuple[Outpoint, ...]
    inputs: tuple[LotContent, ...]
    outputs: tuple[LotContent, ...]
    details: Details
    refs: tuple[bytes, ...] = ()


def draft(  # noqa: PLR0911 - one return for each kind of command
    command: StepCommand, lots: Mapping[Outpoint, LotContent], *, holder: str, home_log: str
) -> DraftedStep:
    """Draft a step of `holder` (URI) over `lots`, which hold every head that the command spends."""
    match command:
        case RegisterLot():
            return _register(command, holder, home_log)
        case SplitLot():
            return _split(command, lots)
        case MergeLots():
            return _merge(command, lots)
        case TransformLots():
            return _transform(command, lots, holder, home_log)
        case OfferLots():
            return _offer(command, lots)
        case CancelOffer():
            spends = tuple(sorted(command.spends))
            inputs = tuple(lots[spend] for spend in spends)
            return DraftedStep(EventKind.CANCEL, spends, inputs, tuple(map(transit, inputs)), CancelDetails())
        case AcceptLots():
            return _accept(command, lots)


def draft_export(exported: tuple[ExportedLot, ...], intent_id: bytes) -> DraftedStep:
    """The acceptance that takes lots out of the country as far as the intent says, and returns the rest."""
    lines = accept_lines(exported, "NOT_EXPORTED")
    outputs = tuple(
        output for each, line in zip(exported, lines, strict=True) for output in accepted_outputs(each.lot, line)
    )
    return DraftedStep(
        EventKind.ACCEPT,
        tuple(each.outpoint for each in exported),
        tuple(each.lot for each in exported),
        outputs,
        AcceptDetails(lines),
        (intent_id,),
    )


def _draws(asked: tuple[DrawAsked, ...]) -> tuple[Draw, ...]:
    """Draws in order of their rights; several on one right are one."""
    sums: dict[bytes, int] = {}
    for draw in asked:
        sums[draw.right_id] = sums.get(draw.right_id, 0) + draw.reo_mg
    return tuple(Draw(right_id, sums[right_id]) for right_id in sorted(sums))


def _measured(new: NewLot, holder: str, home_log: str) -> LotContent:
    return LotContent(
        lot_id=new.lot_id,
        holder=holder,
        site=new.site,
        form=new.form,
        gross_g=new.gross_g,
        net_g=new.net_g,
        moisture_g=new.moisture_g,
        rows=uncertainty.assessed(new.rows, new.sources),
        sources=new.sources,
        custody_model=new.custody_model,
        custody_state=CustodyState.HELD,
        factor_table=FACTOR_TABLE,
        home_log=home_log,
    )


def _rests_on(draws: tuple[Draw, ...], outputs: tuple[LotContent, ...]) -> tuple[bytes, ...]:
    """What a step that measures refers to: the rights that it draws on, the attestations that its masses name."""
    return (*(draw.right_id for draw in draws), *sorted(attested(outputs)))


def _register(command: RegisterLot, holder: str, home_log: str) -> DraftedStep:
    draws = _draws(command.draws)
    outputs = tuple(_measured(new, holder, home_log) for new in command.lots)
    return DraftedStep(
        EventKind.REGISTER,
        (),
        (),
        outputs,
        RegisterDetails(command.origin, draws),
        _rests_on(draws, outputs),
    )


def _split(command: SplitLot, lots: Mapping[Outpoint, LotContent]) -> DraftedStep:
    whole = lots[command.spend]
    portions = apportion(whole, [gross_g for _, gross_g in command.parts])
    outputs = tuple(
        portion.fill(whole._replace(lot_id=lot_id))
        for (lot_id, _), portion in zip(command.parts, portions, strict=True)
    )
    return DraftedStep(EventKind.SPLIT, (command.spend,), (whole,), outputs, SplitDetails())


def _merge(command: MergeLots, lots: Mapping[Outpoint, LotContent]) -> DraftedStep:
    spends = tuple(sorted(command.spends))
    inputs = tuple(lots[spend] for spend in spends)
    portion, sources = combine(inputs)
    whole = inputs[0]._replace(
        lot_id=command.lot_id, site=command.site, custody_model=command.custody_model, sources=sources
    )
    return DraftedStep(EventKind.MERGE, spends, inputs, (portion.fill(whole),), MergeDetails())


def _transform(command: TransformLots, lots: Mapping[Outpoint, LotContent], holder: str, home_log: str) -> DraftedStep:
    spends = tuple(sorted(command.spends))
    draws = _draws(command.draws)
    losses = tuple(sorted(command.losses, key=lambda loss: loss.element))
    outputs = tuple(_measured(new, holder, home_log) for new in command.outputs)
    return DraftedStep(
        EventKind.TRANSFORM,
        spends,
        tuple(lots[spend] for spend in spends),
        outputs,
        TransformDetails(command.process, losses, draws, command.reason_code),
        _rests_on(draws, outputs),
    )


def _offer(command: OfferLots, lots: Mapping[Outpoint, LotContent]) -> DraftedStep:
    consignments = sorted(command.consignments, key=lambda consignment: consignment.spend)
    inputs = tuple(lots[consignment.spend] for consignment in consignments)
    outputs = tuple(
        lot._replace(
            custody_state=CustodyState.IN_TRANSIT,
            receiver=command.receiver,
            remainder_lot_id=consignment.remainder_lot_id,
            export=None
            if command.licence_id is None
            else ExportLimit(command.licence_id, consignment.max_gross_g or lot.gross_g),
        )
        for consignment, lot in zip(consignments, inputs, strict=True)
    )
    spends = tuple(consignment.spend for consignment in consignments)
    return DraftedStep(EventKind.OFFER, spends, inputs, outputs, OfferDetails(command.transport_document))


def _accept(command: AcceptLots, lots: Mapping[Outpoint, LotContent]) -> DraftedStep:
    receipts = sorted(command.receipts, key=lambda receipt: receipt.spend)
    inputs = tuple(lots[receipt.spend] for receipt in receipts)
    lines = tuple(
        AcceptLine(receipt.accepted_g, receipt.returned_g, receipt.shortage_g, receipt.reason_code)
        for receipt in receipts
    )
    outputs = tuple(
        output
        for lot, line in zip(inputs, lines, strict=True)
        if lot.custody_state is CustodyState.IN_TRANSIT
        for output in accepted_outputs(lot, line, command.site or None)
    )
    spends = tuple(receipt.spend for receipt in receipts)
    return DraftedStep(EventKind.ACCEPT, spends, inputs, outputs, AcceptDetails(lines))
