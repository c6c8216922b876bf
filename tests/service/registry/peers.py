"""The pens of quota and of licensing: statements signed with their keys, without their services."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

from monazite_provenance.contents import (
    Details,
    EndUser,
    ExportedMass,
    ExportIntentDetails,
    LicenceAction,
    LicenceChangeDetails,
    LicenceDetails,
    LicenceLine,
    QuotaKind,
    RightDetails,
    SettledDetails,
    encode,
)
from monazite_provenance.draft import draft
from monazite_provenance.keys import SigningKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import account_urn, enterprise_uri, licence_urn, log_urn, right_urn, service_uri
from monazite_provenance.statement import Claims, OnBehalf, Outpoint

from tests.fakes.log import FakeLog, new_log

YEAR = 2024
HOUR_S = 3600
LICENCE_NUMBER = "EL-1"
CONTROL_CODE = "1C905.a"
DESTINATION = "DE"


@dataclass(frozen=True, slots=True)
class Signed:
    """A peer's statement: as it is presented, with its receipt, and without."""

    statement_id: bytes
    item: bytes
    bare: bytes


class Quota:
    """Signs rights and settlements, and has its log."""

    def __init__(self, domain: str, key: SigningKey, log_key: SigningKey) -> None:
        self.domain = domain
        self.key = key
        self.log = new_log(log_urn("quota"), service_uri(domain, "quota"), log_key)

    def right(
        self,
        enterprise: str,
        mass_mg: int,
        *,
        kind: QuotaKind = QuotaKind.MINING_ROCK,
        site: str = "bayan-obo",
        log: str = log_urn("registry"),
        expires_in_s: int = HOUR_S,
    ) -> Signed:
        """A right."""
        details = RightDetails(
            YEAR, kind, mass_mg, enterprise_uri(self.domain, enterprise), site, log, int(time.time()) + expires_in_s
        )
        return self._sign(EventKind.RIGHT, account_urn(enterprise, YEAR, kind), details, ())

    def settled(self, right_id: bytes, drawing_id: bytes, mass_mg: int, *, index: int = 0) -> Signed:
        """A settlement of one draw."""
        details = SettledDetails(right_id, drawing_id, mass_mg, mass_mg, index)
        return self._sign(EventKind.SETTLED, right_urn(right_id), details, (right_id, drawing_id))

    def _sign(self, kind: EventKind, subject: str, details: Details, refs: tuple[bytes, ...]) -> Signed:
        claims = Claims(service_uri(self.domain, "quota"), subject, int(time.time()), kind, refs=refs)
        return _signed(claims, details, self.key, self.log)


class Licensing:
    """Signs licences and export-intents, and has its log."""

    def __init__(self, domain: str, key: SigningKey, log_key: SigningKey) -> None:
        self.domain = domain
        self.key = key
        self.log = new_log(log_urn("export_license"), service_uri(domain, "export_license"), log_key)

    def licence(self, licensee: str, gross_g: int = 1_000_000, *, number: str = LICENCE_NUMBER) -> Signed:
        """A licence of an enterprise (its URI) over one line, decided by two officers."""
        proposer, countersigner = (f"spiffe://{self.domain}/officer/licensing/{name}" for name in ("wang", "li"))
        details = LicenceDetails(
            number=number,
            licensee=licensee,
            end_user=EndUser("Motoren AG", DESTINATION, ""),
            destination=DESTINATION,
            lines=(LicenceLine(CONTROL_CODE, "", gross_g),),
            expires_at=int(time.time()) + HOUR_S,
            case_id="case-1",
            rule_set_hash=bytes(32),
            proposer=proposer,
            countersigner=countersigner,
        )
        return self._sign(EventKind.LICENCE, number, details, (), OnBehalf(countersigner, bytes(32), bytes(16)))

    def intent(
        self,
        act_id: bytes,
        licence_id: bytes,
        masses: Mapping[Outpoint, int],
        *,
        number: str = LICENCE_NUMBER,
        destination: str = DESTINATION,
    ) -> Signed:
        """An intent, on behalf of a customs officer."""
        details = ExportIntentDetails(
            act_id,
            licence_id,
            tuple(ExportedMass(outpoint, masses[outpoint], (CONTROL_CODE,)) for outpoint in sorted(masses)),
            "DECL-1",
            "tianjin",
            destination,
        )
        refs = tuple({licence_id, *(outpoint.statement_id for outpoint in masses)})
        behalf = OnBehalf(f"spiffe://{self.domain}/customs/tianjin/sun", secrets.token_bytes(32), act_id)
        return self._sign(EventKind.EXPORT_INTENT, number, details, refs, behalf)

    def change(self, licence_id: bytes, action: LicenceAction, *, number: str = LICENCE_NUMBER) -> Signed:
        """A change of a licence, by an officer."""
        officer = f"spiffe://{self.domain}/officer/licensing/wang"
        details = LicenceChangeDetails(licence_id, action, "end user moved", officer)
        behalf = OnBehalf(officer, secrets.token_bytes(32), secrets.token_bytes(16))
        return self._sign(EventKind.LICENCE_CHANGE, number, details, (licence_id,), behalf)

    def _sign(
        self, kind: EventKind, number: str, details: Details, refs: tuple[bytes, ...], behalf: OnBehalf
    ) -> Signed:
        issuer = service_uri(self.domain, "export_license")
        claims = Claims(issuer, licence_urn(number), int(time.time()), kind, refs=refs, on_behalf=behalf)
        return _signed(claims, details, self.key, self.log)


def _signed(claims: Claims, details: Details, key: SigningKey, log: FakeLog) -> Signed:
    drafted = draft(claims, (), encode(details), key.public)
    item = drafted.sign(key)
    return Signed(drafted.statement_id, log.publish(drafted.statement_id, claims.kind, item), item.encode())
