"""Transfers: a lot is offered, taken back, accepted whole or in part, sent on; what was exported comes back."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Final

from monazite_provenance._step_checks import Step, StepVerdict, check_held, check_transit, expect
from monazite_provenance.conservation import Finding, apportion
from monazite_provenance.contents import (
    AcceptDetails,
    AcceptLine,
    CustodyState,
    Details,
    DivertDetails,
    LotContent,
    ReturnDetails,
)
from monazite_provenance.errors import MassNotConserved, NotHolder, StepNotAllowed
from monazite_provenance.names import is_enterprise, owner_uri, parse_spiffe, same_owner

EXPORT_RECEIVER: Final = ("service", "export_license")
"""Path of the receiver that stands for customs: an offer to it is an offer to export."""


def is_export(lot: LotContent) -> bool:
    """Whether a lot in transit is on its way to customs."""
    return lot.receiver is not None and parse_spiffe(lot.receiver).segments == EXPORT_RECEIVER


def transit(lot: LotContent) -> LotContent:
    """A lot taken out of transit: held by its shipper as before the offer."""
    return lot._replace(custody_state=CustodyState.HELD, receiver=None, remainder_lot_id=None, export=None)


def accepted_outputs(lot: LotContent, line: AcceptLine, site: str | None = None) -> tuple[LotContent, ...]:
    """What an acceptance makes of one lot in transit: the accepted part, then the returned part, each if over 0 g.

    The accepted part keeps the lot id and goes to the receiver at `site` (of an export: abroad, still the exporter's);
    the returned part takes the reserved id and goes back to the shipper. Raises MassNotConserved when the masses do not
    add up.
    """
    if line.accepted_g == lot.gross_g and not line.returned_g and not line.shortage_g:
        # As most do: what arrives whole is what was sent.
        return (_arrived(lot, site or lot.site),)
    accepted, returned, _ = apportion(lot, (line.accepted_g, line.returned_g, line.shortage_g))
    outputs: list[LotContent] = []
    if line.accepted_g:
        outputs.append(accepted.fill(_arrived(lot, site or lot.site)))
    if line.returned_g:
        outputs.append(returned.fill(transit(lot)._replace(lot_id=lot.remainder_lot_id or lot.lot_id)))
    return tuple(outputs)


def _arrived(lot: LotContent, site: str) -> LotContent:
    if is_export(lot):
        holder, state = lot.holder, CustodyState.ABROAD
    else:
        holder, state = owner_uri(lot.receiver or ""), CustodyState.HELD
    return lot._replace(
        holder=holder, site=site, custody_state=state, receiver=None, remainder_lot_id=None, export=None
    )


def returned_outputs(lot: LotContent, returned_g: int, *, site: str, lot_id: str) -> tuple[LotContent, ...]:
    """What a return makes of a lot abroad: what came back, held at `site`, then what is still abroad, if over 0 g.

    What is still abroad keeps the lot id, by which it is known there, and what came back takes `lot_id`; a lot that
    comes back whole keeps its own. Raises MassNotConserved when more comes back than is abroad.
    """
    back, left = apportion(lot, (returned_g, lot.gross_g - returned_g))
    returned = back.fill(lot._replace(custody_state=CustodyState.HELD, site=site))
    if returned_g == lot.gross_g:
        return (returned,)
    return returned._replace(lot_id=lot_id), left.fill(lot)


def give_back(step: Step, details: Details) -> StepVerdict:
    """The exporter brings home what is abroad, or a part of it."""
    assert isinstance(details, ReturnDetails)  # noqa: S101 - check_step compared the kinds
    (lot,) = step.inputs
    if lot.custody_state is not CustodyState.ABROAD:
        raise StepNotAllowed("a return of a lot that is not abroad", custody_state=int(lot.custody_state))
    if not same_owner(lot.holder, step.actor):
        raise NotHolder("only the exporter brings a lot back")
    home = step.outputs[0]
    wanted = returned_outputs(lot, details.returned_g, site=home.site, lot_id=home.lot_id)
    for actual, expected in zip_longest(step.outputs, wanted):
        expect(actual, expected)
    return StepVerdict()


def offer(step: Step, _details: Details) -> StepVerdict:
    check_held(step.inputs, step.actor)
    taken = {lot.lot_id for lot in step.inputs}
    for held, offered in zip(step.inputs, step.outputs, strict=True):
        _check_receiver(held, offered)
        if is_export(offered) is (offered.export is None):
            raise StepNotAllowed("an export limit stands in an offer to customs, and only there")
        if offered.remainder_lot_id in taken:
            raise StepNotAllowed("the remainder's id is taken")
        expected = held._replace(
            custody_state=CustodyState.IN_TRANSIT,
            receiver=offered.receiver,
            remainder_lot_id=offered.remainder_lot_id,
            export=offered.export,
        )
        expect(offered, expected)
    return StepVerdict()


def _check_receiver(held: LotContent, offered: LotContent) -> None:
    """Who a lot is sent to: customs or an enterprise as such, and not who sends it."""
    if offered.receiver is None or offered.remainder_lot_id is None:
        raise StepNotAllowed("an offer without receiver or without an id for the remainder")
    if not is_export(offered) and not is_enterprise(offered.receiver):
        raise StepNotAllowed("the receiver is not an enterprise")
    if same_owner(offered.receiver, held.holder):
        # Whoever is both sides of a transfer could write any mass off as a shortage that nobody else saw.
        raise StepNotAllowed("the receiver is the holder")


def cancel(step: Step, _details: Details) -> StepVerdict:
    check_transit(step.inputs)
    for offered, back in zip(step.inputs, step.outputs, strict=True):
        if not same_owner(offered.holder, step.actor):
            raise NotHolder("only the shipper takes an offer back")
        expect(back, transit(offered))
    return StepVerdict()


def divert(step: Step, details: Details) -> StepVerdict:
    """The receiver sends goods on before it has accepted them: another enterprise is their receiver from now on."""
    assert isinstance(details, DivertDetails)  # noqa: S101 - check_step compared the kinds
    check_transit(step.inputs)
    found: list[Finding] = []
    for offered, sent_on in zip(step.inputs, step.outputs, strict=True):
        if not same_owner(offered.receiver or "", step.actor):
            raise NotHolder("only the receiver sends goods on")
        _check_receiver(offered, sent_on)
        if is_export(offered) or is_export(sent_on):
            raise StepNotAllowed("customs neither sends on nor is sent on to")
        if same_owner(sent_on.receiver or "", step.actor):
            raise StepNotAllowed("goods sent on to who has them")
        expect(sent_on, offered._replace(receiver=sent_on.receiver))
        parties = {"shipper": offered.holder, "from": offered.receiver or "", "to": sent_on.receiver or ""}
        metadata = {"lot_id": offered.lot_id, **parties, "reason_code": details.reason_code}
        found.append(Finding("DIVERTED", "sent on to another than the shipper named", metadata))
    return StepVerdict(tuple(found))


def accept(step: Step, details: Details) -> StepVerdict:
    assert isinstance(details, AcceptDetails)  # noqa: S101 - check_step compared the kinds
    check_transit(step.inputs)
    check_lines(details, step.inputs, len(step.outputs), step.actor)
    left = list(step.outputs)
    for offered, line in zip(step.inputs, details.lines, strict=True):
        site = left[0].site if left and line.accepted_g else None
        expected = accepted_outputs(offered, line, site)
        for actual, wanted in zip_longest(left[: len(expected)], expected):
            expect(actual, wanted)
        del left[: len(expected)]
    return StepVerdict(_shortage_findings(details))


def check_lines(details: AcceptDetails, inputs: Iterable[LotContent | None], made: int, actor: str) -> None:
    """One line for each input (None: not shown), which adds up; and as many outputs as the lines make.

    Raises StepNotAllowed, NotHolder, MassNotConserved.
    """
    offered = tuple(inputs)
    if len(details.lines) != len(offered):
        raise StepNotAllowed("not one line for each lot in transit")
    for lot, line in zip(offered, details.lines, strict=True):
        if lot is not None:
            check_line(lot, line, actor)
    if made != sum((line.accepted_g > 0) + (line.returned_g > 0) for line in details.lines):
        raise StepNotAllowed("an output that no line of the acceptance makes")


def check_line(offered: LotContent, line: AcceptLine, actor: str) -> None:
    """What an acceptance says of one lot in transit adds up, and its receiver says it.

    Raises NotHolder, MassNotConserved, StepNotAllowed.
    """
    if not same_owner(offered.receiver or "", actor):
        raise NotHolder("only the receiver accepts")
    if line.accepted_g + line.returned_g + line.shortage_g != offered.gross_g:
        raise MassNotConserved(
            "accepted, returned and shortage are not what was offered",
            offered_g=offered.gross_g,
            accepted_g=line.accepted_g,
            returned_g=line.returned_g,
            shortage_g=line.shortage_g,
        )
    if (line.returned_g or line.shortage_g) and not line.reason_code:
        raise StepNotAllowed("returned or short without a reason")
    if offered.export is not None and line.accepted_g > offered.export.max_gross_g:
        raise MassNotConserved(
            "more leaves than was offered for export", accepted_g=line.accepted_g, limit_g=offered.export.max_gross_g
        )


def _shortage_findings(details: AcceptDetails) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            "SHORTAGE",
            "less arrived than was sent",
            {"shortage_g": str(line.shortage_g), "reason_code": line.reason_code},
        )
        for line in details.lines
        if line.shortage_g
    )
