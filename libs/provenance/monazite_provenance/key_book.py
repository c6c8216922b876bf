"""Certified keys by kid, as `keys` statements and root acts bind and end them.

Only the root certifies service keys; the registry certifies enterprise and laboratory keys only, so that a stolen
registry key cannot make quota. A thumbprint is bound once. Nothing here reads a clock: a key is good at positions of
logs, which its certification and its end name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from monazite_provenance._frozen import replace
from monazite_provenance._log_certification import certified_spans, ended_in_log, ended_spans
from monazite_provenance.contents import KeyAction, KeysDetails
from monazite_provenance.errors import BadField, EventNotAllowed, IssuerMismatch, UnknownKey
from monazite_provenance.keys import CertifiedKey, PublicKey
from monazite_provenance.kinds import CUSTODY_KINDS, EventKind
from monazite_provenance.log_keys import LogKey
from monazite_provenance.names import parse_spiffe
from monazite_provenance.places import LogSpan, Place
from monazite_provenance.roots import check_possession

SERVICE_KINDS: Final[Mapping[str, frozenset[EventKind]]] = {
    "registry": CUSTODY_KINDS
    | {
        EventKind.EXPORT_LOCK,
        EventKind.EXPORT_VOID,
        EventKind.ATTEST,
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
HOME_SERVICES: Final[Mapping[EventKind, str]] = {
    **{kind: service for service, kinds in SERVICE_KINDS.items() for kind in kinds if kind is not EventKind.STATUS},
}
"""The service in whose logs a statement of a kind is registered. A status is in none."""


class KeyBook:
    """Certified keys by kid. Takes `keys` statements in order; a key ring for a `Verifier` and for a `HeadVerifier`."""

    def __init__(self, domain: str, keys: Iterable[CertifiedKey] = ()) -> None:
        self._domain = domain
        self._keys = {key.public.kid: key for key in keys}
        self._log_keys: dict[bytes, LogKey] = {}

    def copy(self) -> KeyBook:
        """A book of the same keys, which takes other statements."""
        other = KeyBook(self._domain, self._keys.values())
        other._log_keys = dict(self._log_keys)
        return other

    def find(self, kid: bytes) -> CertifiedKey | None:
        """The key of this kid, or None."""
        return self._keys.get(kid)

    def find_log_key(self, kid: bytes) -> LogKey | None:
        """What is certified of the key of this kid as one that signs heads, or None."""
        return self._log_keys.get(kid)

    @property
    def log_keys(self) -> tuple[LogKey, ...]:
        """What is certified of every key that signs heads: the text of a checkpoint names its key by a hint alone."""
        return tuple(self._log_keys.values())

    def apply(
        self, details: KeysDetails, certified_by: bytes, *, by_root: bool, place: Place | None = None
    ) -> CertifiedKey:
        """Bind, retire or condemn a key. Gives the key as it stands after.

        `place` is where the registry's statement is registered: what the key signs stands behind it, in the same log.
        Without it (a service that follows its own order) the key has no positions. Raises EventNotAllowed where the
        certifier may not certify that owner, those kinds or those logs, BadField for a thumbprint bound before or
        positions that do not fit, BadSignature for a wrong proof of possession, UnknownKey for the end of a key never
        bound, IssuerMismatch for the end of somebody else's.
        """
        public = PublicKey.from_cose_key(details.cose_key)
        allowed = self._allowed(details.issuer, by_root=by_root)
        if details.action is KeyAction.CERTIFY:
            key = _certify(details, public, allowed, certified_by, _spans(details, place, by_root=by_root))
            if public.kid in self._keys:
                raise BadField("a thumbprint is bound once", field="keys.cose_key")
            if details.logs:
                heads = certified_spans(details.issuer, details.logs)
                self._log_keys[public.kid] = LogKey(public, details.issuer, heads)
        else:
            key = self._end(details, public, place, by_root=by_root)
        self._keys[public.kid] = key
        return key

    def _allowed(self, issuer: str, *, by_root: bool) -> frozenset[EventKind]:
        owner = parse_spiffe(issuer)
        if owner.domain != self._domain or owner != owner.owner:
            raise EventNotAllowed("a key for an owner outside the domain, or for a part of one")
        allowed = SERVICE_KINDS.get(owner.segments[-1]) if owner.kind == "service" else OWNER_KINDS.get(owner.kind)
        if allowed is None or by_root is not (owner.kind == "service"):
            raise EventNotAllowed("only the root certifies service keys, only the registry all others")
        return allowed

    def _end(self, details: KeysDetails, public: PublicKey, place: Place | None, *, by_root: bool) -> CertifiedKey:
        key = self._keys.get(public.kid)
        if key is None:
            raise UnknownKey("the end of a key that was never certified")
        if key.issuer != details.issuer:
            raise IssuerMismatch("the end of another owner's key")
        log_key = self._log_keys.get(public.kid)
        if log_key is not None:
            heads = ended_spans(log_key.logs, details.action, details.logs)
            self._log_keys[public.kid] = LogKey(public, key.issuer, heads)
        elif details.logs:
            raise BadField("the end of a log key that was never certified", field="keys.logs")
        spans = _ended(key, details, place, by_root=by_root)
        if details.action is KeyAction.RETIRE:
            return replace(key, retired=True, spans=spans)
        return replace(key, compromised=True, spans=spans)


def _spans(details: KeysDetails, place: Place | None, *, by_root: bool) -> Mapping[str, LogSpan] | None:
    """The positions at which what a new key signs stands; None where nobody knows."""
    if by_root:
        if bool(details.kinds) == bool(details.logs):
            raise EventNotAllowed("a service's key signs statements or heads, and never both")
        if bool(details.kinds) != bool(details.statements):
            raise BadField("a key for statements names the logs in which they stand", field="keys.statements")
        return certified_spans(details.issuer, details.statements)
    if details.logs:
        raise EventNotAllowed("only the root certifies log keys")
    if details.statements:
        raise BadField("a key of an owner counts from where its certification stands", field="keys.statements")
    return None if place is None else {place.log: LogSpan(place.index + 1)}


def _ended(
    key: CertifiedKey, details: KeysDetails, place: Place | None, *, by_root: bool
) -> Mapping[str, LogSpan] | None:
    if key.spans is None:
        return None
    if by_root:
        return ended_spans(key.spans, details.action, details.statements)
    if place is None or place.log not in key.spans:
        raise BadField("the end of a key in another log than its certification's", field="keys")
    return ended_in_log(key.spans, details.action, details.statements, place.index)


def _certify(
    details: KeysDetails,
    public: PublicKey,
    allowed: frozenset[EventKind],
    certified_by: bytes,
    spans: Mapping[str, LogSpan] | None,
) -> CertifiedKey:
    kinds = frozenset(EventKind(kind) for kind in details.kinds)
    if not (kinds or details.logs) or not kinds <= allowed:
        raise EventNotAllowed("kinds of event that such a key may not sign")
    if details.proof_of_possession is None:
        raise BadField("no proof of possession", field="keys.proof_of_possession")
    check_possession(public, details.issuer, details.proof_of_possession)
    return CertifiedKey(
        public, details.issuer, kinds, certified_by, own_signature_only=details.own_signature_only, spans=spans
    )
