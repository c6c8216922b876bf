"""The verifier: who may say what, and that nothing else than what was signed comes out."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monazite_provenance import (
    CertifiedKey,
    Claims,
    EventKind,
    Item,
    OnBehalf,
    ProvenanceError,
    SoftwareKey,
    Statement,
    Verifier,
    parse,
)
from monazite_provenance.errors import (
    AlgorithmMismatch,
    BadSignature,
    Compromised,
    EventNotAllowed,
    IssuerMismatch,
    OpeningMismatch,
    Retired,
    UnknownKey,
)

from tests.unit.provenance.examples import (
    CLAIMS,
    ED25519,
    ENTERPRISE,
    ESP256,
    KEYS,
    PARENT,
    REGISTRY,
    RING,
    Ring,
    an_item,
    certified,
    header,
    signed,
    with_issuer,
)

VERIFIER = Verifier(RING)
ON_BEHALF = OnBehalf(ENTERPRISE, PARENT, PARENT[:16])


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.public.algorithm.name)
def test_a_good_item_becomes_a_statement(key: SoftwareKey) -> None:
    item = an_item(key=key)
    for statement in (VERIFIER.verify(item), VERIFIER.verify(item.encode())):
        assert statement.id == parse(item.statement).statement_id
        assert statement.raw == item.statement
        assert statement.item == item
        assert statement.claims.kind is EventKind.TRANSFORM
        assert statement.outputs == {0: b"\xa1\x01\x00", 1: b"\xa1\x01\x01", 2: b"\xa1\x01\x02"}
        assert statement.outputs_count == 3
        assert statement.details == b"\xa0"
        assert statement.key == certified(key)
        assert statement.receipts == ()


def test_a_bare_statement_shows_nothing_and_encodes_as_an_item() -> None:
    for outputs in (0, 1, 5):
        raw = an_item(outputs=outputs).statement
        statement = VERIFIER.verify_statement(raw)
        assert (statement.outputs, statement.details, statement.outputs_count) == ({}, None, outputs)
        assert VERIFIER.verify(statement.item.encode()).id == statement.id


def test_only_a_verifier_makes_a_statement() -> None:
    item = an_item()
    with pytest.raises(TypeError):
        Statement(object(), parse(item.statement), item, certified(ED25519))
    statement = VERIFIER.verify(item)
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copied(statement)


def test_outputs_of_a_statement_cannot_be_replaced() -> None:
    statement = VERIFIER.verify(an_item())
    with pytest.raises(TypeError):
        statement.outputs[0] = b""  # type: ignore[index]  # pyright: ignore[reportIndexIssue] - what is tested


def refusal(key: CertifiedKey, claims: Claims = CLAIMS, signer: SoftwareKey = ED25519) -> type[ProvenanceError]:
    """Of which class the refusal is."""
    with pytest.raises(ProvenanceError) as caught:
        Verifier(Ring(key)).verify(an_item(claims, key=signer))
    return type(caught.value)


def test_what_the_certification_says() -> None:
    good = certified(ED25519)
    assert refusal(replace(good, issuer=REGISTRY)) is IssuerMismatch
    assert refusal(replace(good, issuer=ENTERPRISE + "/erp")) is IssuerMismatch
    assert refusal(replace(good, retired=True)) is Retired
    assert refusal(replace(good, compromised=True)) is Compromised
    assert refusal(replace(good, compromised=True, retired=True)) is Compromised
    assert refusal(replace(good, kinds=frozenset({EventKind.SPLIT}))) is EventNotAllowed
    assert refusal(replace(good, kinds=frozenset())) is EventNotAllowed
    assert Verifier(Ring(replace(good, kinds=frozenset({EventKind.TRANSFORM})))).verify(an_item())


def test_a_service_signs_custody_only_on_behalf() -> None:
    registry = certified(ED25519, REGISTRY)
    assert refusal(registry, with_issuer(REGISTRY)) is EventNotAllowed
    behalf = with_issuer(REGISTRY)._replace(on_behalf=ON_BEHALF)
    assert Verifier(Ring(registry)).verify(an_item(behalf)).claims.actor == ENTERPRISE
    hold = with_issuer(REGISTRY)._replace(kind=EventKind.HOLD, spends=())
    assert Verifier(Ring(registry)).verify(an_item(hold)).claims.actor == REGISTRY


def test_an_enterprise_signs_for_nobody_else() -> None:
    assert refusal(certified(ED25519), CLAIMS._replace(on_behalf=ON_BEHALF)) is IssuerMismatch


def test_the_key_ring_is_not_believed_on_the_kid() -> None:
    class Careless:
        """Gives one key for every kid."""

        def find(self, kid: bytes) -> CertifiedKey | None:
            return certified(ESP256) if kid else None

    with pytest.raises(UnknownKey):
        Verifier(Careless()).verify(an_item())


def test_the_key_decides_the_algorithm() -> None:
    with pytest.raises(AlgorithmMismatch):
        VERIFIER.verify_statement(signed(header(alg=-9)))
    with pytest.raises(AlgorithmMismatch):
        VERIFIER.verify_statement(signed(header(kid=ESP256.public.kid), key=ESP256))


def test_a_signature_over_something_else_is_refused() -> None:
    first, second = an_item(), an_item()
    mixed = first.statement[:-64] + second.statement[-64:]
    with pytest.raises(BadSignature):
        VERIFIER.verify_statement(mixed)
    with pytest.raises(BadSignature):
        VERIFIER.verify(replace(first, statement=mixed))


def test_the_openings_of_another_statement_are_refused() -> None:
    with pytest.raises(OpeningMismatch):
        VERIFIER.verify(replace(an_item(), statement=an_item().statement))


STATEMENTS = [an_item(key=key).statement for key in KEYS]
ITEMS = [an_item(key=key).redact({1}).encode() for key in KEYS]


def mutated(data: st.DataObject, raw: bytes) -> bytes:
    """`raw` with bytes changed, put in, taken out or swapped."""
    at = data.draw(st.integers(0, len(raw) - 1))
    end = data.draw(st.integers(at, min(len(raw), at + 8)))
    return raw[:at] + data.draw(st.binary(max_size=8)) + raw[end:]


@settings(max_examples=400)
@given(st.sampled_from(STATEMENTS), st.data())
def test_no_mutation_of_a_signed_statement_verifies(raw: bytes, data: st.DataObject) -> None:
    changed = mutated(data, raw)
    if changed == raw:
        return
    with pytest.raises(ProvenanceError):
        VERIFIER.verify_statement(changed)


@settings(max_examples=400)
@given(st.sampled_from(ITEMS), st.data())
def test_no_mutation_of_an_item_verifies(raw: bytes, data: st.DataObject) -> None:
    changed = mutated(data, raw)
    whole = Item.decode(raw)
    try:
        statement = VERIFIER.verify(changed)
    except ProvenanceError:
        return
    # What may be left out, may be left out: nothing else comes through.
    assert changed == raw or statement.item in (whole.redact({1}, details=False), whole.redact(()))


@pytest.mark.parametrize("raw", STATEMENTS, ids=[key.public.algorithm.name for key in KEYS])
def test_no_bit_of_a_statement_may_change(raw: bytes) -> None:
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProvenanceError):
            VERIFIER.verify_statement(bytes(changed))


@pytest.mark.parametrize("raw", STATEMENTS, ids=[key.public.algorithm.name for key in KEYS])
def test_no_part_of_a_statement_verifies(raw: bytes) -> None:
    for length in range(len(raw)):
        with pytest.raises(ProvenanceError):
            VERIFIER.verify_statement(raw[:length])


@given(st.binary(max_size=600))
def test_random_bytes_raise_our_errors_only(data: bytes) -> None:
    for verify in (VERIFIER.verify, VERIFIER.verify_statement):
        with pytest.raises(ProvenanceError):
            verify(data)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_well_signed_nonsense_raises_our_errors_only(protected: bytes, payload: bytes) -> None:
    with pytest.raises(ProvenanceError):
        VERIFIER.verify_statement(signed(protected, payload))
