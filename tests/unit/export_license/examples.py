"""Values that the unit tests of export licensing share."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from monazite_provenance.contents import (
    CustodyModel,
    CustodyState,
    ElementRow,
    ExportLimit,
    Form,
    LotContent,
    MassSource,
)
from monazite_provenance.statement import Outpoint

from services.export_license import rules, settings
from services.export_license.domain.cases import Case, CaseLot, LineWanted, Party, State
from services.export_license.domain.control_items import LotFacts
from services.export_license.domain.licences import Licence, Line
from services.export_license.domain.licences import State as LicenceState

DOMAIN = "monazite.example"
RULES = rules.read(settings.Rules())
DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
EXPORTER = f"spiffe://{DOMAIN}/enterprise/exporter"
LICENSING = f"spiffe://{DOMAIN}/service/export_license"
CUSTOMS = f"spiffe://{DOMAIN}/customs/shanghai/zhao"
WANG = f"spiffe://{DOMAIN}/officer/licensing/wang"
LI = f"spiffe://{DOMAIN}/officer/licensing/li"
END_USER = Party("Motoren AG", "DE", "Stuttgart")
LICENCE_ID = b"L" * 32
ACT_ID = b"A" * 16
DY_MAGNET = LotFacts("MAGNET", 10_000, {"Nd": 3_000_000, "Dy": 90_000})


def outpoint(number: int) -> Outpoint:
    """A head like no other."""
    return Outpoint(number.to_bytes(32, "big"), 0)


def case_lot(number: int = 1, facts: LotFacts = DY_MAGNET, gross_g: int = 10_000) -> CaseLot:
    """A lot of a case, classified on DAY."""
    codes = RULES.classify(facts, DAY)
    return CaseLot(outpoint(number), f"RE-{number}", gross_g, facts, "VERIFIED", (), 7, codes)


def case(**changes: object) -> Case:
    """A case in review over one magnet lot with dysprosium."""
    fields: dict[str, object] = {
        "case_id": "case-1",
        "applicant": EXPORTER,
        "state": State.IN_REVIEW,
        "lots": (case_lot(),),
        "end_user": END_USER,
        "consignee": END_USER,
        "end_use": "traction motors",
        "destination": "DE",
        "lines": (LineWanted("1C905.a", "8505111000", 8_000),),
        "rule_set_hash": RULES.digest,
        "rules_day": DAY,
        "submitted_at": NOW,
        "verified_at": NOW,
    }
    return Case(**{**fields, **changes})  # type: ignore[arg-type]


def licence(*lines: Line, state: LicenceState = LicenceState.ACTIVE, expires_at: datetime | None = None) -> Licence:
    """A licence of the exporter, with a line for dysprosium magnets unless others are given."""
    return Licence(
        licence_id=LICENCE_ID,
        number="EL-2026-1",
        case_id="case-1",
        licensee=EXPORTER,
        stored_state=state,
        end_user=END_USER,
        destination="DE",
        expires_at=expires_at or NOW + timedelta(days=30),
        lines=lines or (Line("1C905.a", "8505111000", 8_000),),
    )


def offered(
    *,
    holder: str = EXPORTER,
    receiver: str = LICENSING,
    licence_id: bytes = LICENCE_ID,
    max_gross_g: int = 8_000,
    in_transit: bool = True,
    for_export: bool = True,
) -> LotContent:
    """A magnet lot offered for export under the licence."""
    return LotContent(
        lot_id="RE-1",
        holder=holder,
        site="site-1",
        form=Form.MAGNET,
        gross_g=10_000,
        net_g=10_000,
        moisture_g=0,
        rows=(ElementRow(60, 3_000_000, 1, 1, 0), ElementRow(66, 90_000, 1, 1, 0)),
        sources=(MassSource("lab", "ICP-MS"),),
        custody_model=CustodyModel.SEGREGATED,
        custody_state=CustodyState.IN_TRANSIT if in_transit else CustodyState.HELD,
        factor_table="reo-factors-2025-1",
        home_log="urn:monazite:log:registry:0",
        receiver=receiver if in_transit else None,
        remainder_lot_id="RE-2" if in_transit else None,
        export=ExportLimit(licence_id, max_gross_g) if in_transit and for_export else None,
    )
