"""Bytes to contents and back. What is encoded passes the same checks as what is decoded."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, cast

from monazite_provenance import _cbor
from monazite_provenance.contents._lots import decode_lot, encode_lot
from monazite_provenance.contents._reading import read_details
from monazite_provenance.contents._writing import details_map
from monazite_provenance.contents.details import Details
from monazite_provenance.contents.lot import LotContent
from monazite_provenance.kinds import EventKind

_SHORT_BYTES: Final = 64
_DETAILS_REMEMBERED: Final = 1_024
"""Short details kept: those of offers, acceptances, splits and merges say the same over and over along a chain."""

__all__ = ["decode_details", "decode_lot", "encode"]


def encode(content: LotContent | Details) -> bytes:
    """Deterministic CBOR of a lot or of details. Raises BadField when a field is out of bounds."""
    if isinstance(content, LotContent):
        return encode_lot(content)
    fields = details_map(content)
    read_details(content.KIND, fields)
    return _cbor.encode(cast("_cbor.Encodable", fields))


def decode_details(kind: EventKind, content: bytes) -> Details:
    """The opened details of a statement of this kind. Raises the Malformed family, UnsupportedVersion."""
    return _remembered(kind, content) if len(content) <= _SHORT_BYTES else read_details(kind, _cbor.decode(content))


@lru_cache(maxsize=_DETAILS_REMEMBERED)
def _remembered(kind: EventKind, content: bytes) -> Details:
    return read_details(kind, _cbor.decode(content))
