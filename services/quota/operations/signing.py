"""Our statements: rights and settlements. Signed with no transaction open; what then does not commit is dropped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monazite_provenance import Claims, EventKind, SigningKey, draft
from monazite_provenance.contents import RightDetails, SettledDetails, encode
from monazite_provenance.names import account_urn, right_urn, service_uri

from services.chassis.store import SignedStatement
from services.quota.domain.ledger import AccountKey
from services.quota.domain.right import Reserve, Right
from services.quota.domain.settlement import Settlement


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as the quota service of a domain, for one registry's log."""

    domain: str
    key: SigningKey
    registry_log: str
    # Who signs.
    uri: str

    @classmethod
    def of(cls, domain: str, key: SigningKey, registry_log: str) -> Signer:
        """The signer of quota's statements."""
        return cls(domain, key, registry_log, service_uri(domain, "quota"))

    def right(self, command: Reserve, enterprise_id: str, holder: str, now: datetime) -> tuple[Right, SignedStatement]:
        """A right over what the command reserves, and its statement."""
        details = RightDetails(
            year=command.year,
            quota_kind=command.kind,
            mass_mg=command.reo_mg,
            holder=holder,
            site=command.site,
            registry_log=self.registry_log,
            expires_at=int(command.expires_at.timestamp()),
        )
        subject = account_urn(enterprise_id, command.year, int(command.kind))
        claims = Claims(self.uri, subject, int(now.timestamp()), EventKind.RIGHT)
        made = draft(claims, (), encode(details), self.key.public)
        right = Right(
            right_id=made.statement_id,
            key=AccountKey(enterprise_id, command.year, command.kind),
            holder=holder,
            site=command.site,
            registry_log=self.registry_log,
            mass_mg=command.reo_mg,
            expires_at=command.expires_at,
        )
        return right, SignedStatement.of(made.claims, made.statement_id, made.sign(self.key))

    def settled(self, settlement: Settlement, now: datetime) -> SignedStatement:
        """The statement that a draw stands in the ledger. In our log it comes after its right."""
        details = SettledDetails(
            right_id=settlement.right_id,
            drawing_id=settlement.drawing_id,
            mass_mg=settlement.mass_mg,
            total_settled_mg=settlement.total_mg,
            registry_index=settlement.index,
        )
        claims = Claims(
            self.uri,
            right_urn(settlement.right_id),
            int(now.timestamp()),
            EventKind.SETTLED,
            refs=(settlement.right_id, settlement.drawing_id),
        )
        made = draft(claims, (), encode(details), self.key.public)
        return SignedStatement.of(made.claims, made.statement_id, made.sign(self.key), parents=(settlement.right_id,))
