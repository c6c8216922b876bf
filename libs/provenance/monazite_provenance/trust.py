"""Whom a verifier believes: an offline root of k of n keys, and the service keys that it certified.

The root replaces itself: old roots sign the new. What becomes of certified keys is `key_book`'s matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

from monazite_provenance._frozen import dataclass, field, replace
from monazite_provenance.checkpoints import check_witness, parse_checkpoint_text
from monazite_provenance.contents import KeyAction, KeysDetails, LogRange, RootsDetails, encode
from monazite_provenance.contents.details import ROOTS_MAX
from monazite_provenance.draft import Draft, draft
from monazite_provenance.errors import (
    BadField,
    EventNotAllowed,
    LogProblem,
    TooLarge,
    UnsupportedVersion,
)
from monazite_provenance.item import Item
from monazite_provenance.key_book import OWNER_KINDS, SERVICE_KINDS, KeyBook
from monazite_provenance.keys import PublicKey, SigningKey
from monazite_provenance.kinds import EventKind
from monazite_provenance.monitor import check_witnessed
from monazite_provenance.names import key_urn, service_uri
from monazite_provenance.receipts import Head
from monazite_provenance.roots import RootSet, check_possession, prove_possession, read_act, root_act, rotate_roots
from monazite_provenance.statement import Claims
from monazite_provenance.verifier import Statement

TRUST_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Largest trust file, bytes of JSON."""
TRUST_FILE_VERSION: Final = 1
ACTS_MAX: Final = 1_000
WITNESSES_MAX: Final = 32
FILES_REMEMBERED: Final = 64
"""Trust files whose acts are not checked again in this process."""


@dataclass(frozen=True, slots=True)
class TrustFile:
    """Domain, the first root keys, how many of them make an act, the acts in order; witnesses and how many must sign.

    An act is one `keys` item each by that many distinct roots, with byte-identical details. One that replaces the root
    keys counts from the act after it. The witnesses are this verifier's own choice, which no root signs.
    """

    domain: str
    threshold: int
    roots: tuple[PublicKey, ...]
    acts: tuple[tuple[Item, ...], ...] = ()
    witnesses: Mapping[str, PublicKey] = field(default_factory=dict[str, PublicKey])
    witness_threshold: int = 0

    @classmethod
    def load(cls, raw: bytes) -> TrustFile:
        """Read the JSON of a trust file and check every act. Raises ProvenanceError."""
        if len(raw) > TRUST_FILE_BYTES_MAX:
            raise TooLarge("trust file too large", limit=TRUST_FILE_BYTES_MAX)
        fields = _json_object(raw)
        version = fields.get("version")
        if type(version) is not int or version != TRUST_FILE_VERSION:
            raise UnsupportedVersion("version of the trust file")
        if fields.keys() - {"witnesses"} != {"version", "domain", "threshold", "roots", "acts"}:
            raise BadField("fields missing or unknown", field="trust")
        domain, threshold = fields["domain"], fields["threshold"]
        if type(domain) is not str or type(threshold) is not int:
            raise BadField("of the wrong type", field="trust.domain")
        roots = [PublicKey.from_cose_key(raw_key) for raw_key in _hexes(fields["roots"], "trust.roots", ROOTS_MAX)]
        trust = new(domain, roots, threshold)
        acts = _list(fields["acts"], "trust.acts", ACTS_MAX)
        trust = replace(
            trust,
            acts=tuple(tuple(Item.decode(item) for item in _hexes(act, "trust.acts", ROOTS_MAX)) for act in acts),
        )
        trust.keyring()
        return _with_witnesses(trust, fields["witnesses"]) if "witnesses" in fields else trust

    def dump(self) -> bytes:
        """The JSON of the trust file, as `load` reads it."""
        fields: dict[str, object] = {
            "version": TRUST_FILE_VERSION,
            "domain": self.domain,
            "threshold": self.threshold,
            "roots": [root.cose_key.hex() for root in self.roots],
            "acts": [[item.encode().hex() for item in act] for act in self.acts],
        }
        if self.witnesses:
            keys = {name: key.cose_key.hex() for name, key in self.witnesses.items()}
            fields["witnesses"] = {"threshold": self.witness_threshold, "keys": keys}
        return json.dumps(fields, indent=2).encode() + b"\n"

    def with_act(self, act: Sequence[Item]) -> TrustFile:
        """The same with one more act. Raises ProvenanceError when it does not stand."""
        trust = replace(self, acts=(*self.acts, tuple(act)))
        trust.keyring()
        return trust

    def with_witnesses(self, witnesses: Mapping[str, PublicKey], threshold: int) -> TrustFile:
        """The same, demanding co-signatures of that many of these witnesses (by name); of none with an empty mapping.

        Raises BadField for a threshold beyond the number of distinct keys, a name that cannot stand in a note, or a key
        that cannot co-sign.
        """
        distinct = {key.thumbprint for key in witnesses.values()}
        if len(witnesses) > WITNESSES_MAX or not min(1, len(witnesses)) <= threshold <= len(distinct):
            raise BadField("a threshold of at most the number of distinct witnesses", field="trust.witnesses")
        for name, key in witnesses.items():
            check_witness(name, key)
        return replace(self, witnesses=dict(witnesses), witness_threshold=threshold)

    def keyring(self) -> KeyBook:
        """A fresh book of the service and log keys that the root certified.

        Raises ProvenanceError if an act does not stand.
        """
        return self._replay()[0].copy()

    def current_roots(self) -> RootSet:
        """The root keys after all acts, and how many of them make the next one. Raises as `keyring` does."""
        return self._replay()[1]

    def follow(self, newer: TrustFile) -> TrustFile:
        """The newer file, if it goes on from this one: the same first roots, and all acts of this one before others.

        For a file that came by a way which nobody vouches for: its new acts are signed by the roots, or it would not
        have loaded. The witnesses stay those of this file. Raises BadField.
        """
        same_root = (newer.domain, newer.threshold, newer.roots) == (self.domain, self.threshold, self.roots)
        if not same_root or newer.acts[: len(self.acts)] != self.acts:
            raise BadField("not a continuation of this trust file", field="trust.acts")
        newer.keyring()
        return replace(newer, witnesses=self.witnesses, witness_threshold=self.witness_threshold)

    def check_witnessed(self, head: Head, checkpoint: str) -> Mapping[str, int]:
        """When each witness co-signed this text checkpoint of a verified head, Unix seconds by name.

        Raises NoTrustedReceipt below the threshold; LogProblem for a checkpoint of another head; the Malformed family.
        """
        found = parse_checkpoint_text(checkpoint)
        if (found.origin, found.size, found.root) != (head.log, head.size, head.root):
            raise LogProblem("a text checkpoint of another head", size=head.size)
        return check_witnessed(checkpoint, self.witnesses, self.witness_threshold)

    def _replay(self) -> tuple[KeyBook, RootSet]:
        acts = tuple(tuple(item.encode() for item in act) for act in self.acts)
        return _replayed(self.domain, self.threshold, self.roots, acts)


