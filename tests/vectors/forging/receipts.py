"""Hostile checkpoints and receipts, of a log of 100 entries whose entry 42 is a good statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from tests.unit.provenance import recursive_tree
from tests.vectors.forging.forge import (
    ALICE,
    AT_S,
    ED25519_ORDER,
    LATER_LOG_KEY,
    LOG,
    LOG_KEY,
    LOG_KEY_P256,
    MALLORY,
    NO_ENTRIES,
    NO_MEMBERS,
    OTHER_LOG,
    P256_ORDER,
    REGISTRY,
    RETIRED_LOG_KEY,
    STOLEN_LOG_KEY,
    Case,
    Key,
    Pairs,
    Raw,
    Value,
    digest,
    enc,
    envelope,
    head,
    log_leaf,
    signed,
    to_be_signed,
    values,
)
from tests.vectors.forging.points import LOW_ORDER

SIZE: Final = 100
INDEX: Final = 42
INDEXES: Final = (3, 17, INDEX, 99)
LEAVES: Final = [log_leaf(signed()) if n == INDEX else digest(f"entry {n}") for n in range(SIZE)]
ROOT: Final = recursive_tree.root(LEAVES)
OLD_SIZE: Final = 60
OLD: Final = {"log": LOG, "size": OLD_SIZE, "root": recursive_tree.root(LEAVES[:OLD_SIZE]).hex()}
INCLUSION, CONSISTENCY, MULTI = -1, -2, -70020
PATH: Final = recursive_tree.path(INDEX, LEAVES)
NODES: Final = recursive_tree.undisclosed(LEAVES, INDEXES)
OLD_PATH: Final = recursive_tree.proof(OLD_SIZE, LEAVES)
ONE: Final = {"leaf": LEAVES[INDEX].hex()}
MANY: Final = {"leaves": [LEAVES[n].hex() for n in INDEXES]}
NOT_DETERMINISTIC, BAD_FIELD, TOO_LARGE, TOO_DEEP = "NOT_DETERMINISTIC", "BAD_FIELD", "TOO_LARGE", "TOO_DEEP"
BAD_SIGNATURE, PROOF_MISMATCH = "BAD_SIGNATURE", "PROOF_MISMATCH"

_receipt: Callable[..., Case] = partial(Case, "receipt", given=ONE)
_multi: Callable[..., Case] = partial(Case, "multi-receipt", given=MANY)
_consistency: Callable[..., Case] = partial(Case, "consistency", given={"old": OLD})
_checkpoint: Callable[..., Case] = partial(Case, "checkpoint")


def header(
    changed: Mapping[int, Value] | None = None,
    claims: Mapping[int, Value] | None = None,
    *,
    key: Key = LOG_KEY,
    without: Sequence[int] = (),
) -> bytes:
    """A good header of a head, with labels or claims changed, added or left out."""
    inner: dict[int, Value] = {1: REGISTRY, 2: LOG, 6: AT_S, -70010: SIZE, **(claims or {})}
    whole: dict[int, Value] = {1: key.alg, 4: key.kid, 15: _ordered(inner, without), 16: 278, 395: 1}
    return enc(_ordered(whole | dict(changed or {}), without))


def _ordered(entries: Mapping[int, Value], without: Sequence[int]) -> dict[int, Value]:
    kept = {label: value for label, value in entries.items() if label not in without}
    return dict(sorted(kept.items(), key=lambda entry: enc(entry[0])))


def sealed(
    unprotected: Value, *, protected: bytes | None = None, root: bytes = ROOT, key: Key = LOG_KEY, content: Value = None
) -> bytes:
    """A COSE_Sign1 well signed over a root, whose payload is `content`."""
    protected = header(key=key) if protected is None else protected
    return envelope(protected, unprotected, content, key.sign(to_be_signed(protected, root)))


def proof(*parts: Value, kind: int = INCLUSION) -> dict[int, Value]:
    """The unprotected header with one proof."""
    return {396: {kind: [enc(list(parts))]}}


GOOD: Final = proof(SIZE, INDEX, PATH)


def cases() -> Iterator[Case]:
    """All of them, the good ones first."""
    yield _receipt("good", "nothing", sealed(GOOD), "ok")
    yield _receipt("good-p256", "nothing: signed by a P-256 key", sealed(GOOD, key=LOG_KEY_P256), "ok")
    alone = sealed(proof(1, 0, []), protected=header(claims={-70010: 1}), root=LEAVES[INDEX])
    yield _receipt("good-only-entry", "nothing: the path of a log of one entry is empty", alone, "ok")
    yield _multi("good", "nothing", sealed(proof(SIZE, list(INDEXES), NODES, kind=MULTI)), "ok")
    yield _consistency("good", "nothing", sealed(proof(OLD_SIZE, SIZE, OLD_PATH, kind=CONSISTENCY)), "ok")
    yield _checkpoint("good", "nothing", sealed(NO_ENTRIES, content=ROOT), "ok")
    yield from _paths()
    yield from _forms()
    yield from _headers()
    yield from _unprotected()
    yield from _keys()
    yield from _signatures()
    yield from _multi_receipts()
    yield from _consistencies()
    yield from _checkpoints()


def _paths() -> Iterator[Case]:
    attack = "a path of another length than the entry's in a tree of this size, or of another tree"
    strange = digest("of no tree")
    for name, given in values(
        {
            "path-too-short": proof(SIZE, INDEX, PATH[:-1]),
            "path-too-long": proof(SIZE, INDEX, [*PATH, strange]),
            "path-empty": proof(SIZE, INDEX, []),
            "index-beyond-tree": proof(SIZE, SIZE, PATH),
            "index-huge": proof(SIZE, 2**64 - 1, PATH),
            "index-negative": proof(SIZE, -1, PATH),
            "size-not-the-signed-one": proof(SIZE + 1, INDEX, PATH),
            "size-zero": proof(0, INDEX, PATH),
            "last-entry": proof(SIZE, SIZE - 1, PATH),
        }
    ):
        yield _receipt(name, attack, sealed(given), PROOF_MISMATCH)
    alone = sealed(proof(1, 0, [strange]), protected=header(claims={-70010: 1}), root=LEAVES[INDEX])
    yield _receipt("only-entry-with-a-path", attack, alone, PROOF_MISMATCH)
    none = sealed(proof(0, 0, []), protected=header(claims={-70010: 0}), root=recursive_tree.root([]))
    yield _receipt("entry-of-an-empty-log", attack, none, PROOF_MISMATCH)
    attack = "the path leads to a root that nobody signed"
    changed = [*PATH[:2], strange, *PATH[3:]]
    for name, given in values(
        {
            "path-hash-changed": proof(SIZE, INDEX, changed),
            "path-reversed": proof(SIZE, INDEX, PATH[::-1]),
            "index-of-another-entry": proof(SIZE, INDEX + 1, PATH),
            "receipt-of-another-statement": proof(SIZE, INDEX + 1, recursive_tree.path(INDEX + 1, LEAVES)),
        }
    ):
        yield _receipt(name, attack, sealed(given), BAD_SIGNATURE)
    for name, given in values(
        {
            "path-node-of-31-bytes": proof(SIZE, INDEX, [PATH[0][:31], *PATH[1:]]),
            "path-node-of-33-bytes": proof(SIZE, INDEX, [PATH[0] + b"\0", *PATH[1:]]),
            "path-of-texts": proof(SIZE, INDEX, ["0" * 32] * len(PATH)),
            "path-in-bytes": proof(SIZE, INDEX, b"".join(PATH)),
            "path-null": proof(SIZE, INDEX, None),
            "index-true": proof(SIZE, True, PATH),
            "index-float": proof(SIZE, Raw(b"\xf9\x51\x40"), PATH),
            "index-bignum": proof(SIZE, Raw(b"\xc2\x41\x2a"), PATH),
            "size-text": proof("100", INDEX, PATH),
            "proof-of-two": proof(SIZE, INDEX),
            "proof-of-four": proof(SIZE, INDEX, PATH, 0),
            "proof-map": {396: {INCLUSION: [enc({0: SIZE})]}},
            "proof-empty": {396: {INCLUSION: [b""]}},
        }
    ):
        yield _receipt(name, "a proof of another form", sealed(given), BAD_FIELD)
    yield _receipt("path-of-64", "longer than any path", sealed(proof(SIZE, INDEX, [strange] * 64)), TOO_LARGE)


def _forms() -> Iterator[Case]:
    good = sealed(GOOD)
    inner = enc([SIZE, INDEX, PATH])
    attack = "another spelling of a good receipt"
    for name, raw in {
        "indefinite-envelope": b"\xd2\x9f" + good[2:] + b"\xff",
        "indefinite-header": sealed(GOOD, protected=b"\xbf" + header()[1:] + b"\xff"),
        "indefinite-proofs": sealed(Raw(b"\xbf" + enc(GOOD)[1:] + b"\xff")),
        "indefinite-proof": sealed({396: {INCLUSION: [b"\x9f" + inner[1:] + b"\xff"]}}),
        "long-tag": b"\xd8\x12" + good[1:],
        "long-label": sealed(Pairs(((Raw(head(0, 396, 4)), {INCLUSION: [inner]}),))),
        "long-index": sealed(proof(SIZE, Raw(head(0, INDEX, 2)), PATH)),
        "long-size": sealed(GOOD, protected=header(claims={-70010: Raw(head(0, SIZE, 2))})),
        "two-vdp": sealed(Pairs(((396, {INCLUSION: [inner]}), (396, {INCLUSION: [inner]})))),
        "header-out-of-order": sealed(GOOD, protected=enc(Pairs(((4, LOG_KEY.kid), (1, -19))))),
        "vds-length-first": sealed(GOOD, protected=enc(Pairs(((1, -19), (-1, 0), (395, 1))))),
    }.items():
        yield _receipt(name, attack, raw, NOT_DETERMINISTIC)
    yield _receipt("trailing", "bytes after the item", good + b"\0", "TRAILING_BYTES")
    yield _receipt(
        "trailing-in-proof", "bytes after the proof", sealed({396: {INCLUSION: [inner + b"\0"]}}), "TRAILING_BYTES"
    )
    yield _receipt(
        "trailing-in-header", "bytes after the header", sealed(GOOD, protected=header() + b"\0"), "TRAILING_BYTES"
    )
    for name, raw in {
        "no-tag": good[1:],
        "tag-17": b"\xd1" + good[1:],
        "tag-2-for-size": sealed(GOOD, protected=header(claims={-70010: Raw(b"\xc2\x41\x64")})),
        "float-for-size": sealed(GOOD, protected=header(claims={-70010: Raw(b"\xf9\x56\x40")})),
        "tag-1-for-iat": sealed(GOOD, protected=header(claims={6: Raw(b"\xc1" + enc(AT_S))})),
        "statement-for-a-receipt": signed(),
        "payload-empty": sealed(GOOD, content=b""),
        "root-attached": sealed(GOOD, content=ROOT),
        "signature-null": envelope(header(), GOOD, None, None),
        "empty": b"",
    }.items():
        yield _receipt(name, "another form than a receipt's", raw, BAD_FIELD)
    yield _receipt(
        "deep-unprotected", "containers within containers", sealed({396: Raw(b"\x81" * 500 + b"\0")}), TOO_DEEP
    )
    yield _receipt(
        "deep-proof", "containers within containers", sealed({396: {INCLUSION: [b"\x81" * 500 + b"\0"]}}), TOO_DEEP
    )
    yield _receipt("too-long", "8 193 bytes and more", sealed({**GOOD, 1000: bytes(8192)}), TOO_LARGE)


def _headers() -> Iterator[Case]:
    for name, protected in {
        "typ-of-a-statement": header({16: 277}),
        "typ-missing": header(without=[16]),
        "vds-missing": header(without=[395]),
        "kid-missing": header(without=[4]),
        "kid-short": header({4: LOG_KEY.kid[:15]}),
        "alg-missing": header(without=[1]),
        "claims-missing": header(without=[15]),
        "size-missing": header(without=[-70010]),
        "log-missing": header(without=[2]),
        "size-negative": header(claims={-70010: -1}),
        "size-beyond-2-62": header(claims={-70010: 2**62 + 1}),
        "size-true": header(claims={-70010: True}),
        "iat-beyond-9999": header(claims={6: 253_402_300_800}),
        "log-no-uri": header(claims={2: "registry 0"}),
        "claim-unknown": header(claims={4: AT_S}),
        "label-unknown": header({99: 0}),
        "content-type": header({3: "application/json"}),
        "header-empty": b"",
    }.items():
        yield _receipt(name, "another header than a head's", sealed(GOOD, protected=protected), BAD_FIELD)
    for name, vds in values({"vds-2": 2, "vds-0": 0, "vds-true": True, "vds-text": "RFC9162_SHA256"}):
        raw = sealed(GOOD, protected=header({395: vds}))
        yield _receipt(name, "another structure than RFC9162_SHA256", raw, "UNSUPPORTED_LOG_STRUCTURE")
    for name, alg in values({"alg-eddsa": -8, "alg-es256": -7, "alg-none": 0, "alg-text": "Ed25519"}):
        raw = sealed(GOOD, protected=header({1: alg}))
        yield _receipt(name, "an algorithm outside the profile", raw, "UNSUPPORTED_ALGORITHM")
    raw = sealed(GOOD, protected=header({1: -9}))
    yield _receipt("alg-of-another-key", "not the key's own", raw, "ALGORITHM_MISMATCH")
    raw = sealed(GOOD, protected=header({2: [395]}))
    yield _receipt("crit", "critical labels", raw, "CRITICAL_HEADER")
    names = "another name for a log or its owner"
    log = sealed(GOOD, protected=header(claims={2: OTHER_LOG}))
    yield _receipt("receipt-of-another-log", names, log, "EVENT_NOT_ALLOWED")
    owner = sealed(GOOD, protected=header(claims={1: MALLORY.issuer}))
    yield _receipt("iss-not-the-owner", names, owner, "ISSUER_MISMATCH")
    resized = envelope(header(claims={-70010: SIZE + 1}), proof(SIZE + 1, INDEX, PATH), None, good_signature())
    yield _receipt("size-changed-after-signing", "the signed size", resized, BAD_SIGNATURE)


def good_signature() -> bytes:
    """The signature over the good head."""
    return LOG_KEY.sign(to_be_signed(header(), ROOT))


def _unprotected() -> Iterator[Case]:
    inner = enc([SIZE, INDEX, PATH])
    for name, unprotected in values(
        {
            "unprotected-empty": NO_ENTRIES,
            "unprotected-alg": {1: -19, **GOOD},
            "unprotected-kid": {4: LOG_KEY.kid, **GOOD},
            "unprotected-crit": {2: [1], **GOOD},
            "unprotected-vds": {395: 1, **GOOD},
            "unprotected-filler": {**GOOD, 1000: bytes(100)},
            "two-proofs": {396: {INCLUSION: [inner, inner]}},
            "no-proofs": {396: {INCLUSION: NO_MEMBERS}},
            "proofs-empty-map": {396: NO_ENTRIES},
            "two-kinds-of-proof": {396: {INCLUSION: [inner], CONSISTENCY: [inner]}},
            "proof-of-consistency": {396: {CONSISTENCY: [inner]}},
            "proof-of-many": {396: {MULTI: [inner]}},
            "proof-not-in-bytes": {396: {INCLUSION: [Raw(inner)]}},
            "proof-without-list": {396: {INCLUSION: inner}},
            "proofs-list": {396: [inner]},
        }
    ):
        yield _receipt(name, "one proof of one kind, and nothing else", sealed(unprotected), BAD_FIELD)


def _keys() -> Iterator[Case]:
    at = "the key was not good at this size of the log"
    for name, key, expected in (
        ("key-of-later-heads", LATER_LOG_KEY, "NOT_YET_CERTIFIED"),
        ("key-retired", RETIRED_LOG_KEY, "KEY_RETIRED"),
        ("key-compromised", STOLEN_LOG_KEY, "KEY_COMPROMISED"),
    ):
        yield _receipt(name, at, sealed(GOOD, key=key), expected)
    by_alice = sealed(GOOD, key=ALICE)
    yield _receipt("key-of-statements", "a key certified for statements alone", by_alice, "UNKNOWN_KEY")
    unknown = sealed(GOOD, protected=header({4: digest("kid")[:16]}))
    yield _receipt("kid-unknown", "a key that nobody certified", unknown, "UNKNOWN_KEY")
    other = sealed(GOOD, protected=header(), key=MALLORY)
    yield _receipt("kid-of-another", "another's kid over one's own signature", other, BAD_SIGNATURE)


def _signatures() -> Iterator[Case]:
    protected, good = header(), good_signature()
    s = int.from_bytes(good[32:], "little")
    for name, wrong in {
        "signature-zero": bytes(64),
        "r-low-order": LOW_ORDER[2] + bytes(32),
        "s-not-reduced": good[:32] + (s + ED25519_ORDER).to_bytes(32, "little"),
        "signed-without-root": LOG_KEY.sign(to_be_signed(protected, b"")),
        "signed-leaf": LOG_KEY.sign(to_be_signed(protected, LEAVES[INDEX])),
    }.items():
        yield _receipt(
            name, "no signature of this key over this head", envelope(protected, GOOD, None, wrong), BAD_SIGNATURE
        )
    p256 = header(key=LOG_KEY_P256)
    signature = LOG_KEY_P256.sign(to_be_signed(p256, ROOT))
    high = signature[:32] + (P256_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    yield _receipt("ecdsa-high-s", "the other s", envelope(p256, GOOD, None, high), BAD_SIGNATURE)
    for name, wrong in {"signature-63": good[:63], "signature-65": good + b"\0", "signature-empty": b""}.items():
        yield _receipt(name, "a signature of another length", envelope(protected, GOOD, None, wrong), BAD_FIELD)


def _multi_receipts() -> Iterator[Case]:
    indexes, strange = list(INDEXES), digest("of no tree")

    def many(listed: Value, nodes: Value, size: int = SIZE) -> bytes:
        return sealed(proof(size, listed, nodes, kind=MULTI))

    for name, raw in {
        "indexes-descending": many(indexes[::-1], NODES),
        "index-twice": many([3, 3, INDEX, 99], NODES),
        "indexes-empty": many([], [ROOT]),
        "indexes-true": many([True, 17, INDEX, 99], NODES),
        "indexes-text": many(["3", 17, INDEX, 99], NODES),
        "indexes-null": many(None, NODES),
        "node-of-31-bytes": many(indexes, [NODES[0][:31], *NODES[1:]]),
        "one-proof-of-one-entry": sealed(GOOD),
    }.items():
        yield _multi(name, "a proof of another form", raw, BAD_FIELD)
    for name, raw in {
        "index-beyond-tree": many([3, 17, INDEX, SIZE], NODES),
        "index-negative": many([-1, 3, 17, INDEX], NODES),
        "index-left-out": many(indexes[:-1], NODES),
        "index-added": many([*indexes[:-1], 98, 99], NODES),
        "node-missing": many(indexes, NODES[:-1]),
        "node-added": many(indexes, [*NODES, strange]),
        "size-not-the-signed-one": many(indexes, NODES, SIZE + 1),
    }.items():
        yield _multi(name, "a proof that does not fit the tree", raw, PROOF_MISMATCH)
    for name, raw in {
        "node-changed": many(indexes, [strange, *NODES[1:]]),
        "nodes-reversed": many(indexes, NODES[::-1]),
        "index-moved": many([2, 17, INDEX, 99], NODES),
    }.items():
        yield _multi(name, "the proof leads to a root that nobody signed", raw, BAD_SIGNATURE)
    swapped = {"leaves": MANY["leaves"][::-1]}
    good = many(indexes, NODES)
    yield _multi("leaves-swapped", "the statements of other entries", good, BAD_SIGNATURE, given=swapped)
    yield _multi("indexes-10001", "one too many", many(list(range(10_001)), []), TOO_LARGE)


def _consistencies() -> Iterator[Case]:
    strange = digest("of no tree")

    def later(old: Value, path: Value, size: int = SIZE) -> bytes:
        return sealed(proof(old, size, path, kind=CONSISTENCY))

    for name, raw in {
        "path-too-short": later(OLD_SIZE, OLD_PATH[:-1]),
        "path-too-long": later(OLD_SIZE, [*OLD_PATH, strange]),
        "old-size-not-the-verified-one": later(OLD_SIZE - 4, recursive_tree.proof(OLD_SIZE - 4, LEAVES)),
        "old-size-beyond": later(SIZE + 1, OLD_PATH),
        "old-size-zero": later(0, []),
        "old-size-negative": later(-1, OLD_PATH),
        "size-not-the-signed-one": later(OLD_SIZE, OLD_PATH, SIZE + 1),
        "path-hash-of-the-old-root-changed": later(OLD_SIZE, [strange, *OLD_PATH[1:]]),
    }.items():
        yield _consistency(name, "a path that does not fit the two trees", raw, PROOF_MISMATCH)
    for name, raw in {"old-size-true": later(True, OLD_PATH), "path-null": later(OLD_SIZE, None)}.items():
        yield _consistency(name, "a proof of another form", raw, BAD_FIELD)
    rewritten = [*LEAVES[:10], strange, *LEAVES[11:]]
    fork = sealed(
        proof(OLD_SIZE, SIZE, recursive_tree.proof(OLD_SIZE, rewritten), kind=CONSISTENCY),
        root=recursive_tree.root(rewritten),
    )
    yield _consistency("forked", "a log that does not go on from its older head", fork, PROOF_MISMATCH)
    good = later(OLD_SIZE, OLD_PATH)
    elsewhere = {"old": {**OLD, "log": OTHER_LOG}}
    yield _consistency("older-head-of-another-log", "two logs", good, "LOG_PROBLEM", given=elsewhere)


def _checkpoints() -> Iterator[Case]:
    for name, raw in {
        "root-of-31-bytes": sealed(NO_ENTRIES, content=ROOT[:31], root=ROOT[:31]),
        "root-of-33-bytes": sealed(NO_ENTRIES, content=ROOT + b"\0", root=ROOT + b"\0"),
        "root-left-out": sealed(NO_ENTRIES),
        "receipt-for-a-checkpoint": sealed(GOOD),
        "unprotected-filler": sealed({1000: bytes(100)}, content=ROOT),
        "typ-of-a-statement": sealed(NO_ENTRIES, protected=header({16: 277}), content=ROOT),
        "statement-for-a-checkpoint": signed(),
    }.items():
        yield _checkpoint(name, "another form than a checkpoint's", raw, BAD_FIELD)
    wrong = sealed(NO_ENTRIES, content=digest("another root"))
    yield _checkpoint("root-changed", "a root that nobody signed", wrong, BAD_SIGNATURE)
    yield _checkpoint("trailing", "bytes after the item", sealed(NO_ENTRIES, content=ROOT) + b"\0", "TRAILING_BYTES")
    crit = sealed(NO_ENTRIES, protected=header({2: [395]}), content=ROOT)
    yield _checkpoint("crit", "critical labels", crit, "CRITICAL_HEADER")
    for name, key, expected in (
        ("key-of-later-heads", LATER_LOG_KEY, "NOT_YET_CERTIFIED"),
        ("key-retired", RETIRED_LOG_KEY, "KEY_RETIRED"),
        ("key-compromised", STOLEN_LOG_KEY, "KEY_COMPROMISED"),
    ):
        raw = sealed(NO_ENTRIES, content=ROOT, key=key)
        yield _checkpoint(name, "the key was not good at this size of the log", raw, expected)
