"""What a statement says, apart from its contents, and the bounds of it: the same to write and to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import lt
from typing import Final, NamedTuple, TypeVar, cast

from monazite_provenance.errors import BadField, TooLarge
from monazite_provenance.keys import Algorithm
from monazite_provenance.kinds import EventKind

STATEMENT_ID_BYTES: Final = 32
OUTPOINT_BYTES: Final = 34
DIGEST_BYTES: Final = 32
REQUEST_ID_BYTES: Final = 16
OUTPUT_INDEX_MAX: Final = 0xFFFF
SPENDS_MAX: Final = 32
REFS_MAX: Final = 32
URI_CHARACTERS_MAX: Final = 512
# Last second of the year 9999: whatever passes can be shown as a date.
ISSUED_AT_MAX_S: Final = 253_402_300_799

# CWT claims (RFC 8392) and ours, from the range for private use.
ISS, SUB, IAT = 1, 2, 6
KIND, SPENDS, REFS, ON_BEHALF = -70001, -70002, -70003, -70004
KINDS: Final = {int(kind): kind for kind in EventKind}

# A URI without its grammar's finer points: a scheme, then printable ASCII. What it names is judged where it is used.
_URI: Final = re.compile(r"[a-z][a-z0-9+.\-]*:[!-~]+")


class Outpoint(NamedTuple):
    """One output of one statement. Sorts as its encoding does."""

    statement_id: bytes
    # The wire's word; it hides tuple.index, and nobody searches an outpoint.
    index: int  # type: ignore[assignment]  # pyright: ignore[reportIncompatibleMethodOverride]

    @property
    def text(self) -> str:
        """As people and JSON write it, and as commands take it: the id in hex, a colon, the index."""
        return f"{self.statement_id.hex()}:{self.index}"

    def encode(self) -> bytes:
        """34 bytes: the id, then the index, big-endian. Raises `BadField`."""
        if len(self.statement_id) != STATEMENT_ID_BYTES or not 0 <= self.index <= OUTPUT_INDEX_MAX:
            raise BadField("an outpoint is a 32-byte id and an index of 16 bits", field="outpoint")
        return self.statement_id + self.index.to_bytes(2, "big")

    @classmethod
    def decode(cls, data: bytes) -> Outpoint:
        """Read 34 bytes. Raises `BadField`."""
        if len(data) != OUTPOINT_BYTES:
            raise BadField("an outpoint has 34 bytes", field="outpoint")
        return cls(data[:STATEMENT_ID_BYTES], int.from_bytes(data[STATEMENT_ID_BYTES:], "big"))


class OnBehalf(NamedTuple):
    """Whose command a service signed: the principal's URI, SHA-256 of its certificate, its request id (16 bytes)."""

    principal: str
    certificate_sha256: bytes
    request_id: bytes


class Claims(NamedTuple):
    """What a statement says, apart from its contents. `issued_at` is in seconds since 1970, the issuer's word only."""

    issuer: str
    subject: str
    issued_at: int
    kind: EventKind
    spends: tuple[Outpoint, ...] = ()
    refs: tuple[bytes, ...] = ()
    on_behalf: OnBehalf | None = None

    @property
    def actor(self) -> str:
        """URI of whose act this is: the principal when a service signed on behalf, else the issuer."""
        return self.on_behalf.principal if self.on_behalf else self.issuer


class Unverified(NamedTuple):
    """A statement in good form that nobody has verified yet. `statement_id` is SHA-256 of `signing_input`."""

    raw: bytes
    statement_id: bytes
    signing_input: bytes
    claims: Claims
    algorithm: Algorithm
    kid: bytes
    outputs_root: bytes
    outputs_count: int
    details_digest: bytes
    signature: bytes
    receipts: tuple[bytes, ...]


def check_claims(claims: Claims) -> None:
    """Bounds and order of what a statement says, the same to write and to read. Raises `BadField` or `TooLarge`."""
    issuer, subject, issued_at, _, spends, refs, on_behalf = claims
    check_uri(issuer, "iss")
    check_uri(subject, "sub")
    if not 0 <= issued_at <= ISSUED_AT_MAX_S:
        raise BadField("iat is out of range", field="iat")
    if spends:
        _check_list(spends, SPENDS_MAX, "spends")
    if refs:
        _check_list(refs, REFS_MAX, "refs")
        if set(map(len, refs)) != _ID_LENGTHS:
            raise BadField("a ref has 32 bytes", field="refs")
    if on_behalf is not None:
        check_uri(on_behalf.principal, "on_behalf")
        # By place and as objects: compiled code takes a named part for what its type says, before it can be asked.
        _, certificate_sha256, request_id = cast("tuple[object, ...]", on_behalf)
        _check_size(certificate_sha256, DIGEST_BYTES, "on_behalf")
        _check_size(request_id, REQUEST_ID_BYTES, "on_behalf")


_ID_LENGTHS: Final = {STATEMENT_ID_BYTES}
_Ordered = TypeVar("_Ordered", Outpoint, bytes)


def check_uri(text: str, field: str) -> None:
    """Bounds and form of a URI, in a statement as in a head of a log. Raises `BadField` or `TooLarge`."""
    if len(text) > URI_CHARACTERS_MAX:
        raise TooLarge("URI too long", field=field, limit=URI_CHARACTERS_MAX)
    if _URI.fullmatch(text) is None:
        raise BadField("not a URI of printable ASCII", field=field)


def _check_list(values: Sequence[_Ordered], count_max: int, field: str) -> None:
    if len(values) > count_max:
        raise TooLarge("too many entries", field=field, limit=count_max)
    if not all(map(lt, values, values[1:])):
        raise BadField("entries must ascend strictly", field=field)


def _check_size(value: object, size: int, field: str) -> None:
    if not isinstance(value, bytes) or len(value) != size:
        raise BadField("a byte string of fixed length", field=field, bytes=size)
