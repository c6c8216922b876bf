"""Building and signing a statement. Its id is known before it is signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from os import urandom
from typing import Final, NamedTuple

from monazite_provenance import _cose, _forms, tree
from monazite_provenance.errors import BadField, TooLarge
from monazite_provenance.item import SALT_BYTES, Item, Opening, check_openings_size, in_bounds
from monazite_provenance.keys import Algorithm, PublicKey, SigningKey, SoftwareKey
from monazite_provenance.statement import OUTPUTS_MAX, SIGNED_BYTES_MAX, Claims, encode_signed_parts

# To look an enumeration's member up takes longer than to compare it.
_ED25519: Final = Algorithm.ED25519


class Draft(NamedTuple):
    """A statement that lacks its signature only; `signing_input` is what to sign, `statement_id` its SHA-256."""

    claims: Claims
    public: PublicKey
    protected: bytes
    payload: bytes
    openings: tuple[Opening, ...]
    details: Opening
    signing_input: bytes
    statement_id: bytes

    def sign(self, key: SigningKey) -> Item:
        """Sign and give the item that discloses everything.

        All but Ed25519 in software is verified before it is used: an HSM may answer DER, a high s, or nonsense.
        Raises `BadField` when the draft was made for another key, `BadSignature` when the signer's answer does not
        verify.
        """
        if key.public is not self.public and key.public != self.public:
            raise BadField("drafted for another key", field="key")
        signature = key.sign(self.signing_input)
        if isinstance(key, SoftwareKey) and self.public.algorithm is _ED25519:
            return self._item(signature)
        return self.complete(signature)

    def complete(self, signature: bytes) -> Item:
        """The item with a signature made elsewhere (64 bytes; r||s with low s for ESP256). Raises `BadSignature`."""
        self.public.verify(signature, self.signing_input)
        return self._item(signature)

    def _item(self, signature: bytes) -> Item:
        raw = _cose.encode_sign1(self.protected, self.payload, signature)
        # Their bounds were checked when it was drafted.
        return in_bounds(raw, dict(enumerate(self.openings)), (), self.details)


_claims, _opening, _draft = _forms.retyped(Claims), _forms.retyped(Opening), _forms.retyped(Draft)


def draft(
    claims: Claims,
    outputs: Sequence[bytes],
    details: bytes,
    key: PublicKey,
    *,
    salts: Callable[[int], bytes] = urandom,
) -> Draft:
    """Prepare a statement over `outputs` and `details` (deterministic CBOR each) for `key` to sign.

    Spends and refs are sorted here. `salts(n)` gives n fresh random bytes, of which all salts are cut; pass another
    source in tests only.
    Raises `BadField` or `TooLarge` when a bound is passed.
    """
    if len(outputs) > OUTPUTS_MAX:
        raise TooLarge("too many outputs", field="outputs", limit=OUTPUTS_MAX)
    issuer, subject, issued_at, kind, spends, refs, on_behalf = claims
    claims = _claims((issuer, subject, issued_at, kind, tuple(sorted(spends)), tuple(sorted(refs)), on_behalf))
    contents = (*outputs, details)
    fresh = salts(SALT_BYTES * len(contents))
    each_salt = [fresh[at : at + SALT_BYTES] for at in range(0, SALT_BYTES * len(contents), SALT_BYTES)]
    *openings, detail = map(_opening, zip(each_salt, contents, strict=True))
    check_openings_size((*openings, detail))
    root = tree.root([sha256(b"\x00" + salt + content).digest() for salt, content in openings])
    protected, payload = encode_signed_parts(
        claims, key, outputs_root=root, outputs_count=len(openings), details_digest=detail.digest
    )
    signed = _cose.signing_input(protected, payload)
    if len(signed) > SIGNED_BYTES_MAX:
        raise TooLarge("signed bytes too long", field="statement", limit=SIGNED_BYTES_MAX)
    return _draft((claims, key, protected, payload, tuple(openings), detail, signed, sha256(signed).digest()))
