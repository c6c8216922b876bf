"""The COSE layer (RFC 9052): one tagged COSE_Sign1, its Sig_structure, and which algorithm numbers are let through."""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from monazite_provenance import _cbor
from monazite_provenance._cbor import CborValue
from monazite_provenance.errors import (
    AlgorithmMismatch,
    BadField,
    CriticalHeader,
    NotDeterministic,
    TrailingBytes,
    UnsupportedAlgorithm,
)
from monazite_provenance.keys import Algorithm, PublicKey

# Header labels (RFC 9052 table 3, RFC 9597, RFC 9596, RFC 9942).
ALG, CRIT, CONTENT_TYPE, KID = 1, 2, 3, 4
CWT_CLAIMS, TYP = 15, 16
RECEIPTS: Final = 394

# Tag 18 in its shortest form, then an array of four.
_TAGGED_ARRAY_OF_FOUR: Final = b"\xd2\x84"
_TAG: Final = b"\xd2"
_LONGER_TAGS: Final = (b"\xd8\x12", b"\xd9\x00\x12", b"\xda\x00\x00\x00\x12", b"\xdb\x00\x00\x00\x00\x00\x00\x00\x12")
# ["Signature1", ... without protected, external_aad (empty) and payload.
SIGNATURE1: Final = b"\x84\x6aSignature1"
EMPTY_BYTES: Final = b"\x40"
EMPTY_MAP: Final = b"\xa0"

_ALGORITHMS: Final = {int(algorithm): algorithm for algorithm in Algorithm}
# EdDSA and ES256 name no curve (deprecated by RFC 9864); with the keys we accept they can only mean these two.
POLYMORPHIC_ALGORITHMS: Final = {-8: Algorithm.ED25519, -7: Algorithm.ESP256}


class Sign1(NamedTuple):
    """The four parts of a COSE_Sign1; `protected` is the content of its byte string."""

    protected: bytes
    unprotected: dict[int, CborValue]
    payload: bytes
    signature: bytes


def decode_sign1(raw: bytes) -> Sign1:
    """Take a tagged COSE_Sign1 with an attached payload apart. Raises the `Malformed` family."""
    if raw[:2] != _TAGGED_ARRAY_OF_FOUR:
        _refuse_envelope(raw)
    protected, at = _cbor.read_byte_string(raw, len(_TAGGED_ARRAY_OF_FOUR))
    if raw[at : at + 1] == EMPTY_MAP:
        # Almost every statement; the general decoder would cost as much as all other checks of the envelope.
        payload, at = _cbor.read_byte_string(raw, at + 1)
        signature, at = _cbor.read_byte_string(raw, at)
        if at != len(raw):
            raise TrailingBytes("bytes after the item")
        return Sign1(protected, {}, payload, signature)
    match decode_tagged(raw):
        case [bytes(protected), dict(unprotected), bytes(payload), bytes(signature)]:
            return Sign1(protected, unprotected, payload, signature)
        case _:
            raise BadField("the parts of a COSE_Sign1", field="cose_sign1")


def decode_tagged(raw: bytes) -> CborValue:
    """What stands under tag 18, whatever it is. Raises the `Malformed` family."""
    if raw[:2] != _TAGGED_ARRAY_OF_FOUR:
        _refuse_envelope(raw)
    return _cbor.decode(raw[1:])


def _refuse_envelope(raw: bytes) -> NoReturn:
    """Say what is wrong with bytes that do not begin as they must: a spelling, or something else altogether."""
    if raw[:1] == _TAG:
        _cbor.decode(raw[1:])
    elif raw.startswith(_LONGER_TAGS):
        raise NotDeterministic("not in shortest form")
    raise BadField("not a tagged COSE_Sign1", field="cose_sign1")


def decode_header(protected: bytes, labels: list[int]) -> dict[int, CborValue]:
    """A protected header with exactly these labels, in bytewise order.

    Raises the `Malformed` family, and `CriticalHeader` first of all for a header that names critical labels.
    """
    header = _cbor.decode(protected)
    if not isinstance(header, dict):
        raise BadField("the protected header is a map", field="header")
    if CRIT in header:
        raise CriticalHeader("no critical header is known to this profile")
    if list(header) != labels:
        raise BadField("labels of the protected header", field="header")
    return header


def encode_detached(protected: bytes, unprotected: bytes, signature: bytes) -> bytes:
    """A tagged COSE_Sign1 whose payload is left out; `unprotected` is an encoded map."""
    parts = (_cbor.byte_string(protected), unprotected, b"\xf6", _cbor.byte_string(signature))
    return _TAGGED_ARRAY_OF_FOUR + b"".join(parts)


def encode_sign1(protected: bytes, payload: bytes, signature: bytes, unprotected: bytes = EMPTY_MAP) -> bytes:
    """A tagged COSE_Sign1; `unprotected` is an encoded map."""
    parts = (_cbor.byte_string(protected), unprotected, _cbor.byte_string(payload), _cbor.byte_string(signature))
    return _TAGGED_ARRAY_OF_FOUR + b"".join(parts)


def sign1_of(signing_input: bytes, signature: bytes) -> bytes:
    """As `encode_sign1` without anything unprotected, of what was signed: no external data, a header not empty."""
    # Header and payload stand in it as they do in the envelope: each after its head.
    _, at = _cbor.read_byte_string(signing_input, len(SIGNATURE1))
    protected, payload = signing_input[len(SIGNATURE1) : at], signing_input[at + len(EMPTY_BYTES) :]
    return b"".join((_TAGGED_ARRAY_OF_FOUR, protected, EMPTY_MAP, payload, _cbor.byte_string(signature)))


def signing_input(protected: bytes, payload: bytes, external_aad: bytes = b"") -> bytes:
    """The Sig_structure of RFC 9052 section 4.4, encoded: the bytes that are signed."""
    if protected == EMPTY_MAP:
        # An empty header is signed as the empty string, however it travels (same section, step 2).
        protected = b""
    aad = _cbor.byte_string(external_aad) if external_aad else EMPTY_BYTES
    return b"".join((SIGNATURE1, _cbor.byte_string(protected), aad, _cbor.byte_string(payload)))


def algorithm_of(value: CborValue, *, dangerously_accept_polymorphic_algorithms: bool = False) -> Algorithm:
    """The algorithm that an `alg` header names. Raises `UnsupportedAlgorithm`.

    The switch lets EdDSA (-8) and ES256 (-7) through for interoperation with older signers; they name no curve.
    """
    if type(value) is int:
        if value in _ALGORITHMS:
            return _ALGORITHMS[value]
        if dangerously_accept_polymorphic_algorithms and value in POLYMORPHIC_ALGORITHMS:
            return POLYMORPHIC_ALGORITHMS[value]
    raise UnsupportedAlgorithm("an algorithm outside the profile")


def verify(key: PublicKey, algorithm: Algorithm, signature: bytes, message: bytes) -> None:
    """Return if `signature` is by `key`; raise `AlgorithmMismatch` before any arithmetic, or `BadSignature`."""
    check_algorithm(key, algorithm)
    key.verify(signature, message)


def check_algorithm(key: PublicKey, algorithm: Algorithm) -> None:
    """Return if a header that names this algorithm may be of the key; raise `AlgorithmMismatch`."""
    if algorithm is not key.algorithm:
        raise AlgorithmMismatch("the header names another algorithm than the key's")
