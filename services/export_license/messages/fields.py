"""Readers of single fields. Each notes what is wrong and goes on, so that a client hears of all at once."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

import cbor2
from google.protobuf.timestamp_pb2 import Timestamp
from monazite.export_license.v1 import export_license_pb2 as pb
from monazite.type.v1 import statement_pb2
from monazite_provenance.statement import Outpoint

from services.chassis.call import current_call
from services.chassis.errors import Violation, invalid
from services.chassis.store import Audit, RequestKey
from services.export_license.domain.cases import Party
from services.export_license.operations import Asked

TEXT_BYTES_MAX: Final = 512
GROSS_G_MAX: Final = 1 << 53
ID_BYTES: Final = 32
ACT_ID_BYTES: Final = 16
OUTPUT_INDEX_MAX: Final = 0xFFFF
# A statement refs at most 32 others: the licence and the lots of a declaration.
LOTS_MAX: Final = 31
LINES_MAX: Final = 64
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_CONTROL_CODE: Final = re.compile(r"[0-9][A-Z][0-9]{3}(\.[a-z](\.[0-9]{1,2})?)?")
_HS_CODE: Final = re.compile(r"[0-9]{6,10}")
_REASON_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,62}")

Content: TypeAlias = int | str | bytes | Sequence["Content"]


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
        """A UUID, as 16 bytes."""
        try:
            return uuid.UUID(text).bytes
        except ValueError:
            self.wrong("request_id", "must be a UUID")
            return bytes(16)

    def text(self, field: str, text: str, *, empty: bool = False) -> str:
        """A printable text within the bound."""
        if not (text or empty) or len(text.encode("utf-8")) > TEXT_BYTES_MAX or not text.isprintable():
            self.wrong(field, f"must be printable text of {0 if empty else 1} to {TEXT_BYTES_MAX} bytes")
        return text

    def country(self, field: str, text: str) -> str:
        """ISO 3166-1 alpha-2."""
        return self._matching(field, text, _COUNTRY, "must be a country, ISO 3166-1 alpha-2")

    def control_code(self, field: str, text: str) -> str:
        """A code of the control lists."""
        return self._matching(field, text, _CONTROL_CODE, 'must be a control code, e.g. "1C905.a"')

    def hs_code(self, field: str, text: str) -> str:
        """A customs code, 6 to 10 digits."""
        return self._matching(field, text, _HS_CODE, "must be a customs code of 6 to 10 digits")

    def reason_code(self, field: str, text: str) -> str:
        """A reason code, upper case."""
        return self._matching(field, text, _REASON_CODE, 'must be a reason code, e.g. "WITHDRAWN"')

    def _matching(self, field: str, text: str, pattern: re.Pattern[str], why: str) -> str:
        if not pattern.fullmatch(text):
            self.wrong(field, why)
        return text

    def gross_g(self, field: str, gross_g: int) -> int:
        """A gross mass in grams, above zero."""
        if not 0 < gross_g <= GROSS_G_MAX:
            self.wrong(field, f"must lie between 1 and {GROSS_G_MAX} g")
        return gross_g

    def id(self, field: str, value: bytes, size: int = ID_BYTES) -> bytes:
        """An id of fixed size."""
        if len(value) != size:
            self.wrong(field, f"must have {size} bytes")
        return value

    def outpoint(self, field: str, message: statement_pb2.Outpoint) -> Outpoint:
        """A head."""
        self.id(f"{field}.statement_id", message.statement_id)
        if message.output_index > OUTPUT_INDEX_MAX:
            self.wrong(f"{field}.output_index", f"must be at most {OUTPUT_INDEX_MAX}")
        return Outpoint(message.statement_id, message.output_index)

    def count(self, field: str, values: Sequence[object], largest: int) -> None:
        """Some, and not too many."""
        if not 0 < len(values) <= largest:
            self.wrong(field, f"must be 1 to {largest}")

    def distinct(self, field: str, outpoints: Sequence[Outpoint]) -> None:
        """No head twice."""
        for position, outpoint in enumerate(outpoints):
            if outpoint in outpoints[:position]:
                self.wrong(f"{field}[{position}]", "names a head a second time")

    def party(self, field: str, message: pb.Party) -> Party:
        """A party with name and country; the address may be empty."""
        return Party(
            self.text(f"{field}.name", message.name),
            self.country(f"{field}.country", message.country),
            self.text(f"{field}.address", message.address, empty=True),
        )

    def instant(self, field: str, value: Timestamp) -> datetime:
        """A point in time, UTC."""
        try:
            return value.ToDatetime(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.wrong(field, "must be a point in time")
            return datetime.fromtimestamp(0, UTC)


def asked(request_id: bytes, *content: Content) -> Asked:
    """Who asks now, and by which request; `content` are the fields in a fixed order, without the request id."""
    call = current_call()
    digest = hashlib.sha256(cbor2.dumps(content)).digest()
    key = RequestKey(scope=call.principal.scope, method=call.method, request_id=request_id, digest=digest)
    return Asked(call.principal, key, Audit.current())


def timestamp(instant: datetime) -> Timestamp:
    """A point in time for a reply."""
    message = Timestamp()
    message.FromDatetime(instant)
    return message


def outpoint_message(outpoint: Outpoint) -> statement_pb2.Outpoint:
    """A head for a reply."""
    return statement_pb2.Outpoint(statement_id=outpoint.statement_id, output_index=outpoint.index)
