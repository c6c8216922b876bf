"""Hostile statements whose bytes are wrong. All that can be are well signed: what is wrong is what the name says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.vectors.forging.forge import (
    ALICE,
    ALICE_P256,
    AT_S,
    BAD_FIELD,
    CONTENT_TYPE,
    ID,
    LOT,
    MALLORY,
    NO_ENTRIES,
    NO_MEMBERS,
    NOT_DETERMINISTIC,
    ON_BEHALF,
    SERVICE,
    SPLIT,
    TOO_DEEP,
    TOO_LARGE,
    Case,
    Pairs,
    Raw,
    Value,
    changes,
    claims,
    enc,
    envelopes,
    head,
    header,
    payload,
    signed,
    to_be_signed,
    values,
)

_case = partial(Case, "statement")


def cases() -> Iterator[Case]:
    """All of them, the good ones first."""
    yield _case("good", "nothing: a statement by an Ed25519 key", signed(), "ok")
    yield _case("good-p256", "nothing: a statement by a P-256 key", signed(key=ALICE_P256), "ok")
    full = claims({1: SERVICE.issuer, -70002: [ID + b"\0\0", ID + b"\0\1"], -70003: [ID], -70004: ON_BEHALF})
    behalf = header({15: full}, key=SERVICE)
    yield _case("good-on-behalf", "nothing: every claim is there", signed(behalf, key=SERVICE), "ok")
    junk: Value = {394: [b"no receipt", b""]}
    yield _case("good-bad-receipts-aside", "receipts that are none veto nothing", signed(unprotected=junk), "ok")
    yield from _lengths()
    yield from _longer_forms()
    yield from _repeated_and_disordered()
    yield from _types()
    yield from _after_the_end()
    yield from _nesting()
    yield from _unprotected()


def _parts() -> tuple[bytes, bytes, bytes]:
    protected, content = header(), payload()
    return protected, content, ALICE.sign(to_be_signed(protected, content))


def _chunks(major: int, data: bytes) -> Raw:
    """A string of indefinite length, in two chunks."""
    half = len(data) // 2
    parts = (data[:half], data[half:])
    return Raw(bytes((major << 5 | 31,)) + b"".join(head(major, len(part)) + part for part in parts) + b"\xff")


def _lengths() -> Iterator[Case]:
    protected, content, signature = _parts()
    body = enc([protected, NO_ENTRIES, content, signature])[1:]
    attack = "an indefinite length "
    yield _case("indefinite-envelope", attack + "of the array", b"\xd2\x9f" + body + b"\xff", NOT_DETERMINISTIC)
    for name, raw in envelopes(
        {
            "indefinite-protected": (_chunks(2, protected), NO_ENTRIES, content, signature),
            "indefinite-unprotected": (protected, Raw(b"\xbf\xff"), content, signature),
            "indefinite-payload": (protected, NO_ENTRIES, _chunks(2, content), signature),
            "indefinite-signature": (protected, NO_ENTRIES, content, _chunks(2, signature)),
        }
    ):
        yield _case(name, attack + "of a part of the envelope", raw, NOT_DETERMINISTIC)
    inner = header()[1:]
    yield _case("indefinite-header-map", attack + "of the header", signed(b"\xbf" + inner + b"\xff"), NOT_DETERMINISTIC)
    listed = Raw(b"\x9f" + enc(ID + b"\0\0") + b"\xff")
    for name, changed in values(
        {
            "indefinite-claims": Raw(b"\xbf" + enc(claims())[1:] + b"\xff"),
            "indefinite-text": claims({2: _chunks(3, LOT.encode())}),
            "indefinite-list": claims({-70002: listed}),
        }
    ):
        yield _case(name, attack + "within the claims", signed(header({15: changed})), NOT_DETERMINISTIC)
    receipts: Value = {394: Raw(b"\x9f" + enc(b"receipt") + b"\xff")}
    yield _case("indefinite-receipts", attack + "of the receipts", signed(unprotected=receipts), NOT_DETERMINISTIC)
    inside = b"\x9f" + payload()[1:] + b"\xff"
    yield _case("indefinite-inside-payload", attack + "in the payload", signed(content=inside), NOT_DETERMINISTIC)
    yield _case("never-ends", "an indefinite array without an end", b"\xd2\x9f", NOT_DETERMINISTIC)


def _longer_forms() -> Iterator[Case]:
    protected, content, signature = _parts()
    body = enc([protected, NO_ENTRIES, content, signature])[1:]
    attack = "a longer form than needed: "
    for name, opening in {
        "long-tag-1": b"\xd8\x12\x84",
        "long-tag-2": b"\xd9\x00\x12\x84",
        "long-tag-8": b"\xdb" + bytes(7) + b"\x12\x84",
        "long-array-head": b"\xd2\x98\x04",
    }.items():
        yield _case(name, attack + "the first heads", opening + body, NOT_DETERMINISTIC)
    for name, raw in envelopes(
        {
            "long-protected-head": (Raw(head(2, len(protected), 2) + protected), NO_ENTRIES, content, signature),
            "long-unprotected-head": (protected, Raw(b"\xb8\x00"), content, signature),
            "long-payload-head": (protected, NO_ENTRIES, Raw(head(2, len(content), 4) + content), signature),
            "long-signature-head": (protected, NO_ENTRIES, content, Raw(head(2, 64, 8) + signature)),
            "reserved-head": (Raw(b"\x5c" + protected), NO_ENTRIES, content, signature),
        }
    ):
        yield _case(name, attack + "a part of the envelope", raw, NOT_DETERMINISTIC)
    plain = {1: Raw(head(0, 1, 1)), 16: Raw(head(0, 16, 2))}
    for label, written in plain.items():
        entries: dict[int, Value] = {1: -19, 3: CONTENT_TYPE, 4: ALICE.kid, 15: claims(), 16: 277}
        pairs = Pairs(tuple((written if key == label else key, value) for key, value in entries.items()))
        yield _case(f"long-label-{label}", attack + "a label", signed(enc(pairs)), NOT_DETERMINISTIC)
    for name, changed in changes(
        {
            "long-alg": {1: Raw(head(1, 18, 1))},
            "long-alg-8": {1: Raw(head(1, 18, 8))},
            "long-kid-head": {4: Raw(head(2, 16, 1) + ALICE.kid)},
            "long-typ": {16: Raw(head(0, 277, 4))},
            "long-claims-head": {15: Raw(head(5, 4, 1) + enc(claims())[1:])},
            "long-iat": {15: claims({6: Raw(head(0, AT_S, 8))})},
            "long-kind": {15: claims({-70001: Raw(head(0, SPLIT, 1))})},
            "long-iss-head": {15: claims({1: Raw(head(3, len(ALICE.issuer), 4) + ALICE.issuer.encode())})},
            "long-spends-head": {15: claims({-70002: Raw(head(4, 1, 1) + enc(ID + b"\0\0"))})},
        }
    ):
        yield _case(name, attack + "in the header", signed(header(changed)), NOT_DETERMINISTIC)
    for name, inside in {
        "long-version": payload(version=Raw(head(0, 1, 1))),
        "long-count": payload(count=Raw(head(0, 2, 1))),
        "long-root-head": payload(root=Raw(head(2, 32, 2) + bytes(32))),
    }.items():
        yield _case(name, attack + "in the payload", signed(content=inside), NOT_DETERMINISTIC)
    long_key = Pairs(((Raw(head(0, 394, 4)), [b"receipt"]),))
    yield _case("long-label-394", attack + "the label of receipts", signed(unprotected=long_key), NOT_DETERMINISTIC)


def _repeated_and_disordered() -> Iterator[Case]:
    whole: list[tuple[Value, Value]] = [(1, -19), (3, CONTENT_TYPE), (4, ALICE.kid), (15, claims()), (16, 277)]
    for name, at, again in (
        ("two-algs", 1, (1, -19)),
        ("two-algs-that-differ", 1, (1, -9)),
        ("two-kids", 3, (4, ALICE.kid)),
        ("two-kids-that-differ", 3, (4, MALLORY.kid)),
        ("two-sets-of-claims", 4, (15, claims({2: "urn:monazite:lot:other"}))),
    ):
        pairs = Pairs((*whole[:at], again, *whole[at:]))
        yield _case(name, "a label that stands twice in the protected header", signed(enc(pairs)), NOT_DETERMINISTIC)
    swapped = Pairs((whole[1], whole[0], *whole[2:]))
    yield _case("header-out-of-order", "labels not ascending", signed(enc(swapped)), NOT_DETERMINISTIC)
    twice = Pairs(((394, [b"first"]), (394, [b"second"])))
    yield _case("two-lists-of-receipts", "a label twice, unprotected", signed(unprotected=twice), NOT_DETERMINISTIC)
    backwards = Pairs(tuple(reversed([(label, value) for label, value in claims().items()])))
    yield _case("claims-backwards", "claims descending", signed(header({15: backwards})), NOT_DETERMINISTIC)
    two_iss = Pairs(((1, ALICE.issuer), (1, MALLORY.issuer), (2, LOT), (6, AT_S), (-70001, SPLIT)))
    yield _case("two-issuers", "a claim that stands twice", signed(header({15: two_iss})), NOT_DETERMINISTIC)
    spelt = Pairs(((1, ALICE.issuer), (Raw(head(0, 1, 1)), MALLORY.issuer), (2, LOT), (6, AT_S), (-70001, SPLIT)))
    yield _case(
        "two-spellings-of-a-claim", "a claim twice, spelt twice", signed(header({15: spelt})), NOT_DETERMINISTIC
    )
    # By length -1 comes before 100, which RFC 7049 calls canonical; by bytes behind it.
    length_first = Pairs(((1, ALICE.issuer), (2, LOT), (6, AT_S), (-1, 0), (100, 0), (-70001, SPLIT)))
    yield _case("keys-length-first", "the order of RFC 7049", signed(header({15: length_first})), NOT_DETERMINISTIC)


def _types() -> Iterator[Case]:
    """Tags, big numbers, floats, and other values that are no part of the profile."""
    protected, content, signature = _parts()
    body = enc([protected, NO_ENTRIES, content, signature])
    for name, data in {
        "no-tag": body,
        "tag-17": b"\xd1" + body,
        "tag-98": b"\xd8\x62" + body,
        "tag-61-around": b"\xd8\x3d\xd2" + body,
        "tag-55799-around": b"\xd9\xd9\xf7\xd2" + body,
        "tag-18-twice": b"\xd2\xd2" + body,
        "map-under-tag-18": b"\xd2\xa0",
        "array-of-five": b"\xd2\x85" + body[1:] + b"\x00",
        "array-of-three": b"\xd2\x83" + enc([protected, NO_ENTRIES, content])[1:],
        "empty": b"",
    }.items():
        yield _case(name, "another envelope than a COSE_Sign1 under one tag 18", data, BAD_FIELD)
    tagged = {
        "tag-0-date": b"\xc0" + enc("2026-01-01T00:00:00Z"),
        "tag-1-date": b"\xc1" + enc(AT_S),
        "tag-2-bignum": b"\xc2" + enc(AT_S.to_bytes(9, "big")),
        "tag-3-bignum": b"\xc3" + enc(b"\1"),
        "tag-4-decimal": b"\xc4" + enc([0, AT_S]),
        "tag-5-bigfloat": b"\xc5" + enc([0, AT_S]),
        "tag-30-rational": b"\xd8\x1e" + enc([AT_S, 1]),
        "tag-35-regex": b"\xd8\x23" + enc("(a+)+$"),
        "tag-36-mime": b"\xd8\x24" + enc("a: b\n\nc"),
        "tag-28-shared": b"\xd8\x1c" + enc(AT_S),
        "tag-29-reference": b"\xd8\x1d\x00",
        "tag-37-uuid": b"\xd8\x25" + enc(b"\0" * 16),
        "tag-1000-unknown": b"\xd9\x03\xe8" + enc(AT_S),
        "float-16": b"\xf9\x3c\x00",
        "float-32": b"\xfa\x4e\xd5\x62\xe0",
        "float-64": b"\xfb" + bytes.fromhex("41daac5c00000000"),
        "float-nan": b"\xf9\x7e\x00",
        "float-infinity": b"\xf9\x7c\x00",
        "true-for-a-number": b"\xf5",
        "null-for-a-number": b"\xf6",
        "undefined": b"\xf7",
        "simple-value": b"\xf8\x20",
        "text-for-a-number": enc(str(AT_S)),
    }
    for name, data in tagged.items():
        raw = signed(header({15: claims({6: Raw(data)})}))
        yield _case(name, "a type outside the profile, for iat", raw, BAD_FIELD)
    for name, raw in envelopes(
        {
            "tag-24-around-header": (Raw(b"\xd8\x18" + enc(protected)), NO_ENTRIES, content, signature),
            "tag-24-around-payload": (protected, NO_ENTRIES, Raw(b"\xd8\x18" + enc(content)), signature),
            "text-for-payload": (protected, NO_ENTRIES, Raw(head(3, len(content)) + content), signature),
            "map-for-protected": (Raw(protected), NO_ENTRIES, content, signature),
            "payload-detached": (protected, NO_ENTRIES, None, signature),
            "signature-null": (protected, NO_ENTRIES, content, None),
            "unprotected-as-bytes": (protected, b"", content, signature),
        }
    ):
        yield _case(name, "a part of the envelope of another type", raw, BAD_FIELD)
    tagged_list = Raw(b"\xd9\x01\x02" + enc([ID + b"\0\0"]))
    yield _case("tag-258-set", "a set, for spends", signed(header({15: claims({-70002: tagged_list})})), BAD_FIELD)
    bad_text = Raw(b"\x63\xff\xfe\xfd")
    yield _case("text-not-utf8", "a text that is no UTF-8", signed(header({15: claims({2: bad_text})})), BAD_FIELD)
    words = Pairs((("alg", -19), (3, CONTENT_TYPE), (4, ALICE.kid), (15, claims()), (16, 277)))
    yield _case("text-label", "a label that is a text", signed(enc(words)), BAD_FIELD)
    yield _case("kind-true", "true, which some take for 1", signed(header({15: claims({-70001: True})})), BAD_FIELD)
    yield _case("version-true", "true, which some take for 1", signed(content=payload(version=True)), BAD_FIELD)


def _after_the_end() -> Iterator[Case]:
    attack = "bytes after the item"
    for name, raw in {
        "trailing-zero": signed() + b"\0",
        "trailing-break": signed() + b"\xff",
        "trailing-statement": signed() + signed(key=MALLORY),
        "trailing-in-header": signed(header() + b"\0"),
        "trailing-in-payload": signed(content=payload() + b"\0"),
        "trailing-after-receipts": signed(unprotected={394: [b"receipt"]}) + b"\0",
    }.items():
        yield _case(name, attack, raw, "TRAILING_BYTES")
    yield _case("cut-short", "the last byte is missing", signed()[:-1], BAD_FIELD)
    yield _case("cut-in-header", "the header is said to be longer than all", b"\xd2\x84\x5b" + b"\x7f" * 8, BAD_FIELD)


def _nested(depth: int) -> Raw:
    return Raw(b"\x81" * depth + b"\0")


def _nesting() -> Iterator[Case]:
    attack = "containers within containers"
    yield _case("deep-claims", attack, signed(header({15: claims({-70004: _nested(8)})})), TOO_DEEP)
    yield _case("deep-header", attack, signed(header({99: _nested(9)})), TOO_DEEP)
    yield _case("deep-unprotected", attack, signed(unprotected={394: _nested(9)}), TOO_DEEP)
    yield _case("very-deep-unprotected", attack, signed(unprotected={394: _nested(60_000)}), TOO_DEEP)
    yield _case("deep-payload", attack, signed(content=_nested(500).data), TOO_DEEP)
    maps = Raw(b"\xa1\x00" * 500 + b"\0")
    yield _case("deep-maps", attack, signed(unprotected={394: maps}), TOO_DEEP)


def _unprotected() -> Iterator[Case]:
    attack = "the unprotected header holds receipts and nothing else"
    for name, unprotected in values(
        {
            "filler-unprotected": {1000: bytes(1000)},
            "filler-beside-receipts": {394: [b"receipt"], 1000: bytes(1000)},
            "nested-unprotected": {1000: [[[[b""]]]]},
            "countersignature-unprotected": {11: [b"", NO_ENTRIES, bytes(64)]},
            "claims-unprotected": {15: claims({2: "urn:monazite:lot:other"})},
            "proofs-unprotected": {396: {-1: [b""]}},
            "null-receipts": {394: None},
            "no-receipts": {394: NO_MEMBERS},
            "receipts-not-bytes": {394: [0]},
            "receipts-as-bytes": {394: b"receipt"},
        }
    ):
        yield _case(name, attack, signed(unprotected=unprotected), BAD_FIELD)
    yield _case("nine-receipts", "too many", signed(unprotected={394: [b"receipt"] * 9}), TOO_LARGE)
    yield _case("receipt-too-long", "8 193 bytes", signed(unprotected={394: [bytes(8193)]}), TOO_LARGE)
    yield _case("statement-too-long", "longer than any may be", signed(unprotected={1: bytes(73_000)}), TOO_LARGE)
