"""Bytes to contents and back. What is encoded passes the same checks as what is decoded."""

from __future__ import annotations

from typing import cast

from monazite_provenance import _cbor
from monazite_provenance.contents import _lot_form
from monazite_provenance.contents._reading import read_details
from monazite_provenance.contents._writing import details_map
from monazite_provenance.contents.details import Details
from monazite_provenance.contents.lot import LotContent, lot_map, read_lot
from monazite_provenance.kinds import EventKind


def encode(content: LotContent | Details) -> bytes:
    """Deterministic CBOR of a lot or of details. Raises BadField when a field is out of bounds."""
    if isinstance(content, LotContent):
        usual = _lot_form.write(content)
        if usual is not None:
            return usual
        fields = lot_map(content)
        read_lot(fields)
    else:
        fields = details_map(content)
        read_details(content.KIND, fields)
    return _cbor.encode(cast("_cbor.Encodable", fields))


def decode_lot(content: bytes) -> LotContent:
    """The lot in an opened output. Raises the Malformed family."""
    usual = _lot_form.read(content)
    return read_lot(_cbor.decode(content)) if usual is None else usual


def decode_details(kind: EventKind, content: bytes) -> Details:
    """The opened details of a statement of this kind. Raises the Malformed family, UnsupportedVersion."""
    return read_details(kind, _cbor.decode(content))
