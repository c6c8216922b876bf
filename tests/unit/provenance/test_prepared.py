"""Statements that another prepared: what is signed is what is shown, and nothing that is not shown is signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from json import dumps
from typing import cast

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import _cose
from monazite_provenance.contents import (
    CustodyModel,
    CustodyState,
    Details,
    ElementRow,
    Form,
    LotContent,
    MassSource,
    OfferDetails,
    decode_lot,
    encode,
)
from monazite_provenance.draft import Draft, draft
from monazite_provenance.errors import (
    AlgorithmMismatch,
    BadField,
    BadSignature,
    IssuerMismatch,
    NotDeterministic,
    OpeningMismatch,
    ProvenanceError,
    TrailingBytes,
    Undisclosed,
    UnknownKey,
    UnsupportedAlgorithm,
)
from monazite_provenance.item import Item
from monazite_provenance.keys import SoftwareKey
from monazite_provenance.kinds import CUSTODY_KINDS, EventKind
from monazite_provenance.prepared import Prepared, read_prepared, unsigned
from monazite_provenance.signers import CallableSigner
from monazite_provenance.statement import Claims, OnBehalf, Outpoint
from monazite_provenance.verifier import Verifier

from tests.unit.provenance.contents_strategies import details as details_of
from tests.unit.provenance.contents_strategies import lots
from tests.unit.provenance.examples import ED25519, ENTERPRISE, ESP256, ISSUED_AT, KEYS, LOT, PARENT, RING
from tests.unit.provenance.examples import a_draft as of_no_lots

SEPARATOR = "\n"
A_LOT = LotContent(
    lot_id="RE-0000-0000-0000-G",
    holder=ENTERPRISE,
    site="baotou-1",
    form=Form.ORE_CONCENTRATE,
    gross_g=2_000,
    net_g=2_000,
    moisture_g=0,
    rows=(ElementRow(60, 400_000, 2_000, 1_000, 0),),
    sources=(MassSource("assay-1", "ICP-MS"),),
    custody_model=CustodyModel.SEGREGATED,
    custody_state=CustodyState.HELD,
    factor_table="reo-factors-2025-1",
    home_log="urn:monazite:log:registry:0",
)


AN_OFFER = OfferDetails("CMR-1")


def prepare(
    details: Details = AN_OFFER,
    outputs: tuple[LotContent, ...] = (A_LOT,),
    *,
    key: SoftwareKey = ED25519,
    issuer: str = ENTERPRISE,
    on_behalf: OnBehalf | None = None,
) -> Draft:
    """What a service writes."""
    claims = Claims(issuer, LOT, ISSUED_AT, details.KIND, (Outpoint(PARENT, 1),), (PARENT,), on_behalf)
    return draft(claims, [encode(lot) for lot in outputs], encode(details), key.public)


def read(drafted: Draft, *, item: Item | None = None, signing_input: bytes | None = None) -> Prepared:
    """What the signer makes of it."""
    shown = unsigned(drafted) if item is None else item
    return read_prepared(
        shown.encode(), drafted.signing_input if signing_input is None else signing_input, issuer=ENTERPRISE
    )


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.public.algorithm.name)
def test_what_was_prepared_and_signed_verifies(key: SoftwareKey) -> None:
    drafted = prepare(key=key)
    prepared = read(drafted)
    statement = Verifier(RING).verify(prepared.sign(key))
    assert statement.id == prepared.statement_id == drafted.statement_id
    assert statement.claims == prepared.claims
    assert prepared.outputs == (A_LOT,)
    assert prepared.details == AN_OFFER
    elsewhere = prepared.complete(key.public, key.sign(prepared.signing_input))
    assert Verifier(RING).verify(elsewhere).id == statement.id


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_committed_to_stands_in_the_text(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(details_of)))
    details = data.draw(details_of[kind])
    outputs = tuple(data.draw(st.lists(lots(), max_size=2))) if kind in CUSTODY_KINDS else ()
    drafted = prepare(details, outputs)
    text = read(drafted).text()
    for opening in (*drafted.openings, drafted.details):
        for value in _leaves(cbor2.loads(opening.content)):
            assert any(form in text for form in _forms(value)), value
    for said in (kind.name, ENTERPRISE, LOT, PARENT.hex(), f"{PARENT.hex()}:1", drafted.statement_id.hex()):
        assert said in text


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        members = cast("dict[int, object]", value)
        yield from _leaves(list(members.values()))
    elif isinstance(value, list):
        for member in cast("list[object]", value):
            yield from _leaves(member)
    elif isinstance(value, bytes) and _is_lot(value):
        # A lot within a content stands there encoded.
        yield from _leaves(cbor2.loads(value))
    else:
        yield value


def _is_lot(content: bytes) -> bool:
    try:
        decode_lot(content)
    except ProvenanceError:
        return False
    return True


def _forms(value: object) -> list[str]:
    match value:
        case str():
            return [dumps(value, ensure_ascii=False)]
        case bytes() if len(value) == 34:
            return [f"{value[:32].hex()}:{int.from_bytes(value[32:], 'big')}"]
        case bytes():
            return [value.hex()]
        case int() if value >= 1_000:
            forms = [f"{value:_}".replace("_", " ")]
            return [*forms, f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"] if value < 2**37 else forms
        case _:
            # A number of an enumeration, or a small one: anything would match.
            return [""]


def test_the_text_of_an_offer() -> None:
    drafted = prepare()
    assert read(drafted).text().splitlines() == [
        f"statement {drafted.statement_id.hex()}",
        f"for the key {ED25519.public.kid.hex()} (ED25519) to sign",
        "claims: Claims",
        f'  issuer: "{ENTERPRISE}"',
        f'  subject: "{LOT}"',
        "  issued_at: 2026-09-21 14:13:20 UTC",
        "  kind: OFFER",
        "  spends: 1",
        f"    0: {PARENT.hex()}:1",
        "  refs: 1",
        f"    0: {PARENT.hex()}",
        "details: OfferDetails",
        '  transport_document: "CMR-1"',
        "output 0: LotContent",
        '  lot_id: "RE-0000-0000-0000-G"',
        f'  holder: "{ENTERPRISE}"',
        '  site: "baotou-1"',
        "  form: ORE_CONCENTRATE",
        "  gross_g: 2 000 g",
        "  net_g: 2 000 g",
        "  moisture_g: 0 g",
        "  rows: 1",
        "    0: Nd 400 000 mg REO, u random 2 000 mg, u common 1 000 mg, source 0",
        "  sources: 1",
        "    0: MassSource",
        '      laboratory: "assay-1"',
        '      method: "ICP-MS"',
        "  custody_model: SEGREGATED",
        "  custody_state: HELD",
        '  factor_table: "reo-factors-2025-1"',
        '  home_log: "urn:monazite:log:registry:0"',
    ]


def test_a_text_of_the_contents_cannot_pass_for_a_line_of_ours() -> None:
    text = read(prepare(OfferDetails('CMR" holder: "nobody'))).text()
    assert '  transport_document: "CMR\\" holder: \\"nobody"' in text.split(SEPARATOR)


def test_bytes_to_sign_of_another_statement() -> None:
    other = prepare(OfferDetails("CMR-2"))
    with pytest.raises(BadField) as refused:
        read(prepare(), signing_input=other.signing_input)
    assert refused.value.details["field"] == "signing_input"
    with pytest.raises(BadField):
        read(prepare(), signing_input=b"")


def test_contents_that_are_not_those_committed_to() -> None:
    drafted = prepare()
    shown = unsigned(drafted)
    opening, details = shown.openings[0], drafted.details
    for altered in (
        replace(shown, openings={0: opening._replace(content=encode(A_LOT._replace(site="elsewhere")))}),
        replace(shown, openings={0: opening._replace(salt=bytes(16))}),
        replace(shown, details=details._replace(content=encode(OfferDetails("CMR-2")))),
    ):
        with pytest.raises(OpeningMismatch):
            read(drafted, item=altered)


def test_nothing_is_signed_that_is_not_shown() -> None:
    drafted = prepare(outputs=(A_LOT, A_LOT))
    shown = unsigned(drafted)
    hidden = replace(shown, openings={0: shown.openings[0]}, nodes=(drafted.openings[1].leaf,))
    with pytest.raises(Undisclosed):
        read(drafted, item=hidden)
    with pytest.raises(Undisclosed):
        read(drafted, item=replace(shown, details=None))


def test_nothing_is_signed_for_another() -> None:
    other = "spiffe://monazite.example/enterprise/other"
    with pytest.raises(IssuerMismatch):
        read(prepare(issuer=other))
    behalf = OnBehalf(other, bytes(32), bytes(16))
    with pytest.raises(IssuerMismatch):
        read(prepare(on_behalf=behalf))
    drafted = prepare()
    system = f"{ENTERPRISE}/erp"
    assert read_prepared(unsigned(drafted).encode(), drafted.signing_input, issuer=system).claims.issuer == ENTERPRISE


def test_another_key_does_not_sign_it() -> None:
    prepared = read(prepare(key=ED25519))
    with pytest.raises(UnknownKey):
        prepared.sign(SoftwareKey.generate())
    with pytest.raises(UnknownKey):
        prepared.sign(ESP256)
    crossed = replace(prepared, kid=ESP256.public.kid)
    with pytest.raises(AlgorithmMismatch):
        crossed.sign(ESP256)


def test_a_signature_that_does_not_verify_leaves_nothing_to_submit() -> None:
    prepared = read(prepare())
    with pytest.raises(BadSignature):
        prepared.sign(CallableSigner(ED25519.public, lambda _message: bytes(64)))
    with pytest.raises(BadSignature):
        prepared.complete(ED25519.public, ED25519.sign(b"something else"))


def test_what_is_signed_already_is_not_a_prepared_statement() -> None:
    drafted = prepare()
    with pytest.raises(BadField) as refused:
        read(drafted, item=drafted.sign(ED25519))
    assert refused.value.details["field"] == "signature"


def test_outputs_that_are_no_lots() -> None:
    drafted = of_no_lots()
    with pytest.raises(BadField):
        read(drafted)
    claims = Claims(ENTERPRISE, LOT, ISSUED_AT, EventKind.ATTEST)
    with pytest.raises(BadField) as refused:
        read(of_no_lots(claims))
    assert refused.value.details["field"] == "outputs_count"


def test_a_header_outside_the_profile() -> None:
    drafted = prepare()
    shown = unsigned(drafted)
    for protected, error in (
        (cbor2.dumps({1: -8}), UnsupportedAlgorithm),
        (cbor2.dumps([1]), UnsupportedAlgorithm),
        (cbor2.dumps({1: -19}), BadField),
        (b"\x18\x00", NotDeterministic),
        (b"\x00\x00", TrailingBytes),
    ):
        item = replace(shown, statement=_cose.encode_sign1(protected, drafted.payload, b""))
        with pytest.raises(error):
            read(drafted, item=item)


DRAFTED = prepare(outputs=(A_LOT, A_LOT._replace(site="elsewhere")))
UNSIGNED = unsigned(DRAFTED).encode()


@given(st.integers(0, len(UNSIGNED) - 1), st.integers(1, 255))
def test_no_byte_of_what_is_shown_can_be_another(at: int, change: int) -> None:
    altered = bytearray(UNSIGNED)
    altered[at] ^= change
    with pytest.raises(ProvenanceError):
        read_prepared(bytes(altered), DRAFTED.signing_input, issuer=ENTERPRISE)


@given(st.integers(0, len(DRAFTED.signing_input) - 1), st.integers(1, 255))
def test_no_byte_of_what_is_signed_can_be_another(at: int, change: int) -> None:
    altered = bytearray(DRAFTED.signing_input)
    altered[at] ^= change
    with pytest.raises(BadField):
        read_prepared(UNSIGNED, bytes(altered), issuer=ENTERPRISE)


@given(st.binary(max_size=200), st.binary(max_size=80))
def test_no_bytes_raise_anything_else(item: bytes, signing_input: bytes) -> None:
    with pytest.raises(ProvenanceError):
        read_prepared(item, signing_input, issuer=ENTERPRISE)
