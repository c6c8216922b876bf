"""What the library answers to inputs that are a little wrong: `python -m tests.tidy.answers SEED SHARE`.

One line for each input, the same on every run and every machine: two builds of the library answer alike if, and only
if, what they print is alike. `test_wheels` runs it against the source and the compiled wheel.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from hashlib import sha256
from typing import Final
from unittest import mock

from monazite_provenance import Item, PublicKey, parse
from monazite_provenance._cbor import CborValue
from monazite_provenance._cbor import decode as decode_cbor
from monazite_provenance._cbor import encode as encode_cbor
from monazite_provenance.chain import verify_bundle
from monazite_provenance.contents import decode_details, decode_lot
from monazite_provenance.contents._lot_form import Kept, read_keeping
from monazite_provenance.contents._lots import decode_after, encode_lot
from monazite_provenance.contents.lot import LotContent
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import check_openings
from monazite_provenance.kinds import EventKind
from monazite_provenance.receipts import parse_checkpoint, parse_consistency, parse_multi_receipt, parse_receipt
from monazite_provenance.statement import Outpoint, log_leaf, parse_any, with_receipts
from monazite_provenance.tree import Disclosure, root_of_consistency, root_of_path

from tests.fuzz.histories import base, edited
from tests.fuzz.seeds import inputs
from tests.fuzz.targets import AT_S, TRUST

COUNTS: Final[Mapping[str, int]] = {
    "cbor": 500,
    "statement": 1000,
    "item": 500,
    "contents": 500,
    "moved": 100,
    "receipt": 500,
    "bundle": 30,
    "history": 25,
}
"""Inputs of each kind, for a share of 1."""
ESCAPED: Final = "ESCAPED"
"""Stands before what is no error of the library."""
_CHANGES_MAX: Final = 3
_LEAF: Final = bytes(32)
_KINDS: Final = tuple(EventKind)
_NUMBERS: Final = (0, 1, 23, 24, 255, 256, 2**16 - 1, 2**16, -1, -24, -25, 2**31, 2**32, 2**62, 2**63 - 1, 2**63)
_LISTS: Final[tuple[list[CborValue], ...]] = ([], [[]], [1], [bytes(32)], [bytes(34)])
_VALUES: Final[tuple[CborValue, ...]] = (
    *(*_NUMBERS, 2**64 - 1, -(2**64), None, True, False, "", "x", "urn:x", b"", bytes(32), bytes(34), {}),
    *_LISTS,
)
# What small changes are made of: heads, bounds, and what stands at the edges of integers.
_BYTES: Final = (
    b"\x00\x01\x17\x18\x19\x1a\x1b\x1f\x20\x3b\x40\x41\x58\x5f\x60\x7f\x80\x81\x98\x9f\xa0\xa1\xbf\xd2\xf4\xf6\xff"
)


def answers(seed: int, share: int) -> Iterator[str]:
    """Kind, number, input and answer, of every input."""
    known: dict[str, list[bytes]] = defaultdict(list)
    for kind, path in inputs():
        known[kind].append(path.read_bytes())
    known["moved"] = [encode_lot(_before()[0]._replace(lot_id="RE-0000-0000-0000-G"))]
    with mock.patch.object(PublicKey, "verify", _believe):
        for kind, count in COUNTS.items():
            # As many good ones as bad ones: what was refused before is mostly refused as it was.
            good = [data for data in known[kind] if _is_good(kind, data)]
            known[kind] += good * (len(known[kind]) // len(good))
            for number in range(count * share):
                data = changed(random.Random(f"{seed} {kind} {number}"), known[kind])  # noqa: S311 - no secret
                for name, call in _CALLS[kind].items():
                    yield f"{kind} {number} {sha256(data).hexdigest()[:8]} {name} {answer(call, data)}"


def changed(chance: random.Random, known: list[bytes]) -> bytes:
    """One of the known inputs with a few changes: of its bytes, or of the values that they encode."""
    data = chance.choice(known)
    if chance.randrange(2) and (reshaped := _reshaped(chance, data)) is not None:
        return reshaped
    for _ in range(chance.randint(1, _CHANGES_MAX)):
        data = chance.choice(_CHANGES)(chance, data, chance.choice(known))
    return data


def _is_good(kind: str, data: bytes) -> bool:
    first, *_ = _CALLS[kind].values()
    return answer(first, data).isalnum()


def answer(call: Callable[[bytes], object], data: bytes) -> str:
    """What a call gives or raises, in short; of our own errors with their codes and details."""
    try:
        given = call(data)
    except ProvenanceError as error:
        return f"{type(error).__name__} {error.code} {sorted(error.details.items())}"
    except Exception as error:  # whatever it is, both builds raise it
        return f"{ESCAPED} {type(error).__name__}"
    return sha256(repr(given).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _flip(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes(byte ^ 1 << chance.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]


def _set(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes((chance.choice(_BYTES),)) + data[at + 1 :]


def _cut(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _leave_out(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.randint(1, 40) :]


def _insert(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes(chance.choices(_BYTES, k=chance.randint(1, 9))) + data[at:]


def _repeat(chance: random.Random, data: bytes, _other: bytes) -> bytes:
    at, size = chance.randrange(len(data) + 1), chance.randint(1, 80)
    return data[: at + size] + data[at:]


def _splice(chance: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


# Most are small: what is cut or spliced is mostly refused before anything is looked at.
_CHANGES: Final = (_flip, _flip, _flip, _set, _set, _set, _leave_out, _insert, _repeat, _cut, _splice)


def _reshaped(chance: random.Random, data: bytes) -> bytes | None:
    """The bytes with one value in them changed and in good form again; None where they are not CBOR."""
    for head in (data[:1], b""):  # the kind of the details, or the tag of an envelope
        try:
            value = decode_cbor(data[len(head) :])
            if isinstance(value, list | dict) and value:
                return head + encode_cbor(_other(chance, value))
        except ProvenanceError:
            continue
    return None


def _other(chance: random.Random, value: CborValue) -> CborValue:
    if isinstance(value, list | dict) and value and chance.randrange(8):
        where = chance.choice(list(value) if isinstance(value, dict) else list(range(len(value))))
        copy = value.copy()
        copy[where] = _other(chance, value[where])
        return copy
    if isinstance(value, bytes) and chance.randrange(4) and (reshaped := _reshaped(chance, value)) is not None:
        return reshaped
    return chance.choice(_VALUES) if chance.randrange(2) else _near(chance, value)


def _near(chance: random.Random, value: CborValue) -> CborValue:
    """A value of the same type, a little more or less."""
    if isinstance(value, bytes):
        return chance.choice(_CHANGES)(chance, value, value)
    if isinstance(value, str):
        return chance.choice((value[1:], value + "x", value.upper(), value + "\N{SNOWMAN}", value[:-1]))
    if isinstance(value, list):
        return chance.choice((value[1:], value + value[:1], value[::-1], value * 40))
    if isinstance(value, dict):
        return dict(list(value.items())[1:]) if chance.randrange(2) else {**value, chance.randint(-3, 20): 1}
    return value + chance.choice((1, -1, 2**32)) if type(value) is int and abs(value) < 2**63 else not value


def _opened(data: bytes) -> object:
    item = Item.decode(data)
    unverified = parse(item.statement)
    check_openings(item, unverified)
    return item.encode(), item.redact((), details=False).encode(), unverified


def _moved(data: bytes) -> object:
    """A lot, read beside the one that it is in other hands, mostly."""
    return decode_after(data, *_before())


@cache
def _before() -> tuple[LotContent, Kept | None]:
    """A usual lot, with what is kept of it."""
    while True:
        read = [read_keeping(path.read_bytes()[1:]) for kind, path in inputs() if kind == "contents"]
        for found in filter(None, read):  # none before it was asked often
            return found


def _walked(data: bytes) -> object:
    one = parse_receipt(data)
    return root_of_path(one.index, one.head.size, _LEAF, one.path)


def _walked_on(data: bytes) -> object:
    later = parse_consistency(data)
    return root_of_consistency(later.old_size, _LEAF, later.head.size, later.path)


def _disclosed(data: bytes) -> object:
    many = parse_multi_receipt(data)
    return Disclosure(many.head.size, dict.fromkeys(many.indexes, _LEAF), many.nodes).root


def _judged(data: bytes) -> object:
    return verify_bundle([data], TRUST, at=AT_S).as_json()


def _told(data: bytes) -> object:
    start = base()
    return verify_bundle([edited(start, data)], start.world.trust, at=AT_S).as_json()


def _believe(_key: PublicKey, _signature: bytes, _message: bytes) -> None:
    """Any signature is good."""


_CALLS: Final[Mapping[str, Mapping[str, Callable[[bytes], object]]]] = {
    "cbor": {"decode": decode_cbor, "outpoint": Outpoint.decode},
    "statement": {
        "parse": parse,
        "parse_old": partial(parse, dangerously_accept_polymorphic_algorithms=True),
        "parse_any": parse_any,
        "log_leaf": log_leaf,
        "with_receipts": lambda data: with_receipts(data, [data[:40]]),
    },
    "item": {"opened": _opened},
    "contents": {
        "lot": lambda data: decode_lot(data[1:]),
        "keeping": lambda data: read_keeping(data[1:]),
        "details": lambda data: decode_details(_KINDS[data[0] % len(_KINDS)], data[1:]) if data else None,
    },
    "moved": {"after": _moved},
    "receipt": {"one": _walked, "later": _walked_on, "many": _disclosed, "checkpoint": parse_checkpoint},
    "bundle": {"judged": _judged},
    "history": {"told": _told},
}


if __name__ == "__main__":
    for line in answers(*map(int, sys.argv[1:])):
        sys.stdout.write(f"{line}\n")
