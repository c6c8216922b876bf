"""Readers of single fields. Each notes what is wrong and goes on, so that a client hears of everything at once."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from monazite.type.v1.statement_pb2 import Outpoint as OutpointMessage
from monazite_provenance import lot_ids
from monazite_provenance.errors import BadField
from monazite_provenance.item import ITEM_BYTES_MAX
from monazite_provenance.statement import Outpoint

from services.chassis.errors import Violation, invalid

ID_BYTES: Final = 32
ACT_ID_BYTES: Final = 16
TEXT_BYTES_MAX: Final = 256
GRAMS_MAX: Final = 10**15
"""A milliard tonnes: over any lot, and so small that milligrams of it fit into 63 bits."""
REO_MG_MAX: Final = 10**18
LOTS_MAX: Final = 128
SPENDS_MAX: Final = 32
DRAWS_MAX: Final = 32
_REASON: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_NOWHERE: Final = Outpoint(bytes(ID_BYTES), 0)


class Fields:
    """Reads the fields of one request; `done` raises INVALID_FIELDS if anything was wrong."""

    __slots__ = ("violations",)

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
        """A UUID, as 16 bytes."""
        try:
            return uuid.UUID(text).bytes
        except ValueError:
            self.wrong("request_id", "must be a UUID")
            return bytes(16)

    def text(self, field: str, text: str, *, optional: bool = False) -> str:
        """Printable text within the bound."""
        if not (text or optional) or len(text) > TEXT_BYTES_MAX or not text.isprintable():
            self.wrong(field, f"must be printable text of 1 to {TEXT_BYTES_MAX} characters")
        elif not text.isascii() and len(text.encode()) > TEXT_BYTES_MAX:
            self.wrong(field, f"must have at most {TEXT_BYTES_MAX} bytes")
        return text

    def reason(self, field: str, text: str, *, optional: bool = False) -> str:
        """A reason code: capitals, digits, underscores."""
        if not (_REASON.fullmatch(text) or (optional and not text)):
            self.wrong(field, "must be a reason code like SHORTAGE_MOISTURE_LOSS")
        return text

    def segment(self, field: str, text: str) -> str:
        """An enterprise id: one segment of a SPIFFE path."""
        if not _SEGMENT.fullmatch(text):
            self.wrong(field, "must be letters, digits, dots, dashes, underscores")
        return text

    def lot_id(self, field: str, text: str) -> str:
        """A lot id with its check character."""
        try:
            lot_ids.check(text)
        except BadField as error:
            self.wrong(field, error.message)
        return text

    def identifier(self, field: str, value: bytes, size: int = ID_BYTES) -> bytes:
        """An id of so many bytes."""
        if len(value) != size:
            self.wrong(field, f"must have {size} bytes")
        return value

    def item(self, field: str, value: bytes) -> bytes:
        """An encoded item, not looked into."""
        if not 0 < len(value) <= ITEM_BYTES_MAX:
            self.wrong(field, f"must be an item of at most {ITEM_BYTES_MAX} bytes")
        return value

    def outpoint(self, field: str, message: OutpointMessage) -> Outpoint:
        """One head."""
        if len(message.statement_id) != ID_BYTES or message.output_index >= LOTS_MAX:
            self.wrong(field, f"must be a statement id of {ID_BYTES} bytes and an index below {LOTS_MAX}")
            return _NOWHERE
        return Outpoint(message.statement_id, message.output_index)

    def outpoints(self, field: str, messages: Collection[OutpointMessage]) -> tuple[Outpoint, ...]:
        """Heads, each once."""
        self.count(field, len(messages), 1, SPENDS_MAX)
        found = tuple(self.outpoint(f"{field}[{number}]", message) for number, message in enumerate(messages))
        self.distinct(field, found)
        return found

    def count(self, field: str, count: int, least: int, most: int) -> None:
        """How many there are."""
        if not least <= count <= most:
            self.wrong(field, f"must be {least} to {most}, not {count}")

    def distinct(self, field: str, values: Iterable[object]) -> None:
        """Each once; bad outpoints are noted already."""
        seen = [value for value in values if value != _NOWHERE]
        if len(set(seen)) != len(seen):
            self.wrong(field, "names one twice")

    def grams(self, field: str, value: int, *, least: int = 0) -> int:
        """Gross, net or moisture, grams."""
        if not least <= value <= GRAMS_MAX:
            self.wrong(field, f"must lie between {least} and {GRAMS_MAX} g")
        return value

    def reo_mg(self, field: str, value: int, *, least: int = 0) -> int:
        """Milligrams REO."""
        if not least <= value <= REO_MG_MAX:
            self.wrong(field, f"must lie between {least} and {REO_MG_MAX} mg")
        return value


def timestamp(instant: datetime) -> Timestamp:
    """A point in time for a reply."""
    message = Timestamp()
    message.FromDatetime(instant)
    return message
