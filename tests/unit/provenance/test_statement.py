"""Statements: what is written reads back, and nothing that bends the format is read."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monazite_provenance import Algorithm, Claims, EventKind, OnBehalf, Outpoint, SoftwareKey, draft, log_leaf, parse
from monazite_provenance._cbor import Encodable, byte_string, encode
from monazite_provenance.errors import (
    BadField,
    BadSignature,
    CriticalHeader,
    NotDeterministic,
    ProvenanceError,
    TooLarge,
    TrailingBytes,
    UnsupportedAlgorithm,
    UnsupportedVersion,
)
from monazite_provenance.statement import SIGNED_BYTES_MAX

from tests.unit.provenance.examples import (
    CLAIMS,
    ED25519,
    ENTERPRISE,
    ESP256,
    KEYS,
    LOT,
    PARENT,
    REGISTRY,
    a_draft,
    an_item,
    claims_map,
    header,
    payload,
    signed,
)

IDS = st.binary(min_size=32, max_size=32)
OUTPOINTS = st.builds(Outpoint, IDS, st.integers(0, 0xFFFF))
URIS = st.from_regex(r"\A[a-z][a-z0-9+.\-]{0,8}:[!-~]{1,60}\Z")
CLAIMS_OF_ALL_SORTS = st.builds(
    Claims,
    issuer=URIS,
    subject=URIS,
    issued_at=st.integers(0, 253_402_300_799),
    kind=st.sampled_from(EventKind),
    spends=st.lists(OUTPOINTS, max_size=32, unique=True).map(tuple),
    refs=st.lists(IDS, max_size=32, unique=True).map(tuple),
    on_behalf=st.none() | st.builds(OnBehalf, URIS, IDS, st.binary(min_size=16, max_size=16)),
)


@given(CLAIMS_OF_ALL_SORTS, st.sampled_from(KEYS), st.integers(0, 5))
def test_what_is_signed_reads_back(claims: Claims, key: SoftwareKey, outputs: int) -> None:
    drafted = a_draft(claims, outputs, key)
    unverified = parse(drafted.sign(key).statement)
    assert unverified.claims == claims._replace(spends=tuple(sorted(claims.spends)), refs=tuple(sorted(claims.refs)))
    assert unverified.statement_id == drafted.statement_id == sha256(drafted.signing_input).digest()
    assert unverified.algorithm is key.public.algorithm
    assert unverified.kid == key.public.kid
    assert unverified.outputs_count == outputs
    assert unverified.details_digest == drafted.details.digest
    assert unverified.receipts == ()


def test_the_id_does_not_depend_on_the_signature() -> None:
    # ECDSA draws a fresh number for every signature.
    drafted = a_draft(key=ESP256)
    first, second = drafted.sign(ESP256), drafted.sign(ESP256)
    assert first.statement != second.statement
    assert parse(first.statement).statement_id == parse(second.statement).statement_id == drafted.statement_id


def test_the_envelope_by_hand() -> None:
    drafted = a_draft(outputs=0)
    item = drafted.sign(ED25519)
    body = encode([1, sha256(b"").digest(), 0, drafted.details.digest])
    head = encode(
        {
            1: -19,
            3: "application/vnd.monazite.statement+cbor",
            4: ED25519.public.kid,
            15: {
                1: ENTERPRISE,
                2: LOT,
                6: CLAIMS.issued_at,
                -70001: 5,
                -70002: [PARENT + b"\x00\x00", PARENT + b"\x00\x01"],
                -70003: [PARENT],
            },
            16: 277,
        }
    )
    assert drafted.signing_input == encode(["Signature1", head, b"", body])
    signature = ED25519.sign(drafted.signing_input)
    assert item.statement == b"\xd2" + encode([head, {}, body, signature])


def test_salts_come_from_the_system() -> None:
    first, second = a_draft(), a_draft()
    assert first.statement_id != second.statement_id
    assert len({opening.salt for opening in (*first.openings, *second.openings, first.details, second.details)}) == 8


def test_salts_can_be_given_for_a_test() -> None:
    def same(size: int) -> bytes:
        return b"\x07" * size

    outputs = [encode({1: 1})]
    first = draft(CLAIMS, outputs, encode({}), ED25519.public, salts=same)
    second = draft(CLAIMS, outputs, encode({}), ED25519.public, salts=same)
    assert first.sign(ED25519) == second.sign(ED25519)


@pytest.mark.parametrize(
    ("name", "claims", "error"),
    [
        ("issuer no URI", CLAIMS._replace(issuer="baotou"), BadField),
        ("issuer empty", CLAIMS._replace(issuer=""), BadField),
        ("issuer with a space", CLAIMS._replace(issuer="urn:a b"), BadField),
        ("issuer with a newline", CLAIMS._replace(issuer="urn:a\n"), BadField),
        ("issuer beyond ASCII", CLAIMS._replace(issuer="urn:包头"), BadField),
        ("issuer too long", CLAIMS._replace(issuer="urn:" + "a" * 509), TooLarge),
        ("subject no URI", CLAIMS._replace(subject="RE-1"), BadField),
        ("iat negative", CLAIMS._replace(issued_at=-1), BadField),
        ("iat beyond dates", CLAIMS._replace(issued_at=253_402_300_800), BadField),
        ("a spend twice", CLAIMS._replace(spends=(Outpoint(PARENT, 0),) * 2), BadField),
        ("a ref twice", CLAIMS._replace(refs=(PARENT, PARENT)), BadField),
        ("33 spends", CLAIMS._replace(spends=tuple(Outpoint(PARENT, n) for n in range(33))), TooLarge),
        ("33 refs", CLAIMS._replace(refs=tuple(secrets.token_bytes(32) for _ in range(33))), TooLarge),
        ("short ref", CLAIMS._replace(refs=(b"ref",)), BadField),
        ("short spend", CLAIMS._replace(spends=(Outpoint(b"id", 0),)), BadField),
        ("index beyond 16 bits", CLAIMS._replace(spends=(Outpoint(PARENT, 65536),)), BadField),
        ("negative index", CLAIMS._replace(spends=(Outpoint(PARENT, -1),)), BadField),
        ("principal no URI", CLAIMS._replace(on_behalf=OnBehalf("x", PARENT, PARENT[:16])), BadField),
        ("short certificate digest", CLAIMS._replace(on_behalf=OnBehalf(ENTERPRISE, b"", PARENT[:16])), BadField),
        ("short request id", CLAIMS._replace(on_behalf=OnBehalf(ENTERPRISE, PARENT, b"")), BadField),
        (
            "digest of text",
            CLAIMS._replace(on_behalf=OnBehalf(ENTERPRISE, cast("bytes", "x" * 32), PARENT[:16])),
            BadField,
        ),
        (
            "request id that changes",
            CLAIMS._replace(on_behalf=OnBehalf(ENTERPRISE, PARENT, cast("bytes", bytearray(16)))),
            BadField,
        ),
    ],
)
def test_claims_out_of_bounds_are_not_written(name: str, claims: Claims, error: type[ProvenanceError]) -> None:
    with pytest.raises(error) as caught:
        a_draft(claims)
    assert type(caught.value) is error, name


def test_bounds_of_outputs_and_openings() -> None:
    assert a_draft(outputs=128).sign(ED25519).statement
    with pytest.raises(TooLarge):
        a_draft(outputs=129)
    with pytest.raises(TooLarge):
        draft(CLAIMS, [bytes(64 * 1024)], b"\xa0", ED25519.public)


def test_the_largest_statement_stays_in_its_bound() -> None:
    long = "urn:" + "a" * 508
    claims = Claims(
        long,
        long,
        253_402_300_799,
        EventKind.TRANSFORM,
        tuple(Outpoint(secrets.token_bytes(32), n) for n in range(32)),
        tuple(secrets.token_bytes(32) for _ in range(32)),
        OnBehalf(long, PARENT, PARENT[:16]),
    )
    drafted = a_draft(claims, 128)
    assert len(drafted.signing_input) <= SIGNED_BYTES_MAX
    assert parse(drafted.sign(ED25519).statement).statement_id == drafted.statement_id


def with_claims(changed: dict[int, Encodable]) -> dict[int, Encodable]:
    """A header whose claims are changed."""
    return header(claims=claims_map(changed))


def without(label: int) -> dict[int, Encodable]:
    """A header that lacks a label."""
    return {key: value for key, value in header().items() if key != label}


REFUSED_HEADERS: list[tuple[str, Encodable, type[ProvenanceError]]] = [
    ("no map", [], BadField),
    ("no alg", without(1), BadField),
    ("no content type", without(3), BadField),
    ("no kid", without(4), BadField),
    ("no claims", without(15), BadField),
    ("no typ", without(16), BadField),
    ("another label", {**header(), 5: b""}, BadField),
    ("critical", {**header(), 2: [15]}, CriticalHeader),
    ("alg EdDSA", header(alg=-8), UnsupportedAlgorithm),
    ("alg ES256", header(alg=-7), UnsupportedAlgorithm),
    ("alg ML-DSA-87", header(alg=-50), UnsupportedAlgorithm),
    ("alg as text", header(alg="Ed25519"), UnsupportedAlgorithm),
    ("alg null", header(alg=None), UnsupportedAlgorithm),
    ("another content type", header(content_type="application/cbor"), BadField),
    ("content type as a number", header(content_type=60), BadField),
    ("kid of 15 bytes", header(kid=b"k" * 15), BadField),
    ("kid as text", header(kid="k" * 16), BadField),
    ("typ of a receipt", header(typ=278), BadField),
    ("typ as text", header(typ="application/scitt-statement+cose"), BadField),
    ("claims as a list", header(claims=[]), BadField),
    ("claims empty", header(claims={}), BadField),
    ("another claim", with_claims({4: 0}), BadField),
    ("another claim of ours", with_claims({-70005: 0}), BadField),
    ("iss of bytes", with_claims({1: b"urn:a"}), BadField),
    ("iss no URI", with_claims({1: "a"}), BadField),
    ("sub a number", with_claims({2: 1}), BadField),
    ("iat true", with_claims({6: True}), BadField),
    ("iat negative", with_claims({6: -1}), BadField),
    ("iat too far", with_claims({6: 2**64 - 1}), BadField),
    ("kind unknown", with_claims({-70001: 9}), BadField),
    ("kind true", with_claims({-70001: True}), BadField),
    ("kind as text", with_claims({-70001: "split"}), BadField),
    ("kind null", with_claims({-70001: None}), BadField),
    ("no spends, but said", with_claims({-70002: []}), BadField),
    ("spends null", with_claims({-70002: None}), BadField),
    ("spend of 32 bytes", with_claims({-70002: [PARENT]}), BadField),
    ("spends descending", with_claims({-70002: [PARENT + b"\0\1", PARENT + b"\0\0"]}), BadField),
    ("spend twice", with_claims({-70002: [PARENT + b"\0\0"] * 2}), BadField),
    ("33 spends", with_claims({-70002: [PARENT + bytes((0, n)) for n in range(33)]}), TooLarge),
    ("no refs, but said", with_claims({-70003: []}), BadField),
    ("refs a map", with_claims({-70003: {}}), BadField),
    ("ref of 34 bytes", with_claims({-70003: [PARENT + b"\0\0"]}), BadField),
    ("refs descending", with_claims({-70003: [b"\1" * 32, b"\0" * 32]}), BadField),
    ("ref twice", with_claims({-70003: [PARENT, PARENT]}), BadField),
    ("a ref that is text", with_claims({-70003: ["a" * 32]}), BadField),
    ("33 refs", with_claims({-70003: [bytes((n,)) * 32 for n in range(33)]}), TooLarge),
    ("on behalf null", with_claims({-70004: None}), BadField),
    ("on behalf of two parts", with_claims({-70004: [ENTERPRISE, PARENT]}), BadField),
    ("on behalf, digest short", with_claims({-70004: [ENTERPRISE, b"", PARENT[:16]]}), BadField),
    ("on behalf, id as text", with_claims({-70004: [ENTERPRISE, PARENT, "a" * 16]}), BadField),
    ("on behalf of no URI", with_claims({-70004: ["x", PARENT, PARENT[:16]]}), BadField),
]


@pytest.mark.parametrize(("name", "protected", "error"), REFUSED_HEADERS, ids=[row[0] for row in REFUSED_HEADERS])
def test_a_header_of_another_form_is_refused(name: str, protected: Encodable, error: type[ProvenanceError]) -> None:
    with pytest.raises(error) as caught:
        parse(signed(protected))
    assert type(caught.value) is error


def test_the_good_header_is_read() -> None:
    assert parse(signed(header())).claims == Claims(ENTERPRISE, LOT, CLAIMS.issued_at, EventKind.TRANSFORM)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (payload(version=2), UnsupportedVersion),
        (payload(version=0), UnsupportedVersion),
        (encode([2]), UnsupportedVersion),
        (payload(version=True), BadField),
        (payload(root=b""), BadField),
        (payload(root=bytes(33)), BadField),
        (payload(root="a" * 32), BadField),
        (payload(details=bytes(31)), BadField),
        (payload(details=None), BadField),
        (payload(count=-1), BadField),
        (payload(count=True), BadField),
        (payload(count="1"), BadField),
        (payload(count=129), TooLarge),
        (payload(count=2**64 - 1), TooLarge),
        (encode([1, PARENT, 1]), BadField),
        (encode([1, PARENT, 1, PARENT, 0]), BadField),
        (encode({}), BadField),
        (payload() + b"\x00", TrailingBytes),
        (b"\x84\x01\x58\x20" + PARENT + b"\x18\x01\x58\x20" + PARENT, NotDeterministic),
        (b"\x84\x18\x01\x58\x20" + PARENT + b"\x01\x58\x20" + PARENT, NotDeterministic),
        (b"", BadField),
    ],
)
def test_a_payload_of_another_form_is_refused(content: bytes, error: type[ProvenanceError]) -> None:
    with pytest.raises(ProvenanceError) as caught:
        parse(signed(header(), content))
    assert type(caught.value) is error


@pytest.mark.parametrize("count", range(129))
def test_every_count_in_bounds_is_read(count: int) -> None:
    assert parse(signed(header(), payload(count=count))).outputs_count == count


def parts() -> tuple[bytes, bytes, bytes]:
    """Protected header, payload and signature of a good statement."""
    head, body = encode(header()), payload()
    return head, body, ED25519.sign(encode(["Signature1", head, b"", body]))


@pytest.mark.parametrize(
    ("unprotected", "error"),
    [
        ({394: []}, BadField),
        ({394: b"receipt"}, BadField),
        ({394: ["receipt"]}, BadField),
        ({394: [b"r"] * 9}, TooLarge),
        ({394: [bytes(8193)]}, TooLarge),
        ({394: [b"r"], 395: 1}, BadField),
        ({1: -19}, BadField),
        ({4: b"kid"}, BadField),
        ({-70002: []}, BadField),
        ([], BadField),
        (None, BadField),
        (b"", BadField),
    ],
)
def test_nothing_but_receipts_is_unprotected(unprotected: Encodable, error: type[ProvenanceError]) -> None:
    head, body, signature = parts()
    with pytest.raises(error):
        parse(b"\xd2" + encode([head, unprotected, body, signature]))


def test_receipts_are_kept_and_change_neither_id_nor_leaf() -> None:
    head, body, signature = parts()
    bare = b"\xd2" + encode([head, {}, body, signature])
    receipts = [bytes((n,)) * 4096 for n in range(8)]
    raw = b"\xd2" + encode([head, {394: receipts}, body, signature])
    assert parse(raw).receipts == tuple(receipts)
    assert parse(raw).statement_id == parse(bare).statement_id
    assert log_leaf(raw) == log_leaf(bare) == sha256(b"\x00" + sha256(bare).digest()).digest()


@pytest.mark.parametrize("unprotected", [{}, {394: [b"receipt"]}])
def test_envelopes_of_another_form_are_refused(unprotected: dict[int, Encodable]) -> None:
    head, body, signature = parts()
    good = encode([head, unprotected, body, signature])
    short = byte_string(head)
    cases: list[tuple[bytes, type[ProvenanceError]]] = [
        (good, BadField),
        (b"\xd8\x12" + good, NotDeterministic),
        (b"\xd1" + good, BadField),
        (b"\xd2\xd2" + good, BadField),
        (b"\xd2" + good + b"\x00", TrailingBytes),
        (b"\xd2" + good[:-1], BadField),
        (b"\xd2" + encode([head, unprotected, body]), BadField),
        (b"\xd2" + encode([head, unprotected, body, signature, b""]), BadField),
        (b"\xd2" + encode([head, unprotected, None, signature]), BadField),
        (b"\xd2" + encode([header(), unprotected, body, signature]), BadField),
        (b"\xd2" + encode([head, unprotected, body, signature[:63]]), BadField),
        (b"\xd2" + encode([head, unprotected, body, signature + b"\0"]), BadField),
        (b"\xd2\x84\x59\x00" + short[1:] + good[1 + len(short) :], NotDeterministic),
        (b"\xd2\x9f" + good[1:] + b"\xff", NotDeterministic),
        (b"", BadField),
        (b"\xd2", BadField),
        (b"\xd2\x84", BadField),
    ]
    for raw, error in cases:
        with pytest.raises(ProvenanceError) as caught:
            parse(raw)
        assert type(caught.value) is error, raw.hex()


def test_a_statement_too_long_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(TooLarge):
        parse(bytes(100_000))
    with pytest.raises(TooLarge):
        log_leaf(bytes(100_000))
    with pytest.raises(TooLarge):
        parse(signed(bytes(4096)))


@pytest.mark.parametrize(("number", "algorithm"), [(-8, Algorithm.ED25519), (-7, Algorithm.ESP256)])
def test_old_algorithm_numbers_only_behind_the_switch(number: int, algorithm: Algorithm) -> None:
    raw = signed(header(alg=number))
    with pytest.raises(UnsupportedAlgorithm):
        parse(raw)
    assert parse(raw, dangerously_accept_polymorphic_algorithms=True).algorithm is algorithm


@given(st.binary(max_size=600))
def test_random_bytes_raise_our_errors_only(data: bytes) -> None:
    raised: list[type[Exception]] = []
    for raw in (data, b"\xd2\x84" + data, signed(data), signed(header(), data)):
        for read in (parse, log_leaf):
            try:
                read(raw)
            except Exception as error:  # every kind is looked at below
                raised.append(type(error))
    assert all(issubclass(kind, ProvenanceError) for kind in raised)


@given(OUTPOINTS)
def test_outpoints_go_round_and_sort_as_their_bytes(outpoint: Outpoint) -> None:
    assert Outpoint.decode(outpoint.encode()) == outpoint
    other = Outpoint(PARENT, 256)
    assert (outpoint < other) == (outpoint.encode() < other.encode())


@pytest.mark.parametrize("size", [0, 32, 33, 35])
def test_an_outpoint_has_34_bytes(size: int) -> None:
    with pytest.raises(BadField):
        Outpoint.decode(bytes(size))


def test_a_draft_is_signed_by_its_key_alone() -> None:
    with pytest.raises(BadField):
        a_draft().sign(SoftwareKey.generate())


def test_a_signature_made_elsewhere_is_verified_before_it_is_used() -> None:
    for key in KEYS:
        drafted = a_draft(key=key)
        item = drafted.complete(key.sign(drafted.signing_input))
        assert parse(item.statement).statement_id == drafted.statement_id
        with pytest.raises(BadSignature):
            drafted.complete(key.sign(b"something else"))
        with pytest.raises(BadSignature):
            drafted.complete(b"")


def test_whose_act_it_is() -> None:
    assert CLAIMS.actor == ENTERPRISE
    assert CLAIMS._replace(issuer=REGISTRY, on_behalf=OnBehalf(ENTERPRISE, PARENT, PARENT[:16])).actor == ENTERPRISE


def test_an_item_of_the_examples_is_small() -> None:
    assert len(an_item().statement) < 450
