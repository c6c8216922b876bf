"""The verifier: the only maker of a `Statement`. It raises or returns the verified object, never a bool.

It judges one statement: form, key, signature, and that every disclosed content is what was committed to; and whether
the key was good where the statement stands in its log, or is good now for one that stands in none yet. Where it is
registered is `receipts`' question, whether the history behind it adds up is `chain`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn, final

from monazite_provenance import _cose, tree
from monazite_provenance.errors import EventNotAllowed, IssuerMismatch, UnknownKey
from monazite_provenance.item import Item, check_openings
from monazite_provenance.keys import CertifiedKey, KeyRing
from monazite_provenance.kinds import CUSTODY_KINDS
from monazite_provenance.names import parse_spiffe
from monazite_provenance.places import Place
from monazite_provenance.statement import Claims, Unverified, parse

_SEAL: Final = object()
_NOTHING: Final[Mapping[int, bytes]] = MappingProxyType({})


@final
class Statement:
    """A verified statement. There is no other way to one than a `Verifier`.

    `id` is SHA-256 of what was signed, `claims` say who did what to which lot. Of `outputs_count` outputs `outputs` are
    the disclosed contents by index, `details` the disclosed details; both are proven to be what was signed. `receipts`
    are kept as they came and not judged: they are the log's matter.
    """

    __slots__ = ("_item", "_unverified", "claims", "details", "id", "key", "outputs", "outputs_count")

    def __init__(self, seal: object, unverified: Unverified, item: Item | None, key: CertifiedKey) -> None:
        if seal is not _SEAL:
            raise TypeError("only a Verifier makes a Statement")
        self._unverified = unverified
        self._item = item
        self.id: bytes = unverified.statement_id
        self.claims: Claims = unverified.claims
        self.outputs_count: int = unverified.outputs_count
        self.key: CertifiedKey = key
        self.outputs: Mapping[int, bytes] = _NOTHING
        self.details: bytes | None = None
        if item is not None:
            self.outputs = MappingProxyType({index: content for index, (_, content) in item.openings.items()})
            self.details = None if item.details is None else item.details.content

    @property
    def raw(self) -> bytes:
        """The statement as it came."""
        return self._unverified.raw

    @property
    def leaf(self) -> bytes:
        """Its leaf hash in a log, which receipts do not change."""
        # Without receipts it is what was signed, and the signature.
        found = self._unverified
        bare = _cose.sign1_of(found.signing_input, found.signature) if found.receipts else found.raw
        return tree.leaf_hash(sha256(bare).digest())

    @property
    def receipts(self) -> tuple[bytes, ...]:
        """The receipts as they came."""
        return self._unverified.receipts

    @property
    def item(self) -> Item:
        """The statement with what is disclosed of it."""
        if self._item is None:
            nodes = (self._unverified.outputs_root,) if self.outputs_count else ()
            return Item(self.raw, {}, nodes, None)
        return self._item

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Statement is not stored; store its item and verify again")

    def __repr__(self) -> str:
        return f"Statement({self.claims.kind.name}, id={self.id.hex()})"


class Begun(NamedTuple):
    """An item as it was given and as it reads, and the key that must have signed it; nothing of it is checked yet."""

    given: bytes | Item
    item: Item
    unverified: Unverified
    key: CertifiedKey


@final
class Verifier:
    """Verifies statements against a key ring. Keeps no state of its own; safe to share between threads."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def verify(self, item: bytes | Item, *, place: Place | None = None) -> Statement:
        """Verify an item and everything it discloses. Raises `ProvenanceError` only.

        `place` is where it is registered, as a receipt showed; without one its key must be good now.
        """
        statement = self.verify_unplaced(item)
        statement.key.check(place)
        return statement

    def verify_unplaced(self, item: bytes | Item) -> Statement:
        """As `verify`, but when the key is good is not asked: the caller asks `key.check` when it knows the place."""
        return self.complete(self.begin(item))

    def begin(self, item: bytes | Item) -> Begun:
        """The first half of `verify_unplaced`: what is signed, and with which key. Raises `ProvenanceError` only."""
        decoded = item if isinstance(item, Item) else Item.decode(item)
        unverified = parse(decoded.statement)
        return Begun(item, decoded, unverified, self._key_of(unverified))

    def complete(self, begun: Begun, *, dangerously_signed: bool = False) -> Statement:
        """The other half. Raises `ProvenanceError` only.

        The switch takes the caller's word that the signature holds: it was checked elsewhere (`many`).
        """
        _given, item, unverified, key = begun
        if not dangerously_signed:
            key.public.verify(unverified.signature, unverified.signing_input)
        _check_certification(key, unverified.claims)
        check_openings(item, unverified)
        return Statement(_SEAL, unverified, item, key)

    def verify_statement(self, raw: bytes, *, place: Place | None = None) -> Statement:
        """As `verify`, of a bare statement of which nothing is disclosed. Raises `ProvenanceError` only."""
        unverified = parse(raw)
        key = self._key_of(unverified)
        key.public.verify(unverified.signature, unverified.signing_input)
        _check_certification(key, unverified.claims)
        key.check(place)
        return Statement(_SEAL, unverified, None, key)

    def _key_of(self, unverified: Unverified) -> CertifiedKey:
        key = self._keys.find(unverified.kid)
        if key is None or key.public.kid != unverified.kid:
            raise UnknownKey("no certified key has this kid")
        _cose.check_algorithm(key.public, unverified.algorithm)
        return key


def _check_certification(key: CertifiedKey, claims: Claims) -> None:
    """May this key say this? Asked only after the signature held, so that the answer blames the right party."""
    if claims.issuer != key.issuer:
        raise IssuerMismatch("iss is not the owner of the key")
    if key.kinds is not None and claims.kind not in key.kinds:
        raise EventNotAllowed("the key is not certified for this kind of event", kind=int(claims.kind))
    if claims.on_behalf is not None:
        if not _is_service(claims.issuer):
            raise IssuerMismatch("only a service signs on behalf of another")
    elif claims.kind in CUSTODY_KINDS and _is_service(claims.issuer):
        raise EventNotAllowed("a service signs custody events only on behalf of a principal", kind=int(claims.kind))


def _is_service(issuer: str) -> bool:
    return parse_spiffe(issuer).kind == "service"
