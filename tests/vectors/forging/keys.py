"""Hostile COSE_Keys: points and spellings that verifiers disagree about, and what is no key of the profile."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.vectors.forging.forge import ALICE, ALICE_P256, Case, Pairs, Raw, Value, changes, enc, head
from tests.vectors.forging.points import LOW_ORDER, NON_CANONICAL

_case = partial(Case, "key")
BAD_FIELD, UNSUPPORTED_ALGORITHM, NOT_DETERMINISTIC = "BAD_FIELD", "UNSUPPORTED_ALGORITHM", "NOT_DETERMINISTIC"
P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
X, Y = ALICE_P256.cose_key[-67:-35], ALICE_P256.cose_key[-32:]


def cases() -> Iterator[Case]:
    """All of them, the good ones first."""
    yield _case("good-ed25519", "nothing", ALICE.cose_key, "ok")
    yield _case("good-p256", "nothing", ALICE_P256.cose_key, "ok")
    for number, point in enumerate(LOW_ORDER):
        yield _case(f"low-order-{number}", "a point of low order", enc({1: 1, -1: 6, -2: point}), BAD_FIELD)
    for number, point in enumerate(NON_CANONICAL):
        yield _case(f"not-canonical-{number}", "y not below the prime", enc({1: 1, -1: 6, -2: point}), BAD_FIELD)
    yield from _curves()
    yield from _members()
    yield from _forms()


def _curves() -> Iterator[Case]:
    beyond = (P256_PRIME + 5).to_bytes(32, "big")
    flipped = Y[:-1] + bytes((Y[-1] ^ 1,))
    for name, members in changes(
        {
            "p256-off-the-curve": {1: 2, -1: 1, -2: X, -3: flipped},
            "p256-infinity": {1: 2, -1: 1, -2: bytes(32), -3: bytes(32)},
            "p256-x-not-reduced": {1: 2, -1: 1, -2: beyond, -3: Y},
            "p256-compressed": {1: 2, -1: 1, -2: X, -3: True},
            "p256-y-missing": {1: 2, -1: 1, -2: X},
            "p256-x-short": {1: 2, -1: 1, -2: X[:31], -3: Y},
            "p256-x-long": {1: 2, -1: 1, -2: b"\0" + X, -3: Y},
            "ed25519-short": {1: 1, -1: 6, -2: ALICE.raw[:31]},
            "ed25519-long": {1: 1, -1: 6, -2: ALICE.raw + b"\0"},
            "ed25519-text": {1: 1, -1: 6, -2: "0" * 32},
            "ml-dsa-44-short": {1: 7, 3: -48, -1: bytes(1311)},
            "ml-dsa-65-of-44": {1: 7, 3: -49, -1: bytes(1312)},
        }
    ):
        yield _case(name, "no point of its curve, or of another length", enc(members), BAD_FIELD)
    for name, members in changes(
        {
            "x25519": {1: 1, -1: 4, -2: ALICE.raw},
            "ed448": {1: 1, -1: 7, -2: bytes(57)},
            "p384": {1: 2, -1: 2, -2: bytes(48), -3: bytes(48)},
            "secp256k1": {1: 2, -1: 8, -2: X, -3: Y},
            "rsa": {1: 3, -1: bytes(256), -2: b"\1\0\1"},
            "symmetric": {1: 4, -1: ALICE.raw},
            "kty-missing": {-1: 6, -2: ALICE.raw},
            "kty-text": {1: "OKP", -1: 6, -2: ALICE.raw},
            "kty-reserved": {1: 0},
            "ml-dsa-87": {1: 7, 3: -50, -1: bytes(1100)},
            "ml-dsa-without-alg": {1: 7, -1: bytes(1312)},
            "ed25519-as-p256": {1: 1, -1: 1, -2: ALICE.raw},
        }
    ):
        yield _case(name, "a kind of key that signs nothing here", enc(members), UNSUPPORTED_ALGORITHM)


def _members() -> Iterator[Case]:
    whole: dict[int, Value] = {1: 1, -1: 6, -2: ALICE.raw}
    for name, members in changes(
        {
            "with-private-half": {**whole, -4: bytes(32)},
            "with-kid": {1: 1, 2: ALICE.kid, -1: 6, -2: ALICE.raw},
            "with-alg": {1: 1, 3: -19, -1: 6, -2: ALICE.raw},
            "with-key-ops": {1: 1, 4: [2], -1: 6, -2: ALICE.raw},
            "with-filler": {1: 1, 1000: bytes(100), -1: 6, -2: ALICE.raw},
            "ed25519-with-y": {**whole, -3: bytes(32)},
        }
    ):
        yield _case(name, "its required members alone make its thumbprint", enc(members), BAD_FIELD)


def _forms() -> Iterator[Case]:
    members: tuple[tuple[Value, Value], ...] = ((1, 1), (-1, 6), (-2, ALICE.raw))
    for name, pairs in {
        "out-of-order": (members[1], members[0], members[2]),
        "two-points": (*members, members[2]),
        "long-label": ((Raw(head(0, 1, 1)), 1), *members[1:]),
        "long-value": ((1, Raw(head(0, 1, 1))), *members[1:]),
    }.items():
        yield _case(name, "another spelling of a good key", enc(Pairs(pairs)), NOT_DETERMINISTIC)
    indefinite = b"\xbf" + ALICE.cose_key[1:] + b"\xff"
    yield _case("indefinite", "an indefinite length", indefinite, NOT_DETERMINISTIC)
    yield _case("trailing", "bytes after the item", ALICE.cose_key + b"\0", "TRAILING_BYTES")
    yield _case("array", "no map", enc([1, 6, ALICE.raw]), BAD_FIELD)
    yield _case("tagged", "a tag", b"\xd9\xd9\xf7" + ALICE.cose_key, BAD_FIELD)
    yield _case("empty", "nothing there", b"", BAD_FIELD)
    yield _case("raw-point", "the bare point", ALICE.raw, BAD_FIELD)
    yield _case("too-long", "longer than any key", enc({1: 1, -1: 6, -2: bytes(2048)}), "TOO_LARGE")
