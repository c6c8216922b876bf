"""What a change leaves behind, and that it stays."""

from __future__ import annotations

import secrets

import asyncpg
import pytest

from services.chassis import store
from services.chassis.database import Database
from services.chassis.errors import Error
from tests.service.chassis.till import METHOD, SCOPE, Take, take


async def test_a_change_leaves_statement_entry_request_and_audit(database: Database) -> None:
    parent, child = take(), take(7)
    child = take(7, parents=[parent.statements[0].statement_id, secrets.token_bytes(32)])
    async with database.transaction() as connection:
        await store.append(connection, [child, parent])
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT s.item, s.issuer, e.idx, e.parents FROM statement s JOIN entry e USING (statement_id) "
            "WHERE statement_id = $1",
            child.statements[0].statement_id,
        )
        assert row is not None
        assert (row["item"], row["issuer"], row["idx"]) == (child.statements[0].item, SCOPE, None)
        assert row["parents"] == sorted(child.statements[0].parents)
        audit = await connection.fetchrow("SELECT * FROM audit WHERE request_id = $1", child.request.request_id)
        assert audit is not None
        assert (audit["principal"], audit["method"], audit["outcome"]) == (SCOPE + "/erp", METHOD, "DONE")
        assert audit["statement_id"] == child.statements[0].statement_id
        assert await connection.fetchval("SELECT parents FROM entry WHERE statement_id = $1", parent.reply) == []


async def test_a_repeated_request_gets_the_first_reply_and_another_content_the_originals_name(
    database: Database,
) -> None:
    first = take(5)
    async with database.transaction() as connection:
        await store.append(connection, [first])
    again = take(5, request_id=first.request.request_id)
    other = take(6, request_id=first.request.request_id)
    stranger = take(5, request_id=first.request.request_id, scope=SCOPE + "x")
    async with database.transaction() as connection:
        replay, reused, fresh = await store.claim(connection, [again, other, stranger])
        assert await store.find_reply(connection, again.request) == first.reply
        assert await store.find_reply(connection, stranger.request) is None
        with pytest.raises(Error, match="REQUEST_ID_REUSED"):
            await store.find_reply(connection, other.request)
    assert replay == first.reply
    assert fresh is None
    assert isinstance(reused, Error)
    assert reused.metadata["original_statement_id"] == first.reply.hex()
    assert reused.metadata["original_method"] == METHOD
    assert "T" in reused.metadata["original_time"]


async def test_writes_without_statements_are_requests_all_the_same(database: Database) -> None:
    bare = take()
    bare = Take(request=bare.request, audit=bare.audit, reply=b"done")
    async with database.transaction() as connection:
        await store.append(connection, [bare])
        await store.append(connection, [])
        assert await store.find_reply(connection, bare.request) == b"done"
        assert await connection.fetchval("SELECT count(*) FROM entry") == 0


async def test_replies_known_only_in_the_flush_belong_to_their_writes(database: Database) -> None:
    writes = [take() for _ in range(20)]
    replies = [f"reply {number}".encode() for number in range(20)]
    async with database.transaction() as connection:
        await store.append(connection, writes, replies)
        assert await store.claim(connection, writes) == replies


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit SET principal = 'nobody'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "UPDATE statement SET item = ''",
        "DELETE FROM statement",
        "TRUNCATE statement CASCADE",
        "DELETE FROM entry",
        "TRUNCATE entry",
        "UPDATE entry SET parents = '{}'",
        "UPDATE entry SET kind = 2, idx = 0",
        "UPDATE entry SET idx = 0; UPDATE entry SET idx = 1",
        "UPDATE entry SET idx = 0; UPDATE entry SET idx = NULL",
        "DELETE FROM peer_statement",
    ],
)
async def test_history_cannot_be_rewritten(database: Database, sql: str) -> None:
    async with database.transaction() as connection:
        await store.append(connection, [take(parents=[bytes(32)])])
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction() as connection:
            await connection.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO statement VALUES ('\\x01', 1, 'i', 's', '')",
        "INSERT INTO request (scope, request_id, method, digest, reply) VALUES ('s', '\\x01', 'm', '\\x01', '')",
        "INSERT INTO entry VALUES (decode(repeat('00', 32), 'hex'), 1, NULL, '{}')",
        "INSERT INTO log_head VALUES ('x', -1, 0)",
    ],
    ids=["short id", "short request id", "entry without statement", "negative size"],
)
async def test_the_database_checks_too(database: Database, sql: str) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with database.transaction() as connection:
            await connection.execute(sql)


def test_audit_ids_grow_with_time() -> None:
    ids = [store.uuid7() for _ in range(50)]
    assert all(one.version == 7 for one in ids)
    assert len(set(ids)) == 50
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
