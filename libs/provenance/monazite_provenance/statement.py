"""Statements: what one party says happened, as a COSE_Sign1 (docs/STATEMENTS.md, part 1).

`parse` checks form and bounds and gives an `Unverified`; only a `Verifier` makes a `Statement` of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Final, NoReturn

from monazite_provenance import _cbor, _cose, _usual
from monazite_provenance._cbor import CborValue
from monazite_provenance._claims import (
    DIGEST_BYTES,
    IAT,
    ISS,
    KIND,
    KINDS,
    ON_BEHALF,
    OUTPOINT_BYTES,
    REFS,
    SPENDS,
    SPENDS_MAX,
    STATEMENT_ID_BYTES,
    SUB,
    Claims,
    OnBehalf,
    Outpoint,
    Unverified,
    check_claims,
)
from monazite_provenance._usual import (
    CONTENT_TYPE,
    OUTPUTS_MAX,
    PAYLOAD_VERSION,
    RECEIPT_BYTES_MAX,
    RECEIPTS_MAX,
    SIGNED_BYTES_MAX,
    TYP,
)
from monazite_provenance.errors import BadField, TooLarge, TrailingBytes, UnsupportedAlgorithm, UnsupportedVersion
from monazite_provenance.keys import KID_BYTES, SIGNATURE_BYTES_MAX, SIGNATURE_LENGTHS, Algorithm, PublicKey

__all__ = [
    "OUTPOINT_BYTES",
    "OUTPUTS_MAX",
    "RECEIPTS_MAX",
    "RECEIPT_BYTES_MAX",
    "SIGNED_BYTES_MAX",
    "SPENDS_MAX",
    "STATEMENT_BYTES_MAX",
    "STATEMENT_ID_BYTES",
    "Claims",
    "OnBehalf",
    "Outpoint",
    "Unverified",
    "encode_signed_parts",
    "log_leaf",
    "parse",
    "with_receipts",
]

# Signed bytes, the signature, the receipts with their heads, and the heads of the envelope.
STATEMENT_BYTES_MAX: Final = SIGNED_BYTES_MAX + SIGNATURE_BYTES_MAX + RECEIPTS_MAX * (RECEIPT_BYTES_MAX + 3) + 32
_CLAIMS_REQUIRED: Final = (ISS, SUB, IAT, KIND)
_CLAIMS_OPTIONAL: Final = (SPENDS, REFS, ON_BEHALF)
# Null stands for no claim of ours, so that None cannot mean absent; nothing decodes to this.
_ABSENT: Final[CborValue] = []
# A protected header is: alg, content type and the head of kid; kid; the label of the claims; the claims; typ.
_HEADER_LABELS: Final = [_cose.ALG, _cose.CONTENT_TYPE, _cose.KID, _cose.CWT_CLAIMS, _cose.TYP]


@cache
def _header_start(algorithm: int) -> bytes:
    start: dict[int, _cbor.Encodable] = {_cose.ALG: algorithm, _cose.CONTENT_TYPE: CONTENT_TYPE}
    members = _cbor.encode(start)[1:]
    return _cbor.head(5, len(_HEADER_LABELS)) + members + _cbor.encode(_cose.KID) + _cbor.head(2, KID_BYTES)


_HEADER_STARTS: Final = {_header_start(algorithm): algorithm for algorithm in Algorithm}
_OLD_HEADER_STARTS: Final = {_header_start(old): new for old, new in _cose.POLYMORPHIC_ALGORITHMS.items()}
_HEADER_START_BYTES: Final = len(_header_start(Algorithm.ED25519))
# The numbers of ML-DSA take one byte more.
_LONG_HEADER_START_BYTES: Final = len(_header_start(Algorithm.ML_DSA_44))
_CLAIMS_LABEL: Final = _cbor.encode(_cose.CWT_CLAIMS)
_HEADER_END: Final = _cbor.encode(_cose.TYP) + _cbor.encode(TYP)

# A map of one entry, and its label.
_RECEIPTS_HEAD: Final = _cbor.head(5, 1) + _cbor.encode(_cose.RECEIPTS)
_DIGEST_HEAD: Final = _cbor.head(2, DIGEST_BYTES)
_PAYLOAD_HEAD: Final = b"\x84" + _cbor.encode(PAYLOAD_VERSION) + _DIGEST_HEAD
_PAYLOAD_BYTES_ALL_BUT_COUNT: Final = len(_PAYLOAD_HEAD) + DIGEST_BYTES + len(_DIGEST_HEAD) + DIGEST_BYTES


def parse(raw: bytes, *, dangerously_accept_polymorphic_algorithms: bool = False) -> Unverified:
    """Read a statement strictly. Raises the `Malformed` family, `Unsupported` family; verifies nothing.

    The switch is for reading archives of signers that still write EdDSA (-8) or ES256 (-7); a `Verifier` never sets it.
    """
    if len(raw) > STATEMENT_BYTES_MAX:
        raise TooLarge("statement too long", limit=STATEMENT_BYTES_MAX)
    return _usual.read(raw) or parse_any(
        raw, dangerously_accept_polymorphic_algorithms=dangerously_accept_polymorphic_algorithms
    )


def parse_any(raw: bytes, *, dangerously_accept_polymorphic_algorithms: bool = False) -> Unverified:
    """The general reader: of what is in any way unusual, it alone says whether and why it is refused."""
    protected, unprotected, payload, signature = _cose.decode_sign1(raw)
    signed = _cose.signing_input(protected, payload)
    if len(signed) > SIGNED_BYTES_MAX:
        raise TooLarge("signed bytes too long", limit=SIGNED_BYTES_MAX)
    algorithm, kid, claims = _header(protected, dangerously_accept_polymorphic_algorithms)
    if len(signature) != SIGNATURE_LENGTHS[algorithm]:
        raise BadField("a signature of another length than its algorithm's", field="signature")
    outputs_root, outputs_count, details_digest = _payload(payload)
    return Unverified(
        raw=raw,
        statement_id=sha256(signed).digest(),
        signing_input=signed,
        claims=_claims(_decoded_claims(claims, protected)),
        algorithm=algorithm,
        kid=kid,
        outputs_root=outputs_root,
        outputs_count=outputs_count,
        details_digest=details_digest,
        signature=signature,
        receipts=_receipts(unprotected) if unprotected else (),
    )


def log_leaf(raw: bytes) -> bytes:
    """Leaf hash of a stored statement in a log: SHA-256(0x00 || SHA-256(the statement without its unprotected header)).

    Taken from the stored bytes. Raises the `Malformed` family when they are no COSE_Sign1.
    """
    if len(raw) > STATEMENT_BYTES_MAX:
        raise TooLarge("statement too long", limit=STATEMENT_BYTES_MAX)
    protected, unprotected, payload, signature = _cose.decode_sign1(raw)
    # Without receipts it is those very bytes: what was read in shortest form.
    bare = _cose.encode_sign1(protected, payload, signature) if unprotected else raw
    return sha256(b"\x00" + sha256(bare).digest()).digest()


def with_receipts(raw: bytes, receipts: Sequence[bytes]) -> bytes:
    """A stored statement that carries these receipts (RFC 9942), in the order given, and no others.

    They are not looked at. Raises the `Malformed` family.
    """
    if not 0 < len(receipts) <= RECEIPTS_MAX or any(len(receipt) > RECEIPT_BYTES_MAX for receipt in receipts):
        raise TooLarge("too many receipts, too long ones, or none", field="receipts", limit=RECEIPTS_MAX)
    protected, _, payload, signature = _cose.decode_sign1(raw)
    # By hand: a service does it for each of its replies, and the general encoder costs as much as all else here.
    carried = b"".join((_RECEIPTS_HEAD, _cbor.head(4, len(receipts)), *map(_cbor.byte_string, receipts)))
    return _cose.encode_sign1(protected, payload, signature, carried)


def encode_signed_parts(
    claims: Claims, key: PublicKey, *, outputs_root: bytes, outputs_count: int, details_digest: bytes
) -> tuple[bytes, bytes]:
    """The protected header and the payload of a new statement. Raises `BadField` or `TooLarge`."""
    check_claims(claims)
    parts = (_header_start(key.algorithm), key.kid, _CLAIMS_LABEL, _usual.written(claims), _HEADER_END)
    count = _cbor.head(0, outputs_count)
    return b"".join(parts), b"".join((_PAYLOAD_HEAD, outputs_root, count, _DIGEST_HEAD, details_digest))


def _header(protected: bytes, dangerously_accept_polymorphic_algorithms: bool) -> tuple[Algorithm, bytes, bytes]:
    """Algorithm, kid, and the encoded claims.

    All else in the header is constant, so that comparing bytes does; what differs is decoded to say how.
    """
    kid_at = _HEADER_START_BYTES
    algorithm = _HEADER_STARTS.get(protected[:kid_at])
    if algorithm is None and dangerously_accept_polymorphic_algorithms:
        algorithm = _OLD_HEADER_STARTS.get(protected[:kid_at])
    if algorithm is None:
        kid_at = _LONG_HEADER_START_BYTES
        algorithm = _HEADER_STARTS.get(protected[:kid_at])
    claims_at = kid_at + KID_BYTES
    if algorithm is None or not protected.startswith(_CLAIMS_LABEL, claims_at) or not protected.endswith(_HEADER_END):
        _refuse_header(protected)
    return algorithm, protected[kid_at:claims_at], protected[claims_at + 1 : -len(_HEADER_END)]


def _decoded_claims(claims: bytes, protected: bytes) -> CborValue:
    try:
        return _cbor.decode(claims)
    except TrailingBytes:
        # They end before the header's last label does begin: so that is written in another form than it looks.
        _refuse_header(protected)


def _refuse_header(protected: bytes) -> NoReturn:
    header = _cose.decode_header(protected, _HEADER_LABELS)
    if header[_cose.CONTENT_TYPE] != CONTENT_TYPE:
        raise BadField("not the content type of a statement", field="content_type")
    if header[_cose.TYP] != TYP:
        raise BadField("not the type of a statement", field="typ")
    if header[_cose.ALG] not in tuple(Algorithm):
        raise UnsupportedAlgorithm("an algorithm outside the profile")
    raise BadField("a byte string of fixed length", field="kid", bytes=KID_BYTES)


def _payload(payload: bytes) -> tuple[bytes, int, bytes]:
    # Of fixed form but for the count, so that comparing bytes does: [1, root, count, details].
    count = _usual.COUNTS.get(payload[36:-34]) if len(payload) > _PAYLOAD_BYTES_ALL_BUT_COUNT else None
    if count is None or payload[:4] != _PAYLOAD_HEAD or payload[-34:-32] != _DIGEST_HEAD:
        _refuse_payload(payload)
    return payload[4:36], count, payload[-32:]


def _refuse_payload(payload: bytes) -> NoReturn:
    match _cbor.decode(payload):
        case [int(version), *_] if version != PAYLOAD_VERSION:
            raise UnsupportedVersion("payload of another version")
        case [1, bytes(_), int(count), bytes(_)] if count > OUTPUTS_MAX:
            raise TooLarge("too many outputs", field="outputs_count", limit=OUTPUTS_MAX)
        case _:
            raise BadField("the parts of the payload", field="payload")


def _claims(value: CborValue) -> Claims:
    if not isinstance(value, dict):
        raise BadField("the claims are a map", field="claims")
    issuer, subject, issued_at, kind = map(value.get, _CLAIMS_REQUIRED)
    if not isinstance(issuer, str) or not isinstance(subject, str):
        raise BadField("iss and sub are text", field="claims")
    if type(issued_at) is not int:
        raise BadField("iat is whole seconds", field="iat")
    if type(kind) is not int or kind not in KINDS:
        raise BadField("not a kind of event", field="kind")
    spends, refs, on_behalf = (value.get(claim, _ABSENT) for claim in _CLAIMS_OPTIONAL)
    known = len(_CLAIMS_REQUIRED) + (spends is not _ABSENT) + (refs is not _ABSENT) + (on_behalf is not _ABSENT)
    if known != len(value):
        raise BadField("a claim that the profile does not know", field="claims")
    claims = Claims(
        issuer,
        subject,
        issued_at,
        KINDS[kind],
        () if spends is _ABSENT else tuple([Outpoint.decode(spend) for spend in _byte_strings(spends, "spends")]),
        () if refs is _ABSENT else tuple(_byte_strings(refs, "refs")),
        None if on_behalf is _ABSENT else _on_behalf(on_behalf),
    )
    check_claims(claims)
    return claims


def _on_behalf(value: CborValue) -> OnBehalf:
    match value:
        case [str(principal), bytes(certificate_sha256), bytes(request_id)]:
            return OnBehalf(principal, certificate_sha256, request_id)
        case _:
            raise BadField("principal, certificate digest and request id", field="on_behalf")


def _receipts(unprotected: dict[int, CborValue]) -> tuple[bytes, ...]:
    if list(unprotected) != [_cose.RECEIPTS]:
        raise BadField("the unprotected header holds receipts alone", field="unprotected")
    receipts = tuple(_byte_strings(unprotected[_cose.RECEIPTS], "receipts"))
    if len(receipts) > RECEIPTS_MAX:
        raise TooLarge("too many receipts", field="receipts", limit=RECEIPTS_MAX)
    if any(len(receipt) > RECEIPT_BYTES_MAX for receipt in receipts):
        raise TooLarge("receipt too long", field="receipts", limit=RECEIPT_BYTES_MAX)
    return receipts


def _byte_strings(value: CborValue, field: str) -> list[bytes]:
    if not isinstance(value, list) or not value:
        raise BadField("a list that is not empty", field=field)
    strings = [item for item in value if isinstance(item, bytes)]
    if len(strings) != len(value):
        raise BadField("a list of byte strings", field=field)
    return strings
