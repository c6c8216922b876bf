"""From entries of the registry's log to verified facts. Pure: bytes and keys in, facts out; no IO.

Keys are judged by log order: the key book starts as it stood before the first entry and takes in `keys` entries as they
come. An entry that does not verify yields a refusal, never a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from monazite_provenance import EventKind, Item, ProvenanceError, Statement, Verifier, parse
from monazite_provenance.contents import (
    KeysDetails,
    RegisterDetails,
    RightClosedDetails,
    TransformDetails,
    decode_details,
)
from monazite_provenance.errors import BadField, IssuerMismatch, OwnSignatureOnly, Undisclosed
from monazite_provenance.keys import CertifiedKey, PublicKey
from monazite_provenance.names import parse_spiffe
from monazite_provenance.trust import KeyBook, read_keys

from services.chassis.follower import FollowedEntry
from services.quota.domain.settlement import Drawn, Ended, Fact, Refusal

FOLLOWED_KINDS = (EventKind.REGISTER, EventKind.TRANSFORM, EventKind.RIGHT_CLOSED, EventKind.KEYS)
"""What of the registry's log concerns quota."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a stretch of the log names and the database must be asked for before it can be verified."""

    kids: frozenset[bytes]
    # URIs of the enterprises that act in it.
    actors: frozenset[str]


@dataclass(slots=True)
class Evidence:
    """What a stretch of the log says."""

    facts: list[Fact] = field(default_factory=list[Fact])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    # Keys that it certified or ended, as they stand after it, by kid; and the statement that changed each last.
    keys: dict[bytes, tuple[CertifiedKey, bytes]] = field(default_factory=dict[bytes, tuple[CertifiedKey, bytes]])


def mentions(entries: Iterable[FollowedEntry]) -> Mentions:
    """Keys and actors that the entries name, nothing verified. What cannot be read is refused later, by `read`."""
    kids: set[bytes] = set()
    actors: set[str] = set()
    for entry in entries:
        try:
            item = Item.decode(entry.item)
            unverified = parse(item.statement)
            kids.add(unverified.kid)
            actors.add(str(parse_spiffe(unverified.claims.actor).owner))
            if entry.kind == EventKind.KEYS and item.details is not None:
                details = decode_details(EventKind.KEYS, item.details.content)
                if isinstance(details, KeysDetails):
                    kids.add(PublicKey.from_cose_key(details.cose_key).kid)
        except ProvenanceError:
            continue
    return Mentions(frozenset(kids), frozenset(actors))


class Reader:
    """Verifies entries in order. `book` holds the keys as they stood before the first; `own_signature` the enterprises
    that let nobody sign for them; `registry` is the URI of the service whose log it is.
    """

    def __init__(self, book: KeyBook, own_signature: Set[str], registry: str) -> None:
        self._book = book
        self._own_signature = set(own_signature)
        self._registry = registry
        self._verifier = Verifier(book)

    def read(self, entries: Sequence[FollowedEntry]) -> Evidence:
        """Facts, refusals and keys, in log order."""
        evidence = Evidence()
        for entry in entries:
            try:
                statement = self._verified(entry)
                evidence.facts.extend(self._facts(entry.index, statement, evidence))
            except ProvenanceError as error:
                evidence.refusals.append(Refusal(entry.index, entry.statement_id, b"", error.code))
        return evidence

    def _verified(self, entry: FollowedEntry) -> Statement:
        statement = self._verifier.verify(entry.item)
        if statement.id != entry.statement_id or statement.claims.kind != entry.kind:
            raise BadField("the entry names another statement", field="entry")
        actor = str(parse_spiffe(statement.claims.actor).owner)
        if statement.claims.on_behalf is not None and actor in self._own_signature:
            raise OwnSignatureOnly("signed for an enterprise that signs for itself")
        return statement

    def _facts(self, index: int, statement: Statement, evidence: Evidence) -> list[Fact]:
        if statement.details is None:
            raise Undisclosed("details of an entry")
        kind = statement.claims.kind
        if kind is EventKind.KEYS:
            self._take_keys(statement, evidence)
            return []
        details = decode_details(kind, statement.details)
        match details:
            case RegisterDetails() | TransformDetails():
                drawer = str(parse_spiffe(statement.claims.actor).owner)
                # The library lets a right be named once in a statement's draws.
                return [Drawn(index, statement.id, draw.right_id, draw.reo_mg, drawer) for draw in details.draws]
            case RightClosedDetails():
                if statement.claims.issuer != self._registry:
                    raise IssuerMismatch("a right is closed by the registry alone")
                return [Ended(index, statement.id, details.right_id, details.total_drawn_mg, details.reason_code)]
            case _:
                return []

    def _take_keys(self, statement: Statement, evidence: Evidence) -> None:
        if statement.claims.issuer != self._registry:
            raise IssuerMismatch("keys of enterprises are certified by the registry alone")
        key = self._book.apply(read_keys(statement), statement.id, by_root=False)
        evidence.keys[key.public.kid] = (key, statement.id)
        if key.own_signature_only:
            self._own_signature.add(key.issuer)
