"""Root keys: acts of k of n of them, and how they are replaced by others.

A root act is `keys` statements by k distinct roots with byte-identical details. Roots are replaced by an act of their
own (docs/STATEMENTS.md, "Trust file"): the old ones sign the new, each of which proves that somebody holds it.
"""

from __future__ import annotations

from collections.abc import Sequence

from monazite_provenance._frozen import dataclass
from monazite_provenance.contents import KeysDetails, NewRoot, RootsDetails, decode_details, encode
from monazite_provenance.contents.details import ROOTS_MAX
from monazite_provenance.draft import draft
from monazite_provenance.errors import BadField, EventNotAllowed, Undisclosed
from monazite_provenance.item import Item
from monazite_provenance.keys import CertifiedKey, PublicKey, SigningKey, possession_message
from monazite_provenance.kinds import EventKind
from monazite_provenance.names import key_urn, root_uri, roots_urn
from monazite_provenance.statement import Claims
from monazite_provenance.verifier import Statement, Verifier


@dataclass(frozen=True, slots=True)
class RootSet:
    """The root keys of a domain at one moment, and how many of them make an act."""

    domain: str
    threshold: int
    keys: tuple[PublicKey, ...]

    def __post_init__(self) -> None:
        """Raises BadField unless 1 <= threshold <= n distinct roots."""
        distinct = {root.thumbprint for root in self.keys}
        if not 0 < self.threshold <= len(self.keys) <= ROOTS_MAX or len(distinct) != len(self.keys):
            raise BadField(
                "a threshold of at least one and at most the number of distinct roots", field="trust.threshold"
            )

    def find(self, kid: bytes) -> CertifiedKey | None:
        """The root of this kid, which signs `keys` statements and nothing else."""
        found = next((root for root in self.keys if root.kid == kid), None)
        if found is None:
            return None
        return CertifiedKey(found, root_uri(self.domain, kid), frozenset({EventKind.KEYS}), None)

    def check(self, act: Sequence[Item]) -> tuple[KeysDetails | RootsDetails, tuple[bytes, ...]]:
        """What an act by these roots says, and the ids of its statements. Raises ProvenanceError."""
        verifier = Verifier(self)
        statements = [verifier.verify(item) for item in act]
        if len({statement.key.public.kid for statement in statements}) < self.threshold:
            raise EventNotAllowed("a root act by fewer roots than the threshold", threshold=self.threshold)
        if len({statement.details for statement in statements}) != 1:
            raise BadField("a root act with several details", field="trust.acts")
        details = [read_act(statement, self.domain) for statement in statements]
        return details[0], tuple(statement.id for statement in statements)

    def replaced_by(self, details: RootsDetails) -> RootSet:
        """The roots after an act that replaces them. Raises BadField, or BadSignature for a wrong proof."""
        keys = tuple(PublicKey.from_cose_key(new.cose_key) for new in details.roots)
        for key, new in zip(keys, details.roots, strict=True):
            check_possession(key, root_uri(self.domain, key.kid), new.proof_of_possession)
        return RootSet(self.domain, details.threshold, keys)


def read_act(statement: Statement, domain: str | None = None) -> KeysDetails | RootsDetails:
    """The details of a verified `keys` statement, which names its key or, of this domain, its roots, and makes nothing.

    Raises ProvenanceError.
    """
    if statement.details is None:
        raise Undisclosed("details of a keys statement")
    details = decode_details(EventKind.KEYS, statement.details)
    assert isinstance(details, (KeysDetails, RootsDetails))  # noqa: S101 - decode_details was told the kind
    claims = statement.claims
    if claims.kind is not EventKind.KEYS or claims.spends or statement.outputs_count or claims.on_behalf is not None:
        raise BadField("a keys statement spends nothing, makes nothing and is on nobody's behalf", field="keys")
    if isinstance(details, KeysDetails):
        subject = key_urn(PublicKey.from_cose_key(details.cose_key).thumbprint)
    else:
        subject = "" if domain is None else roots_urn(domain)
    if subject and claims.subject != subject:
        raise BadField("subject is not the key", field="sub")
    return details


def prove_possession(key: SigningKey, issuer: str) -> bytes:
    """Signature by a new key over its thumbprint and the issuer it is to speak for."""
    return key.sign(possession_message(key.public.thumbprint, issuer))


def check_possession(key: PublicKey, issuer: str, proof: bytes) -> None:
    """Raises BadSignature unless `proof` was made by `prove_possession` with this key for this issuer."""
    key.verify(proof, possession_message(key.thumbprint, issuer))


def prove_root(key: SigningKey, domain: str) -> NewRoot:
    """A new root key with its proof of possession, made where the key lives."""
    return NewRoot(key.public.cose_key, prove_possession(key, root_uri(domain, key.public.kid)))


def root_act(
    roots: Sequence[SigningKey], domain: str, details: KeysDetails | RootsDetails, *, issued_at: int
) -> tuple[Item, ...]:
    """The offline ceremony: one `keys` statement by each of these roots, with byte-identical details."""
    content = encode(details)
    if isinstance(details, KeysDetails):
        subject = key_urn(PublicKey.from_cose_key(details.cose_key).thumbprint)
    else:
        subject = roots_urn(domain)
    return tuple(
        draft(
            Claims(root_uri(domain, root.public.kid), subject, issued_at, EventKind.KEYS), (), content, root.public
        ).sign(root)
        for root in roots
    )


def rotate_roots(
    old: Sequence[SigningKey], domain: str, new: Sequence[NewRoot], threshold: int, *, issued_at: int
) -> tuple[Item, ...]:
    """The act by which old roots, at their threshold, hand over to the new ones, old ones among them or not.

    Raises BadField for a threshold beyond the number of distinct new roots, BadSignature for a wrong proof.
    """
    details = RootsDetails(threshold, tuple(new))
    keys = tuple(PublicKey.from_cose_key(root.cose_key) for root in new)
    RootSet(domain, threshold, keys).replaced_by(details)
    return root_act(old, domain, details, issued_at=issued_at)