@lru_cache(maxsize=FILES_REMEMBERED)
def _replayed(
    domain: str, threshold: int, first: tuple[PublicKey, ...], acts: tuple[tuple[bytes, ...], ...]
) -> tuple[KeyBook, RootSet]:
    """What the acts come to. Remembered: whoever verifies many bundles would check the same signatures each time."""
    book = KeyBook(domain)
    roots = RootSet(domain, threshold, first)
    bound_to_roots = {root.kid for root in first}
    said: set[bytes] = set()
    for act in acts:
        details, ids = roots.check([Item.decode(item) for item in act])
        if not said.isdisjoint(ids):
            # An old act, shown again, would bring back a threshold that was raised since.
            raise BadField("a statement stands in one act of a trust file, once", field="trust.acts")
        said.update(ids)
        if isinstance(details, RootsDetails):
            staying = {root.kid for root in roots.keys}
            roots = roots.replaced_by(details)
            new_kids = {root.kid for root in roots.keys} - staying
            if new_kids & bound_to_roots or any(book.find(kid) for kid in new_kids):
                raise BadField("a thumbprint is bound once", field="keys.roots")
            bound_to_roots |= new_kids
        else:
            if PublicKey.from_cose_key(details.cose_key).kid in bound_to_roots:
                raise BadField("a thumbprint is bound once", field="keys.cose_key")
            book.apply(details, ids[0], by_root=True)
    return book, roots


def _with_witnesses(trust: TrustFile, value: object) -> TrustFile:
    fields = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    threshold, keys = fields.get("threshold"), fields.get("keys")
    if fields.keys() != {"threshold", "keys"} or type(threshold) is not int or not isinstance(keys, dict) or not keys:
        raise BadField("fields missing or unknown", field="trust.witnesses")
    named = cast("dict[str, object]", keys)
    raw_keys = _hexes(list(named.values()), "trust.witnesses", WITNESSES_MAX)
    witnesses = {name: PublicKey.from_cose_key(raw) for name, raw in zip(named, raw_keys, strict=True)}
    return trust.with_witnesses(witnesses, threshold)


def new(domain: str, roots: Sequence[PublicKey], threshold: int) -> TrustFile:
    """A trust file without acts. Raises BadField unless 1 <= threshold <= n distinct roots."""
    service_uri(domain, "registry")
    return TrustFile(domain, threshold, RootSet(domain, threshold, tuple(roots)).keys)


