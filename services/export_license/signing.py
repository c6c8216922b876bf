"""What the licensing key signs: licence, licence change, export-intent. Never called in a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monazite_provenance.contents import (
    EndUser,
    ExportedMass,
    ExportIntentDetails,
    LicenceAction,
    LicenceChangeDetails,
    LicenceDetails,
    LicenceLine,
    encode,
)
from monazite_provenance.draft import draft
from monazite_provenance.keys import SigningKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import licence_urn
from monazite_provenance.statement import Claims, OnBehalf

from services.chassis.store import SignedStatement
from services.export_license.domain.cases import Case
from services.export_license.domain.customs import Act
from services.export_license.domain.licences import Licence


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs in the name of this service."""

    issuer: str
    key: SigningKey

    def licence(
        self, case: Case, *, number: str, proposer: str, expires_at: datetime, command: OnBehalf, now: datetime
    ) -> SignedStatement:
        """The licence of a granted case, on behalf of the countersigner; refs the statements of its lots."""
        details = LicenceDetails(
            number=number,
            licensee=case.applicant,
            end_user=EndUser(case.end_user.name, case.end_user.country, case.end_user.address),
            destination=case.destination,
            lines=tuple(LicenceLine(line.control_code, line.hs_code, line.gross_g) for line in case.lines),
            expires_at=int(expires_at.timestamp()),
            case_id=case.case_id,
            rule_set_hash=case.rule_set_hash,
            proposer=proposer,
            countersigner=command.principal,
        )
        claims = Claims(
            issuer=self.issuer,
            subject=licence_urn(number),
            issued_at=int(now.timestamp()),
            kind=EventKind.LICENCE,
            refs=tuple({lot.outpoint.statement_id for lot in case.lots}),
            on_behalf=command,
        )
        return self._sign(claims, encode(details), parents=())

    def licence_change(
        self, licence: Licence, action: LicenceAction, reason: str, *, command: OnBehalf, now: datetime
    ) -> SignedStatement:
        """A change of a licence, on behalf of the officer."""
        details = LicenceChangeDetails(licence.licence_id, action, reason, command.principal)
        claims = Claims(
            issuer=self.issuer,
            subject=licence_urn(licence.number),
            issued_at=int(now.timestamp()),
            kind=EventKind.LICENCE_CHANGE,
            refs=(licence.licence_id,),
            on_behalf=command,
        )
        return self._sign(claims, encode(details), parents=(licence.licence_id,))

    def export_intent(self, licence: Licence, act: Act, *, command: OnBehalf, now: datetime) -> SignedStatement:
        """The authorised intent of a write-off, on behalf of the customs officer; refs the licence and the heads."""
        items = {lot.outpoint: tuple(sorted(lot.control_codes)) for lot in act.declared}
        details = ExportIntentDetails(
            act_id=act.act_id,
            licence_id=licence.licence_id,
            masses=tuple(
                ExportedMass(lot.outpoint, lot.gross_g, items[lot.outpoint]) for lot in sorted(act.written_off)
            ),
            declaration_number=act.declaration_number,
            port=act.port,
            # The declared one: a declaration for another destination than the licence's was not taken.
            destination=licence.destination,
        )
        claims = Claims(
            issuer=self.issuer,
            subject=licence_urn(licence.number),
            issued_at=int(now.timestamp()),
            kind=EventKind.EXPORT_INTENT,
            refs=tuple({licence.licence_id, *(lot.outpoint.statement_id for lot in act.written_off)}),
            on_behalf=command,
        )
        return self._sign(claims, encode(details), parents=(licence.licence_id,))

    def _sign(self, claims: Claims, details: bytes, *, parents: tuple[bytes, ...]) -> SignedStatement:
        drafted = draft(claims, (), details, self.key.public)
        return SignedStatement.of(drafted.claims, drafted.statement_id, drafted.sign(self.key), parents)
