"""What the hostile vectors are forged with: an encoder that writes wrong CBOR as readily as right, fixed keys, and a
good statement, item and head to begin from. Nothing here is the library's but the tree's definition in the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Value: TypeAlias = "Raw | Pairs | int | bytes | str | bool | float | Sequence[Value] | Mapping[int, Value] | None"


class Raw(NamedTuple):
    """Bytes that stand in the encoding as they are."""

    data: bytes


class Pairs(NamedTuple):
    """A map whose keys come as often and in the order they are given."""

    entries: tuple[tuple[Value, Value], ...]


NO_MEMBERS: Final = Raw(b"\x80")
NO_ENTRIES: Final = Raw(b"\xa0")


class Case(NamedTuple):
    """One file: what it attacks, and what a verifier must answer, a code or "ok"; `given` is what it needs beside."""

    kind: str
    name: str
    attacks: str
    data: bytes
    expected: str
    given: Mapping[str, object] = {}


def values(table: Mapping[str, Value]) -> Iterable[tuple[str, Value]]:
    """The entries of a table of names and values (the call is what tells a type checker their type)."""
    return table.items()


def changes(table: Mapping[str, Mapping[int, Value]]) -> Iterable[tuple[str, Mapping[int, Value]]]:
    """As `values`, of maps or of changes to one."""
    return table.items()


def envelopes(table: Mapping[str, tuple[Value, Value, Value, Value]]) -> Iterable[tuple[str, bytes]]:
    """The tagged COSE_Sign1 of each four parts."""
    return [(name, envelope(*parts)) for name, parts in table.items()]


def head(major: int, argument: int, width: int | None = None) -> bytes:
    """Head of an item in its shortest form, or with an argument of `width` bytes (0: in the initial byte)."""
    if width is None:
        width = 0 if argument < 24 else next(size for size in (1, 2, 4, 8) if argument < 1 << 8 * size)
    if not width:
        return bytes((major << 5 | argument,))
    return bytes((major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width],)) + argument.to_bytes(width, "big")


def enc(value: Value) -> bytes:  # noqa: PLR0911 - one for each type
    """The encoding of a value: shortest forms, and maps in the order they come in."""
    match value:
        case Raw(data):
            return data
        case Pairs(entries):
            return head(5, len(entries)) + b"".join(enc(key) + enc(each) for key, each in entries)
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case None:
            return b"\xf6"
        case Mapping():
            return head(5, len(value)) + b"".join(enc(key) + enc(each) for key, each in value.items())
        case Sequence():
            return head(4, len(value)) + b"".join(map(enc, value))
        case _:
            raise AssertionError(value)


def digest(text: str) -> bytes:
    """32 bytes that look random and are the same every time."""
    return sha256(b"monazite hostile vectors: " + text.encode()).digest()


class Key:
    """A key that everybody knows, from a fixed seed."""

    def __init__(self, name: str, issuer: str, kinds: Sequence[int] | None = None, *, p256: bool = False) -> None:
        self.issuer, self.kinds, self.p256 = issuer, kinds, p256
        secret = digest(f"key {name}")
        if p256:
            self._p256 = ec.derive_private_key(int.from_bytes(secret, "big") >> 1, ec.SECP256R1())
            numbers = self._p256.public_key().public_numbers()
            x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
            self.cose_key = enc({1: 2, -1: 1, -2: x, -3: y})
        else:
            self._ed25519 = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
            self.raw = self._ed25519.public_key().public_bytes_raw()
            self.cose_key = enc({1: 1, -1: 6, -2: self.raw})
        self.kid = sha256(self.cose_key).digest()[:16]
        self.alg = -9 if p256 else -19

    def sign(self, message: bytes) -> bytes:
        """The one signature of this key over a message; of ECDSA that of RFC 6979, with the lower s."""
        if not self.p256:
            return self._ed25519.sign(message)
        der = self._p256.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        r, s = decode_dss_signature(der)
        return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")


DOMAIN: Final = "spiffe://monazite.example"
REGISTRY: Final = f"{DOMAIN}/service/registry"
LOT: Final = "urn:monazite:lot:RE-0000-0000-0000-0"
LOG: Final = "urn:monazite:log:registry:0"
OTHER_LOG: Final = "urn:monazite:log:quota:0"
AT_S: Final = 1_790_000_000
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
CONTENT_TYPE: Final = "application/vnd.monazite.statement+cbor"
SPLIT, TRANSFORM, HOLD, RIGHT = 3, 5, 31, 40

ALICE: Final = Key("alice", f"{DOMAIN}/enterprise/alice")
ALICE_P256: Final = Key("alice, P-256", ALICE.issuer, p256=True)
MALLORY: Final = Key("mallory", f"{DOMAIN}/enterprise/mallory")
SPLITTER: Final = Key("splitter", f"{DOMAIN}/enterprise/splitter", [SPLIT])
SERVICE: Final = Key("registry", REGISTRY)
STRANGER: Final = Key("stranger", ALICE.issuer)
"""Certified nowhere."""
KEYS: Final = (ALICE, ALICE_P256, MALLORY, SPLITTER, SERVICE)

LOG_KEY: Final = Key("log", REGISTRY)
LOG_KEY_P256: Final = Key("log, P-256", REGISTRY, p256=True)
LATER_LOG_KEY: Final = Key("later log key", REGISTRY)
RETIRED_LOG_KEY: Final = Key("retired log key", REGISTRY)
STOLEN_LOG_KEY: Final = Key("stolen log key", REGISTRY)
LOG_KEYS: Final = (
    (LOG_KEY, {"first": 0, "last": None, "compromised_from": None}),
    (LOG_KEY_P256, {"first": 0, "last": None, "compromised_from": None}),
    (LATER_LOG_KEY, {"first": 1000, "last": None, "compromised_from": None}),
    (RETIRED_LOG_KEY, {"first": 0, "last": 50, "compromised_from": None}),
    (STOLEN_LOG_KEY, {"first": 0, "last": None, "compromised_from": 50}),
)
"""Keys of the one log LOG, with the sizes at which each is good."""


def claims(changed: Mapping[int, Value] | None = None, *, without: Sequence[int] = ()) -> dict[int, Value]:
    """Good claims: a split by ALICE, some of them changed or left out, in bytewise order."""
    whole: dict[int, Value] = {1: ALICE.issuer, 2: LOT, 6: AT_S, -70001: SPLIT, **(changed or {})}
    kept = {label: value for label, value in whole.items() if label not in without}
    return dict(sorted(kept.items(), key=lambda entry: enc(entry[0])))


def header(changed: Mapping[int, Value] | None = None, *, key: Key = ALICE, without: Sequence[int] = ()) -> bytes:
    """A good protected header, encoded, with labels changed, added or left out."""
    whole: dict[int, Value] = {1: key.alg, 3: CONTENT_TYPE, 4: key.kid, 15: claims({1: key.issuer}), 16: 277}
    whole |= changed or {}
    kept = {label: value for label, value in whole.items() if label not in without}
    return enc(dict(sorted(kept.items(), key=lambda entry: enc(entry[0]))))


def payload(version: Value = 1, root: Value = b"\0" * 32, count: Value = 2, details: Value = b"\1" * 32) -> bytes:
    """A payload, encoded; good by default."""
    return enc([version, root, count, details])


def to_be_signed(protected: bytes, content: bytes, context: str = "Signature1", aad: bytes = b"") -> bytes:
    """The Sig_structure."""
    return enc([context, protected, aad, content])


def signed(
    protected: bytes | None = None,
    content: bytes | None = None,
    *,
    key: Key = ALICE,
    unprotected: Value = NO_ENTRIES,
) -> bytes:
    """A COSE_Sign1 over any header and payload, with a good signature by `key`."""
    protected = header(key=key) if protected is None else protected
    content = payload() if content is None else content
    return envelope(protected, unprotected, content, key.sign(to_be_signed(protected, content)))


def envelope(protected: Value, unprotected: Value, content: Value, signature: Value) -> bytes:
    """The tagged COSE_Sign1 of four parts."""
    return b"\xd2" + enc([protected, unprotected, content, signature])


OUTPUTS: Final = tuple((digest(f"salt {n}")[:16], enc({1: n, 2: "output"})) for n in range(5))
DETAILS: Final = (digest("salt of the details")[:16], enc({}))


def leaf(opening: tuple[bytes, bytes]) -> bytes:
    """Leaf hash of an output."""
    return sha256(b"\0" + opening[0] + opening[1]).digest()


def log_leaf(statement: bytes) -> bytes:
    """Leaf hash of a statement whose unprotected header is empty already."""
    return sha256(b"\0" + sha256(statement).digest()).digest()


# What hostile statements are made of again and again, and the codes that most of them are met with.
ID = digest("a parent")
ON_BEHALF: Value = [f"{DOMAIN}/enterprise/alice", b"\2" * 32, b"\3" * 16]
NOT_DETERMINISTIC, BAD_FIELD, TOO_LARGE, TOO_DEEP = "NOT_DETERMINISTIC", "BAD_FIELD", "TOO_LARGE", "TOO_DEEP"
BAD_SIGNATURE, UNSUPPORTED_ALGORITHM = "BAD_SIGNATURE", "UNSUPPORTED_ALGORITHM"
