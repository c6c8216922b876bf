"""Contents: what is encoded comes back and agrees with its CDDL; other bytes give a ProvenanceError."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from importlib import import_module, resources
from pathlib import Path
from typing import Protocol, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import _cbor
from monazite_provenance.contents import (
    AdjustDetails,
    AnnulDetails,
    AssayRow,
    AttestDetails,
    Attested,
    ConsumeDetails,
    CorrectDetails,
    Corrected,
    CustodyState,
    CutDetails,
    Details,
    DivertDetails,
    Draw,
    ElementOrigins,
    ElementRow,
    ExportLimit,
    Form,
    LotContent,
    LotField,
    OfferDetails,
    OriginMass,
    RegisterDetails,
    ReturnDetails,
    StatusDetails,
    Stocktake,
    decode_details,
    decode_lot,
    encode,
)
from monazite_provenance.contents.details import Imported
from monazite_provenance.errors import BadField, NotDeterministic, ProvenanceError, TrailingBytes
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint

from tests.unit.provenance import contents_strategies as strategies
from tests.unit.provenance.chains import ORE, lot

SCHEMAS = resources.files("monazite_provenance").joinpath("schemas")


class Schema(Protocol):
    """What is used of pycddl, which has no types."""

    def validate_cbor(self, data: bytes) -> object: ...


class Cddl(Protocol):
    """The module pycddl: a CDDL tool in Rust, not our own reading of it."""

    def Schema(self, text: str) -> Schema: ...  # noqa: N802 - a class there


PYCDDL = cast("Cddl", import_module("pycddl"))


def schema(name: str) -> Schema:
    text = SCHEMAS.joinpath(f"{name}.cddl").read_text("utf-8") + SCHEMAS.joinpath("common.cddl").read_text("utf-8")
    return PYCDDL.Schema(text)


SCHEMA_BY_KIND = {kind: schema(kind.name.lower()) for kind in strategies.details}
LOT_SCHEMA = schema("lot")


def test_every_schema_belongs_to_a_content() -> None:
    files = {entry.name for entry in SCHEMAS.iterdir() if entry.name.endswith(".cddl")}
    assert files == {f"{kind.name.lower()}.cddl" for kind in strategies.details} | {
        "lot.cddl",
        "common.cddl",
        "receipt.cddl",
        "bundle.cddl",
    }


@given(strategies.lots())
def test_lot_round_trip(content: LotContent) -> None:
    raw = encode(content)
    assert decode_lot(raw) == content
    LOT_SCHEMA.validate_cbor(raw)


@pytest.mark.parametrize("kind", list(strategies.details))
@settings(max_examples=30)
@given(st.data())
def test_details_round_trip(kind: EventKind, data: st.DataObject) -> None:
    details: Details = data.draw(strategies.details[kind])
    raw = encode(details)
    assert decode_details(kind, raw) == details
    SCHEMA_BY_KIND[kind].validate_cbor(raw)


@given(st.binary(max_size=200), st.sampled_from(list(EventKind)))
def test_any_bytes_give_a_provenance_error(raw: bytes, kind: EventKind) -> None:
    """And what is read nevertheless is what these bytes say, and no other bytes."""
    with suppress(ProvenanceError):
        assert encode(decode_lot(raw)) == raw
    with suppress(ProvenanceError):
        assert encode(decode_details(kind, raw)) == raw


values = st.recursive(
    st.one_of(st.integers(-(2**64), 2**64 - 1), st.text(max_size=5), st.binary(max_size=34), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.integers(0, 16), inner, max_size=4)),
    max_leaves=12,
)


@given(strategies.lots(), st.integers(1, 17), values)
def test_a_field_of_another_type_gives_a_provenance_error(content: LotContent, key: int, value: object) -> None:
    fields = _cbor.decode(encode(content))
    assert isinstance(fields, dict)
    changed = _cbor.encode(cast("_cbor.Encodable", {**fields, key: value}))
    try:
        decoded = decode_lot(changed)
    except ProvenanceError:
        return
    assert encode(decoded) == changed


@pytest.mark.parametrize("kind", list(strategies.details))
@settings(max_examples=30)
@given(st.data())
def test_details_with_a_field_of_another_type(kind: EventKind, data: st.DataObject) -> None:
    fields = _cbor.decode(encode(data.draw(strategies.details[kind])))
    assert isinstance(fields, dict)
    changed = {**fields, data.draw(st.integers(1, 11)): data.draw(values)}
    try:
        decoded = decode_details(kind, _cbor.encode(cast("_cbor.Encodable", changed)))
    except ProvenanceError:
        return
    assert encode(decoded) == _cbor.encode(cast("_cbor.Encodable", changed))


GOOD = lot("mine", Form.ORE_CONCENTRATE, 1_000, ORE)
HEAD = Outpoint(bytes(32), 0)
STATUS = StatusDetails(HEAD, None, (), bytes(32), 1, (b"checkpoint",), 1)
ORIGINS = tuple(ElementOrigins(row.element, (OriginMass("mined", row.reo_mg),)) for row in GOOD.rows)
CUT = CutDetails(HEAD, GOOD, ORIGINS, bytes(32), b"checkpoint")
ASSAY = AttestDetails(GOOD.lot_id, "laboratory", "ICP-MS", "7", 1, 1, (AssayRow(57, 0, 1, 0), AssayRow(58, 1, 0, 0)))
CORRECTION = CorrectDetails(HEAD, (LotField.SITE,), "TYPO")
HALVED = (OriginMass("b", ORIGINS[0].masses[0].reo_mg - 1), OriginMass("a", 1))


@pytest.mark.parametrize(
    "bad",
    [
        GOOD._replace(rows=()),
        GOOD._replace(rows=tuple(reversed(GOOD.rows))),
        GOOD._replace(rows=(GOOD.rows[0], GOOD.rows[0])),
        GOOD._replace(rows=(ElementRow(57, 0, 0, 0, 0),)),
        GOOD._replace(rows=(ElementRow(26, 1, 0, 0, 0),)),
        GOOD._replace(rows=(ElementRow(57, -1, 0, 0, 0),)),
        GOOD._replace(rows=(ElementRow(57, 2**63, 0, 0, 0),)),
        GOOD._replace(rows=(ElementRow(57, 1, 0, 0, 1),)),
        GOOD._replace(sources=()),
        GOOD._replace(sources=GOOD.sources * 2),
        GOOD._replace(gross_g=0, net_g=0),
        GOOD._replace(net_g=GOOD.gross_g + 1),
        GOOD._replace(moisture_g=GOOD.net_g + 1),
        GOOD._replace(gross_g=2**63),
        GOOD._replace(lot_id=""),
        GOOD._replace(site="a\nb"),
        GOOD._replace(site="x" * 513),
        GOOD._replace(site="\ud800"),
        GOOD._replace(holder="spiffe://monazite.example/service/registry"),
        GOOD._replace(holder="https://monazite.example/enterprise/mine"),
        GOOD._replace(receiver=GOOD.holder),
        GOOD._replace(custody_state=CustodyState.IN_TRANSIT),
        GOOD._replace(export=ExportLimit(bytes(32), 1)),
        RegisterDetails(Imported("us", "7")),
        RegisterDetails(Imported("US", "7"), (Draw(bytes(32), 1), Draw(bytes(32), 1))),
        RegisterDetails(Imported("US", "7"), (Draw(bytes(31), 1),)),
        RegisterDetails(Imported("US", "7"), (Draw(bytes(32), 0),)),
        replace(STATUS, spender=bytes(31)),
        replace(STATUS, holds=(bytes(32), bytes(32))),
        replace(STATUS, holds=(b"\1" * 32, bytes(32))),
        replace(STATUS, digest=bytes(31)),
        replace(STATUS, count=0),
        replace(STATUS, checkpoints=()),
        replace(STATUS, checkpoints=(b"",)),
        replace(STATUS, checkpoints=(bytes(8_193),)),
        replace(STATUS, checkpoints=(b"checkpoint",) * 17),
        replace(STATUS, expires_at=-1),
        replace(CUT, lot=GOOD._replace(rows=())),
        replace(CUT, origins=ORIGINS[1:]),
        replace(CUT, origins=(ORIGINS[1], ORIGINS[0], *ORIGINS[2:])),
        replace(CUT, origins=(ORIGINS[0]._replace(masses=()), *ORIGINS[1:])),
        replace(CUT, origins=(ORIGINS[0]._replace(masses=HALVED), *ORIGINS[1:])),
        replace(CUT, origins=(ElementOrigins(26, ORIGINS[0].masses),)),
        replace(CUT, origins=(ElementOrigins(57, (OriginMass("x" * 1_101, 1),)),)),
        replace(CUT, policy_hash=b""),
        replace(CUT, checkpoint=b""),
        replace(CUT, findings=("B", "A")),
        ReturnDetails(0, "7", "UNSOLD"),
        ReturnDetails(1, "7", ""),
        DivertDetails("", "w"),
        AdjustDetails(Attested(bytes(31))),
        AdjustDetails(Stocktake("")),
        AdjustDetails(Corrected(b"")),
        AdjustDetails(Stocktake("count"), ""),
        ConsumeDetails("", ""),
        AnnulDetails(bytes(31), "ERROR"),
        AnnulDetails(bytes(32), ""),
        replace(CORRECTION, fields=()),
        replace(CORRECTION, fields=(LotField.FORM, LotField.SITE)),
        replace(CORRECTION, fields=(LotField.SITE, LotField.SITE)),
        replace(CORRECTION, fields=cast("tuple[LotField, ...]", (2,))),
        replace(CORRECTION, reason_code=""),
        replace(CORRECTION, draws=(Draw(bytes(32), 0),)),
        replace(CORRECTION, lot=GOOD._replace(rows=())),
        replace(ASSAY, rows=()),
        replace(ASSAY, rows=(ASSAY.rows[1], ASSAY.rows[0])),
        replace(ASSAY, rows=(ASSAY.rows[0], ASSAY.rows[0])),
        replace(ASSAY, rows=(AssayRow(26, 1, 0, 0),)),
        replace(ASSAY, rows=(AssayRow(57, -1, 0, 0),)),
        replace(ASSAY, dry_g=0),
        replace(ASSAY, sample=""),
    ],
)
def test_out_of_bounds_is_refused_before_it_is_encoded(bad: LotContent | Details) -> None:
    with pytest.raises(BadField):
        encode(bad)


def test_bytes_beside_the_profile() -> None:
    raw = encode(OfferDetails("w"))
    with pytest.raises((TrailingBytes, NotDeterministic)):
        decode_details(EventKind.OFFER, raw + b"\x00")
    with pytest.raises(NotDeterministic):
        decode_details(EventKind.OFFER, b"\xa1\x18\x01\x61w")
    with pytest.raises(BadField, match="unknown"):
        decode_details(EventKind.SPLIT, raw)


def test_a_basis_that_nobody_knows() -> None:
    for basis in ([0, "x"], [4, "x"], [True, bytes(32)], [1], []):
        with pytest.raises(BadField, match=r"adjust|content|unknown|field"):
            decode_details(EventKind.ADJUST, _cbor.encode(cast("_cbor.Encodable", {1: basis})))


def test_the_documentation_shows_every_schema_as_it_is() -> None:
    document = (Path(__file__).parents[3] / "docs" / "STATEMENTS.md").read_text("utf-8")
    for entry in SCHEMAS.iterdir():
        if entry.name.endswith(".cddl"):
            assert entry.read_text("utf-8").rstrip() in document, entry.name
