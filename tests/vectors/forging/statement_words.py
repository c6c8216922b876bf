"""Hostile statements whose bytes are right, and what they say, or who says it, is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256

from tests.vectors.forging.forge import (
    ALICE,
    ALICE_P256,
    AT_S,
    BAD_FIELD,
    BAD_SIGNATURE,
    CONTENT_TYPE,
    ED25519_ORDER,
    ID,
    LOG_KEY,
    LOT,
    MALLORY,
    NO_ENTRIES,
    NO_MEMBERS,
    ON_BEHALF,
    P256_ORDER,
    SERVICE,
    SPLIT,
    SPLITTER,
    STRANGER,
    TOO_LARGE,
    TRANSFORM,
    UNSUPPORTED_ALGORITHM,
    Case,
    changes,
    claims,
    digest,
    enc,
    envelope,
    header,
    payload,
    signed,
    to_be_signed,
    values,
)
from tests.vectors.forging.points import LOW_ORDER, NON_CANONICAL

_case = partial(Case, "statement")


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _algorithms()
    yield from _critical()
    yield from _kids()
    yield from _labels()
    yield from _payloads()
    yield from _claims()
    yield from _lists()
    yield from _signatures()
    yield from _wrong_bytes_signed()
    yield from _says_what_it_may_not()


def _parts() -> tuple[bytes, bytes, bytes]:
    protected, content = header(), payload()
    return protected, content, ALICE.sign(to_be_signed(protected, content))


def _algorithms() -> Iterator[Case]:
    attack = "an algorithm outside the profile"
    for name, alg in values(
        {
            "alg-eddsa": -8,
            "alg-es256": -7,
            "alg-es384": -35,
            "alg-hmac": 5,
            "alg-none": 0,
            "alg-null": None,
            "alg-text": "EdDSA",
            "alg-huge": 2**64 - 1,
        }
    ):
        yield _case(name, attack, signed(header({1: alg})), UNSUPPORTED_ALGORITHM)
    yield _case("alg-of-another-key", "not the key's own", signed(header({1: -9})), "ALGORITHM_MISMATCH")
    other = signed(header({1: -19}, key=ALICE_P256), key=ALICE_P256)
    yield _case("alg-of-another-key-p256", "not the key's own", other, "ALGORITHM_MISMATCH")
    yield _case("alg-missing", "no algorithm at all", signed(header(without=[1])), BAD_FIELD)
    yield _case(
        "alg-unprotected", "where anyone can change it", signed(header(without=[1]), unprotected={1: -19}), BAD_FIELD
    )
    yield _case("alg-in-both", "in both headers", signed(unprotected={1: -19}), BAD_FIELD)
    yield _case("alg-in-both-that-differ", "in both headers", signed(unprotected={1: -9}), BAD_FIELD)


def _critical() -> Iterator[Case]:
    attack = "critical labels, of which the profile knows none"
    for name, crit in values({"crit-unknown": [99], "crit-known": [1], "crit-empty": [], "crit-not-a-list": 0}):
        yield _case(name, attack, signed(header({2: crit, 99: 0})), "CRITICAL_HEADER")
    yield _case("crit-of-nothing", attack, signed(header({2: [99]})), "CRITICAL_HEADER")
    yield _case("crit-unprotected", "where it protects nothing", signed(unprotected={2: [99]}), BAD_FIELD)


def _kids() -> Iterator[Case]:
    yield _case("kid-missing", "no key is named", signed(header(without=[4])), BAD_FIELD)
    yield _case(
        "kid-unprotected",
        "where anyone can change it",
        signed(header(without=[4]), unprotected={4: ALICE.kid}),
        BAD_FIELD,
    )
    yield _case("kid-in-both", "in both headers", signed(unprotected={4: ALICE.kid}), BAD_FIELD)
    yield _case("kid-in-both-that-differ", "in both headers", signed(unprotected={4: MALLORY.kid}), BAD_FIELD)
    for name, kid in values(
        {
            "kid-short": ALICE.kid[:15],
            "kid-whole-thumbprint": sha256(ALICE.cose_key).digest(),
            "kid-empty": b"",
            "kid-text": ALICE.kid.hex()[:16],
            "kid-list": [ALICE.kid],
        }
    ):
        yield _case(name, "a kid of another form", signed(header({4: kid})), BAD_FIELD)
    yield _case("kid-unknown", "a key that nobody certified", signed(key=STRANGER), "UNKNOWN_KEY")
    yield _case("kid-of-a-log", "the key of a log's heads", signed(header(key=LOG_KEY), key=LOG_KEY), "UNKNOWN_KEY")
    yield _case(
        "kid-of-another", "another's kid over one's own signature", signed(header(), key=MALLORY), BAD_SIGNATURE
    )
    embedded = header({-1: ALICE.cose_key})
    yield _case("key-in-the-header", "a key that the statement brings along", signed(embedded), BAD_FIELD)


def _labels() -> Iterator[Case]:
    for name, changed in changes(
        {
            "typ-of-a-receipt": {16: 278},
            "typ-text": {16: "application/scitt-statement+cose"},
            "typ-jwt": {16: "JWT"},
            "content-type-other": {3: "application/json"},
            "content-type-number": {3: 60},
            "content-type-in-capitals": {3: CONTENT_TYPE.upper()},
            "label-unknown": {99: 0},
            "label-x5chain": {33: b"certificate"},
            "label-iv": {5: bytes(8)},
            "label-private": {-70001: SPLIT},
        }
    ):
        yield _case(
            name, "another label, or another value of it, than the profile's", signed(header(changed)), BAD_FIELD
        )
    for label, name in {3: "content-type", 15: "claims", 16: "typ"}.items():
        yield _case(f"{name}-missing", "a label is missing", signed(header(without=[label])), BAD_FIELD)
    unprotected_typ = signed(header(without=[16]), unprotected={16: 277})
    yield _case("typ-unprotected", "where anyone can change it", unprotected_typ, BAD_FIELD)
    yield _case("header-empty", "no header at all", signed(b""), BAD_FIELD)
    yield _case("header-empty-map", "an empty header", signed(b"\xa0"), BAD_FIELD)
    yield _case("header-array", "a header that is no map", signed(enc([1, -19])), BAD_FIELD)


def _payloads() -> Iterator[Case]:
    for name, content in {
        "root-short": payload(root=bytes(31)),
        "root-long": payload(root=bytes(33)),
        "root-text": payload(root="0" * 32),
        "details-null": payload(details=None),
        "details-short": payload(details=bytes(31)),
        "count-negative": payload(count=-1),
        "count-null": payload(count=None),
        "payload-of-three": enc([1, bytes(32), 2]),
        "payload-of-five": enc([1, bytes(32), 2, bytes(32), 0]),
        "payload-map": enc({1: 1}),
        "payload-empty": b"",
        "payload-embedded": enc({1: LOT, 2: bytes(32)}),
    }.items():
        yield _case(name, "another form of the payload", signed(content=content), BAD_FIELD)
    yield _case("version-0", "a version that is not there", signed(content=payload(version=0)), "UNSUPPORTED_VERSION")
    yield _case("version-2", "a version to come", signed(content=payload(version=2)), "UNSUPPORTED_VERSION")
    yield _case("count-129", "too many outputs", signed(content=payload(count=129)), TOO_LARGE)
    yield _case("count-huge", "too many outputs", signed(content=payload(count=2**64 - 1)), TOO_LARGE)
    yield _case("payload-filler", "more than is ever signed", signed(content=enc(bytes(4096))), TOO_LARGE)
    yield _case("header-filler", "more than is ever signed", signed(header({99: bytes(4096)})), TOO_LARGE)


def _claims() -> Iterator[Case]:
    for name, changed in changes(
        {
            "claim-exp": {4: AT_S + 1},
            "claim-nbf": {5: AT_S},
            "claim-aud": {3: "urn:a"},
            "claim-unknown": {-70009: 0},
            "kind-unknown": {-70001: 999},
            "kind-zero": {-70001: 0},
            "kind-negative": {-70001: -1},
            "iat-negative": {6: -1},
            "iat-beyond-9999": {6: 253_402_300_800},
            "iat-64-bits": {6: 2**64 - 1},
            "iss-empty": {1: ""},
            "iss-no-uri": {1: "alice"},
            "iss-space": {1: ALICE.issuer + " "},
            "iss-newline": {1: ALICE.issuer + "\n"},
            "iss-nul": {1: ALICE.issuer + "\0"},
            "iss-homoglyph": {1: ALICE.issuer.replace("a", "а")},  # noqa: RUF001 - the attack
            "iss-right-to-left": {1: ALICE.issuer + "‮"},  # noqa: PLE2502 - the attack
            "iss-zero-width": {1: ALICE.issuer.replace("alice", "al​ice")},  # noqa: PLE2515 - the attack
            "iss-bytes": {1: ALICE.issuer.encode()},
            "sub-empty": {2: ""},
            "sub-null": {2: None},
            "sub-control": {2: LOT + "\x1b[2J"},
            "on-behalf-of-two": {-70004: ["urn:a", bytes(32)]},
            "on-behalf-of-four": {-70004: ["urn:a", bytes(32), bytes(16), 0]},
            "on-behalf-map": {-70004: {0: "urn:a"}},
            "on-behalf-null": {-70004: None},
            "on-behalf-digest-short": {-70004: ["urn:a", bytes(31), bytes(16)]},
            "on-behalf-request-long": {-70004: ["urn:a", bytes(32), bytes(17)]},
            "on-behalf-no-uri": {-70004: ["alice", bytes(32), bytes(16)]},
        }
    ):
        yield _case(name, "a claim that says what it may not", signed(header({15: claims(changed)})), BAD_FIELD)
    for label, name in {1: "iss", 2: "sub", 6: "iat", -70001: "kind"}.items():
        missing = signed(header({15: claims(without=[label])}))
        yield _case(f"{name}-missing", "a claim is missing", missing, BAD_FIELD)
    yield _case("claims-list", "claims that are no map", signed(header({15: [1, 2]})), BAD_FIELD)
    yield _case("claims-in-bytes", "claims in a byte string", signed(header({15: enc(claims())})), BAD_FIELD)
    long_uri = signed(header({15: claims({2: "urn:" + "a" * 509})}))
    yield _case("sub-too-long", "a URI of 513 characters", long_uri, TOO_LARGE)


def _lists() -> Iterator[Case]:
    ids = [digest(f"parent {n}") for n in range(33)]
    spends, refs = sorted(each + b"\0\0" for each in ids), sorted(ids)
    for name, changed in changes(
        {
            "spends-descending": {-70002: spends[1::-1]},
            "spends-repeated": {-70002: [spends[0], spends[0]]},
            "spends-by-index-first": {-70002: [ID + b"\0\1", ID + b"\0\0"]},
            "spends-empty": {-70002: NO_MEMBERS},
            "spends-null": {-70002: None},
            "spends-one-of-33-bytes": {-70002: [spends[0][:33]]},
            "spends-one-of-35-bytes": {-70002: [spends[0] + b"\0"]},
            "spends-text": {-70002: ["0" * 34]},
            "spends-bytes": {-70002: spends[0]},
            "refs-descending": {-70003: refs[1::-1]},
            "refs-repeated": {-70003: [refs[0], refs[0]]},
            "refs-empty": {-70003: NO_MEMBERS},
            "refs-null": {-70003: None},
            "refs-one-of-31-bytes": {-70003: [refs[0][:31]]},
            "refs-one-of-33-bytes": {-70003: [refs[0] + b"\0"]},
            "refs-numbers": {-70003: [1, 2]},
        }
    ):
        yield _case(
            name,
            "lists ascend, hold nothing twice, and are not empty",
            signed(header({15: claims(changed)})),
            BAD_FIELD,
        )
    yield _case("spends-33", "one spend too many", signed(header({15: claims({-70002: spends})})), TOO_LARGE)
    yield _case("refs-33", "one ref too many", signed(header({15: claims({-70003: refs})})), TOO_LARGE)


def _signatures() -> Iterator[Case]:
    protected, content, signature = _parts()
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    for number, point in enumerate(LOW_ORDER):
        raw = envelope(protected, NO_ENTRIES, content, point + bytes(32))
        yield _case(f"r-low-order-{number}", "R is a point of low order, S zero", raw, BAD_SIGNATURE)
    for name, wrong in {
        "r-not-canonical": NON_CANONICAL[0] + signature[32:],
        "s-not-reduced": r + (s + ED25519_ORDER).to_bytes(32, "little"),
        "s-all-ones": r + b"\xff" * 32,
        "s-zero": r + bytes(32),
        "signature-bit-flipped": bytes((signature[0] ^ 1,)) + signature[1:],
        "signature-of-another-statement": ALICE.sign(to_be_signed(protected, payload(count=1))),
        "r-and-s-swapped": signature[32:] + r,
    }.items():
        yield _case(
            name, "a signature that is not this key's", envelope(protected, NO_ENTRIES, content, wrong), BAD_SIGNATURE
        )
    for name, wrong in {
        "signature-empty": b"",
        "signature-63": signature[:63],
        "signature-65": signature + b"\0",
        "signature-ml-dsa-length": bytes(2420),
    }.items():
        yield _case(name, "a signature of another length", envelope(protected, NO_ENTRIES, content, wrong), BAD_FIELD)
    protected = header(key=ALICE_P256)
    good = ALICE_P256.sign(to_be_signed(protected, content))
    r, s = good[:32], int.from_bytes(good[32:], "big")
    for name, wrong in {
        "ecdsa-high-s": r + (P256_ORDER - s).to_bytes(32, "big"),
        "ecdsa-r-zero": bytes(32) + good[32:],
        "ecdsa-s-zero": r + bytes(32),
        "ecdsa-all-zero": bytes(64),
        "ecdsa-r-order": P256_ORDER.to_bytes(32, "big") + good[32:],
        "ecdsa-s-order": r + P256_ORDER.to_bytes(32, "big"),
        "ecdsa-little-endian": r[::-1] + good[:31:-1],
    }.items():
        yield _case(
            name, "an ECDSA signature out of range", envelope(protected, NO_ENTRIES, content, wrong), BAD_SIGNATURE
        )
    der = enc_der(r, good[32:])
    yield _case(
        "ecdsa-der", "ECDSA as DER, as an HSM answers", envelope(protected, NO_ENTRIES, content, der), BAD_FIELD
    )


def enc_der(r: bytes, s: bytes) -> bytes:
    """An ECDSA signature as DER."""
    numbers = [(b"\0" + number if number[0] & 0x80 else number).lstrip(b"") for number in (r, s)]
    body = b"".join(b"\x02" + bytes((len(number),)) + number for number in numbers)
    return b"\x30" + bytes((len(body),)) + body


def _wrong_bytes_signed() -> Iterator[Case]:
    attack = "well signed, but over other bytes"
    protected, content = header(), payload()
    for name, message in {
        "signed-payload-alone": content,
        "signed-as-cose-sign": to_be_signed(protected, content, "Signature"),
        "signed-as-countersignature": to_be_signed(protected, content, "CounterSignature"),
        "signed-with-aad": to_be_signed(protected, content, aad=b"context"),
        "signed-without-aad": enc(["Signature1", protected, content]),
        "signed-id": sha256(to_be_signed(protected, content)).digest(),
        "signed-without-header": to_be_signed(b"", content),
        "signed-whole-statement": envelope(protected, NO_ENTRIES, content, b""),
    }.items():
        yield _case(name, attack, envelope(protected, NO_ENTRIES, content, ALICE.sign(message)), BAD_SIGNATURE)
    unsigned = envelope(protected, NO_ENTRIES, payload(count=3), _parts()[2])
    yield _case("payload-replaced", attack, unsigned, BAD_SIGNATURE)


def _says_what_it_may_not() -> Iterator[Case]:
    stolen = header({15: claims({1: ALICE.issuer})}, key=MALLORY)
    yield _case("iss-of-another", "one's own key under another's name", signed(stolen, key=MALLORY), "ISSUER_MISMATCH")
    replayed = envelope(header({15: claims({1: MALLORY.issuer})}), NO_ENTRIES, payload(), _parts()[2])
    yield _case("replayed-under-another-issuer", "a good signature under another issuer", replayed, BAD_SIGNATURE)
    moved = envelope(header(key=MALLORY), NO_ENTRIES, payload(), _parts()[2])
    yield _case("replayed-under-another-key", "a good signature under another key", moved, BAD_SIGNATURE)
    for name, issuer in {
        "iss-in-capitals": ALICE.issuer.replace("alice", "Alice"),
        "iss-prefix": ALICE.issuer + "2",
        "iss-child": ALICE.issuer + "/x",
        "iss-percent": ALICE.issuer.replace("alice", "%61lice"),
        "iss-slash": ALICE.issuer + "/",
    }.items():
        raw = signed(header({15: claims({1: issuer})}))
        yield _case(name, "a name that is nearly the owner's", raw, "ISSUER_MISMATCH")
    for_another = header({15: claims({-70004: ON_BEHALF})})
    yield _case(
        "on-behalf-by-an-enterprise", "only a service signs for another", signed(for_another), "ISSUER_MISMATCH"
    )
    alone = header(key=SERVICE)
    yield _case(
        "service-splits-alone",
        "a service signs custody for a principal",
        signed(alone, key=SERVICE),
        "EVENT_NOT_ALLOWED",
    )
    beyond = header({15: claims({1: SPLITTER.issuer, -70001: TRANSFORM})}, key=SPLITTER)
    yield _case(
        "kind-not-certified", "a key certified to split transforms", signed(beyond, key=SPLITTER), "EVENT_NOT_ALLOWED"
    )
