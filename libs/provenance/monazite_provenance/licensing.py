"""What an export licence lets leave: the rules between a licence, an export intent and what is taken out.

Used by the registry before it takes a lot out and by every verifier after. Pure: values in, a ChainProblem raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monazite_provenance.contents import ExportIntentDetails, LicenceDetails, LotContent
from monazite_provenance.errors import BadField, LicenceExceeded, LicenceMismatch, NotHolder, StepNotAllowed
from monazite_provenance.names import licence_urn, parse_spiffe, same_owner, same_person

__all__ = ["check_drawn", "check_intent", "check_licence", "check_licensee", "drawn"]


def check_licence(licence: LicenceDetails, *, actor: str) -> None:
    """A licence by itself: two officers, who are two persons, and the second commanded the signature.

    `actor`: on whose behalf it was signed. Raises StepNotAllowed.
    """
    officers = (licence.proposer, licence.countersigner)
    if any(parse_spiffe(officer).kind != "officer" for officer in officers):
        raise StepNotAllowed("a licence decided by one who is no officer")
    if same_person(*officers):
        raise StepNotAllowed("a licence proposed and countersigned by one person")
    if actor != licence.countersigner:
        raise StepNotAllowed("a licence that its countersigner did not command")


def check_intent(licence: LicenceDetails, intent: ExportIntentDetails, *, subject: str, issued_at: int) -> None:
    """An intent under its licence: name, destination, lines, masses, validity.

    `subject` and `issued_at` are the intent's claims. Both times are licensing's own words, so that no clock is
    compared with another's. Raises BadField, LicenceMismatch, LicenceExceeded.
    """
    if subject != licence_urn(licence.number):
        raise BadField("subject is not the licence", field="sub")
    if intent.destination != licence.destination:
        raise LicenceMismatch("an export to another destination than the licence's")
    if issued_at >= licence.expires_at:
        raise LicenceMismatch("an intent signed after the end of its licence", expires_at=licence.expires_at)
    if not drawn([intent]).keys() <= _granted(licence).keys():
        raise LicenceMismatch("an item that is on no line of the licence")
    check_drawn(licence, [intent])


def check_drawn(
    licence: LicenceDetails, intents: Iterable[ExportIntentDetails], returned: Mapping[str, int] | None = None
) -> None:
    """All intents under one licence together stay within each of its lines. Raises LicenceExceeded.

    `returned`: by control code what came back, grams gross, which its line bears again.
    """
    granted = _granted(licence)
    for code, gross_g in sorted(drawn(intents).items()):
        borne = granted.get(code, 0) + (returned or {}).get(code, 0)
        if gross_g > borne:
            raise LicenceExceeded("more leaves than a line of the licence bears", drawn_g=gross_g, granted_g=borne)


def check_licensee(licence: LicenceDetails, lots: Iterable[LotContent]) -> None:
    """A licence is not transferable: the licensee holds, and so has offered, all that leaves. Raises NotHolder."""
    if any(not same_owner(licence.licensee, lot.holder) for lot in lots):
        raise NotHolder("an export under the licence of another")


def drawn(intents: Iterable[ExportIntentDetails]) -> Mapping[str, int]:
    """Grams gross by control code; a lot that is several items draws the line of each."""
    totals: dict[str, int] = {}
    for intent in intents:
        for mass in intent.masses:
            for code in mass.control_codes:
                totals[code] = totals.get(code, 0) + mass.gross_g
    return totals


def _granted(licence: LicenceDetails) -> Mapping[str, int]:
    granted: dict[str, int] = {}
    for line in licence.lines:
        granted[line.control_code] = granted.get(line.control_code, 0) + line.gross_g
    return granted
