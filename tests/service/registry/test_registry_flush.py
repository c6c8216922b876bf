"""Flushes of the registry that meet in one batch or in two processes, on real rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from monazite_provenance.contents import CustodyState
from monazite_provenance.kinds import EventKind
from monazite_provenance.statement import Outpoint

from services.chassis.clock import SystemClock
from services.chassis.database import Connection, Database
from services.chassis.log.order import order
from services.chassis.sequencer import read_pending
from services.chassis.store import Audit, Outcome, RequestKey, SignedStatement
from services.registry.domain.change import (
    CertifyKey,
    Change,
    IssueNames,
    ListEnterprise,
    LockAct,
    Name,
    NameUse,
    NewHead,
    PlaceCut,
    PlaceHold,
    RetireKey,
    Spend,
    Step,
    VoidAct,
)
from services.registry.storage.flush import Flush
from services.registry.storage.writes import RegistryWrite

ENTERPRISE = "mine-1"
URI = "spiffe://monazite.example/enterprise/mine-1"
SERVICE = "spiffe://monazite.example/service/registry"
KID = bytes(16)
ACT = bytes(16)
FLUSH = Flush("urn:monazite:log:registry:0", SystemClock())
ON_BEHALF = Step(ENTERPRISE, URI, on_behalf=True, activities=frozenset())
SELF_SIGNED = Step(ENTERPRISE, URI, on_behalf=False, activities=frozenset())
RETIRE = RetireKey(ENTERPRISE, URI, bytes(32), KID)
ALONE = CertifyKey(ENTERPRISE, URI, bytes(32), KID, b"key", (1,), own_signature_only=True)
NOBODY = Audit.of_service(SERVICE)


def signed(change: Change, first_byte: int, *, by: str = SERVICE, kid: bytes | None = None) -> RegistryWrite:
    """A write whose statement id begins with `first_byte`: entries of one transaction are placed in that order."""
    statement_id = bytes([first_byte]) + bytes(31)
    kind = EventKind.KEYS if isinstance(change, CertifyKey | RetireKey) else EventKind.REGISTER
    return RegistryWrite(
        request=RequestKey(scope=URI, method="/test", request_id=statement_id[:16], digest=statement_id),
        audit=NOBODY,
        statements=(
            SignedStatement(
                statement_id=statement_id,
                kind=kind,
                issuer=by,
                subject="urn:monazite:test",
                item=b"item",
                leaf=statement_id,
            ),
        ),
        reply=b"done",
        change=change,
        signer_kid=kid,
    )


@pytest.fixture
async def rows(database: str) -> AsyncIterator[Database]:
    """The registry's database with one listed enterprise."""
    listing = ListEnterprise(ENTERPRISE, URI, "A mine", frozenset({"MINE"}), "registrar")
    async with Database(database) as opened:
        async with opened.transaction() as connection:
            assert await flush(connection, signed(listing, 1)) == [b"done"]
        yield opened


async def flush(connection: Connection, *writes: RegistryWrite) -> list[Outcome]:
    """One flush in the open transaction."""
    return list(await FLUSH(connection, writes))


async def placed(rows: Database) -> list[int]:
    """First bytes of the statement ids, in the order in which the sequencer would place them."""
    async with rows.connection() as connection:
        return [entry.statement_id[0] for entry in order(await read_pending(connection))]


async def test_what_a_key_signed_in_the_batch_of_its_retirement_is_placed_before(rows: Database) -> None:
    key = CertifyKey(ENTERPRISE, URI, bytes(32), KID, b"key", (1,), own_signature_only=False)
    async with rows.transaction() as connection:
        await flush(connection, signed(key, 2))
    async with rows.transaction() as connection:
        step, end = signed(SELF_SIGNED, 0xFF, by=URI, kid=KID), signed(RETIRE, 3)
        assert await flush(connection, step, end) == [b"done", b"done"]
    assert (await placed(rows))[-2:] == [0xFF, 3]


async def test_what_was_signed_on_behalf_is_placed_before_own_signature_only(rows: Database) -> None:
    async with rows.transaction() as connection:
        await flush(connection, signed(ON_BEHALF, 0xFE))
    async with rows.transaction() as connection:
        assert await flush(connection, signed(ON_BEHALF, 0xFF), signed(ALONE, 2)) == [b"done", b"done"]
    assert (await placed(rows))[-1] == 2


async def test_own_signature_only_waits_for_a_step_of_another_process(rows: Database) -> None:
    async with rows.transaction() as later:
        await later.fetchval("SELECT now()")
        async with rows.transaction() as connection:
            await flush(connection, signed(ON_BEHALF, 0xFF))
            certifying = asyncio.create_task(flush(later, signed(ALONE, 2)))
            await waits_for_a_lock(rows)
        assert await certifying == [b"done"]
    assert (await placed(rows))[-2:] == [0xFF, 2]


async def test_an_act_locked_by_another_process_is_not_voided_over_its_heads(rows: Database) -> None:
    lock, void = signed(LockAct(ACT, bytes(32), ()), 2), signed(VoidAct(ACT, ()), 3)
    async with rows.transaction() as later:
        async with rows.transaction() as connection:
            assert await flush(connection, lock) == [b"done"]
            voiding = asyncio.create_task(flush(later, void))
            await waits_for_a_lock(rows)
        (lost,) = await asyncio.gather(voiding, return_exceptions=True)
    # The committer tries that again, and finds an act whose heads the void does not name.
    assert isinstance(lost, asyncpg.UniqueViolationError)
    async with rows.connection() as connection:
        assert await connection.fetchval("SELECT state FROM export_act") == 1


LOT = NewHead("L1", URI, None, CustodyState.HELD, 1, 1, b"lot", born=True)
HEAD = Outpoint(bytes([3]) + bytes(31), 0)
REGISTER = Step(
    ENTERPRISE, URI, on_behalf=True, activities=frozenset(), names=(Name("L1", NameUse.BEAR, 0),), outputs=(LOT,)
)
MOVE = Step(
    ENTERPRISE,
    URI,
    on_behalf=True,
    activities=frozenset(),
    spends=(Spend(HEAD, "L1"),),
    names=(Name("L1", NameUse.KEEP, 0),),
    outputs=(LOT._replace(born=False),),
)


@pytest.mark.parametrize("change", [PlaceHold("L1", HEAD, "INSPECTION"), MOVE], ids=["held", "spent"])
async def test_a_head_is_cut_and_then_held_or_spent_in_one_batch(rows: Database, change: Change) -> None:
    async with rows.transaction() as connection:
        await flush(connection, signed(IssueNames(ENTERPRISE, ("L1",)), 2))
        assert await flush(connection, signed(REGISTER, 3)) == [b"done"]
    async with rows.transaction() as connection:
        assert await flush(connection, signed(PlaceCut("L1", HEAD), 4), signed(change, 5)) == [b"done", b"done"]
    async with rows.connection() as connection:
        assert await connection.fetchval("SELECT cut_id FROM cut") == bytes([4]) + bytes(31)
        free = "SELECT spent_by IS NULL AND cardinality(holds) = 0 FROM output WHERE statement_id = $1"
        assert not await connection.fetchval(free, HEAD.statement_id)


async def waits_for_a_lock(rows: Database) -> None:
    """Until some transaction waits for another's."""
    async with rows.connection() as connection, asyncio.timeout(10):
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            pass
