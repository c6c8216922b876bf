"""Bytes to a lot and back, wherever a lot stands: as an output of its own, or inside details."""

from __future__ import annotations

from typing import Final, cast

from monazite_provenance import _cbor
from monazite_provenance.contents import _lot_form
from monazite_provenance.contents._fields import as_blob
from monazite_provenance.contents._lot_form import Kept
from monazite_provenance.contents.lot import LotContent, lot_map, read_lot

LOT_BYTES_MAX: Final = 49_152
"""Largest lot inside details: room for every lot that the bounds of its fields allow."""


def encode_lot(lot: LotContent) -> bytes:
    """Deterministic CBOR of a lot. Raises BadField when a field is out of bounds."""
    usual = _lot_form.write(lot)
    if usual is not None:
        return usual
    fields = lot_map(lot)
    read_lot(fields)
    return _cbor.encode(cast("_cbor.Encodable", fields))


def decode_lot(content: bytes) -> LotContent:
    """The lot in an opened output. Raises the Malformed family."""
    usual = _lot_form.read(content)
    return read_lot(_cbor.decode(content)) if usual is None else usual


def decode_after(content: bytes, before: LotContent | None, kept: Kept | None) -> tuple[LotContent, Kept | None]:
    """As `decode_lot`, quicker where it is the lot before in other hands. `kept`: what this gave with that one.

    Raises the Malformed family.
    """
    moved = None if before is None or kept is None else _lot_form.read_moved(content, before, kept)
    if moved is not None:
        return moved, kept
    return _lot_form.read_keeping(content) or (read_lot(_cbor.decode(content)), None)


def as_lot(value: object, field: str) -> LotContent:
    """Reader of a lot inside details. Raises the Malformed family."""
    return decode_lot(as_blob(value, field, LOT_BYTES_MAX))
