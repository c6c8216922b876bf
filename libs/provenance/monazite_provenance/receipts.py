"""Heads of a log, and receipts: that a statement stands in one (RFC 9942 over the tree of RFC 9162).

A head says how many entries a log has and what the root of its tree is. Its signature stands in several things: a
*checkpoint* carries the root as its payload; a *receipt* leaves the root out and carries the path that leads to it from
one entry, or one proof from many, or from an older head. So a batch of entries costs one signature, and its receipts
differ in their paths alone. The tree's size is in the signed header, which RFC 9942 leaves open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monazite_provenance import _cbor, _cose, tree
from monazite_provenance._claims import ISSUED_AT_MAX_S, check_uri
from monazite_provenance._frozen import dataclass
from monazite_provenance._head_reading import (
    CONSISTENCY,
    IAT,
    ISS,
    MULTI_INCLUSION,
    MULTI_RECEIPT_BYTES_MAX,
    MULTI_RECEIPT_ENTRIES_MAX,
    RFC9162_SHA256,
    SIZE,
    SUB,
    TYP,
    VDS,
    UnverifiedHead,
    parse_checkpoint,
    parse_consistency,
    parse_multi_receipt,
    parse_receipt,
)
from monazite_provenance._receipt_form import INCLUSION, VDP
from monazite_provenance.errors import BadField, IssuerMismatch, LogProblem, ProofMismatch, TooLarge, UnknownKey
from monazite_provenance.keys import SigningKey
from monazite_provenance.log_keys import LogKey, LogKeyRing

_ARRAY: Final = 4
# {vdp: {inclusion: [ ... ]}} up to the one proof, and the head of that proof.
_INCLUSION_START: Final = _cbor.encode({VDP: {INCLUSION: [b""]}})[:-1]
_INCLUSION_PROOF: Final = _cbor.head(_ARRAY, 3)
_HASH_HEAD: Final = _cbor.head(2, tree.HASH_BYTES)
HEADS_REMEMBERED: Final = 4096
"""Verified heads kept by one verifier; a chain rests on few, each of which covers many entries."""


@dataclass(frozen=True, slots=True)
class Head:
    """How a log stood: `size` entries under `root`. `signed_at` is in seconds since 1970 by the log's clock: it dates
    the head and orders nothing."""

    log: str
    size: int
    root: bytes
    issuer: str
    signed_at: int


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head and the one signature over it, from which its checkpoint and all its receipts are made."""

    head: Head
    protected: bytes
    signature: bytes

    def checkpoint(self) -> bytes:
        """The head as a COSE_Sign1 that carries the root."""
        return _cose.encode_sign1(self.protected, self.head.root, self.signature)

    def receipt(self, index: int, path: Sequence[bytes]) -> bytes:
        """The receipt of entry `index`, whose inclusion path is given from the leaf upwards.

        Raises ProofMismatch for a path of another length than this entry's.
        """
        if len(path) != tree.path_length(index, self.head.size):
            raise ProofMismatch("an inclusion path of the wrong length", nodes=len(path))
        # By hand: a log makes one for each entry, and the general encoder costs five times as much.
        parts = (_INCLUSION_PROOF, _cbor.encode(self.head.size), _cbor.encode(index), _cbor.head(_ARRAY, len(path)))
        proof = b"".join(parts) + _HASH_HEAD.join((b"", *path))
        unprotected = _INCLUSION_START + _cbor.byte_string(proof)
        return _cose.encode_detached(self.protected, unprotected, self.signature)

    def multi_receipt(self, indexes: Sequence[int], nodes: Sequence[bytes]) -> bytes:
        """One receipt of many entries: indexes ascending, `nodes` the hashes of `tree.undisclosed_ranges` for them.

        Raises ProofMismatch for indexes that do not ascend or another number of nodes, TooLarge beyond its bounds.
        """
        if not indexes or list(indexes) != sorted(set(indexes)):
            raise ProofMismatch("indexes ascend strictly")
        if len(indexes) > MULTI_RECEIPT_ENTRIES_MAX:
            raise TooLarge("too many entries in a receipt", limit=MULTI_RECEIPT_ENTRIES_MAX)
        if len(nodes) != len(tree.undisclosed_ranges(self.head.size, indexes)):
            raise ProofMismatch("another number of subtree roots than of undisclosed subtrees", nodes=len(nodes))
        raw = self._with_proof(MULTI_INCLUSION, [self.head.size, list(indexes), list(nodes)])
        if len(raw) > MULTI_RECEIPT_BYTES_MAX:
            raise TooLarge("receipt too long", limit=MULTI_RECEIPT_BYTES_MAX)
        return raw

    def consistency(self, old_size: int, path: Sequence[bytes]) -> bytes:
        """The receipt that this head goes on from that of `old_size` entries. Raises ProofMismatch as `receipt`."""
        if len(path) != tree.consistency_length(old_size, self.head.size):
            raise ProofMismatch("a consistency path of the wrong length", nodes=len(path))
        return self._with_proof(CONSISTENCY, [old_size, self.head.size, list(path)])

    def _with_proof(self, kind: int, proof: _cbor.Encodable) -> bytes:
        unprotected = _cbor.encode({VDP: {kind: [_cbor.encode(proof)]}})
        return _cose.encode_detached(self.protected, unprotected, self.signature)


@dataclass(frozen=True, slots=True)
class Registration:
    """A verified receipt: entry `index` of the log that `head` describes."""

    head: Head
    index: int


@dataclass(frozen=True, slots=True)
class Registrations:
    """A verified receipt of many entries of one log: their indexes, ascending."""

    head: Head
    indexes: tuple[int, ...]


