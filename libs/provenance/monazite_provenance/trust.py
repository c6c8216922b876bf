"""Whom a verifier believes: an offline root of k of n keys, and the service keys that it certified.

Only the root certifies service keys; the registry certifies enterprise and laboratory keys only, so that a stolen
registry key cannot make quota. A thumbprint is bound once. Nothing here reads a clock: a retired or compromised key
stays known as such, and judging what it signed before needs the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from monazite_provenance.contents import KeyAction, KeysDetails, decode_details, encode
from monazite_provenance.draft import Draft, draft
from monazite_provenance.errors import (
    BadField,
    EventNotAllowed,
    IssuerMismatch,
    TooLarge,
    Undisclosed,
    UnknownKey,
    UnsupportedVersion,
)
from monazite_provenance.item import Item
from monazite_provenance.keys import CertifiedKey, PublicKey, SigningKey, possession_message
from monazite_provenance.kinds import CUSTODY_KINDS, EventKind
from monazite_provenance.names import key_urn, parse_log, parse_spiffe, root_uri, service_uri
from monazite_provenance.statement import Claims
from monazite_provenance.verifier import Statement, Verifier

TRUST_FILE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Largest trust file, bytes of JSON."""
TRUST_FILE_VERSION: Final = 1
ROOTS_MAX: Final = 16
ACTS_MAX: Final = 1_000

SERVICE_KINDS: Final[Mapping[str, frozenset[EventKind]]] = {
    "registry": CUSTODY_KINDS
    | {
        EventKind.EXPORT_LOCK,
        EventKind.EXPORT_VOID,
        EventKind.HOLD,
        EventKind.RELEASE,
        EventKind.STATUS,
        EventKind.RIGHT_CLOSED,
        EventKind.CUT,
        EventKind.KEYS,
    },
    "quota": frozenset({EventKind.RIGHT, EventKind.SETTLED}),
    "export_license": frozenset({EventKind.LICENCE, EventKind.LICENCE_CHANGE, EventKind.EXPORT_INTENT}),
}
"""What a service's key may sign; the registry's signs custody events only on behalf of a principal."""
OWNER_KINDS: Final[Mapping[str, frozenset[EventKind]]] = {
    "enterprise": CUSTODY_KINDS,
    "laboratory": frozenset({EventKind.ATTEST}),
}
"""What a key that the registry certified may sign, by kind of owner."""


class KeyBook:
    """Certified keys by kid. Takes `keys` statements in order; a key ring for a `Verifier`."""

    def __init__(self, domain: str, keys: Iterable[CertifiedKey] = ()) -> None:
        self._domain = domain
        self._keys = {key.public.kid: key for key in keys}
        self._own_signature: set[str] = {key.issuer for key in self._keys.values() if key.own_signature_only}

    def find(self, kid: bytes) -> CertifiedKey | None:
        """The key of this kid, or None."""
        return self._keys.get(kid)

    def own_signature_only(self, issuer: str) -> bool:
        """Whether an owner registered its own signature as the only one that counts."""
        return str(parse_spiffe(issuer).owner) in self._own_signature

    def keeps_lots(self, log: str) -> bool:
        """Whether a log is one in which lots have their home: kept by a service that was certified for their steps."""
        try:
            service, _shard = parse_log(log)
            owner = service_uri(self._domain, service)
        except BadField:
            return False
        return any(
            key.issuer == owner and (key.kinds is None or not CUSTODY_KINDS.isdisjoint(key.kinds))
            for key in self._keys.values()
        )

    def apply(self, details: KeysDetails, certified_by: bytes, *, by_root: bool) -> CertifiedKey:
        """Bind, retire or condemn a key. Gives the key as it stands after.

        Raises EventNotAllowed where the certifier may not certify that owner or those kinds, BadField for a thumbprint
        bound before, BadSignature for a wrong proof of possession, UnknownKey for the end of a key never bound,
        IssuerMismatch for the end of somebody else's.
        """
        public = PublicKey.from_cose_key(details.cose_key)
        allowed = self._allowed(details.issuer, by_root=by_root)
        if details.action is KeyAction.CERTIFY:
            key = _certify(details, public, allowed, certified_by)
            if public.kid in self._keys:
                raise BadField("a thumbprint is bound once", field="keys.cose_key")
        else:
            key = self._end(details, public)
        self._keys[public.kid] = key
        if key.own_signature_only:
            self._own_signature.add(key.issuer)
        return key

    def _allowed(self, issuer: str, *, by_root: bool) -> frozenset[EventKind]:
        owner = parse_spiffe(issuer)
        if owner.domain != self._domain or owner != owner.owner:
            raise EventNotAllowed("a key for an owner outside the domain, or for a part of one")
        allowed = SERVICE_KINDS.get(owner.segments[-1]) if owner.kind == "service" else OWNER_KINDS.get(owner.kind)
        if allowed is None or by_root is not (owner.kind == "service"):
            raise EventNotAllowed("only the root certifies service keys, only the registry all others")
        return allowed

    def _end(self, details: KeysDetails, public: PublicKey) -> CertifiedKey:
        key = self._keys.get(public.kid)
        if key is None:
            raise UnknownKey("the end of a key that was never certified")
        if key.issuer != details.issuer:
            raise IssuerMismatch("the end of another owner's key")
        if details.action is KeyAction.RETIRE:
            return replace(key, retired=True)
        return replace(key, compromised=True)


