"""A sequence is cut into its items whatever pieces it comes in, and in time that grows with its length alone."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import _cbor
from monazite_provenance._sequence import Bounds, cut
from monazite_provenance.errors import BadField, TooLarge

BYTES_MAX = 1 << 20

values = st.recursive(
    st.one_of(st.integers(-(2**64), 2**64 - 1), st.binary(max_size=300), st.text(max_size=30), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.integers(0, 99), inner, max_size=4)),
    max_leaves=12,
)


def items(chunks: Iterable[bytes], *, tag: int | None = None) -> list[bytes]:
    return list(cut(chunks, Bounds(BYTES_MAX, 2 * BYTES_MAX), tag=tag))


def in_pieces(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)]


@given(st.lists(values, max_size=5), st.integers(1, 20), st.booleans())
def test_pieces_say_nothing(contents: list[_cbor.Encodable], size: int, tagged: bool) -> None:
    encoded = [(b"\xd2" if tagged else b"") + _cbor.encode(each) for each in contents]
    assert items(in_pieces(b"".join(encoded), size), tag=18 if tagged else None) == encoded


def test_a_long_item_in_small_pieces_is_read_once() -> None:
    # Read anew with each piece it would be read a hundred thousand times.
    raw = _cbor.encode([0] * 200_000)
    assert items(in_pieces(raw, 2)) == [raw]


@pytest.mark.parametrize("size", [1, 100])
def test_bounds_and_ends(size: int) -> None:
    long = _cbor.encode(bytes(BYTES_MAX))
    with pytest.raises(TooLarge):
        items([long[:size], long[size:]])
    with pytest.raises(TooLarge) as promised:
        items(in_pieces(b"\x81\x9b" + bytes((255,) * 8), size))
    assert promised.value.details == {"limit": BYTES_MAX}
    for bad in (b"\x82\x01", b"\x42a", b"\x9f\xff", b"\xf9\x00\x00", b"\xd2\x01", b"\x19\x01"):
        with pytest.raises(BadField):
            items(in_pieces(bad, size))


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_the_bound_of_the_whole_is_of_the_items_that_came(size: int) -> None:
    raw = _cbor.encode(bytes(8))
    bounds = Bounds(BYTES_MAX, 2 * len(raw))
    pieces = cut(in_pieces(raw * 4, size), bounds)
    assert [next(pieces), next(pieces)] == [raw, raw]
    # Who reads on may allow more, whatever has come by then.
    bounds.total_bytes_max += len(raw)
    assert next(pieces) == raw
    with pytest.raises(TooLarge) as refused:
        next(pieces)
    assert refused.value.details == {"limit": 3 * len(raw)}
