"""Keys: the public half as a COSE_Key, the signing half, and what a certification says of a key.

Two algorithms of RFC 9864: Ed25519 (-19, the default) and ESP256 (-9, ECDSA on P-256 with SHA-256, which every HSM
offers); and ML-DSA-44 and -65 of RFC 9964 (-48, -49), which outlast quantum computers and cost kilobytes. The key
decides the algorithm; a header can only agree with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import cache, partial
from hashlib import sha256
from typing import Final, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from monazite_provenance import _cbor
from monazite_provenance._cbor import CborValue
from monazite_provenance._frozen import dataclass
from monazite_provenance.errors import BadField, BadSignature, Compromised, Retired, TooLarge, UnsupportedAlgorithm
from monazite_provenance.kinds import EventKind
from monazite_provenance.places import LogSpan, Place, check_spans

KID_BYTES: Final = 16
THUMBPRINT_BYTES: Final = 32
COORDINATE_BYTES: Final = 32
COSE_KEY_BYTES_MAX: Final = 2048
"""Largest COSE_Key, bytes: the public key of ML-DSA-65 has 1952."""

_FIELD_PRIME: Final = 2**255 - 19
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_HALF_ORDER: Final = _P256_ORDER // 2

# COSE_Key labels and values (RFC 9053 section 7; RFC 9964 section 3).
_KTY, _ALG, _CRV, _X, _Y, _PUB = 1, 3, -1, -2, -3, -1
_OKP, _EC2, _AKP = 1, 2, 7
_CRV_P256, _CRV_ED25519 = 1, 6


class Algorithm(IntEnum):
    """Fully specified algorithms (RFC 9864, RFC 9964) that sign statements and heads."""

    ED25519 = -19
    ESP256 = -9
    ML_DSA_44 = -48
    ML_DSA_65 = -49


SIGNATURE_BYTES: Final = 64
"""Length of an Ed25519 or ESP256 signature, bytes."""
SIGNATURE_LENGTHS: Final[Mapping[Algorithm, int]] = {
    Algorithm.ED25519: SIGNATURE_BYTES,
    Algorithm.ESP256: SIGNATURE_BYTES,
    Algorithm.ML_DSA_44: 2420,
    Algorithm.ML_DSA_65: 3309,
}
"""Length of a signature by its algorithm, bytes."""
SIGNATURE_BYTES_MAX: Final = max(SIGNATURE_LENGTHS.values())

_MlDsaPublicKey: TypeAlias = "mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey"
_MlDsaPrivateKey: TypeAlias = "mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey"
_ML_DSA_PUBLIC_BYTES: Final = {Algorithm.ML_DSA_44: 1312, Algorithm.ML_DSA_65: 1952}
_UNSUPPORTED_KEY: Final = "only Ed25519, P-256, ML-DSA-44 and ML-DSA-65 keys sign statements"


def _low_order_encodings() -> frozenset[bytes]:
    # y of the points whose order divides 8, with the non-canonical spellings of 0 and 1, each with either sign bit.
    # OpenSSL and libsodium disagree on signatures that use them; refusing them all makes every implementation agree.
    order_eight = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
    ordinates = (
        0, 1, order_eight, _FIELD_PRIME - order_eight, _FIELD_PRIME - 1, _FIELD_PRIME, _FIELD_PRIME + 1,
    )  # fmt: skip
    return frozenset((y | sign << 255).to_bytes(32, "little") for y in ordinates for sign in (0, 1))


LOW_ORDER_POINTS: Final = _low_order_encodings()


class PublicKey:
    """A public key in its one COSE_Key form (required members only, so that its hash is its RFC 9679 thumbprint)."""

    __slots__ = ("_verify", "algorithm", "cose_key", "kid", "raw", "thumbprint")

    algorithm: Algorithm
    cose_key: bytes
    raw: bytes
    """The public key as its algorithm writes it: 32 bytes of Ed25519, the uncompressed point of P-256."""
    thumbprint: bytes
    kid: bytes
    _verify: Callable[[bytes, bytes], None]

    def __init__(self, key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | _MlDsaPublicKey) -> None:
        """Wrap a key of `cryptography`. Raises `UnsupportedAlgorithm`, or `BadField` on a point of low order."""
        # The classes are abstract: to ask of which one a key is takes as long as a hash, so it is asked once.
        if isinstance(key, ed25519.Ed25519PublicKey):
            self._verify = partial(_verify_ed25519, key)
            self.raw = key.public_bytes_raw()
            _check_ed25519_point(self.raw)
            self.algorithm = Algorithm.ED25519
            self.cose_key = _cbor.encode({_KTY: _OKP, _CRV: _CRV_ED25519, _X: self.raw})
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            self._verify = partial(_verify_p256, key)
            numbers = key.public_numbers()
            x, y = (n.to_bytes(COORDINATE_BYTES, "big") for n in (numbers.x, numbers.y))
            self.raw = b"\x04" + x + y
            self.algorithm = Algorithm.ESP256
            self.cose_key = _cbor.encode({_KTY: _EC2, _CRV: _CRV_P256, _X: x, _Y: y})
        elif isinstance(key, (mldsa.MLDSA44PublicKey, mldsa.MLDSA65PublicKey)):
            self._verify = key.verify
            self.raw = key.public_bytes_raw()
            is_44 = isinstance(key, mldsa.MLDSA44PublicKey)
            self.algorithm = Algorithm.ML_DSA_44 if is_44 else Algorithm.ML_DSA_65
            self.cose_key = _cbor.encode({_KTY: _AKP, _ALG: int(self.algorithm), _PUB: self.raw})
        else:
            raise UnsupportedAlgorithm(_UNSUPPORTED_KEY)
        self.thumbprint = sha256(self.cose_key).digest()
        self.kid = self.thumbprint[:KID_BYTES]

    @classmethod
    def from_cose_key(cls, data: bytes) -> PublicKey:
        """Read a COSE_Key: exactly kty, crv, x (and y), or kty, alg and pub of ML-DSA, deterministic.

        Raises the `Malformed` family or `UnsupportedAlgorithm`.
        """
        if len(data) > COSE_KEY_BYTES_MAX:
            raise TooLarge("COSE_Key too long", limit=COSE_KEY_BYTES_MAX)
        members = _cbor.decode(data)
        if not isinstance(members, dict):
            raise BadField("a COSE_Key is a map", field="cose_key")
        key = cls.from_members(members)
        if key.cose_key != data:
            raise BadField("a COSE_Key has its required members alone", field="cose_key")
        return key

    @classmethod
    def from_members(cls, members: Mapping[int, CborValue]) -> PublicKey:
        """The key that a decoded COSE_Key names; members that are not required are not looked at.

        Raises `BadField` or `UnsupportedAlgorithm`.
        """
        match (members.get(_KTY), members.get(_CRV), members.get(_X), members.get(_Y)):
            case (1, 6, bytes(x), _) if len(x) == COORDINATE_BYTES:
                return cls(ed25519.Ed25519PublicKey.from_public_bytes(x))
            case (2, 1, bytes(x), bytes(y)) if len(x) == len(y) == COORDINATE_BYTES:
                return cls(_p256(x, y))
            case (1, 6, *_) | (2, 1, *_):
                raise BadField("COSE_Key members", field="cose_key")
            case (7, bytes(pub), *_):
                return cls(_ml_dsa(members.get(_ALG), pub))
            case _:
                raise UnsupportedAlgorithm(_UNSUPPORTED_KEY)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if `signature` (SIGNATURE_LENGTHS of it) is by this key over `message`; raise `BadSignature` if not.

        An Ed25519 R of low order and an ECDSA s above half the order are refused, so that nobody but the signer can
        make a second good signature of a first.
        """
        if len(signature) != SIGNATURE_LENGTHS[self.algorithm]:
            raise BadSignature("a signature of another length than its algorithm's")
        try:
            self._verify(signature, message)
        except InvalidSignature:
            raise BadSignature("not signed by this key over these bytes") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.cose_key == other.cose_key

    def __hash__(self) -> int:
        return hash(self.cose_key)

    def __repr__(self) -> str:
        return f"PublicKey({self.algorithm.name}, kid={self.kid.hex()})"


