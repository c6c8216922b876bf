"""Settings of the rules, in one versioned value: no threshold is buried in code."""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256

from monazite_provenance import _cbor
from monazite_provenance._frozen import dataclass
from monazite_provenance.contents.lot import Form


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """Thresholds and metering (domain.md, "Conservation per element" and "Metering point"; Order 71 art. 2).

    `refuse_at`, `find_at`: multiples of the standard uncertainty. `metered_feeds`: forms whose grams have not been
    charged to smelting-separation yet, and are when they become any other form. Residue is one of them: what stays in
    it was not charged at the step that left it, so it is when it comes back as feed (remnants of steps after the
    charge are secondary material). `mined_forms`, `recycled_forms`: what a mine and a recycler may register
    (Decree 785 art. 11, 22: a recycler takes no ore).
    """

    version: str = "rules-2025-1"
    refuse_at: Fraction = Fraction(11, 2)
    find_at: Fraction = Fraction(3)
    mined_forms: frozenset[Form] = frozenset({Form.ORE_CONCENTRATE})
    recycled_forms: frozenset[Form] = frozenset({Form.SECONDARY_MATERIAL})
    metered_feeds: frozenset[Form] = frozenset({Form.ORE_CONCENTRATE, Form.RESIDUE})
    inputs_max: int = 32
    outputs_max: int = 128

    @property
    def policy_hash(self) -> bytes:
        """SHA-256 of these settings as deterministic CBOR: what a cut says that its history was judged by."""
        fractions = [[limit.numerator, limit.denominator] for limit in (self.refuse_at, self.find_at)]
        forms = [sorted(map(int, each)) for each in (self.mined_forms, self.recycled_forms, self.metered_feeds)]
        return sha256(_cbor.encode([self.version, *fractions, *forms, self.inputs_max, self.outputs_max])).digest()


DEFAULT_SETTINGS = RuleSettings()
