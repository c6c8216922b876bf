"""What a change leaves behind: statements, log entries, the request with its reply, audit; all in the change's own
transaction, set-based.

A flush (see `committer`) of a service goes like this:

    async def flush(connection, writes):
        outcomes = list(await store.claim(connection, writes))       # replays and REQUEST_ID_REUSED are known here
        fresh = [i for i, outcome in enumerate(outcomes) if outcome is None]
        ...lock what they spend in key order, decide again, set outcomes[i] = Error(...) for who lost...
        done = [writes[i] for i in fresh if outcomes[i] is None]
        ...store what they change...
        await store.append(connection, done)
        return [write.reply if outcome is None else outcome for write, outcome in zip(writes, outcomes)]
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from monazite_provenance.item import Item
from monazite_provenance.statement import Claims, log_leaf

from services.chassis import errors
from services.chassis.call import current_call
from services.chassis.database import Connection, Row

DONE: Final = "DONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """Identifies a request and its content."""

    # The principal's `scope`.
    scope: str
    # Full gRPC method name.
    method: str
    # 16 bytes of the UUID; of a caller-signed statement without one, the statement id.
    request_id: bytes
    # SHA-256 of the parsed command without its request id; of a caller-signed statement its id.
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedStatement:
    """A signed statement that becomes an entry of this service's log. `parents` are those of its spends and refs
    that stand in the same log."""

    statement_id: bytes
    kind: int
    issuer: str
    subject: str
    # The encoded Item.
    item: bytes
    # Leaf hash in the log, of the signed bytes.
    leaf: bytes
    parents: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, claims: Claims, statement_id: bytes, item: Item, parents: Sequence[bytes] = ()) -> SignedStatement:
        """From the claims it was built with."""
        return cls(
            statement_id=statement_id,
            kind=int(claims.kind),
            issuer=claims.issuer,
            subject=claims.subject,
            item=item.encode(),
            leaf=log_leaf(item.statement),
            parents=tuple(parents),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Who did it."""

    principal: str
    certificate_sha256: bytes
    trace_id: str

    @classmethod
    def current(cls) -> Audit:
        """Of the call being served; raises LookupError outside of one."""
        call = current_call()
        return cls(
            principal=call.principal.uri,
            certificate_sha256=call.principal.certificate_sha256,
            trace_id=call.trace_id,
        )

    @classmethod
    def of_service(cls, uri: str, *, trace_id: str = "") -> Audit:
        """Of what a service does by itself (settling, expiry); there is no certificate then: 32 zero bytes."""
        return cls(principal=uri, certificate_sha256=bytes(32), trace_id=trace_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One change, ready to commit. Services subclass it with what they spend and store."""

    request: RequestKey
    audit: Audit
    statements: tuple[SignedStatement, ...] = ()
    # The serialized response message.
    reply: bytes = b""


# What became of a write: the reply, stored now or before, or why it was refused.
Outcome: TypeAlias = bytes | errors.Error

_FIND = """
    SELECT w.n, r.method, r.digest, r.reply, r.statement_id, r.at
    FROM unnest($1::int[], $2::text[], $3::bytea[]) AS w (n, scope, request_id)
    JOIN request r ON r.scope = w.scope AND r.request_id = w.request_id
"""

_APPEND = """
    WITH s AS (
        INSERT INTO statement (statement_id, kind, issuer, subject, item)
        SELECT * FROM unnest($1::bytea[], $2::smallint[], $3::text[], $4::text[], $5::bytea[])
    ), e AS (
        INSERT INTO entry (statement_id, kind, leaf, parents)
        SELECT u.id, u.kind, u.leaf,
            coalesce(array_agg(p.parent ORDER BY p.parent) FILTER (WHERE p.parent IS NOT NULL), '{}')
        FROM unnest($1::bytea[], $2::smallint[], $19::bytea[]) AS u (id, kind, leaf)
        LEFT JOIN unnest($6::bytea[], $7::bytea[]) AS p (child, parent) ON p.child = u.id
        GROUP BY u.id, u.kind, u.leaf
    ), r AS (
        INSERT INTO request (scope, request_id, method, digest, reply, statement_id)
        SELECT * FROM unnest($8::text[], $9::bytea[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[])
    )
    INSERT INTO audit (audit_id, principal, certificate_sha256, method, request_id, statement_id, trace_id, outcome)
    SELECT * FROM unnest($14::uuid[], $15::text[], $16::bytea[], $10::text[], $9::bytea[], $13::bytea[], $17::text[],
        $18::text[])
"""

_AUDIT = """
    INSERT INTO audit (audit_id, principal, certificate_sha256, method, request_id, trace_id, outcome)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def claim(connection: Connection, writes: Sequence[Write]) -> list[Outcome | None]:
    """What is known already: the stored reply of a request that was done, REQUEST_ID_REUSED for an id used with
    other content, else None."""
    outcomes: list[Outcome | None] = [None] * len(writes)
    keys = [write.request for write in writes]
    rows = await connection.fetch(
        _FIND, list(range(len(keys))), [key.scope for key in keys], [key.request_id for key in keys]
    )
    for row in rows:
        number: int = row["n"]
        same = _is_same(keys[number], row)
        outcomes[number] = row["reply"] if same else _reused(row)
    return outcomes


async def find_reply(connection: Connection, key: RequestKey) -> bytes | None:
    """The stored reply of a request that was done; None if it is new. Raises REQUEST_ID_REUSED.

    For looking before building and signing, so that a repeated request costs one read; `claim` decides.
    """
    row = await connection.fetchrow(
        "SELECT method, digest, reply, statement_id, at FROM request WHERE scope = $1 AND request_id = $2",
        key.scope,
        key.request_id,
    )
    if row is None:
        return None
    if not _is_same(key, row):
        raise _reused(row)
    reply: bytes = row["reply"]
    return reply


def _is_same(key: RequestKey, row: Row) -> bool:
    return bool(row["method"] == key.method and row["digest"] == key.digest)


def _reused(row: Row) -> errors.Error:
    return errors.request_id_reused(row["method"], row["at"], row["statement_id"])


async def append(connection: Connection, writes: Sequence[Write], replies: Sequence[bytes] | None = None) -> None:
    """Stores statements, unindexed entries, requests with their replies, and audit rows, in one statement of SQL.

    `replies` replace the writes' own when they are known only now. In the order of their keys, so that two processes
    cannot deadlock.
    """
    if not writes:
        return
    answers = replies if replies is not None else [write.reply for write in writes]
    order = sorted(range(len(writes)), key=lambda n: (writes[n].request.scope, writes[n].request.request_id))
    done = [writes[n] for n in order]
    statements = sorted((one for write in done for one in write.statements), key=lambda one: one.statement_id)
    links = [(one.statement_id, parent) for one in statements for parent in one.parents]
    keys = [write.request for write in done]
    await connection.execute(
        _APPEND,
        [one.statement_id for one in statements],
        [one.kind for one in statements],
        [one.issuer for one in statements],
        [one.subject for one in statements],
        [one.item for one in statements],
        [child for child, _ in links],
        [parent for _, parent in links],
        [key.scope for key in keys],
        [key.request_id for key in keys],
        [key.method for key in keys],
        [key.digest for key in keys],
        [answers[n] for n in order],
        [write.statements[0].statement_id if write.statements else None for write in done],
        [uuid7() for _ in done],
        [write.audit.principal for write in done],
        [write.audit.certificate_sha256 for write in done],
        [write.audit.trace_id for write in done],
        [DONE] * len(done),
        [one.leaf for one in statements],
    )


async def audit(connection: Connection, audit: Audit, method: str, request_id: bytes) -> None:
    """The audit row of a change that makes no statement and is repeated without harm."""
    await connection.execute(
        _AUDIT, uuid7(), audit.principal, audit.certificate_sha256, method, request_id, audit.trace_id, DONE
    )


def uuid7() -> UUID:
    """A time-ordered random id (RFC 9562 section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random >> 68) << 64
    value |= 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)
