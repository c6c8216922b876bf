"""The quick readers and writers against the general ones: what they take is the same, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from monazite_provenance import (
    Algorithm,
    CertifiedKey,
    Head,
    Item,
    OnBehalf,
    SoftwareKey,
    Verifier,
    _cbor,
    _cose,
    _forms,
    _receipt_form,
    _usual,
    log_leaf,
    sign_head,
    tree,
)
from monazite_provenance._claims import Claims
from monazite_provenance._head_reading import parse_any_receipt, parse_receipt
from monazite_provenance.contents import (
    CustodyModel,
    CustodyState,
    ElementRow,
    ExportLimit,
    Form,
    LotContent,
    MassSource,
    _lot_form,
    decode_lot,
    encode,
)
from monazite_provenance.contents._lots import decode_after
from monazite_provenance.contents.lot import ElementRows, lot_map, read_lot
from monazite_provenance.errors import BadField, ProvenanceError
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint, parse, parse_any

from tests.unit.provenance import chains, logs
from tests.unit.provenance import contents_strategies as strategies
from tests.unit.provenance.examples import (
    CLAIMS,
    ENTERPRISE,
    LOT,
    PARENT,
    REGISTRY,
    USUAL_KEYS,
    Ring,
    an_item,
    claims_map,
    header,
    payload,
    signed,
)

_T = TypeVar("_T")

ON_BEHALF = OnBehalf(ENTERPRISE, PARENT, PARENT[:16])
EVERYTHING = CLAIMS._replace(issuer=REGISTRY, on_behalf=ON_BEHALF)
IDS = st.binary(min_size=32, max_size=32)
URIS = st.from_regex(r"\A[a-z][a-z0-9+.\-]{0,8}:[!-~]{1,246}\Z")
USUAL_CLAIMS = st.builds(
    Claims,
    issuer=URIS,
    subject=URIS,
    issued_at=st.integers(1 << 24, (1 << 32) - 1),
    kind=st.sampled_from(EventKind),
    spends=st.lists(st.builds(Outpoint, IDS, st.integers(0, 0xFFFF)), max_size=32, unique=True).map(tuple),
    refs=st.lists(IDS, max_size=32, unique=True).map(tuple),
    on_behalf=st.none() | st.builds(OnBehalf, URIS, IDS, st.binary(min_size=16, max_size=16)),
)
# Integers at the borders of their encodings.
BORDERS = st.sampled_from([n + d for n in (24, 1 << 8, 1 << 16, 1 << 32, 1 << 63, 1 << 64) for d in (-1, 0) if n + d])
INTEGERS = st.integers(-5, 30) | st.integers(-(2**64), 2**64 - 1) | BORDERS.filter(lambda n: n < 1 << 64)
# The head of an integer in each longer form, so that mutations hit what is not the shortest.
LONGER = st.sampled_from([b"\x18", b"\x19\x00", b"\x1a\x00\x00", b"\x1b\x00\x00\x00\x00", b"\x58", b"\x78", b"\x98"])


# From here on every form is compiled.
for _ in range(_forms.ASKED_BEFORE_COMPILING):
    for quick in (_usual.read, _receipt_form.read, _lot_form.read):
        assert quick(b"") is None


def otherwise(read: Callable[[], _T]) -> _T | None:
    """What a general reader gives, None where it refuses."""
    try:
        return read()
    except ProvenanceError:
        return None


@st.composite
def mutated(draw: st.DrawFn, raw: bytes) -> bytes:
    """`raw` with one to three bytes changed, left out, doubled or made a longer head."""
    data = bytearray(raw)
    for _ in range(draw(st.integers(1, min(3, len(raw))))):
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                data[at] = (data[at] + draw(st.sampled_from([1, 255, 128, 32, 24]) | st.integers(1, 255))) % 256
            case 1:
                del data[at]
            case 2:
                end = draw(st.integers(at, min(len(data), at + 40)))
                data[at:at] = data[at:end]
            case _:
                data[at:at] = draw(LONGER)
    return bytes(data)


def of_type(data: bytes, kind: type[_T]) -> _T | None:
    """The value that `data` encodes, if it is of exactly this type."""
    value = otherwise(lambda: _cbor.decode(data))
    return value if type(value) is kind else None


ENCODED = st.one_of(st.binary(max_size=10), INTEGERS.map(_cbor.encode)).flatmap(
    lambda raw: st.just(raw) | mutated(raw + b"\x00")
)


@given(ENCODED)
@example(b"\x1b\x7f" + b"\xff" * 7)
@example(b"\x1b\x80" + b"\x00" * 7)
@example(b"\x1b\x00\x00\x00\x01\x00\x00\x00\x00")
@example(b"\x1a\x00\x01\x00\x00")
@example(b"\x19\x01\x00")
def test_uint_is_exactly_the_integers_of_63_bits(data: bytes) -> None:
    value = of_type(data, int)
    matched = _forms.compiled(_forms.UINT).fullmatch(data) is not None
    assert matched == (value is not None and 0 <= value < 1 << 63)
    if matched:
        assert _forms.integers_of(data) == (value,)


@given(st.sets(st.integers(-300, 300), min_size=1), INTEGERS)
def test_one_of_is_exactly_those(values: set[int], value: int) -> None:
    expression = _forms.compiled(_forms.one_of(values))
    assert (expression.fullmatch(_cbor.encode(value)) is not None) == (value in values)
    assert all(expression.fullmatch(_cbor.encode(each)) for each in values)


@given(st.text(max_size=300).map(_cbor.encode) | st.text(max_size=30).map(_cbor.encode).flatmap(mutated))
@example(_cbor.encode("a" * 255))
@example(_cbor.encode("a" * 256))
@example(b"\x62a")
@example(b"\x61ab")
@example(b"\x78\x17" + b"a" * 23)
@example(b"\x61\xf5")
def test_text_is_printable_or_not_ascii_and_of_1_to_255_bytes(data: bytes) -> None:
    value = of_type(data, str)
    usual = value is not None and 0 < len(value.encode()) <= 255 and not re.search(r"[\0-\x1f\x7f]", value)
    matched = _forms.compiled(_forms.text()).fullmatch(data)
    if matched is None or [matched[1]] != _forms.text_heads([matched[2]]):
        assert not usual
        return
    try:
        assert _forms.texts_of([matched[2]]) == [value]
        assert _forms.texts([cast("str", value)]) == [data]
    except UnicodeDecodeError:
        assert value is None


@given(st.text(max_size=300).map(_cbor.encode) | st.text(max_size=30).map(_cbor.encode).flatmap(mutated), st.binary())
@example(b"\x78\x17" + b"a" * 23, b"")
@example(b"\x62a", b"")
def test_a_text_among_others_is_read_alike_or_not_at_all(data: bytes, more: bytes) -> None:
    value = of_type(data, str)
    try:
        text, end = _forms.text_at(b"\x00" + data + more, 1)
    except (IndexError, ValueError):
        assert not value or len(value.encode()) > 255
        return
    if end <= len(data) + 1:
        assert _cbor.encode(text) == data[: end - 1]


@given(st.lists(st.integers(0, 2**64 - 1) | BORDERS.filter(lambda n: n < 1 << 64)))
def test_integers_are_written_as_the_encoder_does(values: list[int]) -> None:
    assert _forms.uints(values) == [_cbor.encode(value) for value in values]


@given(USUAL_CLAIMS, st.sampled_from(USUAL_KEYS), st.integers(0, 30))
def test_a_usual_statement_is_read_at_once_and_alike(claims: Claims, key: SoftwareKey, outputs: int) -> None:
    raw = an_item(claims, outputs, key).statement
    usual = _usual.read(raw)
    assert usual is not None
    assert usual == parse_any(raw)


def with_receipts(raw: bytes, receipts: _cbor.Encodable, label: int = 394) -> bytes:
    """A statement with this among its receipts."""
    protected, _, payload, signature = _cose.decode_sign1(raw)
    parts = (_cbor.encode(protected), _cbor.encode({label: receipts}), _cbor.encode(payload), _cbor.encode(signature))
    return b"\xd2\x84" + b"".join(parts)


RECEIPTS = st.lists(st.binary(max_size=300), min_size=1, max_size=8)


@given(USUAL_CLAIMS, RECEIPTS)
def test_a_statement_with_receipts_is_read_at_once_and_alike(claims: Claims, receipts: list[bytes]) -> None:
    raw = with_receipts(an_item(claims).statement, receipts)
    usual = _usual.read(raw)
    assert usual is not None
    assert usual == parse_any(raw)
    assert usual.receipts == tuple(receipts)


@pytest.mark.parametrize(
    ("receipts", "label"),
    [
        ([], 394),
        ([b"receipt"] * 9, 394),
        ([b"receipt"] * 24, 394),
        ([b"", bytes(8193)], 394),
        (b"receipt", 394),
        ([b"receipt", 1], 394),
        ([[b"receipt"]], 394),
        ([b"receipt"], 395),
    ],
)
def test_what_are_no_receipts_is_left_to_the_general_reader(receipts: _cbor.Encodable, label: int) -> None:
    raw = with_receipts(an_item().statement, receipts, label)
    assert _usual.read(raw) is None
    assert otherwise(lambda: parse_any(raw)) is None


HEAD = Head(logs.LOG, 1 << 20, bytes(32), logs.SERVICE, logs.NOW_S)
A_RECEIPT = sign_head(HEAD, logs.KEY).receipt(777_777, [bytes((each,)) * 32 for each in range(20)])


@given(st.integers(1, 1 << 62), st.data())
def test_a_usual_receipt_is_read_at_once_and_alike(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = [bytes(32)] * tree.path_length(index, size)
    raw = sign_head(replace(HEAD, size=size), data.draw(st.sampled_from(USUAL_KEYS))).receipt(index, path)
    assert _receipt_form.read(raw) is not None
    assert parse_receipt(raw) == parse_any_receipt(raw)
    assert parse_receipt(raw).path == tuple(path)


@given(mutated(A_RECEIPT))
def test_a_receipt_changed_anywhere_is_read_alike_or_left(raw: bytes) -> None:
    if _receipt_form.read(raw) is not None:
        assert otherwise(lambda: parse_receipt(raw)) == otherwise(lambda: parse_any_receipt(raw))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_the_leaf_of_a_statement_is_that_of_its_stored_bytes(algorithm: Algorithm) -> None:
    key = SoftwareKey.generate(algorithm)
    ring = Ring(CertifiedKey(key.public, CLAIMS.issuer, kinds=None, certified_by=None))
    raw = an_item(key=key).statement
    for stored in (raw, with_receipts(raw, [A_RECEIPT])):
        assert Verifier(ring).verify_statement(stored).leaf == log_leaf(stored) == log_leaf(raw)


STATEMENTS = [
    an_item().statement,
    an_item(EVERYTHING, 30).statement,
    an_item(Claims(ENTERPRISE, LOT, CLAIMS.issued_at, EventKind.ATTEST), 0).statement,
    with_receipts(an_item().statement, [b"", bytes(300)]),
]


@given(st.sampled_from(STATEMENTS).flatmap(mutated))
def test_a_statement_changed_anywhere_is_read_alike_or_left(raw: bytes) -> None:
    usual = _usual.read(raw)
    assert usual is None or usual == parse_any(raw)


@pytest.mark.parametrize(
    "raw",
    [
        signed(header(claims=claims_map({6: 5}))),
        signed(header(claims=claims_map({6: 1 << 32}))),
        signed(header(claims=claims_map({1: "urn:" + "a" * 300}))),
    ],
)
def test_what_is_unusual_is_left_to_the_general_reader(raw: bytes) -> None:
    assert _usual.read(raw) is None
    assert parse(raw) == parse_any(raw)


CLAIM_VALUES = st.one_of(
    INTEGERS,
    st.sampled_from([ENTERPRISE, "a:", "urn:a b", ":", "A:b", "urn:a\x02"]),
    st.lists(st.binary(min_size=32, max_size=34) | st.sampled_from([PARENT, PARENT + b"\0\0"]), max_size=34),
    st.lists(st.sampled_from([ENTERPRISE, "a:", PARENT, PARENT[:16]]), min_size=3, max_size=3),
    st.none(),
)


@given(st.dictionaries(st.sampled_from([1, 2, 6, -70001, -70002, -70003, -70004]), CLAIM_VALUES, max_size=3))
def test_claims_of_any_value_are_read_alike_or_left(changed: dict[int, _cbor.Encodable]) -> None:
    raw = signed(header(claims=claims_map(changed)), payload())
    usual = _usual.read(raw)
    assert usual == otherwise(lambda: parse_any(raw)) or usual is None


@given(strategies.lots())
def test_a_usual_lot_is_read_and_written_at_once_and_alike(content: LotContent) -> None:
    raw = _cbor.encode(cast("_cbor.Encodable", lot_map(content)))
    usual = _lot_form.read(raw)
    assert usual is not None
    assert usual == read_lot(_cbor.decode(raw)) == content
    assert hash(usual) == hash(content)
    assert _lot_form.write(content) == raw
    assert _lot_form.write(usual) == raw


@given(strategies.lots().map(encode).flatmap(mutated))
def test_a_lot_changed_anywhere_is_read_alike_or_left(raw: bytes) -> None:
    usual = _lot_form.read(raw)
    assert usual is None or usual == read_lot(_cbor.decode(raw))


MOVES: dict[str, st.SearchStrategy[object]] = {
    "lot_id": strategies.issued_ids,
    "holder": strategies.enterprises,
    "site": strategies.texts,
    "gross_g": st.integers(1, 1 << 40),
    "factor_table": strategies.texts,
    "custody_model": st.sampled_from(CustodyModel),
}


@given(strategies.lots(), strategies.lots(), st.data())
def test_a_lot_in_other_hands_is_read_alike(before: LotContent, other: LotContent, data: st.DataObject) -> None:
    read, kept = decode_after(encode(before), None, None)
    assert kept is not None
    changed = {
        field: cast("Any", data.draw(MOVES[field])) for field in data.draw(st.sets(st.sampled_from(sorted(MOVES))))
    }
    moved = before._replace(
        custody_state=other.custody_state,
        receiver=other.receiver,
        remainder_lot_id=other.remainder_lot_id,
        export=other.export,
        **changed,
    )
    for raw in (encoded(moved), encoded(other), data.draw(mutated(encoded(moved)))):
        quick = _lot_form.read_moved(raw, read, kept)
        assert quick is None or quick == read_lot(_cbor.decode(raw))
        expected = otherwise(partial(decode_lot, raw))
        found = otherwise(partial(decode_after, raw, read, kept))
        assert (None if found is None else found[0]) == expected


def test_of_a_lot_in_other_hands_only_what_changed_is_read() -> None:
    held = lot_of(ElementRow(57, 1, 0, 0, 0))
    away = held._replace(custody_state=CustodyState.IN_TRANSIT, receiver=REGISTRY, remainder_lot_id="RE-1")
    read, kept = decode_after(encoded(held), None, None)
    moved, kept_again = decode_after(encoded(away), read, kept)
    assert (moved, kept_again) == (away, kept)
    assert moved.rows is read.rows
    more = away._replace(rows=(ElementRow(57, 2, 0, 0, 0),))
    assert decode_after(encoded(more), read, kept)[0] == more


def test_rows_are_made_when_first_asked_for() -> None:
    content = lot_of(ElementRow(57, 1, 0, 0, 0), ElementRow(66, 2, 1, 1, 0))
    rows = read_at_once(content).rows
    assert isinstance(rows, ElementRows)
    assert len(rows) == 2
    assert rows == content.rows
    assert content.rows == rows
    assert rows[0] == ElementRow(57, 1, 0, 0, 0)
    assert rows[1:] == content.rows[1:]
    assert list(rows) == list(content.rows)
    assert repr(rows) == repr(content.rows)
    assert rows == read_at_once(content).rows
    assert rows != read_at_once(content._replace(rows=content.rows[:1])).rows
    assert rows != content.rows[:1]


def test_an_element_may_have_rows_from_several_sources() -> None:
    content = lot_of(ElementRow(57, 1, 0, 0, 0), ElementRow(57, 2, 0, 0, 1), ElementRow(66, 2, 1, 1, 1))
    assert read_at_once(content) == content
    wrong = encoded(content._replace(rows=(*content.rows[1:2], *content.rows[:1], content.rows[2])))
    assert _lot_form.read(wrong) is None
    assert otherwise(lambda: read_lot(_cbor.decode(wrong))) is None


@pytest.mark.parametrize("elements", [(66, 57), (57, 57), (57, 66, 60), (21, 39, 39)])
def test_rows_out_of_order_are_left_to_the_general_reader(elements: tuple[int, ...]) -> None:
    raw = encoded(lot_of(*(ElementRow(element, 1, 0, 0, 0) for element in elements)))
    assert _lot_form.read(raw) is None
    assert otherwise(lambda: read_lot(_cbor.decode(raw))) is None


@pytest.mark.parametrize(
    ("source", "rows"),
    [(MassSource("lab\n", "method"), 0), (MassSource("lab", "\u200b"), 0), (MassSource("", "method"), 0), (None, 2)],
)
def test_sources_that_are_wrong_are_left_to_the_general_reader(source: MassSource | None, rows: int) -> None:
    content = lot_of(ElementRow(57, 1, 0, 0, rows))
    if source is not None:
        content = content._replace(sources=(source,))
    assert _lot_form.read(encoded(content)) is None
    assert otherwise(lambda: read_lot(_cbor.decode(encoded(content)))) is None


def lot_of(*rows: ElementRow) -> LotContent:
    """A lot with these rows, of two sources."""
    sources = (MassSource("spiffe://monazite.example/laboratory/a", "ICP-MS", PARENT), MassSource("b", "XRF"))
    return chains.lot("plant", Form.SEPARATED_COMPOUND, 1_000, {"Nd": 1})._replace(rows=rows, sources=sources)


def encoded(content: LotContent) -> bytes:
    """The bytes of a lot, checked by nobody."""
    return _cbor.encode(cast("_cbor.Encodable", lot_map(content)))


def read_at_once(content: LotContent) -> LotContent:
    """A lot as the quick reader gives it."""
    usual = _lot_form.read(encoded(content))
    assert usual is not None
    return usual


ROW_MEMBERS = st.sampled_from(
    [0, 1, 21, 39, 57, 58, 23, 24, 31, 32, 255, 256, 1 << 62, (1 << 63) - 1, 1 << 63, -1, True]
)
FIELD_VALUES: dict[str, st.SearchStrategy[object]] = {
    "rows": st.lists(st.builds(ElementRow, *[ROW_MEMBERS] * 5), max_size=3).map(tuple),
    "sources": st.lists(strategies.sources, max_size=33).map(tuple),
    "gross_g": ROW_MEMBERS,
    "net_g": ROW_MEMBERS,
    "moisture_g": ROW_MEMBERS,
    "form": st.sampled_from([Form.ALLOY, 1, 0, 9, True]),
    "custody_state": st.sampled_from(CustodyState),
    "holder": st.sampled_from([ENTERPRISE, REGISTRY, "x", ""]),
    "site": st.sampled_from(
        ["包头", "a\nb", "", "x" * 255, "x" * 256, "x" * 513, "\x7f", "\u200b", "\ud800", b"x", None]
    ),
    "receiver": st.none() | st.sampled_from([ENTERPRISE, REGISTRY, "x"]),
    "remainder_lot_id": st.none() | st.just("RE-1"),
    "export": st.none() | st.builds(ExportLimit, strategies.ids, ROW_MEMBERS),
}


@given(strategies.lots(), st.data())
def test_lots_out_of_bounds_are_not_written_at_once(content: LotContent, data: st.DataObject) -> None:
    fields = data.draw(st.sets(st.sampled_from(sorted(FIELD_VALUES)), min_size=1, max_size=3))
    content = content._replace(**{field: cast("Any", data.draw(FIELD_VALUES[field])) for field in sorted(fields)})
    usual = _lot_form.write(content)
    if usual is None:
        return
    members = lot_map(content)
    assert usual == _cbor.encode(cast("_cbor.Encodable", members))
    assert _lot_form.read(usual) == read_lot(members)


@pytest.mark.parametrize("field", ["gross_g", "net_g", "moisture_g"])
@pytest.mark.parametrize("value", [True, False, 1.0, "1", None])
def test_what_is_no_integer_is_no_mass(field: str, value: object) -> None:
    content = chains.lot("mine", Form.ORE_CONCENTRATE, 1_000, chains.ORE)._replace(
        **{field: cast("Any", value)}
    )  # of moisture either number is in bounds
    assert _lot_form.write(content) is None
    with pytest.raises(BadField):
        encode(content)


@given(strategies.lots(), st.sampled_from(CustodyState))
def test_a_state_that_is_a_bare_number_passes_no_check_by_it(content: LotContent, state: CustodyState) -> None:
    def members() -> dict[int, object]:
        fields = lot_map(content)
        read_lot(fields)
        return fields

    content = content._replace(custody_state=cast("CustodyState", int(state)))
    assert otherwise(lambda: encode(content)) == otherwise(lambda: _cbor.encode(cast("_cbor.Encodable", members())))


ITEMS = [an_item().encode(), an_item(outputs=0).encode(), an_item(outputs=30).encode(), an_item().redact({1}).encode()]


@given(st.sampled_from(ITEMS).flatmap(mutated))
def test_an_item_changed_anywhere_is_its_own_encoding_or_refused(data: bytes) -> None:
    item = otherwise(lambda: Item.decode(data))
    assert item is None or item.encode() == data


@given(st.lists(IDS, max_size=40))
def test_the_root_of_a_whole_tree_is_that_of_its_halves(leaves: list[bytes]) -> None:
    assert tree.root(leaves) == tree.Disclosure(len(leaves), dict(enumerate(leaves)), ()).root
