"""Items: what is disclosed is what was committed to, and leaving out is not a new format."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import Item, Opening, Verifier
from monazite_provenance._cbor import Encodable, encode
from monazite_provenance.errors import BadField, Malformed, OpeningMismatch, ProvenanceError, TooLarge
from monazite_provenance.item import encoded_with_receipts

from tests.unit.provenance.examples import RING, a_draft, an_item

VERIFIER = Verifier(RING)
ITEM = an_item(outputs=5)
SALT = bytes(16)


def test_an_item_goes_round() -> None:
    assert Item.decode(ITEM.encode()) == ITEM
    none = an_item(outputs=0)
    assert Item.decode(none.encode()) == none


def test_its_form_by_hand() -> None:
    drafted = a_draft(outputs=1)
    item = Item(b"statement", {0: drafted.openings[0]}, (), None)
    assert item.encode() == encode([b"statement", {0: list(drafted.openings[0])}, [], None])


@given(st.integers(0, 40), st.lists(st.binary(max_size=300), min_size=1, max_size=8), st.booleans())
def test_receipts_are_put_into_an_encoded_item_as_into_a_decoded_one(
    outputs: int, receipts: list[bytes], again: bool
) -> None:
    item = an_item(outputs=outputs)
    before = item.with_receipts([b"before"]) if again else item
    assert encoded_with_receipts(before.encode(), receipts) == item.with_receipts(receipts).encode()


@pytest.mark.parametrize("wrong", [b"", b"\x84", b"\x83" + ITEM.encode()[1:], ITEM.statement, ITEM.encode()[:40]])
def test_receipts_are_put_into_nothing_else(wrong: bytes) -> None:
    with pytest.raises(Malformed):
        encoded_with_receipts(wrong, [b"receipt"])


@given(st.integers(0, 40), st.data())
def test_any_redaction_verifies_and_shows_what_was_kept(outputs: int, data: st.DataObject) -> None:
    item = an_item(outputs=outputs)
    indexes = st.integers(0, outputs - 1) if outputs else st.nothing()
    keep = data.draw(st.sets(indexes))
    details = data.draw(st.booleans())
    redacted = Item.decode(item.redact(keep, details=details).encode())
    statement = VERIFIER.verify(redacted)
    assert dict(statement.outputs) == {index: item.openings[index].content for index in keep}
    assert statement.details == (b"\xa0" if details else None)
    assert statement.id == VERIFIER.verify(item).id
    fewer = data.draw(st.sets(st.sampled_from(sorted(keep)))) if keep else set[int]()
    assert redacted.redact(fewer, details=False) == item.redact(fewer, details=False)


def test_what_is_left_out_cannot_be_had_back() -> None:
    redacted = ITEM.redact({1})
    with pytest.raises(OpeningMismatch):
        redacted.redact({1, 2})


def test_nothing_kept_is_one_node() -> None:
    assert len(ITEM.redact(()).nodes) == 1
    assert an_item(outputs=0).redact(()).nodes == ()


def swapped(item: Item) -> dict[int, Opening]:
    """Two outputs in each other's place."""
    return {**item.openings, 0: item.openings[1], 1: item.openings[0]}


@pytest.mark.parametrize(
    "item",
    [
        replace(ITEM, openings={**ITEM.openings, 0: Opening(ITEM.openings[0].salt, b"\xa0")}),
        replace(ITEM, openings={**ITEM.openings, 0: Opening(SALT, ITEM.openings[0].content)}),
        replace(ITEM, openings={**ITEM.openings, 5: ITEM.openings[0]}),
        replace(ITEM, openings={index: ITEM.openings[index] for index in range(4)}),
        replace(ITEM, openings={}),
        replace(ITEM, openings=swapped(ITEM)),
        replace(ITEM, nodes=(bytes(32),)),
        replace(ITEM, details=Opening(SALT, b"\xa0")),
        replace(ITEM, details=ITEM.openings[0]),
        replace(ITEM.redact({1}), nodes=ITEM.redact({1}).nodes[::-1]),
        replace(ITEM.redact({1}), nodes=ITEM.redact({1}).nodes[:-1]),
        replace(ITEM, openings={-1: ITEM.openings[0]}),
        replace(an_item(outputs=0), openings={0: ITEM.openings[0]}),
        replace(an_item(outputs=0), nodes=(bytes(32),)),
    ],
)
def test_what_was_not_committed_to_is_refused(item: Item) -> None:
    with pytest.raises(OpeningMismatch):
        VERIFIER.verify(item)
    with pytest.raises(OpeningMismatch):
        item.redact(())


def test_an_inner_node_cannot_pass_for_an_output() -> None:
    # The prefixes 0x00 and 0x01 keep a subtree's hash from being opened as a leaf, and a leaf from standing as a node.
    two = an_item(outputs=2)
    left, right = (two.openings[index].leaf for index in range(2))
    fake = Opening(b"\x01" + left[:15], left[15:] + right)
    with pytest.raises(OpeningMismatch):
        VERIFIER.verify(replace(two, openings={0: fake}))


REFUSED: list[tuple[str, Encodable, type[ProvenanceError]]] = [
    ("three parts", [b"", {}, []], BadField),
    ("no list", {}, BadField),
    ("statement as text", ["", {}, [], None], BadField),
    ("openings as a list", [b"", [], [], None], BadField),
    ("opening of one part", [b"", {0: [SALT]}, [], None], BadField),
    ("opening of text", [b"", {0: [SALT, "a"]}, [], None], BadField),
    ("opening with a short salt", [b"", {0: [b"", b""]}, [], None], BadField),
    ("opening null", [b"", {0: None}, [], None], BadField),
    ("129 openings", [b"", {index: [SALT, b""] for index in range(129)}, [], None], TooLarge),
    ("64 KiB of openings", [b"", {0: [SALT, bytes(33_000)], 1: [SALT, bytes(33_000)]}, [], None], TooLarge),
    ("64 KiB of details", [b"", {}, [], [SALT, bytes(65_536)]], TooLarge),
    ("node of 31 bytes", [b"", {}, [bytes(31)], None], BadField),
    ("node of text", [b"", {}, ["a" * 32], None], BadField),
    ("65 nodes", [b"", {}, [bytes(32)] * 65, None], TooLarge),
    ("details as bytes", [b"", {}, [], b""], BadField),
    ("details false", [b"", {}, [], False], BadField),
    ("item of a megabyte", [bytes(1_000_000), {}, [], None], TooLarge),
]


@pytest.mark.parametrize(("name", "value", "error"), REFUSED, ids=[row[0] for row in REFUSED])
def test_an_item_of_another_form_is_refused(name: str, value: Encodable, error: type[ProvenanceError]) -> None:
    with pytest.raises(error) as caught:
        Item.decode(encode(value))
    assert type(caught.value) is error


def test_no_item_is_built_out_of_bounds() -> None:
    with pytest.raises(TooLarge):
        replace(ITEM, nodes=(bytes(32),) * 65)
    with pytest.raises(BadField):
        replace(ITEM, details=Opening(b"", b""))


@given(st.binary(max_size=300))
def test_random_bytes_raise_our_errors_only(data: bytes) -> None:
    with pytest.raises(ProvenanceError):
        Item.decode(data)
