"""Statements that somebody else wrote for us to sign: read, checked and shown first; blind signing is no evidence.

A service prepares a statement as an *unsigned item*: the item that discloses everything, whose statement has a
signature of no bytes. `read_prepared` checks that it and the bytes to sign belong together, `Prepared.text` says all
that they say, `Prepared.sign` makes the item that is submitted.
"""

from __future__ import annotations

from monazite_provenance import _cbor, _cose, _wording
from monazite_provenance._frozen import dataclass, replace
from monazite_provenance.contents import Details, LotContent, decode_details, decode_lot
from monazite_provenance.draft import Draft
from monazite_provenance.errors import AlgorithmMismatch, BadField, IssuerMismatch, Undisclosed, UnknownKey
from monazite_provenance.item import Item, check_openings
from monazite_provenance.keys import SIGNATURE_LENGTHS, Algorithm, PublicKey, SigningKey
from monazite_provenance.kinds import CUSTODY_KINDS
from monazite_provenance.names import same_owner
from monazite_provenance.statement import Claims, Unverified, parse


def unsigned(drafted: Draft) -> Item:
    """The unsigned item of a draft, for another to sign."""
    raw = _cose.encode_sign1(drafted.protected, drafted.payload, b"")
    return Item(raw, dict(enumerate(drafted.openings)), (), drafted.details)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that lacks our signature alone, with all that it says. `read_prepared` makes it."""

    item: Item
    signing_input: bytes
    statement_id: bytes
    claims: Claims
    algorithm: Algorithm
    kid: bytes
    outputs: tuple[LotContent, ...]
    details: Details

    def sign(self, key: SigningKey) -> Item:
        """Sign it, and give the item to submit.

        Raises `UnknownKey` or `AlgorithmMismatch` when it was prepared for another key, `BadSignature` when the
        signer's answer does not verify.
        """
        self._check_key(key.public)
        return self.complete(key.public, key.sign(self.signing_input))

    def complete(self, key: PublicKey, signature: bytes) -> Item:
        """The item to submit, with a signature made elsewhere over `signing_input`. Raises as `sign`."""
        self._check_key(key)
        key.verify(signature, self.signing_input)
        protected, _, payload, _ = _cose.decode_sign1(self.item.statement)
        return replace(self.item, statement=_cose.encode_sign1(protected, payload, signature))

    def _check_key(self, key: PublicKey) -> None:
        if key.kid != self.kid:
            raise UnknownKey("prepared for another key")
        if key.algorithm is not self.algorithm:
            raise AlgorithmMismatch("the header names another algorithm than the key's")

    def text(self) -> str:
        """All that it says, in lines: claims, details and every output, each field with its unit.

        What the contents spell out stands in quotes and on one line, so that no text of another's passes for ours.
        """
        lines = [
            f"statement {self.statement_id.hex()}",
            f"for the key {self.kid.hex()} ({self.algorithm.name}) to sign",
            *_wording.said("claims", self.claims),
            *_wording.said("details", self.details),
        ]
        for index, lot in enumerate(self.outputs):
            lines += _wording.said(f"output {index}", lot)
        return "\n".join(lines)


def read_prepared(unsigned_item: bytes, signing_input: bytes, *, issuer: str) -> Prepared:
    """Read what was prepared for `issuer` (URI) to sign, and check that the bytes to sign say it and nothing else.

    Raises the `Malformed` and `Unsupported` families (`BadField` for bytes to sign that are not those of the item,
    `OpeningMismatch` for contents that are not those committed to), `Undisclosed` when any content is not shown,
    `IssuerMismatch` for a statement of another, or in another's name.
    """
    item = Item.decode(unsigned_item)
    unverified = _parse(item)
    if unverified.signing_input != signing_input:
        raise BadField("the bytes to sign are not those of the statement", field="signing_input")
    claims = unverified.claims
    if not same_owner(claims.issuer, issuer) or claims.on_behalf is not None:
        raise IssuerMismatch("prepared for another to sign, or in the name of another")
    if len(item.openings) != unverified.outputs_count or item.details is None:
        raise Undisclosed("an output or the details of a prepared statement")
    check_openings(item, unverified)
    if item.openings and claims.kind not in CUSTODY_KINDS:
        raise BadField("only custody events make lots", field="outputs_count")
    return Prepared(
        item=item,
        signing_input=signing_input,
        statement_id=unverified.statement_id,
        claims=claims,
        algorithm=unverified.algorithm,
        kid=unverified.kid,
        outputs=tuple(decode_lot(item.openings[index].content) for index in range(unverified.outputs_count)),
        details=decode_details(claims.kind, item.details.content),
    )


def _parse(item: Item) -> Unverified:
    """The statement of an unsigned item, read as strictly as a signed one."""
    protected, unprotected, payload, signature = _cose.decode_sign1(item.statement)
    if signature or unprotected:
        raise BadField("a prepared statement has neither signature nor unprotected header", field="signature")
    header = _cbor.decode(protected)
    algorithm = _cose.algorithm_of(header.get(_cose.ALG) if isinstance(header, dict) else None)
    # Zeros in the signature's place: of the right length they pass for one as long as nobody verifies it.
    return parse(_cose.encode_sign1(protected, payload, bytes(SIGNATURE_LENGTHS[algorithm])))
