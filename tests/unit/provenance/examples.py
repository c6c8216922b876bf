"""Keys, statements and bytes that the tests of this directory start from."""

from __future__ import annotations

from monazite_provenance import Algorithm, CertifiedKey, Claims, Draft, EventKind, Item, Outpoint, SoftwareKey, draft
from monazite_provenance._cbor import Encodable, encode

ENTERPRISE = "spiffe://monazite.example/enterprise/baotou"
REGISTRY = "spiffe://monazite.example/service/registry"
LOT = "urn:monazite:lot:RE-0000-0000-0000-0"
ISSUED_AT = 1_790_000_000
PARENT = bytes(range(32))

ED25519 = SoftwareKey.generate(Algorithm.ED25519)
ESP256 = SoftwareKey.generate(Algorithm.ESP256)
ML_DSA_44 = SoftwareKey.generate(Algorithm.ML_DSA_44)
ML_DSA_65 = SoftwareKey.generate(Algorithm.ML_DSA_65)
USUAL_KEYS = (ED25519, ESP256)
KEYS = (*USUAL_KEYS, ML_DSA_44, ML_DSA_65)


class Ring:
    """A key ring of the given certified keys."""

    def __init__(self, *keys: CertifiedKey) -> None:
        self._keys = {key.public.kid: key for key in keys}

    def find(self, kid: bytes) -> CertifiedKey | None:
        """Exactly the key of this kid."""
        return self._keys.get(kid)


def certified(key: SoftwareKey, issuer: str = ENTERPRISE, kinds: frozenset[EventKind] | None = None) -> CertifiedKey:
    """A key certified for `issuer`."""
    return CertifiedKey(key.public, issuer, kinds, certified_by=None)


RING = Ring(*(certified(key) for key in KEYS))
CLAIMS = Claims(
    issuer=ENTERPRISE,
    subject=LOT,
    issued_at=ISSUED_AT,
    kind=EventKind.TRANSFORM,
    spends=(Outpoint(PARENT, 1), Outpoint(PARENT, 0)),
    refs=(PARENT,),
)


def a_draft(claims: Claims = CLAIMS, outputs: int = 3, key: SoftwareKey = ED25519) -> Draft:
    """A draft with `outputs` small outputs."""
    return draft(claims, [encode({1: index}) for index in range(outputs)], encode({}), key.public)


def an_item(claims: Claims = CLAIMS, outputs: int = 3, key: SoftwareKey = ED25519) -> Item:
    """A signed statement that discloses everything."""
    return a_draft(claims, outputs, key).sign(key)


def header(**changed: Encodable) -> dict[int, Encodable]:
    """A good protected header, with `alg`, `content_type`, `kid`, `claims` or `typ` changed."""
    return {
        1: changed.get("alg", -19),
        3: changed.get("content_type", "application/vnd.monazite.statement+cbor"),
        4: changed.get("kid", ED25519.public.kid),
        15: changed.get("claims", claims_map()),
        16: changed.get("typ", 277),
    }


def claims_map(changed: dict[int, Encodable] | None = None) -> dict[int, Encodable]:
    """Good CWT claims, some of them changed."""
    return {1: ENTERPRISE, 2: LOT, 6: ISSUED_AT, -70001: 5, **(changed or {})}


def payload(
    version: Encodable = 1, root: Encodable = PARENT, count: Encodable = 2, details: Encodable = PARENT
) -> bytes:
    """A payload, good by default."""
    return encode([version, root, count, details])


def signed(protected: Encodable | bytes, content: bytes | None = None, *, key: SoftwareKey = ED25519) -> bytes:
    """A COSE_Sign1 over any protected header, good or bad, with a good signature."""
    head = protected if isinstance(protected, bytes) else encode(protected)
    body = payload() if content is None else content
    signature = key.sign(encode(["Signature1", head, b"", body]))
    return b"\xd2" + encode([head, {}, body, signature])


def with_issuer(issuer: str) -> Claims:
    """The example's claims from another issuer."""
    return CLAIMS._replace(issuer=issuer)
