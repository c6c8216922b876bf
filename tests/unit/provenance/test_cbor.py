"""Deterministic CBOR: everything of the profile goes round, nothing else comes in."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import _cbor
from monazite_provenance._cbor import CborValue, Encodable
from monazite_provenance.errors import (
    BadField,
    Malformed,
    NotDeterministic,
    ProvenanceError,
    TooDeep,
    TrailingBytes,
)

INTEGERS = st.integers(-(2**64), 2**64 - 1)
LEAVES: st.SearchStrategy[CborValue] = st.one_of(
    INTEGERS, st.binary(max_size=300), st.text(max_size=300), st.booleans(), st.none()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=30), st.dictionaries(INTEGERS, inner, max_size=30)),
    max_leaves=20,
)


def depth(value: CborValue) -> int:
    """How many containers are nested in one another."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(VALUES.filter(lambda value: depth(value) <= _cbor.NESTING_MAX))
def test_every_value_of_the_profile_goes_round(value: CborValue) -> None:
    assert _cbor.decode(_cbor.encode(value)) == value


@given(VALUES.filter(lambda value: depth(value) <= _cbor.NESTING_MAX))
def test_another_encoder_reads_the_same_value(value: CborValue) -> None:
    assert cbor2.loads(_cbor.encode(value)) == value


@given(st.binary(max_size=200))
def test_what_decodes_is_its_own_encoding(data: bytes) -> None:
    try:
        value = _cbor.decode(data)
    except ProvenanceError:
        return
    assert _cbor.encode(value) == data


@given(VALUES.filter(lambda value: depth(value) <= _cbor.NESTING_MAX), st.data())
def test_a_changed_byte_gives_another_value_or_none(value: CborValue, data: st.DataObject) -> None:
    raw = bytearray(_cbor.encode(value))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = _cbor.decode(bytes(raw))
    except ProvenanceError:
        return
    assert _cbor.encode(changed) == bytes(raw)


@given(st.dictionaries(INTEGERS, st.none(), max_size=40))
def test_keys_stand_in_bytewise_order_of_their_encoding(value: dict[int, None]) -> None:
    keys = [_cbor.encode(key) for key in cbor2.loads(_cbor.encode(value))]
    assert keys == sorted(keys)


def test_order_is_bytewise_and_not_length_first() -> None:
    # RFC 8949 section 4.2.1 puts 100 (0x1864) before -1 (0x20); RFC 7049, and cbor2's canonical form, the shorter one.
    assert _cbor.encode({-1: 0, 100: 0}) == bytes.fromhex("a2186400 2000")
    assert cbor2.dumps({-1: 0, 100: 0}, canonical=True) == bytes.fromhex("a22000 186400")
    with pytest.raises(NotDeterministic):
        _cbor.decode(bytes.fromhex("a22000 186400"))


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("integer in 2 bytes for 1", "1801", NotDeterministic),
        ("integer in 3 bytes for 2", "1900ff", NotDeterministic),
        ("integer in 5 bytes for 3", "1a0000ffff", NotDeterministic),
        ("integer in 9 bytes for 5", "1b00000000ffffffff", NotDeterministic),
        ("long head of a byte string", "580100", NotDeterministic),
        ("long head of a text string", "780161", NotDeterministic),
        ("long head of an array", "980100", NotDeterministic),
        ("long head of a map", "b8010000", NotDeterministic),
        ("long head of a key", "a1180100", NotDeterministic),
        ("indefinite byte string", "5f4100ff", NotDeterministic),
        ("indefinite text string", "7f6161ff", NotDeterministic),
        ("indefinite array", "9f01ff", NotDeterministic),
        ("indefinite map", "bf0101ff", NotDeterministic),
        ("key repeated", "a201010102", NotDeterministic),
        ("keys descending", "a202000100", NotDeterministic),
        ("trailing byte", "0000", TrailingBytes),
        ("trailing item after an array", "810000", TrailingBytes),
        ("nested too deeply by one", "81" * 9 + "00", TooDeep),
        ("nested far too deeply", "81" * 30_000 + "00", TooDeep),
        ("maps nested too deeply", "a100" * 9 + "00", TooDeep),
        ("nothing", "", BadField),
        ("cut off", "820000"[:4], BadField),
        ("array of four thousand million", "9b00000000ffffffff", BadField),
        ("string longer than memory", "5b7fffffffffffffff", BadField),
        ("half float", "f93c00", BadField),
        ("float", "fa47c35000", BadField),
        ("double", "fb3ff199999999999a", BadField),
        ("not a number", "f97e00", BadField),
        ("undefined", "f7", BadField),
        ("simple value", "f0", BadField),
        ("simple value in two bytes", "f8ff", BadField),
        ("false in two bytes", "f814", BadField),
        ("break", "ff", BadField),
        ("reserved additional information", "1c", BadField),
        ("text that is not UTF-8", "61ff", BadField),
        ("text with a surrogate", "63eda080", BadField),
        ("text key", "a1616100", BadField),
        ("bool key", "a1f500", BadField),
        ("array key", "a18000", BadField),
        ("map key", "a1a000", BadField),
        ("float key", "a1f93c0000", BadField),
        ("float inside", "81f93c00", BadField),
        ("undefined inside", "a100f7", BadField),
    ],
)
def test_refused(name: str, data: str, error: type[ProvenanceError]) -> None:
    with pytest.raises(Malformed) as caught:
        _cbor.decode(bytes.fromhex(data))
    assert type(caught.value) is error, name


@pytest.mark.parametrize("content", ["00", "4101", "63616263", "8200 01", "a0", "8180"])
def test_every_tag_is_refused(content: str) -> None:
    item = bytes.fromhex(content)
    for tag in (*range(300), 1004, 43000, 55799, 2**16, 2**32, 2**64 - 1):
        number = _cbor.encode(tag)
        tagged = bytes((0xC0 | number[0],)) + number[1:] + item
        for data in (tagged, b"\x81" + tagged, b"\xa1\x00" + tagged, b"\xa1" + tagged + b"\x00"):
            with pytest.raises(BadField):
                _cbor.decode(data)


@pytest.mark.parametrize("value", [2**64, -(2**64) - 1, "\ud800", 1.0, {"a": 1}, {True: 1}, {1, 2}, [object()]])
def test_what_is_not_of_the_profile_is_not_encoded(value: Encodable) -> None:
    with pytest.raises(BadField):
        _cbor.encode(value)


def test_what_would_be_too_deep_is_not_encoded() -> None:
    value: Encodable = 0
    for _ in range(_cbor.NESTING_MAX + 1):
        value = [value]
    with pytest.raises(TooDeep):
        _cbor.encode(value)


@given(st.binary(max_size=70_000), st.binary(max_size=5))
def test_a_byte_string_is_read_where_it_stands(content: bytes, rest: bytes) -> None:
    raw = _cbor.byte_string(content)
    assert _cbor.read_byte_string(rest + raw + rest, len(rest)) == (content, len(rest) + len(raw))


@given(st.binary(max_size=40), st.integers(0, 50))
def test_reading_a_byte_string_agrees_with_the_decoder(data: bytes, at: int) -> None:
    try:
        content, end = _cbor.read_byte_string(data, at)
    except Malformed:
        return
    assert _cbor.decode(data[at:end]) == content


@pytest.mark.parametrize(
    "data", ["", "00", "60", "4201", "5817", "5800", "590018", "5a00000100", "5c", "5f4100ff", "58"]
)
def test_no_byte_string_is_read_from_anything_else(data: str) -> None:
    with pytest.raises(Malformed):
        _cbor.read_byte_string(bytes.fromhex(data), 0)
