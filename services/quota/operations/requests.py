"""Identity of a request: whose it is, which id it bears, and what it says without it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeAlias

import cbor2

from services.chassis.identity import Principal
from services.chassis.store import RequestKey
from services.quota.domain.allocation import Masses

Content: TypeAlias = int | str | bytes | bool | Sequence["Content"]


def request_key(caller: Principal, method: str, request_id: bytes, *content: Content) -> RequestKey:
    """Key of a command; `content` are its fields in a fixed order, without the request id."""
    digest = hashlib.sha256(cbor2.dumps(content)).digest()
    return RequestKey(scope=caller.scope, method=method, request_id=request_id, digest=digest)


def in_order(masses: Masses) -> Content:
    """Masses in order of kind, however they were sent."""
    return [[int(kind), masses[kind]] for kind in sorted(masses)]
