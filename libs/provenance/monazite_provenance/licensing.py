"""What an export licence lets leave: the rules between a licence, an export intent and what is taken out.

Used by the registry before it takes a lot out and by every verifier after. Pure: values in, a ChainProblem raised.
Which of two words of licensing came first is told by their places in its log, by nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monazite_provenance.contents import (
    ExportIntentDetails,
    LicenceAction,
    LicenceChangeDetails,
    LicenceDetails,
    LotContent,
)
from monazite_provenance.errors import (
    BadField,
    LicenceExceeded,
    LicenceMismatch,
    LicenceNotUsable,
    NotHolder,
    StepNotAllowed,
)
from monazite_provenance.names import licence_urn, parse_spiffe, same_owner, same_person

__all__ = [
    "check_change",
    "check_drawn",
    "check_intent",
    "check_licence",
    "check_licensee",
    "check_usable",
    "drawn",
]

_FINAL = frozenset({LicenceAction.REVOKE, LicenceAction.SURRENDER})


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


def check_change(change: LicenceChangeDetails, licence: LicenceDetails | None, *, subject: str, actor: str) -> None:
    """A change of a licence by itself: the officer whom it names commanded it, and it is about this licence.

    `licence`: None where it is not known. `subject` and `actor` are the change's. Raises StepNotAllowed, BadField.
    """
    if actor != change.officer or parse_spiffe(actor).kind != "officer":
        raise StepNotAllowed("a change of a licence that the officer in it did not command")
    if licence is not None and subject != licence_urn(licence.number):
        raise BadField("subject is not the licence", field="sub")


def check_usable(history: Iterable[LicenceAction | None]) -> None:
    """What one log says of a licence, in its order, holds together: its changes, and None for each intent under it.

    A suspension ends with a reinstatement; what was revoked or surrendered does not come back. Raises LicenceNotUsable.
    """
    state: LicenceAction | None = None
    for change in history:
        if change is None and state not in {None, LicenceAction.REINSTATE}:
            raise LicenceNotUsable("an intent behind the suspension or the end of its licence")
        if change is not None and state not in _FINAL:
            state = change


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
