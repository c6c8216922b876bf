"""The usual statement, read by one match and written by one join: what and why is said in `_forms`.

Usual is: Ed25519 or ESP256, receipts or nothing unprotected, URIs of at most 255 bytes, issued between July 1970 and
2106. Everything else, and everything that is wrong, is for the general reader in `statement`.
"""

from __future__ import annotations

import re
from hashlib import sha256
from operator import lt
from struct import Struct
from typing import Final

from monazite_provenance import _cbor, _cose, _forms
from monazite_provenance._claims import (
    DIGEST_BYTES,
    IAT,
    ISS,
    KIND,
    KINDS,
    ON_BEHALF,
    OUTPOINT_BYTES,
    OUTPUT_INDEX_MAX,
    REFS,
    REFS_MAX,
    REQUEST_ID_BYTES,
    SPENDS,
    SPENDS_MAX,
    STATEMENT_ID_BYTES,
    SUB,
    Claims,
    OnBehalf,
    Outpoint,
    Unverified,
)
from monazite_provenance._forms import text_heads
from monazite_provenance.errors import Malformed
from monazite_provenance.keys import KID_BYTES, SIGNATURE_BYTES, Algorithm

CONTENT_TYPE: Final = "application/vnd.monazite.statement+cbor"
# CoAP content format of application/scitt-statement+cose (RFC 9943).
TYP: Final = 277
PAYLOAD_VERSION: Final = 1
OUTPUTS_MAX: Final = 128
SIGNED_BYTES_MAX: Final = 4096
RECEIPTS_MAX: Final = 8
# A path of 63 hashes, a header with two URIs, and the longest signature.
RECEIPT_BYTES_MAX: Final = 8192

_USUAL_ALGORITHMS: Final = (Algorithm.ED25519, Algorithm.ESP256)
_BYTES, _TEXT, _ARRAY, _MAP = 2, 3, 4, 5
_literal, _content_of, _group = _forms.literal, _forms.content_of, _forms.group


_URI_CONTENT: Final = rb"[a-z][a-z0-9+.\-]*+:[!-~]+"
_URI: Final = _forms.text(_URI_CONTENT + b"+")
_RECEIPTS: Final = _cbor.head(_MAP, 1) + _cbor.encode(_cose.RECEIPTS)
_FORM: Final = _forms.Form(
    rb"\xd2\x84",
    rb"(\x58.|\x59..)(",  # the protected header in its byte string
    *(b"\xa5", _literal(_cose.ALG), _group(_forms.one_of(_USUAL_ALGORITHMS))),
    *(_literal(_cose.CONTENT_TYPE), _literal(CONTENT_TYPE)),
    *(_literal(_cose.KID), _content_of(KID_BYTES)),
    *(_literal(_cose.CWT_CLAIMS), _group(_forms.ENTRIES)),
    *(_literal(ISS), _URI, _literal(SUB), _URI),
    *(_literal(IAT), rb"\x1a([\x01-\xff]...)"),
    *(_literal(KIND), _group(_forms.one_of(KINDS))),
    _forms.optional(_literal(SPENDS), _forms.list_of(_forms.byte_string(OUTPOINT_BYTES))),
    _forms.optional(_literal(REFS), _forms.list_of(_forms.byte_string(STATEMENT_ID_BYTES))),
    _forms.optional(
        # The head of the digest is an X, then a space: a URI may go on with the one and never with the other.
        *(_literal(ON_BEHALF), _forms.array(3), _forms.text(_URI_CONTENT)),
        *(_content_of(DIGEST_BYTES), _content_of(REQUEST_ID_BYTES)),
    ),
    *(_literal(_cose.TYP), _literal(TYP), b")"),
    # Unprotected: nothing, or receipts. They end where what follows them, of known length, begins.
    rb"(?:%b|%b(.*))" % (_cose.EMPTY_MAP, re.escape(_RECEIPTS)),
    # The payload in its byte string, whose length depends on that of the count alone.
    rb"(\x58(?:\x47(?=.{36}[\x00-\x17])|\x48(?=.{36}\x18))",
    *(_forms.array(4), _literal(PAYLOAD_VERSION), _content_of(DIGEST_BYTES)),
    *(_group(_forms.one_of(range(OUTPUTS_MAX + 1))), _content_of(DIGEST_BYTES), b")"),
    _content_of(SIGNATURE_BYTES),
)
_ALGORITHMS: Final = {_cbor.encode(algorithm): algorithm for algorithm in _USUAL_ALGORITHMS}
_KINDS: Final = {_cbor.encode(number): kind for number, kind in KINDS.items()}
COUNTS: Final = {_cbor.encode(count): count for count in range(OUTPUTS_MAX + 1)}
# By the number of lists and the principal among the claims.
_ENTRIES: Final = tuple(_forms.map_head(4 + more) for more in range(4))
# Heads of the lists by their length; none stands for no list.
_COUNT_HEADS: Final = {0: b"", **{count: _forms.array_head(count) for count in range(1, max(SPENDS_MAX, REFS_MAX) + 1)}}
_LIST_OF_NONE: Final = _cbor.head(_ARRAY, 0)[0]
_NO_TEXT: Final = _cbor.head(_TEXT, 0)
_SPEND: Final = Struct(">2x32sH")
_WRITTEN_SPEND: Final = Struct(">2s32sH").pack
_REF: Final = Struct(">2x32s")
_outpoint, _claims, _unverified = _forms.retyped(Outpoint), _forms.retyped(Claims), _forms.retyped(Unverified)


