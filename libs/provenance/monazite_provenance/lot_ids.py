"""Lot ids: `RE-XXXX-XXXX-XXXX-C`, 60 random bits in Crockford's base 32 and an ISO 7064 MOD 37,36 check character."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from os import urandom
from typing import Final

from monazite_provenance.errors import BadField

PATTERN: Final = "RE-XXXX-XXXX-XXXX-C"
EXAMPLE: Final = "RE-54G0-ZW1Q-MJVM-J"
"""How a lot id looks, for who has given something else."""
_PREFIX: Final = "RE"
_BASE32: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SHAPE: Final = re.compile(rf"RE-([{_BASE32}]{{4}})-([{_BASE32}]{{4}})-([{_BASE32}]{{4}})-([0-9A-Z])")
_CHARACTERS: Final = 12
_RANDOM_BYTES: Final = 8
# ISO 7064, hybrid system MOD 37,36: products from 1 to 36, and what each character makes of each.
_MODULUS: Final = 36
_NEXT: Final = tuple(
    {
        character: ((product + value) % _MODULUS or _MODULUS) * 2 % (_MODULUS + 1)
        for value, character in enumerate(_ALPHABET)
    }
    for product in range(_MODULUS + 1)
)
IDS_REMEMBERED: Final = 4096
"""Lot ids kept that were found right: a lot has one id through all hands."""


def check_character(body: str) -> str:
    """The ISO 7064 MOD 37,36 character of a text of 0-9A-Z: detects every wrong character and most transpositions."""
    product = _MODULUS
    for character in body:
        product = _NEXT[product][character]
    return _ALPHABET[(_MODULUS + 1 - product) % _MODULUS]


def new(random: Callable[[int], bytes] = urandom) -> str:
    """A fresh lot id. `random(n)` gives n random bytes."""
    number = int.from_bytes(random(_RANDOM_BYTES), "big")
    body = "".join(_BASE32[number >> 5 * place & 31] for place in range(_CHARACTERS))
    return f"{_PREFIX}-{body[:4]}-{body[4:8]}-{body[8:]}-{check_character(_PREFIX + body)}"


@lru_cache(maxsize=IDS_REMEMBERED)
def check(lot_id: str) -> None:
    """Return if `lot_id` has the shape and its check character; raise BadField if not."""
    match = _SHAPE.fullmatch(lot_id)
    if match is None:
        raise BadField(f"not of the shape of a lot id, {PATTERN}, such as {EXAMPLE}", field="lot_id")
    if check_character(_PREFIX + "".join(match.groups()[:3])) != match[4]:
        raise BadField("check character of the lot id is wrong: it has been mistyped", field="lot_id")
