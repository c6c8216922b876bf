"""The published schema of a bundle's heads, by a CDDL tool: what is written is that, and nothing else is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from typing import cast

import pytest
from monazite_provenance import _cbor, bundle
from monazite_provenance.bundle import Cosigned, Joint, Listing, Sheet
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.statement import Outpoint

from tests.unit.provenance.test_receipt_schema import CDDL, schema

SCHEMAS = resources.files("monazite_provenance").joinpath("schemas")
TEXT = "".join(SCHEMAS.joinpath(f"{name}.cddl").read_text("utf-8") for name in ("bundle", "common"))
# The tool counts the members of an array within an array as those of the outer one: so each is checked by itself.
HEADS = re.sub(r"\[[0-9]*\*64 (listing|cosigned)\]|first-place / later-place", "[*any]", TEXT)
PARTS = re.sub(r"\[\*64 joint\]", "[*any]", TEXT)
TARGET = Outpoint(bytes(32), 3)
LISTINGS = (Listing(b"receipt", (1, 0)), Listing(b"another", (2,)))
WITNESSED = (Cosigned("a text"), Cosigned("b", (Joint(1, (bytes(32),)), Joint(5, ()))))
NAMED = TARGET.encode()


def check(rule: str, value: _cbor.CborValue) -> None:
    """A part of a head, by its rule."""
    schema(PARTS, rule).validate_cbor(_cbor.encode(cast("_cbor.Encodable", value)))


def check_parts(receipts: _cbor.CborValue, witnessed: _cbor.CborValue) -> None:
    """What stands in a head, each part by its rule."""
    assert isinstance(receipts, list)
    assert isinstance(witnessed, list)
    for each in receipts:
        check("listing", each)
    for each in witnessed:
        check("cosigned", each)
        assert isinstance(each, list)
        joints = each[1]
        assert isinstance(joints, list)
        for joint in joints:
            check("joint", joint)


@pytest.mark.parametrize("listings", [(), LISTINGS])
@pytest.mark.parametrize("cosigned", [(), WITNESSED])
def test_heads_of_a_bundle_of_one_page(listings: Sequence[Listing], cosigned: Sequence[Cosigned]) -> None:
    raw = next(bundle.write(TARGET, [], listings, cosigned))
    schema(HEADS, "witnessed-head" if cosigned else "plain-head").validate_cbor(raw)
    match _cbor.decode(raw):
        case [1, bytes(), receipts, *more]:
            check_parts(receipts, more[0] if more else [])
        case _:
            pytest.fail("another head")


@pytest.mark.parametrize("listings", [(), LISTINGS])
@pytest.mark.parametrize("cosigned", [(), WITNESSED])
def test_heads_of_pages(listings: Sequence[Listing], cosigned: Sequence[Cosigned]) -> None:
    writer = bundle.PageWriter(TARGET, 2, cosigned)
    for rule in ("first-place", "later-place"):
        raw = writer.page(Sheet([b"\x80"], listings))[0]
        schema(HEADS, "page-head").validate_cbor(raw)
        match _cbor.decode(raw):
            case [2, bytes(), receipts, witnessed, place]:
                check(rule, place)
                check_parts(receipts, witnessed)
            case _:
                pytest.fail("another head")


# A type checker does not know of what a list is that holds nothing, and asks again in each that holds one.
NOTHING: list[_cbor.Encodable] = []
Cases = list[tuple[str, list[_cbor.Encodable]]]
NO_HEADS: Cases = [
    ("plain-head", [2, NAMED, NOTHING]),
    ("plain-head", [1, NAMED[1:], NOTHING]),
    ("plain-head", [1, NAMED, NOTHING, NOTHING, NOTHING]),
    ("page-head", [2, NAMED, NOTHING]),
]
NO_PARTS: Cases = [
    ("listing", [b"receipt", NOTHING]),
    ("listing", [b"receipt", [10_000]]),
    ("listing", ["receipt", [0]]),
    ("first-place", [1, 1, 1, None]),
    ("first-place", [1, 101, 1, None]),
    ("first-place", [1, 2, 0, None]),
    ("first-place", [1, 2, 10_001, None]),
    ("first-place", [1, 2, 1, bytes(32)]),
    ("later-place", [2, 2, 1, None]),
    ("later-place", [2, 2, 1, bytes(31)]),
    ("cosigned", ["text"]),
]


@pytest.mark.parametrize(("rule", "head"), NO_HEADS)
def test_heads_that_are_none(rule: str, head: list[_cbor.Encodable]) -> None:
    raw = _cbor.encode(head)
    with pytest.raises(CDDL.ValidationError):
        schema(HEADS, rule).validate_cbor(raw)
    with pytest.raises(ProvenanceError):
        bundle.read([raw])


@pytest.mark.parametrize(("rule", "part"), NO_PARTS)
def test_what_neither_the_schema_nor_the_library_takes(rule: str, part: list[_cbor.Encodable]) -> None:
    with pytest.raises(CDDL.ValidationError):
        schema(PARTS, rule).validate_cbor(_cbor.encode(part))
    place: list[_cbor.Encodable] = part if rule.endswith("place") else [1, 2, 1, None]
    receipts: list[_cbor.Encodable] = [part] if rule == "listing" else []
    witnessed: list[_cbor.Encodable] = [part] if rule == "cosigned" else []
    with pytest.raises(ProvenanceError):
        bundle.read([_cbor.encode([2, NAMED, receipts, witnessed, place])])
