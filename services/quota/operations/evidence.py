"""From entries of the registry's log to verified facts. Pure: bytes and keys in, facts out; no IO.

Each entry is decoded once. A register or transform that draws on no right does nothing to a ledger, whoever signed it,
so its signature is not asked for here; that what it discloses is what its id commits to is, or a draw could be hidden
from us. Whatever says more is verified before it counts. Keys are judged by log order: the key book starts as it stood
before the first entry and takes in `keys` entries as they come. An entry that does not hold yields a refusal, never a
fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from monazite_provenance import EventKind, Item, ProvenanceError, Statement, Verifier, parse
from monazite_provenance.contents import (
    Details,
    KeysDetails,
    RegisterDetails,
    RightClosedDetails,
    TransformDetails,
    decode_details,
)
from monazite_provenance.errors import BadField, IssuerMismatch, OwnSignatureOnly, Undisclosed
from monazite_provenance.item import check_openings
from monazite_provenance.key_book import KeyBook
from monazite_provenance.keys import CertifiedKey, PublicKey
from monazite_provenance.names import parse_spiffe
from monazite_provenance.statement import Unverified
from monazite_provenance.trust import read_keys

from services.chassis.follower import FollowedEntry
from services.quota.domain.settlement import Drawn, Ended, Fact, Refusal

FOLLOWED_KINDS = (EventKind.REGISTER, EventKind.TRANSFORM, EventKind.RIGHT_CLOSED, EventKind.KEYS)
"""What of the registry's log concerns quota."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry that may concern us, decoded; its signature is not verified yet."""

    entry: FollowedEntry
    item: Item
    kid: bytes
    # URI of the enterprise, or of the service, that acts.
    actor: str
    details: Details


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the log: what may concern us and what cannot be read, in log order; and what the database must be
    asked for before it can be verified."""

    entries: tuple[Opened | Refusal, ...]
    kids: frozenset[bytes]
    actors: frozenset[str]


@dataclass(slots=True)
class Evidence:
    """What a stretch of the log says."""

    facts: list[Fact] = field(default_factory=list[Fact])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    # Keys that it certified or ended, as they stand after it, by kid; and the statement that changed each last.
    keys: dict[bytes, tuple[CertifiedKey, bytes]] = field(default_factory=dict[bytes, tuple[CertifiedKey, bytes]])


def open_entries(entries: Iterable[FollowedEntry]) -> Stretch:
    """Decode entries and leave out what posts nothing. Verified is nothing but that each is what its id says."""
    opened: list[Opened | Refusal] = []
    kids: set[bytes] = set()
    actors: set[str] = set()
    for entry in entries:
        try:
            one = _open(entry)
        except ProvenanceError as error:
            opened.append(_refusal(entry, error))
            continue
        if one is None:
            continue
        opened.append(one)
        actors.add(one.actor)
        kids.add(one.kid)
        if isinstance(one.details, KeysDetails):
            try:
                kids.add(PublicKey.from_cose_key(one.details.cose_key).kid)
            except ProvenanceError:
                # Refused when it is read.
                continue
    return Stretch(tuple(opened), frozenset(kids), frozenset(actors))


def _open(entry: FollowedEntry) -> Opened | None:
    """The entry decoded, bound to its id; None if it draws on nothing."""
    item = Item.decode(entry.item)
    unverified = parse(item.statement)
    _check_place(entry, unverified)
    check_openings(item, unverified)
    if item.details is None:
        raise Undisclosed("details of an entry")
    details = decode_details(unverified.claims.kind, item.details.content)
    if isinstance(details, RegisterDetails | TransformDetails) and not details.draws:
        return None
    actor = str(parse_spiffe(unverified.claims.actor).owner)
    return Opened(entry, item, unverified.kid, actor, details)


def _check_place(entry: FollowedEntry, unverified: Unverified) -> None:
    if unverified.statement_id != entry.statement_id or unverified.claims.kind != entry.kind:
        raise BadField("the entry names another statement", field="entry")


def _refusal(entry: FollowedEntry, error: ProvenanceError) -> Refusal:
    return Refusal(entry.index, entry.statement_id, b"", error.code)


class Reader:
    """Verifies entries in order. `book` holds the keys as they stood before the first; `own_signature` the enterprises
    that let nobody sign for them; `registry` is the URI of the service whose log it is.
    """

    def __init__(self, book: KeyBook, own_signature: Set[str], registry: str) -> None:
        self._book = book
        self._own_signature = set(own_signature)
        self._registry = registry
        self._verifier = Verifier(book)

    def read(self, entries: Sequence[Opened | Refusal]) -> Evidence:
        """Facts, refusals and keys, in log order."""
        evidence = Evidence()
        for one in entries:
            if isinstance(one, Refusal):
                evidence.refusals.append(one)
                continue
            try:
                evidence.facts.extend(self._facts(one, self._verified(one), evidence))
            except ProvenanceError as error:
                evidence.refusals.append(_refusal(one.entry, error))
        return evidence

    def _verified(self, opened: Opened) -> Statement:
        statement = self._verifier.verify(opened.item)
        if statement.claims.on_behalf is not None and opened.actor in self._own_signature:
            raise OwnSignatureOnly("signed for an enterprise that signs for itself")
        return statement

    def _facts(self, opened: Opened, statement: Statement, evidence: Evidence) -> list[Fact]:
        index = opened.entry.index
        match opened.details:
            case KeysDetails():
                self._take_keys(statement, evidence)
                return []
            case RegisterDetails(draws=draws) | TransformDetails(draws=draws):
                # The library lets a right be named once in a statement's draws.
                return [Drawn(index, statement.id, draw.right_id, draw.reo_mg, opened.actor) for draw in draws]
            case RightClosedDetails() as closed:
                if statement.claims.issuer != self._registry:
                    raise IssuerMismatch("a right is closed by the registry alone")
                return [Ended(index, statement.id, closed.right_id, closed.total_drawn_mg, closed.reason_code)]
            case _:
                return []

    def _take_keys(self, statement: Statement, evidence: Evidence) -> None:
        if statement.claims.issuer != self._registry:
            raise IssuerMismatch("keys of enterprises are certified by the registry alone")
        key = self._book.apply(read_keys(statement), statement.id, by_root=False)
        evidence.keys[key.public.kid] = (key, statement.id)
        if key.own_signature_only:
            self._own_signature.add(key.issuer)
