"""ML-DSA in COSE, against the examples of RFC 9964's draft: seed to key, thumbprint, to-be-signed bytes, signature."""

from __future__ import annotations

from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa
from monazite_provenance import _cbor, _cose
from monazite_provenance.errors import BadSignature, UnsupportedAlgorithm
from monazite_provenance.key_sets import decode_key_set
from monazite_provenance.keys import Algorithm, PublicKey, SoftwareKey

from tests.vectors.published import VECTORS, load, text

EXAMPLES = VECTORS / "rfc9964-draft-examples" / "examples" / "cose" / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="published vectors are not beside the repository")


def example(size: str) -> Path:
    """The file for a parameter set."""
    return EXAMPLES / f"ML_DSA_{size}.cose.json"


def private_key(size: str, seed: bytes) -> SoftwareKey:
    """The key that a seed makes."""
    if size == "44":
        return SoftwareKey(mldsa.MLDSA44PrivateKey.from_seed_bytes(seed))
    return SoftwareKey(mldsa.MLDSA65PrivateKey.from_seed_bytes(seed))


@pytest.mark.parametrize("size", ["44", "65"])
def test_key_and_signature(size: str) -> None:
    vector = load(example(size))
    key = private_key(size, bytes.fromhex(text(vector, "priv"))).public
    assert key.algorithm is Algorithm[f"ML_DSA_{size}"]
    assert key.raw.hex() == text(vector, "raw_public_key")
    assert PublicKey.from_cose_key(key.cose_key) == key
    # Their kid is the whole thumbprint, and their key comes with it: ours is the required members alone.
    sign1 = _cose.decode_sign1(bytes.fromhex(text(vector, "sign1")))
    header = _cbor.decode(sign1.protected)
    assert isinstance(header, dict)
    assert header[_cose.KID] == key.thumbprint
    assert _cose.algorithm_of(header[_cose.ALG]) is key.algorithm
    message = _cose.signing_input(sign1.protected, sign1.payload)
    assert message.hex() == text(vector, "raw_to_be_signed")
    assert sign1.signature.hex() == text(vector, "raw_signature")
    _cose.verify(key, key.algorithm, sign1.signature, message)
    for signature, signed in (
        (sign1.signature, message + b"\0"),
        (sign1.signature[:-1] + b"\xff", message),
        (sign1.signature[:-1], message),
        (sign1.signature + b"\0", message),
        (bytes(len(sign1.signature)), message),
    ):
        with pytest.raises(BadSignature):
            key.verify(signature, signed)


@pytest.mark.parametrize("size", ["44", "65"])
def test_the_published_key_in_a_set(size: str) -> None:
    vector = load(example(size))
    # Not deterministic (kid before kty), and with its private half, which nobody else may have: so passed over.
    members = dict(cbor2.loads(bytes.fromhex(text(vector, "key"))))
    assert decode_key_set(_cbor.encode([members])) == ()
    del members[-2]
    (key,) = decode_key_set(_cbor.encode([members]))
    assert key.raw.hex() == text(vector, "raw_public_key")


def test_ml_dsa_87_is_outside_the_profile() -> None:
    vector = load(example("87"))
    sign1 = _cose.decode_sign1(bytes.fromhex(text(vector, "sign1")))
    header = _cbor.decode(sign1.protected)
    assert isinstance(header, dict)
    with pytest.raises(UnsupportedAlgorithm):
        _cose.algorithm_of(header[_cose.ALG])
    with pytest.raises(UnsupportedAlgorithm):
        PublicKey.from_members({1: 7, 3: -50, -1: bytes.fromhex(text(vector, "raw_public_key"))})
