"""Statements of a bundle that stand beside the lots: rights and their settlement here; holds and exports in theirs."""

from __future__ import annotations

from collections.abc import Mapping

from monazite_provenance._attestations import Attestations
from monazite_provenance._exports import Exports
from monazite_provenance._holds import Holds
from monazite_provenance.contents import (
    AttestDetails,
    Details,
    ExportIntentDetails,
    ExportVoidDetails,
    HoldDetails,
    LicenceChangeDetails,
    LicenceDetails,
    ReleaseDetails,
    RightClosedDetails,
    RightDetails,
    SettledDetails,
    decode_details,
)
from monazite_provenance.errors import BadField, StepNotAllowed, Undisclosed
from monazite_provenance.names import account_urn, licence_urn, lot_urn, parse_spiffe, right_urn
from monazite_provenance.places import Place
from monazite_provenance.verifier import Statement


class Evidence:
    """What the services said, by what it is about. Whether a key may say it was judged before by its certification."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._rights: dict[bytes, RightDetails] = {}
        self._settled: dict[tuple[bytes, bytes], SettledDetails] = {}
        self._closed: dict[bytes, int] = {}
        self.attestations = Attestations()
        self.exports = Exports()
        self.holds = Holds()

    @property
    def rights(self) -> Mapping[bytes, RightDetails]:
        """Rights by statement id."""
        return self._rights

    @property
    def settled(self) -> Mapping[tuple[bytes, bytes], SettledDetails]:
        """What quota settled, by right and drawing statement."""
        return self._settled

    def take(self, statement: Statement, place: Place) -> None:
        """Take in a verified statement, registered there, that spends and makes nothing.

        Raises StepNotAllowed, MissingParent, Undisclosed, Malformed.
        """
        claims = statement.claims
        self.seen.add(statement.id)
        if claims.spends or statement.outputs_count:
            raise StepNotAllowed("this kind of statement spends nothing and makes nothing", kind=int(claims.kind))
        if statement.details is None:
            raise Undisclosed("details of a statement that the lot rests on")
        self._record(statement, decode_details(claims.kind, statement.details), place)

    def _record(self, statement: Statement, details: Details, place: Place) -> None:
        _check_about(statement, details)
        match details:
            case RightDetails():
                self._rights[statement.id] = details
            case SettledDetails():
                self._settle(details)
            case RightClosedDetails():
                if details.right_id in self._closed:
                    raise StepNotAllowed("one right closed twice")
                self._closed[details.right_id] = details.total_drawn_mg
            case AttestDetails():
                self.attestations.take(statement, details)
            case HoldDetails():
                self.holds.place(statement, details)
            case ReleaseDetails():
                self.holds.release(statement, details)
            case _:
                self._record_export(statement, details, place)

    def _record_export(self, statement: Statement, details: Details, place: Place) -> None:
        match details:
            case ExportIntentDetails():
                self.exports.intend(statement, details, place)
            case ExportVoidDetails():
                self.exports.void(details.act_id)
            case LicenceDetails():
                self.exports.grant(statement, details, place)
            case LicenceChangeDetails():
                self.exports.change(statement, details, place)
            case _:
                # Locks are verified and kept; no step of a lot's history rests on them.
                pass

    def _settle(self, details: SettledDetails) -> None:
        key = (details.right_id, details.drawing_id)
        if key in self._settled:
            raise StepNotAllowed("one draw settled twice")
        if details.total_settled_mg < details.mass_mg:
            raise StepNotAllowed("a draw settled for more than the total it is part of")
        self._settled[key] = details

    def closed_mg(self, right_id: bytes) -> int | None:
        """What the registry said was drawn in all on a right it closed; None while open or unknown."""
        return self._closed.get(right_id)


def _check_about(statement: Statement, details: Details) -> None:
    """Subject and refs of a statement name what its details speak about. Raises BadField."""
    subject, needed = _about(details)
    if subject is not None and statement.claims.subject != subject:
        raise BadField("subject is not what the details speak about", field="sub")
    if any(statement_id not in statement.claims.refs for statement_id in needed):
        raise BadField("a statement does not refer to what it speaks about", field="refs")


def _about(details: Details) -> tuple[str | None, tuple[bytes, ...]]:
    """The subject, where the details determine it, and the refs that must be there."""
    subject: str | None = None
    needed: tuple[bytes, ...] = ()
    match details:
        case RightDetails():
            enterprise_id = parse_spiffe(details.holder).segments[1]
            subject = account_urn(enterprise_id, details.year, int(details.quota_kind))
        case SettledDetails():
            subject, needed = right_urn(details.right_id), (details.right_id, details.drawing_id)
        case RightClosedDetails():
            subject, needed = right_urn(details.right_id), (details.right_id,)
        case AttestDetails():
            subject = lot_urn(details.lot_id)
            needed = () if details.outpoint is None else (details.outpoint.statement_id,)
        case HoldDetails():
            subject, needed = lot_urn(details.lot_id), (details.outpoint.statement_id,)
        case ReleaseDetails():
            subject, needed = lot_urn(details.lot_id), (details.outpoint.statement_id, details.hold_id)
        case LicenceDetails():
            subject = licence_urn(details.number)
        case LicenceChangeDetails():
            needed = (details.licence_id,)
        case ExportIntentDetails():
            needed = (details.licence_id, *(mass.outpoint.statement_id for mass in details.masses))
        case _:
            pass
    return subject, needed
