"""Points of edwards25519 that verifiers disagree about."""

from __future__ import annotations

from typing import Final

PRIME: Final = 2**255 - 19
_ORDER_EIGHT: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7


def _encodings(ordinates: tuple[int, ...]) -> tuple[bytes, ...]:
    return tuple((y | sign << 255).to_bytes(32, "little") for y in ordinates for sign in (0, 1))


LOW_ORDER: Final = _encodings((0, 1, _ORDER_EIGHT, PRIME - _ORDER_EIGHT, PRIME - 1, PRIME, PRIME + 1))
"""All 14 encodings of points whose order divides 8, canonical and not."""
NON_CANONICAL: Final = _encodings(tuple(PRIME + n for n in (3, 4, 5, 6, 9, 10, 14, 15, 16, 18)))
"""Spellings of ordinates of points at or above the prime, of no low order."""
