"""Readers of single fields. Each notes what is wrong and goes on, so that a client hears of all at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from monazite.quota.v1 import quota_pb2
from monazite.type.v1 import material_pb2
from monazite_provenance.contents import QuotaKind

from services.chassis.errors import Violation, invalid
from services.quota.domain.ledger import REO_MG_MAX

YEAR_MIN: Final = 2000
YEAR_MAX: Final = 2199
BATCH_MAX: Final = 99
TEXT_BYTES_MAX: Final = 256
RIGHT_ID_BYTES: Final = 32
SECONDS_A_DAY: Final = 86_400
# Last second of the year 9999.
SECONDS_MAX: Final = 253_402_300_799
NANOS: Final = 1_000_000_000
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ENTERPRISE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")


class Fields:
    """Reads the fields of one request; `done` raises INVALID_FIELDS if anything was wrong."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def wrong(self, field: str, why: str) -> None:
        """Note one bad field."""
        self.violations.append(Violation(field, why))

    def done(self) -> None:
        """Raises INVALID_FIELDS with everything noted."""
        if self.violations:
            raise invalid(self.violations)

    def request_id(self, text: str) -> bytes:
        """A UUID in its usual form, as 16 bytes."""
        if _UUID.fullmatch(text):
            return bytes.fromhex(text.replace("-", ""))
        self.wrong("request_id", "must be a UUID")
        return bytes(16)

    def year(self, year: int, *, optional: bool = False) -> int:
        """A quota year; 0 means any where that is allowed."""
        if not (YEAR_MIN <= year <= YEAR_MAX or (optional and year == 0)):
            self.wrong("year", f"must lie between {YEAR_MIN} and {YEAR_MAX}")
        return year

    def batch(self, batch: int) -> int:
        """A batch of a year, from 1."""
        if not 1 <= batch <= BATCH_MAX:
            self.wrong("batch", f"must lie between 1 and {BATCH_MAX}")
        return batch

    def enterprise(self, field: str, text: str, *, optional: bool = False) -> str:
        """An enterprise id, or "national"."""
        if not (_ENTERPRISE.fullmatch(text) or (optional and not text)):
            self.wrong(field, "must be the id of an enterprise")
        return text

    def text(self, field: str, text: str) -> str:
        """A printable, non-empty text within the bound."""
        if not text or len(text.encode()) > TEXT_BYTES_MAX or not text.isprintable():
            self.wrong(field, f"must be printable text of 1 to {TEXT_BYTES_MAX} bytes")
        return text

    def kind(self, field: str, value: material_pb2.QuotaKind.ValueType) -> QuotaKind:
        """A kind of quota that exists."""
        return self._kind(field, value) or QuotaKind.MINING_ROCK

    def _kind(self, field: str, value: material_pb2.QuotaKind.ValueType) -> QuotaKind | None:
        try:
            return QuotaKind(value)
        except ValueError:
            self.wrong(field, "must be a kind of quota")
            return None

    def mass(self, field: str, reo_mg: int, *, smallest: int = 1) -> int:
        """A mass in milligrams REO within the bound."""
        if not smallest <= reo_mg <= REO_MG_MAX:
            self.wrong(field, f"must lie between {smallest} and {REO_MG_MAX} mg REO")
        return reo_mg

    def masses(self, messages: Iterable[quota_pb2.KindMass]) -> dict[QuotaKind, int]:
        """Masses by kind: each kind once, none negative, something in all; zero stands for "nothing of this kind"."""
        masses: dict[QuotaKind, int] = {}
        before = len(self.violations)
        for position, message in enumerate(messages):
            kind = self._kind(f"masses[{position}].kind", message.kind)
            mass = self.mass(f"masses[{position}].reo_mg", message.reo_mg, smallest=0)
            if kind in masses:
                self.wrong(f"masses[{position}].kind", "names a kind a second time")
            elif kind is not None:
                masses[kind] = mass
        if not any(masses.values()) and len(self.violations) == before:
            self.wrong("masses", "must name a mass")
        return masses

    def right_id(self, value: bytes) -> bytes:
        """Id of a right."""
        if len(value) != RIGHT_ID_BYTES:
            self.wrong("right_id", f"must have {RIGHT_ID_BYTES} bytes")
        return value

    def instant(self, field: str, value: Timestamp, *, present: bool) -> datetime:
        """A point in time, UTC, whole seconds: what a right states."""
        if present and 0 <= value.seconds <= SECONDS_MAX and 0 <= value.nanos < NANOS:
            return datetime.fromtimestamp(value.seconds, UTC)
        self.wrong(field, "must be a point in time")
        return datetime.fromtimestamp(0, UTC)


def timestamp(instant: datetime) -> Timestamp:
    """A point in time for a reply."""
    since = instant - _EPOCH
    return Timestamp(seconds=since.days * SECONDS_A_DAY + since.seconds, nanos=since.microseconds * 1000)


def quota_kind(kind: QuotaKind) -> material_pb2.QuotaKind.ValueType:
    """A kind of quota for a reply; the numbers are the same."""
    return material_pb2.QuotaKind.ValueType(kind.value)
