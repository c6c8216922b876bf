"""COSE_KeySet: what we write comes back; of what others write, the keys that we understand."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance._cbor import CborValue, decode, encode
from monazite_provenance.errors import BadField, Malformed, ProvenanceError, TooLarge
from monazite_provenance.key_sets import KEY_SET_KEYS_MAX, decode_key_set, encode_key_set
from monazite_provenance.keys import Algorithm, PublicKey, SoftwareKey

KEYS = [SoftwareKey.generate(algorithm).public for algorithm in Algorithm]


def members(key: PublicKey) -> dict[int, CborValue]:
    """A COSE_Key, decoded."""
    found = decode(key.cose_key)
    assert isinstance(found, dict)
    return found


def test_a_set_goes_round() -> None:
    raw = encode_key_set(KEYS)
    assert decode_key_set(raw) == tuple(KEYS)
    first = decode(raw)
    assert isinstance(first, list)
    assert first[0] == {**members(KEYS[0]), 2: KEYS[0].kid, 3: -19, 4: [2]}
    assert decode_key_set(encode_key_set([KEYS[0], KEYS[0]])) == (KEYS[0],)


@pytest.mark.parametrize(
    "changed",
    [
        {-4: bytes(32)},
        {3: -8},
        {3: -9},
        {3: "EdDSA"},
        {4: [1]},
        {4: []},
        {4: 2},
        {1: 4},
        {1: "OKP"},
        {-1: 5},
        {-2: bytes(31)},
        {-2: bytes(32)},
    ],
)
def test_keys_that_are_passed_over(changed: dict[int, CborValue]) -> None:
    bad = {**members(KEYS[0]), **changed}
    assert decode_key_set(encode([bad, members(KEYS[1])])) == (KEYS[1],)
    assert decode_key_set(encode([bad])) == ()


def test_a_private_ml_dsa_key_is_passed_over() -> None:
    bad = {**members(KEYS[2]), -2: bytes(32)}
    assert decode_key_set(encode([bad, members(KEYS[2])])) == (KEYS[2],)


def test_what_else_may_stand_with_a_key() -> None:
    for more in ({2: b"11"}, {4: [1, 2]}, {5: b"iv"}, {-70000: "ours"}):
        assert decode_key_set(encode([{**members(KEYS[0]), **more}])) == (KEYS[0],)
    assert decode_key_set(encode([7, members(KEYS[0]), [], None])) == (KEYS[0],)


def test_what_is_no_key_set() -> None:
    for raw in (b"", encode([]), encode(members(KEYS[0])), encode(7), encode([1])[:-1]):
        with pytest.raises(Malformed):
            decode_key_set(raw)
    for raw in (encode([1] * (KEY_SET_KEYS_MAX + 1)), bytes(256 * 1024 + 1)):
        with pytest.raises(TooLarge):
            decode_key_set(raw)
    with pytest.raises(BadField):
        encode_key_set([])
    with pytest.raises(TooLarge):
        encode_key_set(KEYS[:1] * (KEY_SET_KEYS_MAX + 1))


@given(st.binary(max_size=80))
def test_any_bytes_give_a_provenance_error_or_keys(raw: bytes) -> None:
    with suppress(ProvenanceError):
        assert isinstance(decode_key_set(raw), tuple)
