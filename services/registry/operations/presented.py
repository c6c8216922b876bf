"""Peers' statements that callers carry here with their receipts: verified offline against the trust file, with no other
service up.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from monazite_provenance import licensing
from monazite_provenance.contents import ExportIntentDetails, LicenceDetails, RightDetails, decode_details
from monazite_provenance.errors import IssuerMismatch, Undisclosed
from monazite_provenance.key_book import KeyBook
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import service_uri
from monazite_provenance.verifier import Statement

from services.chassis.log.presented import PresentedVerifier
from services.registry.domain import refusals
from services.registry.domain.records import RightTerms
from services.registry.storage.writes import PeerStatement

RIGHTS_REMEMBERED_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Licensing's word that lots may leave: intent and licence, read and as they are to be kept."""

    intent_id: bytes
    intent: ExportIntentDetails
    licence: LicenceDetails
    statements: tuple[PeerStatement, ...]


class Presented:
    """Verifies rights by quota, licences and intents by licensing: each must carry a receipt of its service's log. The
    trust file's keys do not change while the process runs, so what verified once verifies always: rights are
    remembered, by the hash of their bytes, since one right can be sent with whatever else beside its receipt.
    """

    def __init__(self, keys: KeyBook, domain: str) -> None:
        self._verifier = PresentedVerifier(keys)
        self._quota = service_uri(domain, "quota")
        self._licensing = service_uri(domain, "export_license")
        # The oldest first.
        self._rights: dict[bytes, RightTerms] = {}

    def right(self, item: bytes) -> RightTerms:
        """The terms of a right. Raises ProvenanceError; STEP_NOT_ALLOWED for a statement that is no right."""
        key = sha256(item).digest()
        found = self._rights.get(key)
        if found is None:
            found = self._right(item)
            if len(self._rights) >= RIGHTS_REMEMBERED_MAX:
                del self._rights[next(iter(self._rights))]
            self._rights[key] = found
        return found

    def _right(self, item: bytes) -> RightTerms:
        statement = self._verify(item, EventKind.RIGHT, self._quota)
        details = decode_details(EventKind.RIGHT, _details(statement))
        assert isinstance(details, RightDetails)  # noqa: S101 - decode_details was told the kind
        return RightTerms(
            right_id=statement.id,
            kind=details.quota_kind,
            mass_mg=details.mass_mg,
            holder=details.holder,
            site=details.site,
            registry_log=details.registry_log,
            expires_at=details.expires_at,
        )

    def authorisation(self, intent: bytes, licence: bytes) -> Authorisation:
        """An export-intent and the licence that it is under, which fit each other. Raises as `right`."""
        granted = self._verify(licence, EventKind.LICENCE, self._licensing)
        terms = decode_details(EventKind.LICENCE, _details(granted))
        assert isinstance(terms, LicenceDetails)  # noqa: S101 - decode_details was told the kind
        licensing.check_licence(terms, actor=granted.claims.actor)
        authorised = self._verify(intent, EventKind.EXPORT_INTENT, self._licensing)
        details = decode_details(EventKind.EXPORT_INTENT, _details(authorised))
        assert isinstance(details, ExportIntentDetails)  # noqa: S101 - decode_details was told the kind
        if details.licence_id != granted.id:
            raise refusals.step_not_allowed("the export-intent is under another licence than was sent")
        claims = authorised.claims
        licensing.check_intent(terms, details, subject=claims.subject, issued_at=claims.issued_at)
        return Authorisation(
            authorised.id,
            details,
            terms,
            (
                PeerStatement(granted.id, int(EventKind.LICENCE), licence),
                PeerStatement(authorised.id, int(EventKind.EXPORT_INTENT), intent),
            ),
        )

    def check(self, item: bytes, kind: int, statement_id: bytes) -> Statement:
        """An entry of a log that is followed: of licensing's a change of a licence, else of quota's. Raises
        ProvenanceError when it is not what the log says.
        """
        issuer = self._licensing if kind == EventKind.LICENCE_CHANGE else self._quota
        statement = self._verify(item, EventKind(kind), issuer)
        if statement.id != statement_id:
            raise IssuerMismatch("an entry of the log under another id")
        return statement

    def _verify(self, item: bytes, kind: EventKind, issuer: str) -> Statement:
        statement = self._verifier.verify(item)
        if statement.claims.kind is not kind:
            raise refusals.step_not_allowed(f"the statement presented is no {kind.name}")
        if statement.claims.issuer != issuer:
            raise IssuerMismatch("not signed by the service that may sign this")
        return statement


def _details(statement: Statement) -> bytes:
    if statement.details is None:
        raise Undisclosed("the details of a presented statement")
    return statement.details