def read(raw: bytes) -> Unverified | None:
    """The statement, or None when it is of another form or wrong. Raises nothing."""
    match = _FORM.fullmatch(raw)
    if match is None:
        return None
    (
        head, protected, algorithm, kid, entries, issuer_head, issuer, subject_head, subject, issued_at, kind,
        spend_count, spends, ref_count, refs, principal_head, principal, certificate, request_id,
        listed, payload, root, count, details, signature,
    ) = match.groups(b"")  # fmt: skip
    spent = tuple(map(_outpoint, _SPEND.iter_unpack(spends)))
    referred = tuple([ref for (ref,) in _REF.iter_unpack(refs)])
    signed = b"".join((_cose.SIGNATURE1, head, protected, _cose.EMPTY_BYTES, payload))
    try:
        heads = text_heads((issuer, subject, principal))
        receipts = _receipts(listed) if listed else ()
    except (IndexError, Malformed):
        return None
    if (
        head != _cbor.head(_BYTES, len(protected))
        or entries != _ENTRIES[bool(spent) + bool(referred) + bool(principal)]
        or heads != [issuer_head, subject_head, principal_head or _NO_TEXT]
        or spend_count != _COUNT_HEADS.get(len(spent))
        or ref_count != _COUNT_HEADS.get(len(referred))
        or not all(map(lt, spent, spent[1:]))
        or not all(map(lt, referred, referred[1:]))
        or len(signed) > SIGNED_BYTES_MAX
        or receipts is None
    ):
        return None
    claims = _claims(
        (
            issuer.decode(),
            subject.decode(),
            int.from_bytes(issued_at, "big"),
            _KINDS[kind],
            spent,
            referred,
            OnBehalf(principal.decode(), certificate, request_id) if principal else None,
        )
    )
    return _unverified(
        (
            raw,
            sha256(signed).digest(),
            signed,
            claims,
            _ALGORITHMS[algorithm],
            kid,
            root,
            COUNTS[count],
            details,
            signature,
            receipts,
        )
    )


def _receipts(listed: bytes) -> tuple[bytes, ...] | None:
    """The members of an encoded list, None when it is none of receipts. Raises the `Malformed` family."""
    count, at = listed[0] - _LIST_OF_NONE, 1
    if not 0 < count <= RECEIPTS_MAX:
        return None
    receipts: list[bytes] = []
    for _ in range(count):
        receipt, at = _cbor.read_byte_string(listed, at)
        receipts.append(receipt)
    if at != len(listed) or max(map(len, receipts)) > RECEIPT_BYTES_MAX:
        return None
    return tuple(receipts)


_ISS, _SUB, _IAT, _KIND = (_cbor.encode(label) for label in (ISS, SUB, IAT, KIND))
_SPENDS, _REFS, _ON_BEHALF = (_cbor.encode(label) for label in (SPENDS, REFS, ON_BEHALF))
_SPEND_HEAD, _REF_HEAD = _cbor.head(_BYTES, OUTPOINT_BYTES), _cbor.head(_BYTES, STATEMENT_ID_BYTES)


def _spend(spend: Outpoint) -> bytes:
    """An encoded outpoint. Raises `BadField` where it is none."""
    statement_id, index = spend
    if len(statement_id) != STATEMENT_ID_BYTES or not 0 <= index <= OUTPUT_INDEX_MAX:
        spend.encode()
    return _WRITTEN_SPEND(_SPEND_HEAD, statement_id, index)


def written(claims: Claims) -> bytes:
    """The encoded claims, which the caller has checked. Raises `BadField` where an outpoint is none."""
    issuer, subject, issued_at, kind, spends, refs, on_behalf = claims
    owner, about = _forms.texts((issuer, subject))
    said_at, said = _forms.uints((issued_at, kind))
    parts = [_ENTRIES[bool(spends) + bool(refs) + (on_behalf is not None)]]
    parts += (_ISS, owner, _SUB, about, _IAT, said_at, _KIND, said)
    if spends:
        parts += (_SPENDS, _COUNT_HEADS[len(spends)])
        parts += map(_spend, spends)
    if refs:
        parts += (_REFS, _COUNT_HEADS[len(refs)])
        parts += [_REF_HEAD + ref for ref in refs]
    if on_behalf is not None:
        principal, certificate, request_id = on_behalf
        parts += (_ON_BEHALF, _forms.array_head(3), *_forms.texts((principal,)))
        parts += (_cbor.byte_string(certificate), _cbor.byte_string(request_id))
    return b"".join(parts)
