"""Pages: a bounded size and an opaque token that carries the key of the last row, so that a page costs the same
wherever it lies.

A token is good for the query that made it (AIP-158) and says nothing secret: the rows' access is checked again on
each page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import cbor2

from services.chassis.errors import Violation

PAGE_SIZE_DEFAULT: Final = 100
PAGE_SIZE_MAX: Final = 1000
TOKEN_LENGTH_MAX: Final = 2048
_QUERY_BYTES: Final = 8

KeyPart: TypeAlias = int | str | bytes
Key: TypeAlias = tuple[KeyPart, ...]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What to read: at most `size` rows whose key comes after `after` (None: from the start)."""

    size: int
    after: Key | None
    query: bytes

    def token(self, rows: Sequence[object], last: Key | None) -> str:
        """The next page's token: empty when fewer than `size` rows were found. `last` is the key of the last of
        them."""
        if last is None or len(rows) < self.size:
            return ""
        raw = cbor2.dumps([self.query, list(last)])
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def parse_page(
    page_size: int,
    page_token: str,
    *,
    query: Sequence[object],
    key_types: tuple[type[KeyPart], ...],
) -> tuple[PageRequest, list[Violation]]:
    """Reads `page_size` and `page_token` of a request; gives what is wrong with them beside.

    `query` is what the page is of (method and filters, in a fixed order); `key_types` are the types of the key's
    parts. A size of 0 means the default, one over the maximum means the maximum (AIP-158).
    """
    found: list[Violation] = []
    if page_size < 0:
        found.append(Violation("page_size", "must not be negative"))
    digest = hashlib.sha256(repr(tuple(query)).encode()).digest()[:_QUERY_BYTES]
    after: Key | None = None
    if page_token:
        after = _read(page_token, digest, key_types)
        if after is None:
            found.append(Violation("page_token", "is not one that this query gave out"))
    return PageRequest(min(page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX), after, digest), found


def _read(token: str, digest: bytes, key_types: tuple[type[KeyPart], ...]) -> Key | None:
    if len(token) > TOKEN_LENGTH_MAX or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        decoded: object = cbor2.loads(raw)
    except (binascii.Error, cbor2.CBORDecodeError, ValueError, OverflowError):
        return None
    if not isinstance(decoded, list):
        return None
    parts = cast("list[object]", decoded)
    if len(parts) != 2 or parts[0] != digest or not isinstance(parts[1], list):  # noqa: PLR2004  (query and key)
        return None
    key = tuple(cast("list[object]", parts[1]))
    return cast("Key", key) if _could_be_a_key(key, key_types) else None


def _could_be_a_key(key: Sequence[object], key_types: Sequence[type[KeyPart]]) -> bool:
    """Whether the parts are of these types. PostgreSQL has no text with a NUL: it would fail, not find nothing."""
    return [type(part) for part in key] == list(key_types) and not any(
        isinstance(part, str) and "\0" in part for part in key
    )
