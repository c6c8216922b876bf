"""Lots as evidence: what our own verification says of a bundle, and whether that is enough.

Only VERIFIED is: every statement registered, every right settled (Decree 785 art. 14), and the registry's signed
status, not expired, that the head is unspent, not on hold, and that nothing was left out. Any gap closes the gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monazite_provenance.contents import CustodyState, LotContent
from monazite_provenance.elements import symbol
from monazite_provenance.names import same_owner
from monazite_provenance.report import Verdict
from monazite_provenance.statement import Outpoint

from services.chassis.errors import not_found
from services.export_license import refusals
from services.export_license.domain.control_items import LotFacts


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


def facts(content: LotContent) -> LotFacts:
    """What the control lists look at."""
    elements = {symbol(number): reo_mg for number, reo_mg in content.element_masses().items()}
    return LotFacts(content.form.name, content.net_g, elements)


def verified(evidence: Evidence) -> LotContent:
    """The content of a lot whose provenance stands.

    Raises:
        Error: PROVENANCE_REFUSED with the codes of findings and gaps, and their numbers.
    """
    if evidence.verdict != Verdict.VERIFIED.name or evidence.gaps or evidence.content is None:
        raise refusals.provenance(
            evidence.outpoint,
            verdict=evidence.verdict,
            gaps=[gap.code for gap in evidence.gaps],
            findings=[finding.code for finding in evidence.findings],
            numbers=_numbers((*evidence.gaps, *evidence.findings)),
        )
    return evidence.content


def _numbers(found: Sequence[Finding]) -> dict[str, str]:
    """The numbers of what was found, the first of a name winning."""
    numbers: dict[str, str] = {}
    for finding in reversed(found):
        numbers.update(finding.details)
    return numbers


def check_unlocked(evidence: Evidence, locked_by: bytes, *, act_id: bytes = b"") -> None:
    """No other export act has locked the lot; `locked_by` is the id of one that did, empty for none.

    Raises:
        Error: PROVENANCE_REFUSED naming EXPORT_LOCKED.
    """
    if locked_by and locked_by != act_id:
        raise refusals.provenance(
            evidence.outpoint, verdict=evidence.verdict, gaps=[], findings=["EXPORT_LOCKED"], numbers={}
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