def _certify(
    details: KeysDetails, public: PublicKey, allowed: frozenset[EventKind], certified_by: bytes
) -> CertifiedKey:
    kinds = frozenset(EventKind(kind) for kind in details.kinds)
    if not kinds or not kinds <= allowed:
        raise EventNotAllowed("kinds of event that such a key may not sign")
    if details.proof_of_possession is None:
        raise BadField("no proof of possession", field="keys.proof_of_possession")
    check_possession(public, details.issuer, details.proof_of_possession)
    return CertifiedKey(public, details.issuer, kinds, certified_by, own_signature_only=details.own_signature_only)


@dataclass(frozen=True, slots=True)
class TrustFile:
    """Domain, root keys, how many of them make an act, and the acts in order.

    An act is one `keys` item each by that many distinct roots, with byte-identical details.
    """

    domain: str
    threshold: int
    roots: tuple[PublicKey, ...]
    acts: tuple[tuple[Item, ...], ...] = ()

    @classmethod
    def load(cls, raw: bytes) -> TrustFile:
        """Read the JSON of a trust file and check every act. Raises ProvenanceError."""
        if len(raw) > TRUST_FILE_BYTES_MAX:
            raise TooLarge("trust file too large", limit=TRUST_FILE_BYTES_MAX)
        fields = _json_object(raw)
        version = fields.get("version")
        if type(version) is not int or version != TRUST_FILE_VERSION:
            raise UnsupportedVersion("version of the trust file")
        if fields.keys() != {"version", "domain", "threshold", "roots", "acts"}:
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
        return trust

    def dump(self) -> bytes:
        """The JSON of the trust file, as `load` reads it."""
        fields = {
            "version": TRUST_FILE_VERSION,
            "domain": self.domain,
            "threshold": self.threshold,
            "roots": [root.cose_key.hex() for root in self.roots],
            "acts": [[item.encode().hex() for item in act] for act in self.acts],
        }
        return json.dumps(fields, indent=2).encode() + b"\n"

    def with_act(self, act: Sequence[Item]) -> TrustFile:
        """The same with one more act. Raises ProvenanceError when it does not stand."""
        trust = replace(self, acts=(*self.acts, tuple(act)))
        trust.keyring()
        return trust

    def keyring(self) -> KeyBook:
        """A fresh book of the service keys that the root certified. Raises ProvenanceError if an act does not stand."""
        book = KeyBook(self.domain)
        verifier = Verifier(_roots(self))
        for act in self.acts:
            details, first = _check_act(act, verifier, self.threshold)
            book.apply(details, first, by_root=True)
        return book


def new(domain: str, roots: Sequence[PublicKey], threshold: int) -> TrustFile:
    """A trust file without acts. Raises BadField unless 1 <= threshold <= n distinct roots."""
    service_uri(domain, "registry")
    if not 0 < threshold <= len(roots) <= ROOTS_MAX or len({root.thumbprint for root in roots}) != len(roots):
        raise BadField("a threshold of at least one and at most the number of distinct roots", field="trust.threshold")
    return TrustFile(domain, threshold, tuple(roots))


def prove_possession(key: SigningKey, issuer: str) -> bytes:
    """Signature by a new key over its thumbprint and the issuer it is to speak for."""
    return key.sign(possession_message(key.public.thumbprint, issuer))


def check_possession(key: PublicKey, issuer: str, proof: bytes) -> None:
    """Raises BadSignature unless `proof` was made by `prove_possession` with this key for this issuer."""
    key.verify(proof, possession_message(key.thumbprint, issuer))


