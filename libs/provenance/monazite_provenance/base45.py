"""Base45 (RFC 9285): bytes in the 45 letters that a QR code packs two into 11 bits."""

from __future__ import annotations

from typing import Final

from monazite_provenance.errors import BadField

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_BASE: Final = len(ALPHABET)
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}
# Letters by bytes, of a whole group and of the rest.
_GROUP: Final = 3
_BYTES: Final = {3: 2, 2: 1}


def encode(data: bytes) -> str:
    """Two bytes in three letters, a last single one in two."""
    letters: list[str] = []
    for at in range(0, len(data), 2):
        pair = data[at : at + 2]
        value = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            value, letter = divmod(value, _BASE)
            letters.append(ALPHABET[letter])
    return "".join(letters)


def decode(text: str) -> bytes:
    """The bytes of a text. Raises BadField for a letter outside the alphabet, a group that is no byte pair, or a rest
    of one letter.
    """
    pieces: list[bytes] = []
    for at in range(0, len(text), _GROUP):
        group = text[at : at + _GROUP]
        size = _BYTES.get(len(group))
        value = 0
        for letter in reversed(group):
            value = value * _BASE + _VALUES.get(letter, 1 << 16)
        if size is None or value >= 1 << 8 * size:
            raise BadField("not Base45", field="base45")
        pieces.append(value.to_bytes(size, "big"))
    return b"".join(pieces)
