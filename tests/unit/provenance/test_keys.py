"""Keys: one form, one thumbprint, one acceptable signature."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import Algorithm, PublicKey, SoftwareKey, ecdsa_raw_from_der, possession_message
from monazite_provenance._cbor import Encodable, encode
from monazite_provenance.errors import BadField, BadSignature, Malformed, ProvenanceError, UnsupportedAlgorithm
from monazite_provenance.keys import LOW_ORDER_POINTS

from tests.unit.provenance.examples import ED25519, ESP256, KEYS

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
X = ED25519.public.cose_key[-32:]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.public.algorithm.name)
def test_a_key_goes_round(key: SoftwareKey) -> None:
    again = SoftwareKey.from_pem(key.to_pem())
    assert again.public == key.public == PublicKey.from_cose_key(key.public.cose_key)
    assert hash(again.public) == hash(key.public)
    key.public.verify(again.sign(b"message"), b"message")
    assert len(key.public.thumbprint) == 32
    assert key.public.kid == key.public.thumbprint[:16]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.public.algorithm.name)
def test_another_message_signature_or_key_is_refused(key: SoftwareKey) -> None:
    signature = key.sign(b"message")
    for bad, message in (
        (signature, b"Message"),
        (signature[:-1], b"message"),
        (signature + b"\0", b"message"),
        (b"", b""),
    ):
        with pytest.raises(BadSignature):
            key.public.verify(bad, message)
    with pytest.raises(BadSignature):
        SoftwareKey.generate(key.public.algorithm).public.verify(signature, b"message")


@given(st.sampled_from(KEYS), st.binary(min_size=64, max_size=64))
def test_random_bytes_are_no_signature(key: SoftwareKey, signature: bytes) -> None:
    with pytest.raises(BadSignature):
        key.public.verify(signature, b"message")


@given(st.sampled_from(KEYS), st.integers(0, 511))
def test_no_bit_of_a_signature_may_change(key: SoftwareKey, bit: int) -> None:
    changed = bytearray(key.sign(b"message"))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        key.public.verify(bytes(changed), b"message")


def test_the_other_s_of_an_ecdsa_signature_is_refused() -> None:
    signature = ESP256.sign(b"message")
    s = int.from_bytes(signature[32:], "big")
    assert s <= N // 2
    with pytest.raises(BadSignature):
        ESP256.public.verify(signature[:32] + (N - s).to_bytes(32, "big"), b"message")


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (0, 0), (N, 1), (1, N), (N + 1, 1)])
def test_ecdsa_numbers_out_of_range_are_refused(r: int, s: int) -> None:
    with pytest.raises(BadSignature):
        ESP256.public.verify(r.to_bytes(32, "big") + s.to_bytes(32, "big"), b"message")
    with pytest.raises(BadSignature):
        ecdsa_raw_from_der(encode_dss_signature(r, s))


@given(st.integers(1, N - 1), st.integers(1, N - 1))
def test_der_becomes_raw_with_low_s(r: int, s: int) -> None:
    raw = ecdsa_raw_from_der(encode_dss_signature(r, s))
    assert int.from_bytes(raw[:32], "big") == r
    assert int.from_bytes(raw[32:], "big") == min(s, N - s)


@given(st.binary(max_size=80))
def test_what_is_not_der_is_a_bad_signature(der: bytes) -> None:
    try:
        raw = ecdsa_raw_from_der(der)
    except BadSignature:
        return
    assert decode_dss_signature(der)[0] == int.from_bytes(raw[:32], "big")


def edwards_x_squared(y: int) -> int:
    """x² of the curve -x² + y² = 1 + d x² y²."""
    return (y * y - 1) * pow(D * y * y + 1, -1, P) % P


def doubled(y: int) -> int:
    """y of twice the point whose y this is: (y² + x²) / (1 - d x² y²)."""
    x_squared = edwards_x_squared(y)
    return (y * y + x_squared) * pow(1 - D * x_squared * y * y, -1, P) % P


def test_the_blocklist_is_every_encoding_of_every_point_of_low_order() -> None:
    assert len(LOW_ORDER_POINTS) == 14
    ordinates: set[int] = set()
    for point in LOW_ORDER_POINTS:
        y = (int.from_bytes(point, "little") & (1 << 255) - 1) % P
        ordinates.add(y)
        assert doubled(doubled(doubled(y))) == 1, point.hex()
        assert point[:31] + bytes((point[31] ^ 0x80,)) in LOW_ORDER_POINTS
    # 1 (order 1), -1 (order 2), 0 (order 4), and two of order 8; below 19 they have a second spelling.
    assert len(ordinates) == 5


@pytest.mark.parametrize("point", sorted(LOW_ORDER_POINTS), ids=bytes.hex)
def test_a_key_of_low_order_is_refused(point: bytes) -> None:
    with pytest.raises(BadField):
        PublicKey.from_cose_key(encode({1: 1, -1: 6, -2: point}))


@pytest.mark.parametrize("y", [P + 2, P + 3, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1])
def test_a_key_in_a_second_spelling_is_refused(y: int, sign: int) -> None:
    with pytest.raises(BadField):
        PublicKey.from_cose_key(encode({1: 1, -1: 6, -2: (y | sign << 255).to_bytes(32, "little")}))


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({1: 1, -1: 6}, BadField),
        ({1: 1, -1: 6, -2: X[:31]}, BadField),
        ({1: 1, -1: 6, -2: X + b"\0"}, BadField),
        ({1: 1, -1: 6, -2: 5}, BadField),
        ({1: 1, -1: 6, -2: X, -3: X}, BadField),
        ({1: 1, -1: 6, -2: X, 3: -19}, BadField),
        ({1: 1, -1: 6, -2: X, -4: X}, BadField),
        ({1: 2, -1: 1, -2: X}, BadField),
        ({1: 2, -1: 1, -2: X, -3: True}, BadField),
        ({1: 2, -1: 1, -2: bytes(32), -3: bytes(32)}, BadField),
        ({1: 2, -1: 1, -2: b"\xff" * 32, -3: b"\xff" * 32}, BadField),
        ({1: 2, -1: 2, -2: X, -3: X}, UnsupportedAlgorithm),
        ({1: 1, -1: 7, -2: X}, UnsupportedAlgorithm),
        ({1: True, -1: 6, -2: X}, BadField),
        ({1: 4, -1: X}, UnsupportedAlgorithm),
        ({}, UnsupportedAlgorithm),
        ([], BadField),
        (b"", BadField),
    ],
)
def test_a_cose_key_of_another_form_is_refused(members: Encodable, error: type[ProvenanceError]) -> None:
    with pytest.raises(error):
        PublicKey.from_cose_key(encode(members))


@given(st.binary(max_size=300))
def test_random_bytes_are_no_cose_key(data: bytes) -> None:
    with pytest.raises(ProvenanceError):
        PublicKey.from_cose_key(data)


@given(st.sampled_from(KEYS), st.data())
def test_a_changed_cose_key_is_another_key_or_none(key: SoftwareKey, data: st.DataObject) -> None:
    raw = bytearray(key.public.cose_key)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        other = PublicKey.from_cose_key(bytes(raw))
    except (Malformed, UnsupportedAlgorithm):
        return
    assert other.cose_key == bytes(raw)
    assert other != key.public


def pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed448.Ed448PrivateKey, password: bytes | None = None
) -> bytes:
    """PKCS #8 of a key."""
    cipher = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher)


