"""What is fuzzed: functions of bytes that let nothing out but the library's own errors, and take no time to speak of.

Each also holds what comes back against what went in: what was read is written as the same bytes, and the quick readers
answer as the general ones do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from unittest import mock

from monazite_provenance import Item, PublicKey, parse
from monazite_provenance._cbor import decode as decode_cbor
from monazite_provenance._cbor import encode as encode_cbor
from monazite_provenance.chain import verify_bundle
from monazite_provenance.checkpoints import parse_checkpoint_text
from monazite_provenance.contents import decode_details, decode_lot, encode
from monazite_provenance.contents.lot import read_lot
from monazite_provenance.errors import ProvenanceError
from monazite_provenance.item import check_openings
from monazite_provenance.key_sets import decode_key_set
from monazite_provenance.kinds import EventKind
from monazite_provenance.receipts import parse_checkpoint, parse_consistency, parse_multi_receipt, parse_receipt
from monazite_provenance.statement import log_leaf, parse_any
from monazite_provenance.tree import Disclosure, root_of_consistency, root_of_path
from monazite_provenance.trust import TrustFile

from tests.fuzz.histories import base, edited

BYTES_MAX: Final = 64 * 1024
"""Longest input, bytes."""
CPU_MAX_S: Final = 0.05
"""What no input may take, seconds of processor time, on a machine whose bare Ed25519 verification takes 125 us."""
COST_MAX: Final = 400
"""The same in bare verifications, which is how it is measured."""
_KINDS: Final = tuple(EventKind)
_LEAF: Final = bytes(32)
CHAINS: Final = Path(__file__).parents[1] / "vectors" / "monazite" / "chains"
TRUST: Final = TrustFile.load((CHAINS / "trust.json").read_bytes())
AT_S: Final = 1_730_000_060
"""The moment of the chain vectors."""
_T = TypeVar("_T")


def seconds(call: Callable[[bytes], object], data: bytes) -> float:
    """Processor time of one call. Raises whatever is no ProvenanceError."""
    began = time.process_time()
    otherwise(lambda: call(data))
    return time.process_time() - began


def otherwise(read: Callable[[], _T]) -> _T | None:
    """What is read, None where the library refuses."""
    try:
        return read()
    except ProvenanceError:
        return None


def cbor(data: bytes) -> None:
    """Deterministic CBOR: what is accepted has one spelling."""
    assert encode_cbor(decode_cbor(data)) == data


def statement(data: bytes) -> None:
    """`parse`, and its two readers against each other."""
    assert otherwise(lambda: parse(data)) == otherwise(lambda: parse_any(data))
    unverified = parse(data)
    assert unverified.raw == data
    assert len(log_leaf(data)) == len(unverified.statement_id)


def item(data: bytes) -> None:
    """Items and their openings; what verifies can be redacted to nothing and verifies still."""
    decoded = Item.decode(data)
    assert decoded.encode() == data
    unverified = parse(decoded.statement)
    check_openings(decoded, unverified)
    check_openings(decoded.redact((), details=False), unverified)


def contents(data: bytes) -> None:
    """Lots, and details of the kind that the first byte chooses."""
    if not data or data[0] % (len(_KINDS) + 1) == len(_KINDS):
        general = otherwise(lambda: read_lot(decode_cbor(data[1:])))
        assert otherwise(lambda: decode_lot(data[1:])) == general
        assert encode(decode_lot(data[1:])) == data[1:]
    else:
        details = decode_details(_KINDS[data[0] % (len(_KINDS) + 1)], data[1:])
        assert encode(details) == data[1:]


def receipt(data: bytes) -> None:
    """Receipts and checkpoints, with the walks through the tree that they ask for."""
    one = otherwise(lambda: parse_receipt(data))
    if one is not None:
        root_of_path(one.index, one.head.size, _LEAF, one.path)
    later = otherwise(lambda: parse_consistency(data))
    if later is not None:
        otherwise(lambda: root_of_consistency(later.old_size, _LEAF, later.head.size, later.path))
    many = otherwise(lambda: parse_multi_receipt(data))
    if many is not None:
        otherwise(lambda: Disclosure(many.head.size, dict.fromkeys(many.indexes, _LEAF), many.nodes).root)
    parse_checkpoint(data)


def key(data: bytes) -> None:
    """COSE_Keys and sets of them."""
    otherwise(lambda: decode_key_set(data))
    assert PublicKey.from_cose_key(data).cose_key == data


def checkpoint_text(data: bytes) -> None:
    """Checkpoints as text."""
    parse_checkpoint_text(data.decode("utf-8", "replace"))


def trust(data: bytes) -> None:
    """Trust files."""
    assert TrustFile.load(TrustFile.load(data).dump()) == TrustFile.load(data)


def bundle(data: bytes) -> None:
    """Bundles, every signature and every path to a root of which is taken for good: otherwise what is changed in a
    statement would hide from all that is behind its signature."""
    with mock.patch.object(PublicKey, "verify", _believe):
        verify_bundle([data], TRUST, at=AT_S).as_json()


def history(data: bytes) -> None:
    """Histories that hang together and are wrong, or not, by what the bytes change in a good one."""
    start = base()
    with mock.patch.object(PublicKey, "verify", _believe):
        verify_bundle([edited(start, data)], start.world.trust, at=AT_S).as_json()


def _details_of(kind: EventKind, data: bytes) -> object:
    return decode_details(kind, data[1:])


def _believe(_key: PublicKey, _signature: bytes, _message: bytes) -> None:
    """Any signature is good."""


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "cbor": cbor,
    "statement": statement,
    "item": item,
    "contents": contents,
    "receipt": receipt,
    "key": key,
    "checkpoint_text": checkpoint_text,
    "trust": trust,
    "bundle": bundle,
    "history": history,
}
TIMED: Final[Mapping[str, tuple[Callable[[bytes], object], ...]]] = {
    "cbor": (decode_cbor,),
    "statement": (parse, log_leaf),
    "item": (Item.decode,),
    "contents": (lambda data: decode_lot(data[1:]), *(partial(_details_of, kind) for kind in _KINDS)),
    "receipt": (parse_receipt, parse_consistency, parse_multi_receipt, parse_checkpoint),
    "key": (PublicKey.from_cose_key, decode_key_set),
    "checkpoint_text": (checkpoint_text,),
    "trust": (TrustFile.load,),
    "bundle": (bundle,),
    "history": (history,),
}
"""The calls whose time is bounded: of a target that makes several, each by itself."""