def sign_head(head: Head, key: SigningKey) -> SignedHead:
    """Sign a head: once for a whole batch.

    Raises BadField for a head that no verifier would read, BadSignature when the signer's answer does not verify.
    """
    check_uri(head.issuer, "iss")
    check_uri(head.log, "sub")
    if not 0 <= head.signed_at <= ISSUED_AT_MAX_S or not 0 <= head.size <= tree.SIZE_MAX:
        raise BadField("time or size of a head", field="claims")
    if len(head.root) != tree.HASH_BYTES:
        raise BadField("a root has 32 bytes", field="root")
    protected = _cbor.encode(
        {
            _cose.ALG: int(key.public.algorithm),
            _cose.KID: key.public.kid,
            _cose.CWT_CLAIMS: {ISS: head.issuer, SUB: head.log, IAT: head.signed_at, SIZE: head.size},
            _cose.TYP: TYP,
            VDS: RFC9162_SHA256,
        }
    )
    message = _cose.signing_input(protected, head.root)
    signature = key.sign(message)
    # A head goes out once for many entries: a signer's fault must not reach any of them.
    key.public.verify(signature, message)
    return SignedHead(head, protected, signature)


def checkpoint_of(receipt: bytes, leaf: bytes) -> bytes:
    """The checkpoint of the head that a receipt of the entry with this leaf is under. Nothing is verified.

    Raises the Malformed and Unsupported families, ProofMismatch.
    """
    found = parse_receipt(receipt)
    root = tree.root_of_path(found.index, found.head.size, leaf, found.path)
    return _cose.encode_sign1(found.head.protected, root, found.head.signature)


class HeadVerifier:
    """Verifies checkpoints and receipts.

    Remembers the heads whose signature held, so that a chain under one head costs one signature. What the key ring says
    of the key is asked each time: a key that is called compromised is believed no longer, remembered or not.
    """

    def __init__(self, keys: LogKeyRing) -> None:
        self._keys = keys
        self._signed: set[tuple[bytes, bytes, bytes]] = set()

    def verify_checkpoint(self, raw: bytes) -> Head:
        """The head of a checkpoint. Raises ProvenanceError only."""
        found = parse_checkpoint(raw)
        return self._verify(found.head, found.root)

    def verify_receipt(self, raw: bytes, leaf: bytes) -> Registration:
        """That the entry with this leaf hash (`statement.log_leaf`) stands in a log, in which, where, under which head.

        Raises ProvenanceError only: BadSignature also when the leaf is of another statement, since the path then leads
        to a root that nobody signed. Which log the statement should stand in is for the caller to compare.
        """
        found = parse_receipt(raw)
        root = tree.root_of_path(found.index, found.head.size, leaf, found.path)
        return Registration(self._verify(found.head, root), found.index)

    def verify_multi_receipt(self, raw: bytes, leaves: Sequence[bytes]) -> Registrations:
        """As `verify_receipt`, of many entries: `leaves` are their leaf hashes in the order of their indexes.

        Raises ProvenanceError only.
        """
        found = parse_multi_receipt(raw)
        if len(leaves) != len(found.indexes) or any(len(leaf) != tree.HASH_BYTES for leaf in leaves):
            raise ProofMismatch("a receipt of another number of entries", entries=len(found.indexes))
        known = dict(zip(found.indexes, leaves, strict=True))
        root = tree.Disclosure(found.head.size, known, found.nodes).root
        return Registrations(self._verify(found.head, root), found.indexes)

    def verify_consistency(self, raw: bytes, old: Head) -> Head:
        """The newer head of a receipt of consistency, which goes on from `old`: a verified head, not of an empty log.

        Raises ProvenanceError only: BadSignature also when the log does not go on from there; ProofMismatch where the
        path does not begin at `old`; LogProblem for another log.
        """
        found = parse_consistency(raw)
        if found.head.log != old.log:
            raise LogProblem("a head of another log")
        if found.old_size != old.size:
            raise ProofMismatch("a path from another size than the older head's", size=old.size)
        root = tree.root_of_consistency(old.size, old.root, found.head.size, found.path)
        return self._verify(found.head, root)

    def check_key(self, found: UnverifiedHead) -> None:
        """Return if a head of this log and size by this key would be believed, once its signature holds.

        Raises the KeyProblem family.
        """
        self._check_certification(self._find(found.kid), found)

    def _verify(self, found: UnverifiedHead, root: bytes) -> Head:
        key = self._find(found.kid)
        memo = (found.protected, found.signature, root)
        if memo not in self._signed:
            _cose.verify(key.public, found.algorithm, found.signature, _cose.signing_input(found.protected, root))
            if len(self._signed) >= HEADS_REMEMBERED:
                self._signed.clear()
            self._signed.add(memo)
        self._check_certification(key, found)
        return Head(found.log, found.size, root, found.issuer, found.signed_at)

    def _find(self, kid: bytes) -> LogKey:
        key = self._keys.find_log_key(kid)
        if key is None or key.public.kid != kid:
            raise UnknownKey("no certified log key has this kid")
        return key

    @staticmethod
    def _check_certification(key: LogKey, found: UnverifiedHead) -> None:
        if key.issuer != found.issuer:
            raise IssuerMismatch("iss is not the owner of the log's key")
        key.check(found.log, found.size)


__all__ = [
    "HEADS_REMEMBERED",
    "MULTI_RECEIPT_BYTES_MAX",
    "MULTI_RECEIPT_ENTRIES_MAX",
    "Head",
    "HeadVerifier",
    "Registration",
    "Registrations",
    "SignedHead",
    "UnverifiedHead",
    "checkpoint_of",
    "parse_checkpoint",
    "parse_consistency",
    "parse_multi_receipt",
    "parse_receipt",
    "sign_head",
]
