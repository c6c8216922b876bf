"""COSE_KeySet (RFC 9052 section 7): how public keys travel between systems that share no trust file.

A set certifies nothing: it says which keys there are; whoever reads it decides by thumbprint which of them to trust.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from monazite_provenance import _cbor
from monazite_provenance._cbor import CborValue
from monazite_provenance.errors import BadField, ProvenanceError, TooLarge
from monazite_provenance.keys import PublicKey

KEY_SET_BYTES_MAX: Final = 256 * 1024
"""Largest key set, bytes."""
KEY_SET_KEYS_MAX: Final = 100
"""Most keys of one set."""

_KTY, _KID, _ALG, _KEY_OPS = 1, 2, 3, 4
_VERIFY = 2
_AKP = 7
# d of OKP and EC2; priv of AKP. A private key that was published is nobody's any more.
_PRIVATE = {1: -4, 2: -4, _AKP: -2}


def encode_key_set(keys: Iterable[PublicKey]) -> bytes:
    """These keys as a COSE_KeySet, each with its kid, its algorithm and `verify` as its one operation.

    Raises BadField for none, TooLarge beyond the bound.
    """
    members: list[dict[int, CborValue]] = []
    for key in keys:
        required = _cbor.decode(key.cose_key)
        assert isinstance(required, dict)  # noqa: S101 - we encoded it
        members.append({**required, _KID: key.kid, _ALG: int(key.algorithm), _KEY_OPS: [_VERIFY]})
    if not members:
        raise BadField("a key set holds a key at least", field="key_set")
    if len(members) > KEY_SET_KEYS_MAX:
        raise TooLarge("too many keys in a set", limit=KEY_SET_KEYS_MAX)
    return _cbor.encode(members)


def decode_key_set(raw: bytes) -> tuple[PublicKey, ...]:
    """The keys of a set that can verify here, each once, in order.

    As the RFC has it, a key that is malformed, of another kind, for another algorithm or operation, or that comes with
    its private half, is passed over and the others count. A `kid` in it is not looked at: ours is the thumbprint's.
    The set itself is deterministic CBOR with integer labels. Raises the Malformed family.
    """
    if len(raw) > KEY_SET_BYTES_MAX:
        raise TooLarge("key set too long", limit=KEY_SET_BYTES_MAX)
    members = _cbor.decode(raw)
    if not isinstance(members, list) or not members:
        raise BadField("a key set is a list of keys", field="key_set")
    if len(members) > KEY_SET_KEYS_MAX:
        raise TooLarge("too many keys in a set", limit=KEY_SET_KEYS_MAX)
    found = (_key(member) for member in members)
    return tuple(dict.fromkeys(key for key in found if key is not None))


def _key(member: CborValue) -> PublicKey | None:
    if not isinstance(member, dict):
        return None
    kind, operations = member.get(_KTY), member.get(_KEY_OPS, [_VERIFY])
    if type(kind) is not int or _PRIVATE.get(kind) in member:
        return None
    if not isinstance(operations, list) or _VERIFY not in operations:
        return None
    try:
        key = PublicKey.from_members(member)
    except ProvenanceError:
        return None
    return key if member.get(_ALG, int(key.algorithm)) == int(key.algorithm) else None
