"""Checkpoints and receipts, read strictly: form and bounds, and that a proof fits the tree it speaks of."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from monazite_provenance import _cbor, _cose, _receipt_form, tree
from monazite_provenance._cbor import CborValue
from monazite_provenance._claims import ISSUED_AT_MAX_S, check_uri
from monazite_provenance._frozen import dataclass
from monazite_provenance._receipt_form import INCLUSION, VDP
from monazite_provenance.errors import (
    BadField,
    ProofMismatch,
    TooLarge,
    UnsupportedLogStructure,
)
from monazite_provenance.keys import KID_BYTES, SIGNATURE_LENGTHS, Algorithm
from monazite_provenance.statement import RECEIPT_BYTES_MAX

MULTI_RECEIPT_BYTES_MAX: Final = 8 * 1024 * 1024
"""Largest receipt of many entries, bytes: 10 000 of them scattered over a log of 2^32."""
MULTI_RECEIPT_ENTRIES_MAX: Final = 10_000
"""Most entries of one receipt: the statements of a page of a bundle."""

HEADS_READ: Final = 256
"""Headers whose reading is remembered: the receipts of a chain share few heads."""
TYP: Final = 278
"""CoAP content format of a receipt (RFC 9942)."""
RFC9162_SHA256: Final = 1
VDS: Final = 395
CONSISTENCY: Final = -2
MULTI_INCLUSION: Final = -70020
"""Ours, from the range for private use: one proof for many entries."""
ISS, SUB, IAT, SIZE = 1, 2, 6, -70010
_HEADER_LABELS = [_cose.ALG, _cose.KID, _cose.CWT_CLAIMS, _cose.TYP, VDS]
_CLAIM_LABELS = [ISS, SUB, IAT, SIZE]


class UnverifiedHead(NamedTuple):
    """A head in good form, not verified; its root is the payload of a checkpoint, or what a proof leads to."""

    log: str
    size: int
    issuer: str
    signed_at: int
    algorithm: Algorithm
    kid: bytes
    protected: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedCheckpoint:
    """A head with its root."""

    head: UnverifiedHead
    root: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedReceipt:
    """A head with the inclusion path of one entry, from the leaf upwards."""

    head: UnverifiedHead
    index: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class UnverifiedConsistency:
    """A head with the path from an older one."""

    head: UnverifiedHead
    old_size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class UnverifiedMultiReceipt:
    """A head with one proof for many entries: their indexes ascending, the roots of what is left out left to right."""

    head: UnverifiedHead
    indexes: tuple[int, ...]
    nodes: tuple[bytes, ...]


def parse_checkpoint(raw: bytes) -> UnverifiedCheckpoint:
    """Read a checkpoint; verifies nothing. Raises the Malformed and Unsupported families."""
    protected, unprotected, payload, signature = _parts(raw, RECEIPT_BYTES_MAX)
    if unprotected or not isinstance(payload, bytes) or len(payload) != tree.HASH_BYTES:
        raise BadField("a checkpoint carries the root and nothing unprotected", field="checkpoint")
    return UnverifiedCheckpoint(_head(protected, signature), payload)


def parse_receipt(raw: bytes) -> UnverifiedReceipt:
    """Read a receipt; verifies nothing but that its sizes agree and its path is of the right length.

    Raises the Malformed and Unsupported families, ProofMismatch.
    """
    usual = _receipt_form.read(raw) if len(raw) <= RECEIPT_BYTES_MAX else None
    if usual is None:
        return parse_any_receipt(raw)
    head = _head(usual.protected, usual.signature)
    _check_size(usual.size, head)
    return _receipt(head, usual.place, usual.path)


def parse_any_receipt(raw: bytes) -> UnverifiedReceipt:
    """The general reader: of what is in any way unusual, it alone says whether and why it is refused."""
    head, (size, index, path) = _with_proof(raw, INCLUSION, RECEIPT_BYTES_MAX)
    if type(index) is not int:
        raise BadField("the parts of an inclusion proof", field="proof")
    _check_size(size, head)
    return _receipt(head, index, _hashes(path, tree.PATH_NODES_MAX))


def _receipt(head: UnverifiedHead, index: int, path: tuple[bytes, ...]) -> UnverifiedReceipt:
    if len(path) != tree.path_length(index, head.size):
        raise ProofMismatch("an inclusion path of the wrong length", nodes=len(path))
    return UnverifiedReceipt(head, index, path)


def parse_consistency(raw: bytes) -> UnverifiedConsistency:
    """Read a receipt of consistency; verifies nothing but that its sizes agree and its path is of the right length.

    Raises the Malformed and Unsupported families, ProofMismatch.
    """
    head, (old_size, size, path) = _with_proof(raw, CONSISTENCY, RECEIPT_BYTES_MAX)
    if type(old_size) is not int:
        raise BadField("the parts of a consistency proof", field="proof")
    _check_size(size, head)
    nodes = _hashes(path, tree.PATH_NODES_MAX)
    if len(nodes) != tree.consistency_length(old_size, head.size):
        raise ProofMismatch("a consistency path of the wrong length", nodes=len(nodes))
    return UnverifiedConsistency(head, old_size, nodes)


def parse_multi_receipt(raw: bytes) -> UnverifiedMultiReceipt:
    """Read a receipt of many entries; verifies nothing but that its sizes agree and its indexes ascend.

    Raises the Malformed and Unsupported families, ProofMismatch.
    """
    head, (size, listed, nodes) = _with_proof(raw, MULTI_INCLUSION, MULTI_RECEIPT_BYTES_MAX)
    _check_size(size, head)
    if not isinstance(listed, list) or not listed:
        raise BadField("the indexes of a proof", field="proof")
    if len(listed) > MULTI_RECEIPT_ENTRIES_MAX:
        raise TooLarge("too many entries in a receipt", limit=MULTI_RECEIPT_ENTRIES_MAX)
    indexes = tuple(index for index in listed if type(index) is int)
    if len(indexes) != len(listed) or any(left >= right for left, right in pairwise(indexes)):
        raise BadField("indexes ascend strictly", field="proof")
    if not 0 <= indexes[0] <= indexes[-1] < head.size:
        raise ProofMismatch("a leaf beyond the tree", size=head.size)
    return UnverifiedMultiReceipt(head, indexes, _hashes(nodes, len(indexes) * tree.PATH_NODES_MAX))


def _parts(raw: bytes, bytes_max: int) -> tuple[bytes, dict[int, CborValue], CborValue, bytes]:
    if len(raw) > bytes_max:
        raise TooLarge("receipt or checkpoint too long", limit=bytes_max)
    match _cose.decode_tagged(raw):
        case [bytes(protected), dict(unprotected), payload, bytes(signature)]:
            return protected, unprotected, payload, signature
        case _:
            raise BadField("the parts of a COSE_Sign1", field="cose_sign1")


def _with_proof(raw: bytes, kind: int, bytes_max: int) -> tuple[UnverifiedHead, tuple[CborValue, CborValue, CborValue]]:
    """The head of a receipt and the three parts of its one proof."""
    protected, unprotected, payload, signature = _parts(raw, bytes_max)
    if payload is not None:
        raise BadField("a receipt leaves the root out", field="receipt")
    proofs = unprotected.get(VDP)
    if list(unprotected) != [VDP] or not isinstance(proofs, dict) or list(proofs) != [kind]:
        raise BadField("a receipt holds one kind of proof and nothing else", field="unprotected")
    match proofs[kind]:
        case [bytes(encoded)]:
            proof = _cbor.decode(encoded)
        case _:
            raise BadField("a receipt holds one proof", field="unprotected")
    match proof:
        case [first, second, third]:
            return _head(protected, signature), (first, second, third)
        case _:
            raise BadField("the parts of a proof", field="proof")


@lru_cache(maxsize=HEADS_READ)
def _head(protected: bytes, signature: bytes) -> UnverifiedHead:
    header = _cose.decode_header(protected, _HEADER_LABELS)
    if type(header[VDS]) is not int or header[VDS] != RFC9162_SHA256:
        raise UnsupportedLogStructure("a log of another structure than RFC9162_SHA256")
    claims, kid = header[_cose.CWT_CLAIMS], header[_cose.KID]
    if header[_cose.TYP] != TYP or not isinstance(kid, bytes) or len(kid) != KID_BYTES:
        raise BadField("type or kid of a head", field="header")
    if not isinstance(claims, dict) or list(claims) != _CLAIM_LABELS:
        raise BadField("the claims of a head", field="claims")
    issuer, log, signed_at, size = (claims[label] for label in _CLAIM_LABELS)
    if not isinstance(issuer, str) or not isinstance(log, str) or type(signed_at) is not int or type(size) is not int:
        raise BadField("the claims of a head", field="claims")
    check_uri(issuer, "iss")
    check_uri(log, "sub")
    if not 0 <= signed_at <= ISSUED_AT_MAX_S or not 0 <= size <= tree.SIZE_MAX:
        raise BadField("time or size of a head", field="claims")
    algorithm = _cose.algorithm_of(header[_cose.ALG])
    if len(signature) != SIGNATURE_LENGTHS[algorithm]:
        raise BadField("a signature of another length than its algorithm's", field="signature")
    return UnverifiedHead(log, size, issuer, signed_at, algorithm, kid, protected, signature)


def _check_size(size: CborValue, head: UnverifiedHead) -> None:
    if type(size) is not int:
        raise BadField("the size of a proof", field="proof")
    if size != head.size:
        raise ProofMismatch("a proof in another tree than the signed one", size=head.size)


def _hashes(nodes: CborValue, count_max: int) -> tuple[bytes, ...]:
    if not isinstance(nodes, list):
        raise BadField("a path is of 32-byte hashes", field="proof")
    if len(nodes) > count_max:
        raise TooLarge("a path too long", limit=count_max)
    hashes = tuple([node for node in nodes if isinstance(node, bytes) and len(node) == tree.HASH_BYTES])
    if len(hashes) != len(nodes):
        raise BadField("a path is of 32-byte hashes", field="proof")
    return hashes
