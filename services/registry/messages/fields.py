"""Readers of the fields that only the registry has."""

from __future__ import annotations

from typing import Final

from monazite_provenance.item import ITEM_BYTES_MAX

from services.chassis import fields as chassis

GRAMS_MAX: Final = 10**15
"""A milliard tonnes: over any lot, and so small that milligrams of it fit into 63 bits."""
REO_MG_MAX: Final = 10**18
DRAWS_MAX: Final = 32


class Fields(chassis.Fields):
    """Reads the fields of one request; `done` raises INVALID_FIELDS if anything was wrong.

    `within`: the field of the request in which those stand that are read, followed by a dot.
    """

    __slots__ = ("_within",)

    def __init__(self, within: str = "") -> None:
        super().__init__()
        self._within = within

    def wrong(self, field: str, why: str) -> None:
        """Note one bad field."""
        super().wrong(self._within + field, why)

    def item(self, field: str, value: bytes) -> bytes:
        """An encoded item, not looked into."""
        if not 0 < len(value) <= ITEM_BYTES_MAX:
            self.wrong(field, f"must be an item of at most {ITEM_BYTES_MAX} bytes")
        return value

    def grams(self, field: str, value: int, *, least: int = 0) -> int:
        """Gross, net or moisture, grams."""
        return self.between(field, value, least, GRAMS_MAX, "g")

    def reo_mg(self, field: str, value: int, *, least: int = 0) -> int:
        """Milligrams REO."""
        return self.between(field, value, least, REO_MG_MAX, "mg REO")
