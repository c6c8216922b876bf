"""What one chapter leaves to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

from monazite.export_license.v1.export_license_pb2 import Licence
from monazite.quota.v1.quota_pb2 import Right
from monazite_provenance.keys import Algorithm, SoftwareKey
from monazite_provenance.report import LotReport

REO_OF_CONCENTRATE_PCT = 60
"""REO in the dry mass of a concentrate, percent: a setting of the demonstration."""


@dataclass
class Plot:
    """Lot ids, rights and documents by the part they play."""

    mining_right: Right = field(default_factory=Right)
    separation_right: Right = field(default_factory=Right)
    # Concentrate that stays at the mine.
    mine_stock: str = ""
    # Concentrate on its way to the plant.
    mine_lots: list[str] = field(default_factory=list[str])
    import_lot: str = ""
    import_returned: str = ""
    products: dict[str, str] = field(default_factory=dict[str, str])
    # What was sent to the maker.
    maker_ndpr: str = ""
    magnets: str = ""
    export_lot: str = ""
    abroad_lot: str = ""
    returned_lot: str = ""
    licence: Licence = field(default_factory=Licence)
    plant_key: SoftwareKey = field(default_factory=lambda: SoftwareKey.generate(Algorithm.ED25519))
    # The bundle of the exported magnets, and what it says.
    bundle: bytes = b""
    report: LotReport | None = None
    # Milligrams REO that the plant's transform was charged.
    separated_mg: int = 0
