"""The COSE layer that statements stand on, against cose-wg/Examples, RFC 8392 and RFC 9864 vectors.

The vectors carry no claims of ours and, but for two, the old algorithm numbers; what is tested is the envelope, the
Sig_structure, the keys and the signatures. A vector that must fail must be refused, with an error of the library.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from monazite_provenance import PublicKey, _cbor, _cose
from monazite_provenance._cbor import CborValue
from monazite_provenance.errors import BadField, BadSignature, ProvenanceError, UnsupportedAlgorithm

from tests.vectors.published import VECTORS, Json, load, member, name, paths, text

PATTERNS = (
    "cose-wg-Examples/sign1-tests/*.json",
    "cose-wg-Examples/eddsa-examples/eddsa-sig-*.json",
    "cose-wg-Examples/ecdsa-examples/ecdsa-sig-*.json",
    "cose-wg-Examples/CWT/A_3.json",
    "web-auth-cose-lib/rfc9864/*.json",
)
MULTIPLE_SIGNERS = ("cose-wg-Examples/eddsa-examples/eddsa-0*.json", "cose-wg-Examples/ecdsa-examples/ecdsa-0*.json")
OTHER_TYPES = ("cose-wg-Examples/CWT/A_4.json", "cose-wg-Examples/CWT/A_5.json", "cose-wg-Examples/CWT/A_7.json")
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="published vectors are not beside the repository")


def all_of(*patterns: str) -> list[Path]:
    """Files of several patterns."""
    return [path for pattern in patterns for path in paths(pattern)]


def coordinate(key: dict[str, Json], label: str) -> bytes:
    """A coordinate, in hex or base64url."""
    if f"{label}_hex" in key:
        return bytes.fromhex(text(key, f"{label}_hex"))
    return base64.urlsafe_b64decode(text(key, label) + "==")


def public_key(signer: dict[str, Json]) -> PublicKey:
    """The vector's key through our reader of COSE_Keys. Raises what that raises."""
    key = member(signer, "key")
    curves: dict[str, int] = {"P-256": 1, "P-384": 2, "P-521": 3, "Ed25519": 6, "Ed448": 7}
    curve, x = curves[text(key, "crv")], coordinate(key, "x")
    if text(key, "kty") == "OKP":
        return PublicKey.from_cose_key(_cbor.encode({1: 1, -1: curve, -2: x}))
    return PublicKey.from_cose_key(_cbor.encode({1: 2, -1: curve, -2: x, -3: coordinate(key, "y")}))


def algorithm_number(sign1: _cose.Sign1) -> CborValue:
    """`alg` of the protected header, or of the unprotected one, where one vector has it."""
    protected = _cbor.decode(sign1.protected)
    assert isinstance(protected, dict)
    return protected.get(_cose.ALG, sign1.unprotected.get(_cose.ALG))


def verify(path: Path) -> None:
    """What a verifier without a profile would do with our COSE layer."""
    vector = load(path)
    signer = member(member(vector, "input"), "sign0")
    raw = bytes.fromhex(text(member(vector, "output"), "cbor"))
    if "RemoveCBORTag" in str(member(vector, "input").get("failures")):
        with pytest.raises(BadField):
            _cose.decode_sign1(raw)
        raw = b"\xd2" + raw
    sign1 = _cose.decode_sign1(raw)
    external = bytes.fromhex(text(signer, "external")) if "external" in signer else b""
    message = _cose.signing_input(sign1.protected, sign1.payload, external)
    algorithm = _cose.algorithm_of(algorithm_number(sign1), dangerously_accept_polymorphic_algorithms=True)
    if not vector.get("fail"):
        assert message == bytes.fromhex(text(member(vector, "intermediates"), "ToBeSign_hex"))
    key = public_key(signer)
    try:
        _cose.verify(key, algorithm, sign1.signature, message)
    except BadSignature:
        # Profile: s of the lower half only. The vectors were made without that rule.
        s = int.from_bytes(sign1.signature[32:], "big")
        if algorithm.name != "ESP256" or s <= P256_ORDER // 2:
            raise
        _cose.verify(key, algorithm, sign1.signature[:32] + (P256_ORDER - s).to_bytes(32, "big"), message)


def supported(vector: dict[str, Json]) -> bool:
    """Whether key and hash are of the profile."""
    signer = member(member(vector, "input"), "sign0")
    curve = text(member(signer, "key"), "crv")
    return (curve, text(signer, "alg")) in {
        ("P-256", "ES256"), ("P-256", "ESP256"), ("Ed25519", "EdDSA"), ("Ed25519", "Ed25519"),
    }  # fmt: skip


@pytest.mark.parametrize("path", all_of(*PATTERNS), ids=name)
def test_single_signer(path: Path) -> None:
    vector = load(path)
    if not supported(vector):
        with pytest.raises(UnsupportedAlgorithm):
            verify(path)
    elif vector.get("fail"):
        with pytest.raises(ProvenanceError):
            verify(path)
    else:
        verify(path)


@pytest.mark.parametrize("path", all_of(*MULTIPLE_SIGNERS, *OTHER_TYPES), ids=name)
def test_other_messages_are_no_statement(path: Path) -> None:
    raw = bytes.fromhex(text(member(load(path), "output"), "cbor"))
    with pytest.raises(BadField):
        _cose.decode_sign1(raw)


def test_the_new_numbers_need_no_switch() -> None:
    for path in paths("web-auth-cose-lib/rfc9864/*-sig-01.json"):
        sign1 = _cose.decode_sign1(bytes.fromhex(text(member(load(path), "output"), "cbor")))
        assert (
            _cose.algorithm_of(algorithm_number(sign1))
            is public_key(member(member(load(path), "input"), "sign0")).algorithm
        )


def test_the_old_numbers_need_the_switch() -> None:
    for path in paths("cose-wg-Examples/*/*-sig-01.json"):
        sign1 = _cose.decode_sign1(bytes.fromhex(text(member(load(path), "output"), "cbor")))
        with pytest.raises(UnsupportedAlgorithm):
            _cose.algorithm_of(algorithm_number(sign1))


def test_the_vectors_are_all_there() -> None:
    assert len(all_of(*PATTERNS)) == 9 + 2 + 4 + 1 + 4
    assert len([path for path in all_of(*PATTERNS) if not load(path).get("fail") and supported(load(path))]) == 8