def service_key_details(
    domain: str, service: str, key: PublicKey, proof: bytes, logs: Sequence[LogRange]
) -> KeysDetails:
    """Details of the root act that certifies a service's key for all that such a service may sign, and for no head.

    `logs` say from which index of each its statements stand, and up to which if that is known.
    """
    kinds = SERVICE_KINDS.get(service)
    if kinds is None:
        raise BadField("no such service", field="service")
    numbers = tuple(sorted(int(kind) for kind in kinds))
    issuer = service_uri(domain, service)
    return KeysDetails(KeyAction.CERTIFY, issuer, key.cose_key, numbers, proof, statements=_by_name(logs))


def log_key_details(domain: str, service: str, key: PublicKey, proof: bytes, logs: Sequence[LogRange]) -> KeysDetails:
    """Details of the root act that certifies a key for the heads of a service's logs, and for no statement.

    `logs` say from which size of each on, and up to which if that is known. Raises BadField for a service that keeps
    no log.
    """
    if service not in SERVICE_KINDS:
        raise BadField("no such service", field="service")
    return KeysDetails(KeyAction.CERTIFY, service_uri(domain, service), key.cose_key, (), proof, logs=_by_name(logs))


def enterprise_key_details(
    enterprise: str, key: PublicKey, proof: bytes, *, own_signature_only: bool = False
) -> KeysDetails:
    """Details of the registry's `keys` statement for an enterprise's key. Raises BadSignature for a wrong proof."""
    check_possession(key, enterprise, proof)
    kinds = tuple(sorted(int(kind) for kind in OWNER_KINDS["enterprise"]))
    return KeysDetails(KeyAction.CERTIFY, enterprise, key.cose_key, kinds, proof, own_signature_only)


def end_key_details(
    action: KeyAction,
    issuer: str,
    key: PublicKey,
    *,
    logs: Sequence[LogRange] = (),
    statements: Sequence[LogRange] = (),
) -> KeysDetails:
    """Details of a `keys` statement that retires a key or calls it compromised.

    Of a service's key every log that it was certified for is named, with the same first position and the end: in `logs`
    for one that signs heads, in `statements` for one that signs these. Of a key that the registry certified a
    retirement names none and counts from where it stands; a compromise names in `statements` the log of its
    certification, the index behind that, and the first index that no longer stands.
    """
    if action is KeyAction.CERTIFY:
        raise BadField("not the end of a key", field="keys.action")
    return KeysDetails(action, issuer, key.cose_key, (), logs=_by_name(logs), statements=_by_name(statements))


def certify_service(
    roots: Sequence[SigningKey],
    *,
    domain: str,
    service: str,
    key: PublicKey,
    proof: bytes,
    logs: Sequence[LogRange],
    issued_at: int,
) -> tuple[Item, ...]:
    """A root act for the key of `registry`, `quota` or `export_license`, for its kinds of event in these logs."""
    details = service_key_details(domain, service, key, proof, logs)
    return root_act(roots, domain, details, issued_at=issued_at)


def _by_name(ranges: Sequence[LogRange]) -> tuple[LogRange, ...]:
    return tuple(sorted(ranges, key=lambda span: span.log))


def draft_keys(details: KeysDetails, *, registry: str, key: PublicKey, issued_at: int) -> Draft:
    """The registry's `keys` statement, ready to sign. `registry` is the URI that owns `key`."""
    subject = key_urn(PublicKey.from_cose_key(details.cose_key).thumbprint)
    return draft(Claims(registry, subject, issued_at, EventKind.KEYS), (), encode(details), key)


def read_keys(statement: Statement) -> KeysDetails:
    """The details of a verified `keys` statement about one key, which names it and makes nothing.

    Raises ProvenanceError; EventNotAllowed for one that replaces the root keys: such an act stands in the trust file.
    """
    details = read_act(statement)
    if isinstance(details, RootsDetails):
        raise EventNotAllowed("only an act of the trust file replaces the root keys")
    return details


def _json_object(raw: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise BadField("not JSON", field="trust") from None
    if not isinstance(value, dict):
        raise BadField("not a JSON object", field="trust")
    return cast("dict[str, object]", value)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose names stand once: of two thresholds a reader sees the first and a parser takes the last."""
    names = dict(pairs)
    if len(names) != len(pairs):
        raise BadField("a name twice in one object", field="trust")
    return names


def _list(value: object, field: str, length_max: int) -> list[object]:
    if not isinstance(value, list):
        raise BadField("not a list", field=field)
    members = cast("list[object]", value)
    if len(members) > length_max:
        raise TooLarge("list too long", field=field, limit=length_max)
    return members


def _hexes(value: object, field: str, length_max: int) -> list[bytes]:
    try:
        return [bytes.fromhex(cast("str", member)) for member in _list(value, field, length_max)]
    except (ValueError, TypeError):
        raise BadField("not hexadecimal text", field=field) from None


__all__ = [
    "TrustFile",
    "certify_service",
    "check_possession",
    "draft_keys",
    "end_key_details",
    "enterprise_key_details",
    "log_key_details",
    "new",
    "prove_possession",
    "read_keys",
    "root_act",
    "rotate_roots",
    "service_key_details",
]
