"""Readers of the fields that only quota has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from monazite.quota.v1 import quota_pb2
from monazite.type.v1 import material_pb2
from monazite_provenance.contents import QuotaKind

from services.chassis import fields as chassis
from services.chassis.pagination import KeyPart, PageRequest
from services.quota.domain.ledger import REO_MG_MAX

YEAR_MIN: Final = 2000
YEAR_MAX: Final = 2199
BATCH_MAX: Final = 99
_ALLOCATION_ID: Final = re.compile(r"[0-9a-f]{32}")


class PageOfYearAsked(chassis.PageAsked, Protocol):
    """A request for a page of one year's or one enterprise's rows."""

    @property
    def year(self) -> int:
        """The quota year; 0 means any."""
        ...

    @property
    def enterprise_id(self) -> str:
        """Whose; empty means anybody's."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows to list; 0 and "" mean any."""

    year: int
    enterprise_id: str
    page: PageRequest


class Fields(chassis.Fields):
    """Reads the fields of one request; `done` raises INVALID_FIELDS if anything was wrong."""

    __slots__ = ()

    def year(self, year: int, *, optional: bool = False) -> int:
        """A quota year; 0 means any where that is allowed."""
        return year if optional and year == 0 else self.between("year", year, YEAR_MIN, YEAR_MAX)

    def batch(self, batch: int) -> int:
        """A batch of a year, from 1."""
        return self.between("batch", batch, 1, BATCH_MAX)

    def kind(self, field: str, value: material_pb2.QuotaKind.ValueType) -> QuotaKind:
        """A kind of quota that exists."""
        return self._kind(field, value) or QuotaKind.MINING_ROCK

    def _kind(self, field: str, value: material_pb2.QuotaKind.ValueType) -> QuotaKind | None:
        try:
            return QuotaKind(value)
        except ValueError:
            self.wrong(field, "must be a kind of quota")
            return None

    def allocation_id(self, text: str) -> bytes:
        """The id of an allocation as the API writes it, as 16 bytes."""
        if _ALLOCATION_ID.fullmatch(text):
            return bytes.fromhex(text)
        self.wrong("allocation_id", "must be the id of an allocation: 32 hexadecimal digits, lower case")
        return bytes(16)

    def mass(self, field: str, reo_mg: int, *, least: int = 1) -> int:
        """A mass in milligrams REO within the bound."""
        return self.between(field, reo_mg, least, REO_MG_MAX, "mg REO")

    def masses(self, messages: Iterable[quota_pb2.KindMass]) -> dict[QuotaKind, int]:
        """Masses by kind: each kind once, none negative, something in all; zero stands for "nothing of this kind"."""
        masses: dict[QuotaKind, int] = {}
        before = len(self.violations)
        for position, message in enumerate(messages):
            kind = self._kind(f"masses[{position}].kind", message.kind)
            mass = self.mass(f"masses[{position}].reo_mg", message.reo_mg, least=0)
            if kind in masses:
                self.wrong(f"masses[{position}].kind", "names a kind a second time")
            elif kind is not None:
                masses[kind] = mass
        if not any(masses.values()) and len(self.violations) == before:
            self.wrong("masses", "must name a mass")
        return masses


def parse_query(request: PageOfYearAsked, method: str, *key_types: type[KeyPart]) -> Query:
    """The query of `method`, whose rows have a key of `key_types`. Raises INVALID_FIELDS."""
    fields = Fields()
    year = fields.year(request.year, optional=True)
    enterprise_id = fields.enterprise("enterprise_id", request.enterprise_id, optional=True)
    page = fields.page(request, query=(method, year, enterprise_id), key_types=key_types)
    fields.done()
    return Query(year, enterprise_id, page)


def quota_kind(kind: QuotaKind) -> material_pb2.QuotaKind.ValueType:
    """A kind of quota for a reply; the numbers are the same."""
    return material_pb2.QuotaKind.ValueType(kind.value)
