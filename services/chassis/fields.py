"""Readers of a request's single fields. Each notes what is wrong and goes on, so that a client hears of everything at
once.

A service subclasses `Fields` with the readers that only it needs; what two services read is here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final, Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from monazite.type.v1 import statement_pb2
from monazite_provenance import lot_ids
from monazite_provenance.errors import BadField
from monazite_provenance.statement import OUTPUTS_MAX, SPENDS_MAX, STATEMENT_ID_BYTES, Outpoint

from services.chassis.errors import Violation, invalid
from services.chassis.pagination import KeyPart, PageRequest, parse_page

ACT_ID_BYTES: Final = 16
# Last second of the year 9999.
SECONDS_MAX: Final = 253_402_300_799
SECONDS_A_DAY: Final = 86_400
NANOS: Final = 1_000_000_000
NOWHERE: Final = Outpoint(bytes(STATEMENT_ID_BYTES), 0)
"""Stands for an outpoint that could not be read."""
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_WANTED: Final = "must be a UUID in lower case, e.g. 0191e7a0-0000-7000-8000-000000000000"
# One segment of a SPIFFE path.
_ENTERPRISE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_REASON: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


class PageAsked(Protocol):
    """A request for a page."""

    @property
    def page_size(self) -> int:
        """Rows at most; 0 for the default."""
        ...

    @property
    def page_token(self) -> str:
        """What the page before gave; empty for the first."""
        ...


class Fields:
    """Reads the fields of one request; `done` raises INVALID_FIELDS if anything was wrong.

    A reader that notes something gives a value of the right type all the same, which nobody uses.
    """

    __slots__ = ("violations",)

    text_bytes_max: ClassVar[int] = 256

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
        """A UUID in the one form that the protos document (RFC 9562 section 4, lower case), as 16 bytes.

        One spelling, because a request that is sent again is compared by its bytes.
        """
        if _UUID.fullmatch(text):
            return bytes.fromhex(text.replace("-", ""))
        self.wrong("request_id", _UUID_WANTED)
        return bytes(16)

    def text(self, field: str, text: str, *, optional: bool = False) -> str:
        """Printable text of at most `text_bytes_max` bytes."""
        most = self.text_bytes_max
        if not (text or optional) or len(text.encode()) > most or not text.isprintable():
            self.wrong(field, f"must be printable text of {0 if optional else 1} to {most} bytes")
        return text

    def matching(self, field: str, text: str, pattern: re.Pattern[str], why: str, *, optional: bool = False) -> str:
        """Text that is all of a pattern."""
        if not (pattern.fullmatch(text) or (optional and not text)):
            self.wrong(field, why)
        return text

    def enterprise(self, field: str, text: str, *, optional: bool = False) -> str:
        """The id of an enterprise, or another account's that is written alike ("national")."""
        why = "must be the id of an enterprise: letters, digits, dots, dashes, underscores"
        return self.matching(field, text, _ENTERPRISE, why, optional=optional)

    def lot_id(self, field: str, text: str) -> str:
        """A lot id with its check character."""
        try:
            lot_ids.check(text)
        except BadField as error:
            self.wrong(field, error.message)
        return text

    def country(self, field: str, text: str) -> str:
        """ISO 3166-1 alpha-2."""
        return self.matching(field, text, _COUNTRY, "must be a country, ISO 3166-1 alpha-2")

    def reason(self, field: str, text: str, *, optional: bool = False) -> str:
        """A reason code: capitals, digits, underscores."""
        why = 'must be a reason code: up to 64 capitals, digits, underscores, e.g. "SHORTAGE_MOISTURE_LOSS"'
        return self.matching(field, text, _REASON, why, optional=optional)

    def between(self, field: str, value: int, least: int, most: int, unit: str = "") -> int:
        """A number within bounds, in `unit`."""
        if not least <= value <= most:
            self.wrong(field, f"must lie between {least} and {most} {unit}".rstrip())
        return value

    def count(self, field: str, values: Collection[object], least: int, most: int) -> None:
        """How many there are."""
        if not least <= len(values) <= most:
            self.wrong(field, f"must be {least} to {most}, not {len(values)}")

    def distinct(self, field: str, values: Iterable[object]) -> None:
        """Each once; `field` has `[]` where a value's position goes. Outpoints that could not be read are noted
        already."""
        seen: set[object] = set()
        for position, value in enumerate(values):
            # The very object: an outpoint of zeros that somebody names equals it.
            if value is NOWHERE:
                continue
            if value in seen:
                self.wrong(field.replace("[]", f"[{position}]", 1), "is named a second time")
            seen.add(value)

    def identifier(self, field: str, value: bytes, size: int = STATEMENT_ID_BYTES) -> bytes:
        """An id of so many bytes; without `size` that of a statement."""
        if len(value) != size:
            self.wrong(field, f"must have {size} bytes")
        return value

    def act_id(self, value: bytes) -> bytes:
        """The id of an act of export."""
        return self.identifier("act_id", value, ACT_ID_BYTES)

    def outpoint(self, field: str, message: statement_pb2.Outpoint) -> Outpoint:
        """One head."""
        if len(message.statement_id) == STATEMENT_ID_BYTES and message.output_index < OUTPUTS_MAX:
            return Outpoint(message.statement_id, message.output_index)
        self.identifier(f"{field}.statement_id", message.statement_id)
        self.between(f"{field}.output_index", message.output_index, 0, OUTPUTS_MAX - 1)
        return NOWHERE

    def outpoints(self, field: str, messages: Collection[statement_pb2.Outpoint]) -> tuple[Outpoint, ...]:
        """The heads that a statement is to spend, each once."""
        self.count(field, messages, 1, SPENDS_MAX)
        found = tuple(self.outpoint(f"{field}[{number}]", message) for number, message in enumerate(messages))
        self.distinct(f"{field}[]", found)
        return found

    def instant(self, field: str, value: Timestamp, *, present: bool = True) -> datetime:
        """A point in time from 1970 to 9999, UTC; with `present` false the field was left out and is needed."""
        if present and 0 <= value.seconds <= SECONDS_MAX and 0 <= value.nanos < NANOS:
            return datetime.fromtimestamp(value.seconds, UTC).replace(microsecond=value.nanos // 1000)
        self.wrong(field, "must be a point in time")
        return _EPOCH

    def page(self, request: PageAsked, *, query: Sequence[object], key_types: tuple[type[KeyPart], ...]) -> PageRequest:
        """Which page of `query` is asked for (see `pagination.parse_page`)."""
        page, violations = parse_page(request.page_size, request.page_token, query=query, key_types=key_types)
        self.violations += violations
        return page


def timestamp(instant: datetime) -> Timestamp:
    """A point in time for a reply."""
    since = instant - _EPOCH
    return Timestamp(seconds=since.days * SECONDS_A_DAY + since.seconds, nanos=since.microseconds * 1000)


def outpoint_message(outpoint: Outpoint) -> statement_pb2.Outpoint:
    """A head for a reply."""
    return statement_pb2.Outpoint(statement_id=outpoint.statement_id, output_index=outpoint.index)