def service_key_details(domain: str, service: str, key: PublicKey, proof: bytes) -> KeysDetails:
    """Details of the root act that certifies a service's key for all that such a service may sign."""
    kinds = SERVICE_KINDS.get(service)
    if kinds is None:
        raise BadField("no such service", field="service")
    return KeysDetails(
        KeyAction.CERTIFY, service_uri(domain, service), key.cose_key, tuple(sorted(int(kind) for kind in kinds)), proof
    )


def enterprise_key_details(
    enterprise: str, key: PublicKey, proof: bytes, *, own_signature_only: bool = False
) -> KeysDetails:
    """Details of the registry's `keys` statement for an enterprise's key. Raises BadSignature for a wrong proof."""
    check_possession(key, enterprise, proof)
    kinds = tuple(sorted(int(kind) for kind in OWNER_KINDS["enterprise"]))
    return KeysDetails(KeyAction.CERTIFY, enterprise, key.cose_key, kinds, proof, own_signature_only)


def end_key_details(action: KeyAction, issuer: str, key: PublicKey) -> KeysDetails:
    """Details of a `keys` statement that retires a key or calls it compromised."""
    if action is KeyAction.CERTIFY:
        raise BadField("not the end of a key", field="keys.action")
    return KeysDetails(action, issuer, key.cose_key, ())


def root_act(roots: Sequence[SigningKey], domain: str, details: KeysDetails, *, issued_at: int) -> tuple[Item, ...]:
    """The offline ceremony: one `keys` statement by each of these roots, with byte-identical details."""
    content = encode(details)
    subject = key_urn(PublicKey.from_cose_key(details.cose_key).thumbprint)
    return tuple(
        draft(
            Claims(root_uri(domain, root.public.kid), subject, issued_at, EventKind.KEYS), (), content, root.public
        ).sign(root)
        for root in roots
    )


def certify_service(
    roots: Sequence[SigningKey], *, domain: str, service: str, key: PublicKey, proof: bytes, issued_at: int
) -> tuple[Item, ...]:
    """A root act for the key of `registry`, `quota` or `export_license`, for that service's kinds of event."""
    return root_act(roots, domain, service_key_details(domain, service, key, proof), issued_at=issued_at)


def draft_keys(details: KeysDetails, *, registry: str, key: PublicKey, issued_at: int) -> Draft:
    """The registry's `keys` statement, ready to sign. `registry` is the URI that owns `key`."""
    subject = key_urn(PublicKey.from_cose_key(details.cose_key).thumbprint)
    return draft(Claims(registry, subject, issued_at, EventKind.KEYS), (), encode(details), key)


def read_keys(statement: Statement) -> KeysDetails:
    """The details of a verified `keys` statement, which names its key and makes nothing. Raises ProvenanceError."""
    if statement.details is None:
        raise Undisclosed("details of a keys statement")
    details = decode_details(EventKind.KEYS, statement.details)
    assert isinstance(details, KeysDetails)  # noqa: S101 - decode_details was told the kind
    claims = statement.claims
    if claims.kind is not EventKind.KEYS or claims.spends or statement.outputs_count or claims.on_behalf is not None:
        raise BadField("a keys statement spends nothing, makes nothing and is on nobody's behalf", field="keys")
    if claims.subject != key_urn(PublicKey.from_cose_key(details.cose_key).thumbprint):
        raise BadField("subject is not the key", field="sub")
    return details


def _roots(trust: TrustFile) -> KeyBook:
    kinds = frozenset({EventKind.KEYS})
    return KeyBook(
        trust.domain,
        [CertifiedKey(root, root_uri(trust.domain, root.kid), kinds, None) for root in trust.roots],
    )


def _check_act(act: Sequence[Item], verifier: Verifier, threshold: int) -> tuple[KeysDetails, bytes]:
    statements = [verifier.verify(item) for item in act]
    if len({statement.key.public.kid for statement in statements}) < threshold:
        raise EventNotAllowed("a root act by fewer roots than the threshold", threshold=threshold)
    if len({statement.details for statement in statements}) != 1:
        raise BadField("a root act with several details", field="trust.acts")
    details = [read_keys(statement) for statement in statements]
    return details[0], statements[0].id


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
    "OWNER_KINDS",
    "SERVICE_KINDS",
    "KeyBook",
    "TrustFile",
    "certify_service",
    "check_possession",
    "draft_keys",
    "end_key_details",
    "enterprise_key_details",
    "new",
    "prove_possession",
    "read_keys",
    "root_act",
    "service_key_details",
]
