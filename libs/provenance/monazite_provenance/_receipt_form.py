"""The usual receipt of one entry, read by one match: what and why is said in `_forms`.

Usual is: signed with Ed25519 or ESP256. Everything else, and everything that is wrong, is for the general reader in
`_head_reading`.
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Final, NamedTuple

from monazite_provenance import _cbor, _forms, tree
from monazite_provenance.keys import SIGNATURE_BYTES

VDP: Final = 396
INCLUSION: Final = -1
_BYTES, _ARRAY, _MAP = 2, 4, 5
_HASH = Struct(">2x32s")
_FORM = _forms.Form(
    rb"\xd2\x84(\x58.|\x59..)(.*?)",  # the protected header, of whatever content; it ends where the rest begins
    *(re.escape(_cbor.head(_MAP, 1)), _forms.literal(VDP), re.escape(_cbor.head(_MAP, 1)), _forms.literal(INCLUSION)),
    *(_forms.array(1), rb"([\x40-\x57]|\x58.|\x59..)"),
    rb"(\x83(%b)(%b)(\x80|%b)((?:%b)*+))" % (_forms.UINT, _forms.UINT, _forms.COUNT, _forms.byte_string(32)),
    rb"\xf6",
    _forms.content_of(SIGNATURE_BYTES),
)


class ReceiptParts(NamedTuple):
    """What stands in a receipt. Nothing in the protected header has been looked at."""

    protected: bytes
    size: int
    place: int
    path: tuple[bytes, ...]
    signature: bytes


def read(raw: bytes) -> ReceiptParts | None:
    """The receipt, or None when it is of another form or wrong. Raises nothing."""
    match = _FORM.fullmatch(raw)
    if match is None:
        return None
    head, protected, proof_head, proof, size, index, count, hashes, signature = match.groups()
    path = tuple([each for (each,) in _HASH.iter_unpack(hashes)])
    if (
        head != _cbor.head(_BYTES, len(protected))
        or proof_head != _cbor.head(_BYTES, len(proof))
        or count != _cbor.head(_ARRAY, len(path))
        or len(path) > tree.PATH_NODES_MAX
    ):
        return None
    return ReceiptParts(protected, _forms.integer_of(size), _forms.integer_of(index), path, signature)
