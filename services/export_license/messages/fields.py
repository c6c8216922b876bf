"""Readers of the fields that only export licensing has."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final, TypeAlias

import cbor2
from monazite.export_license.v1 import export_license_pb2 as pb

from services.chassis import fields as chassis
from services.chassis.call import current_call
from services.chassis.store import Audit, RequestKey
from services.export_license.domain.cases import Party
from services.export_license.operations import Asked

GROSS_G_MAX: Final = 1 << 53
# A statement refs at most 32 others: the licence and the lots of a declaration.
LOTS_MAX: Final = 31
LINES_MAX: Final = 64
_CONTROL_CODE: Final = re.compile(r"[0-9][A-Z][0-9]{3}(\.[a-z](\.[0-9]{1,2})?)?")
_HS_CODE: Final = re.compile(r"[0-9]{6,10}")

Content: TypeAlias = int | str | bytes | Sequence["Content"]


class Fields(chassis.Fields):
    """Reads the fields of one request; `done` raises INVALID_FIELDS if anything was wrong."""

    __slots__ = ()

    # Reasons and end uses are prose.
    text_bytes_max = 512

    def control_code(self, field: str, text: str) -> str:
        """A code of the control lists."""
        return self.matching(field, text, _CONTROL_CODE, 'must be a control code, e.g. "1C905.a"')

    def hs_code(self, field: str, text: str) -> str:
        """A customs code, 6 to 10 digits."""
        return self.matching(field, text, _HS_CODE, "must be a customs code of 6 to 10 digits")

    def gross_g(self, field: str, gross_g: int, *, least: int = 1) -> int:
        """A gross mass in grams."""
        return self.between(field, gross_g, least, GROSS_G_MAX, "g")

    def party(self, field: str, message: pb.Party) -> Party:
        """A party with name and country; the address may be empty."""
        return Party(
            self.text(f"{field}.name", message.name),
            self.country(f"{field}.country", message.country),
            self.text(f"{field}.address", message.address, optional=True),
        )


def asked(request_id: bytes, *content: Content) -> Asked:
    """Who asks now, and by which request; `content` are the fields in a fixed order, without the request id."""
    call = current_call()
    digest = hashlib.sha256(cbor2.dumps(content)).digest()
    key = RequestKey(scope=call.principal.scope, method=call.method, request_id=request_id, digest=digest)
    return Asked(call.principal, key, Audit.current())