def test_keys_that_sign_no_statements_are_refused() -> None:
    for key in (
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 2048),
        ed448.Ed448PrivateKey.generate(),
    ):
        with pytest.raises(UnsupportedAlgorithm):
            SoftwareKey.from_pem(pem(key))


def test_an_encrypted_or_broken_pem_is_refused_without_showing_it() -> None:
    locked = pem(ec.generate_private_key(ec.SECP256R1()), b"secret")
    for data in (locked, b"", b"secret", ED25519.to_pem()[:-40], ED25519.to_pem().replace(b"M", b"!")):
        with pytest.raises(BadField) as caught:
            SoftwareKey.from_pem(data)
        assert caught.value.__cause__ is None
        assert "secret" not in str(caught.value)


def test_no_key_shows_its_secret() -> None:
    for key in KEYS:
        assert repr(key) == f"SoftwareKey(PublicKey({key.public.algorithm.name}, kid={key.public.kid.hex()}))"


def test_the_possession_message_binds_thumbprint_and_issuer() -> None:
    assert possession_message(bytes(32), "spiffe://a/enterprise/b") == (
        b"monazite key possession v1\x00" + bytes(32) + b"spiffe://a/enterprise/b"
    )


def test_algorithms_are_the_fully_specified_ones() -> None:
    assert {algorithm.name: int(algorithm) for algorithm in Algorithm} == {
        "ED25519": -19,
        "ESP256": -9,
        "ML_DSA_44": -48,
        "ML_DSA_65": -49,
    }
