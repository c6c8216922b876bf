"""Lots as evidence: what our own verification and the registry's word say, and whether that is enough.

Offline verification cannot show that a lot was registered or that nothing spent it since; those two gaps are filled by
asking the registry. Any other gap, and above all a right that was never settled, closes the gate (Decree 785 art. 14).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monazite_provenance.contents import CustodyState, LotContent
from monazite_provenance.elements import symbol
from monazite_provenance.names import same_owner
from monazite_provenance.statement import Outpoint

from services.chassis.errors import not_found
from services.export_license import refusals
from services.export_license.domain.control_items import LotFacts

GAPS_ACCEPTED = frozenset({"REGISTRATION", "ABSENCE"})
VERDICTS_ACCEPTED = frozenset({"VERIFIED", "VERIFIED_WITH_GAPS"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something verification wants explained: a stable code, its text, and the numbers."""

    code: str
    message: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What verifying one bundle said. `content` is None when nothing could be read."""

    outpoint: Outpoint
    verdict: str
    # What was not checked.
    gaps: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    statements: int
    content: LotContent | None


@dataclass(frozen=True, slots=True)
class Status:
    """The registry's word on a lot: its head, whether that is unspent, what holds it, which act locked it."""

    lot_id: str
    head: Outpoint
    unspent: bool
    holds: tuple[str, ...]
    export_act_id: bytes


def facts(content: LotContent) -> LotFacts:
    """What the control lists look at."""
    elements = {symbol(number): reo_mg for number, reo_mg in content.element_masses().items()}
    return LotFacts(content.form.name, content.net_g, elements)


def verified(evidence: Evidence) -> LotContent:
    """The content of a lot whose provenance stands.

    Raises:
        Error: PROVENANCE_REFUSED with the codes of findings and gaps, and their numbers.
    """
    unaccepted = [gap for gap in evidence.gaps if gap.code not in GAPS_ACCEPTED]
    if evidence.verdict not in VERDICTS_ACCEPTED or unaccepted or evidence.content is None:
        raise refusals.provenance(
            evidence.outpoint,
            verdict=evidence.verdict,
            gaps=[gap.code for gap in unaccepted],
            findings=[finding.code for finding in evidence.findings],
            numbers=_numbers((*unaccepted, *evidence.findings)),
        )
    return evidence.content


def _numbers(found: Sequence[Finding]) -> dict[str, str]:
    """The numbers of what was found, the first of a name winning."""
    numbers: dict[str, str] = {}
    for finding in reversed(found):
        numbers.update(finding.details)
    return numbers


def check_alive(evidence: Evidence, status: Status, *, act_id: bytes = b"") -> None:
    """The lot is where the registry says its unspent head is, nobody holds it, and no other act has locked it.

    Raises:
        Error: PROVENANCE_REFUSED naming SPENT, HELD or EXPORT_LOCKED.
    """
    problems: list[str] = []
    if not status.unspent or status.head != evidence.outpoint:
        problems.append("SPENT")
    if status.holds:
        problems.append("HELD")
    if status.export_act_id and status.export_act_id != act_id:
        problems.append("EXPORT_LOCKED")
    if problems:
        numbers = {"lot_id": status.lot_id, "holds": ",".join(status.holds)}
        raise refusals.provenance(
            evidence.outpoint, verdict=evidence.verdict, gaps=[], findings=problems, numbers=numbers
        )


def check_applicant(evidence: Evidence, content: LotContent, applicant: str) -> None:
    """The applicant holds the lot, and holds it in hand: neither in transit nor abroad.

    Raises:
        Error: APPLICANT_NOT_HOLDER for a lot that is only offered to the applicant, NOT_FOUND, as for one that does not
            exist, for any other of somebody else, or PROVENANCE_REFUSED naming the custody state.
    """
    if not same_owner(content.holder, applicant):
        if content.receiver is not None and same_owner(content.receiver, applicant):
            raise refusals.not_holder(evidence.outpoint)
        raise not_found("lot", refusals.outpoint_text(evidence.outpoint))
    if content.custody_state is not CustodyState.HELD:
        raise refusals.provenance(
            evidence.outpoint,
            verdict=evidence.verdict,
            gaps=[],
            findings=[content.custody_state.name],
            numbers={"lot_id": content.lot_id},
        )