def _verify_ed25519(key: ed25519.Ed25519PublicKey, signature: bytes, message: bytes) -> None:
    if signature[:32] in LOW_ORDER_POINTS:
        raise BadSignature("R is a point of low order")
    key.verify(signature, message)


@cache
def _ecdsa() -> ec.ECDSA:
    # It loads all ciphers of the backend, which whoever meets Ed25519 keys alone never needs.
    return ec.ECDSA(hashes.SHA256())


def _verify_p256(key: ec.EllipticCurvePublicKey, signature: bytes, message: bytes) -> None:
    s = int.from_bytes(signature[32:], "big")
    if s > _P256_HALF_ORDER:
        raise BadSignature("s is above half the group order")
    key.verify(encode_dss_signature(int.from_bytes(signature[:32], "big"), s), message, _ecdsa())


def _check_ed25519_point(point: bytes) -> None:
    if point in LOW_ORDER_POINTS or int.from_bytes(point, "little") & (1 << 255) - 1 >= _FIELD_PRIME:
        raise BadField("a public key of low order or in a non-canonical form", field="x")


def _p256(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    except ValueError as error:
        raise BadField("not a point of P-256", field="x") from error


def _ml_dsa(algorithm: CborValue, pub: bytes) -> _MlDsaPublicKey:
    if type(algorithm) is not int or algorithm not in tuple(_ML_DSA_PUBLIC_BYTES):
        raise UnsupportedAlgorithm(_UNSUPPORTED_KEY)
    if len(pub) != _ML_DSA_PUBLIC_BYTES[Algorithm(algorithm)]:
        raise BadField("COSE_Key members", field="cose_key")
    if algorithm == Algorithm.ML_DSA_44:
        return mldsa.MLDSA44PublicKey.from_public_bytes(pub)
    return mldsa.MLDSA65PublicKey.from_public_bytes(pub)


def ecdsa_raw_from_der(der: bytes) -> bytes:
    """An HSM's DER ECDSA signature as COSE's r||s, 64 bytes, with the lower of the two s. Raises `BadSignature`."""
    try:
        r, s = decode_dss_signature(der)
    except ValueError as error:
        raise BadSignature("not a DER signature") from error
    if not (0 < r < _P256_ORDER and 0 < s < _P256_ORDER):
        raise BadSignature("r or s is out of range")
    return r.to_bytes(32, "big") + min(s, _P256_ORDER - s).to_bytes(32, "big")


def ecdsa_low_s(signature: bytes) -> bytes:
    """An ECDSA signature r||s of 64 bytes with the lower of the two s. Raises `BadSignature` for another length."""
    s = int.from_bytes(signature[COORDINATE_BYTES:], "big")
    if len(signature) != SIGNATURE_BYTES or s >= _P256_ORDER:
        raise BadSignature("not an ECDSA signature as r||s")
    return signature[:COORDINATE_BYTES] + min(s, _P256_ORDER - s).to_bytes(32, "big")


def ed25519_public_key(point: bytes) -> PublicKey:
    """The Ed25519 key of these 32 bytes. Raises `BadField`."""
    return PublicKey.from_members({_KTY: _OKP, _CRV: _CRV_ED25519, _X: point})


def p256_public_key(point: bytes) -> PublicKey:
    """The P-256 key of an uncompressed point, 65 bytes. Raises `BadField`."""
    return PublicKey.from_members({_KTY: _EC2, _CRV: _CRV_P256, _X: point[1:33], _Y: point[33:]})


class SigningKey(Protocol):
    """Whatever can sign: a key in memory, an HSM, a remote signer."""

    @property
    def public(self) -> PublicKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Signature over `message`, SIGNATURE_LENGTHS of it; r||s with low s for ESP256."""
        ...


class SoftwareKey:
    """A private key in this process's memory. Load it once: loading costs as much as signing."""

    __slots__ = ("_key", "_sign", "public")

    public: PublicKey

    def __init__(self, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | _MlDsaPrivateKey) -> None:
        """Wrap a key of `cryptography`. Raises `UnsupportedAlgorithm`."""
        self._key = key
        self._sign = partial(_sign_p256, key) if isinstance(key, ec.EllipticCurvePrivateKey) else key.sign
        self.public = PublicKey(key.public_key())

    @classmethod
    def generate(cls, algorithm: Algorithm = Algorithm.ED25519) -> SoftwareKey:
        """A fresh key from the system's random source."""
        match algorithm:
            case Algorithm.ED25519:
                return cls(ed25519.Ed25519PrivateKey.generate())
            case Algorithm.ESP256:
                return cls(ec.generate_private_key(ec.SECP256R1()))
            case Algorithm.ML_DSA_44:
                return cls(mldsa.MLDSA44PrivateKey.generate())
            case Algorithm.ML_DSA_65:
                return cls(mldsa.MLDSA65PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> SoftwareKey:
        """Read an unencrypted PKCS #8 key. Raises `BadField` or `UnsupportedAlgorithm`; neither shows the input."""
        # It reads SSH keys too, with all their ciphers: whoever only verifies is spared a tenth of the tool's start.
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        try:
            key = load_pem_private_key(pem, password=None)
        except Exception:
            # Cause suppressed: a parser's message about a private key does not belong in a log.
            raise BadField("not an unencrypted PEM private key", field="pem") from None
        if not isinstance(
            key,
            (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey, mldsa.MLDSA44PrivateKey, mldsa.MLDSA65PrivateKey),
        ):
            raise UnsupportedAlgorithm(_UNSUPPORTED_KEY)
        return cls(key)

    def to_pem(self) -> bytes:
        """The key as unencrypted PKCS #8; store it where only the signing service can read it."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        """Signature over `message`, SIGNATURE_LENGTHS of it."""
        return self._sign(message)

    def __repr__(self) -> str:
        return f"SoftwareKey({self.public!r})"


def _sign_p256(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    return ecdsa_raw_from_der(key.sign(message, _ecdsa()))


@dataclass(frozen=True, slots=True)
class CertifiedKey:
    """What is certified of a key that signs statements.

    `kinds` None means every kind (roots and tests); `certified_by` is the id of the `keys` statement, None for a root.
    `spans` say, log by log, at which indexes what it signed stands; None where that is not known (roots, tests, a
    service's table). `retired` and `compromised` say that an end is on record, wherever it lies: a service admits
    nothing new by such a key, and what was registered before is judged by the spans.
    """

    public: PublicKey
    issuer: str
    kinds: frozenset[EventKind] | None
    certified_by: bytes | None
    retired: bool = False
    compromised: bool = False
    own_signature_only: bool = False
    spans: Mapping[str, LogSpan] | None = None

    def check(self, place: Place | None) -> None:
        """Return if what this key signed stands at `place`; None asks whether it may sign something new.

        Raises NotYetCertified, Compromised, Retired; EventNotAllowed for a log that the key is not certified for.
        """
        if place is not None and self.spans is not None:
            check_spans(self.spans, place.log, place.index)
        elif self.compromised:
            raise Compromised("the key counts as compromised")
        elif self.retired:
            raise Retired("the key was retired")


class KeyRing(Protocol):
    """Where a verifier looks keys up: by `kid` alone, exactly one key or none, and nothing is fetched."""

    def find(self, kid: bytes) -> CertifiedKey | None: ...


def possession_message(thumbprint: bytes, issuer: str) -> bytes:
    """What a new key signs to prove that its owner holds it (tokens of `keys` statements)."""
    return b"monazite key possession v1\x00" + thumbprint + issuer.encode()
