"""What stands in a QR code: a part of a statement or a bundle as one line of the letters that such codes pack best.

    MONAZITE1:<first 8 bytes of the SHA-256 of the whole, in hex>:<number of the part>/<how many>:<the part in Base45>

The digest keeps parts of two things apart and finds what was misread. It proves nothing: verifying does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from monazite_provenance import base45
from monazite_provenance.errors import BadField, TooLarge

PARTS_MAX: Final = 64
"""Most codes of one thing: whoever has more to hand over sends a file."""
PART_BYTES: Final = 900
"""Bytes in a part: with them a code has version 25 (117 x 117) and can be read off paper and screens."""
PART_BYTES_MIN: Final = 60
PART_BYTES_MAX: Final = 2_800
"""What the largest code bears at the lowest level of correction."""
LINE_CHARACTERS_MAX: Final = 4_296
"""Letters in the largest code."""

_MARK: Final = "MONAZITE1"
_DIGEST_BYTES: Final = 8
_LINE: Final = re.compile(r"MONAZITE1:([0-9A-F]{16}):([1-9][0-9]?)/([1-9][0-9]?):([0-9A-Z $%*+\-./:]+)")


def cut(whole: bytes, part_bytes: int = PART_BYTES) -> list[str]:
    """The lines for something. Raises TooLarge beyond PARTS_MAX, BadField for nothing."""
    count = -(-len(whole) // part_bytes)
    if count > PARTS_MAX:
        raise TooLarge("too long for QR codes", field="qr", limit=PARTS_MAX * part_bytes)
    if not count:
        raise BadField("nothing to be written", field="qr")
    digest = _digest(whole)
    starts = range(0, len(whole), part_bytes)
    return [
        f"{_MARK}:{digest}:{number}/{count}:{base45.encode(whole[start : start + part_bytes])}"
        for number, start in enumerate(starts, start=1)
    ]


def join(lines: Iterable[str]) -> bytes:
    """What the lines were cut from; they come in any order, the same one may come twice, empty ones are passed over.

    Raises BadField for a line of another form, for parts of two things, when parts are missing, when they do not add up
    to the digest; TooLarge for a line or a number of parts beyond the bounds.
    """
    parts: dict[int, bytes] = {}
    kinds: set[tuple[str, int]] = set()
    for line in filter(None, (raw.strip("\r\n") for raw in lines)):
        digest, number, count, body = _fields(line)
        kinds.add((digest, count))
        if len(kinds) > 1:
            raise BadField("parts of two things", field="qr")
        if parts.setdefault(number, body) != body:
            raise BadField("two parts of one number", field="qr")
    if not kinds:
        raise BadField("no part of anything", field="qr")
    ((digest, count),) = kinds
    if len(parts) != count:
        raise BadField("parts are missing", field="qr", missing=count - len(parts))
    whole = b"".join(parts[number] for number in range(1, count + 1))
    if _digest(whole) != digest:
        raise BadField("the parts do not add up to what was written", field="qr")
    return whole


def _fields(line: str) -> tuple[str, int, int, bytes]:
    if len(line) > LINE_CHARACTERS_MAX:
        raise TooLarge("more than a QR code holds", field="qr", limit=LINE_CHARACTERS_MAX)
    found = _LINE.fullmatch(line)
    if found is None:
        raise BadField("not a part of ours", field="qr")
    number, count = int(found[2]), int(found[3])
    if number > count or count > PARTS_MAX:
        raise BadField("a part outside its count", field="qr")
    return found[1], number, count, base45.decode(found[4])


def _digest(whole: bytes) -> str:
    return sha256(whole).digest()[:_DIGEST_BYTES].hex().upper()
