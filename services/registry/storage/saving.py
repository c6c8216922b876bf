"""Writes what a batch of decisions changed: set-based, one statement of SQL a table, only where there is something
to write.
"""

from __future__ import annotations

from collections.abc import Sequence

from monazite_provenance.statement import Outpoint

from services.chassis.database import Connection
from services.registry.domain.change import (
    Attest,
    CertifyKey,
    IssueNames,
    ListEnterprise,
    LockAct,
    PlaceHold,
    ReleaseHold,
    RetireKey,
    Step,
)
from services.registry.domain.records import ActState, Rows
from services.registry.storage.attestations import save_attestations
from services.registry.storage.cuts import save_cuts
from services.registry.storage.writes import HoldPlaced, PeerStatement, RegistryWrite

_ENTERPRISES = """
    INSERT INTO enterprise (enterprise_id, uri, display_name, activities, registered_by)
    VALUES ($1, $2, $3, $4, $5)
"""
_OWN_SIGNATURE = """
    UPDATE enterprise SET own_signature_only = true, own_signature_from = $2
    WHERE enterprise_id = $1 AND NOT own_signature_only
"""
_NAMES = "INSERT INTO lot (lot_id, enterprise_id, state) SELECT unnest($1::text[]), $2, 1"
_SPEND = """
    UPDATE output SET spent_by = spent.by, act_id = NULL
    FROM unnest($1::bytea[], $2::smallint[], $3::bytea[]) AS spent (statement_id, output_index, by)
    WHERE (output.statement_id, output.output_index) = (spent.statement_id, spent.output_index)
        AND output.spent_by IS NULL AND cardinality(output.holds) = 0
"""
_MARK = "UPDATE output SET holds = $3, act_id = $4 WHERE statement_id = $1 AND output_index = $2 AND spent_by IS NULL"
# One statement of SQL, since each costs a round trip while everybody waits. The lot's head is a deferred foreign key.
_STEPS = """
    WITH made AS (
        INSERT INTO output
            (statement_id, output_index, lot_id, born, holder, receiver, custody_state, gross_g, reo_mg, content, holds)
        SELECT o.a, o.b, o.c, o.d, o.e, o.f, o.g, o.h, o.i, o.j, CASE WHEN o.k IS NULL THEN '{}' ELSE ARRAY[o.k] END
        FROM unnest($1::bytea[], $2::smallint[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::smallint[],
            $8::bigint[], $9::bigint[], $10::bytea[], $11::text[]) AS o (a, b, c, d, e, f, g, h, i, j, k)
    ), named AS (
        UPDATE lot SET state = new.state, statement_id = new.statement_id, output_index = new.output_index
        FROM unnest($12::text[], $13::smallint[], $14::bytea[], $15::smallint[])
            AS new (lot_id, state, statement_id, output_index)
        WHERE lot.lot_id = new.lot_id RETURNING 1
    ), drawn AS (
        UPDATE quota_right SET state = new.state, drawn_mg = new.drawn_mg, closed_by = new.closed_by
        FROM unnest($16::bytea[], $17::smallint[], $18::bigint[], $19::bytea[])
            AS new (right_id, state, drawn_mg, closed_by)
        WHERE quota_right.right_id = new.right_id AND quota_right.state < 3 RETURNING 1
    ), draws AS (
        INSERT INTO draw (statement_id, right_id, reo_mg)
        SELECT * FROM unnest($20::bytea[], $21::bytea[], $22::bigint[])
    )
    SELECT (SELECT count(*) FROM named) AS named, (SELECT count(*) FROM drawn) AS drawn
"""
_HOLDS = """
    INSERT INTO hold (hold_id, statement_id, output_index, reason_code)
    SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::smallint[], $4::text[])
"""
_RELEASE = "UPDATE hold SET released_by = $2 WHERE hold_id = $1 AND released_by IS NULL"
_LOCK_ACT = "INSERT INTO export_act (act_id, state, licence_id, lock_id) VALUES ($1, 1, $2, $3)"
_LOCK_LINES = "INSERT INTO export_line SELECT $1, unnest($2::bytea[]), unnest($3::smallint[]), true"
_END_ACT = "UPDATE export_act SET state = $2, ended_by = $3, intent_id = $4 WHERE act_id = $1 AND state = 1"
# Fails on an act that another process has locked meanwhile: its heads would stay locked by a void act.
_TOMBSTONE = "INSERT INTO export_act (act_id, state, ended_by) VALUES ($1, $2, $3)"
_END_LINES = "UPDATE export_line SET open = false WHERE act_id = $1"
_CERTIFY = """
    INSERT INTO certified_key (kid, thumbprint, cose_key, issuer, kinds, certified_by, own_signature_only)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_RETIRE = "UPDATE certified_key SET retired_by = $2 WHERE kid = $1 AND retired_by IS NULL"
_PEERS = """
    INSERT INTO peer_statement (statement_id, kind, item)
    SELECT * FROM unnest($1::bytea[], $2::smallint[], $3::bytea[]) ON CONFLICT DO NOTHING
"""


class WriteLost(RuntimeError):  # noqa: N818 - says what happened
    """A row that was locked and decided on did not take its change: a fault of ours; the transaction must not
    commit.
    """


async def save(connection: Connection, writes: Sequence[RegistryWrite], changed: Rows) -> None:
    """Write `changed` and what the writes add. Their statements must be stored already, in the same transaction."""
    # First: later in the batch the same head may be held or spent, and the database lets nothing of the kind be cut.
    if changed.cuts:
        await save_cuts(connection, changed.cuts)
    await _save_acts(connection, writes, changed)
    await _save_heads(connection, changed)
    issued = await _save_names(connection, writes)
    await _save_steps(connection, writes, changed, issued)
    await _save_holds(connection, writes)
    attested = {write.statement_id: write.change.outpoint for write in writes if isinstance(write.change, Attest)}
    if attested:
        await save_attestations(connection, attested)
    for write in writes:
        await _save_enterprise(connection, write)


def _expect(command: str, count: int) -> None:
    """Pair assertion: what the domain decided is what the database did."""
    if command.rsplit(" ", 1)[-1] != str(count):
        raise WriteLost(f"{command}, expected {count}")


async def _save_acts(connection: Connection, writes: Sequence[RegistryWrite], changed: Rows) -> None:
    for write in writes:
        if isinstance(write.change, LockAct):
            lock = write.change
            await connection.execute(_LOCK_ACT, lock.act_id, lock.licence_id, write.statement_id)
            ids, indexes = _split(lock.heads)
            await connection.execute(_LOCK_LINES, lock.act_id, ids, indexes)
    for act in changed.acts.values():
        if act.lock_id is None:
            await connection.execute(_TOMBSTONE, act.act_id, int(act.state), act.ended_by)
        elif act.state is not ActState.LOCKED:
            ended = (act.act_id, int(act.state), act.ended_by, act.intent_id)
            _expect(await connection.execute(_END_ACT, *ended), 1)
            await connection.execute(_END_LINES, act.act_id)


async def _save_heads(connection: Connection, changed: Rows) -> None:
    spent = [head for _, head in sorted(changed.heads.items()) if head.spent_by is not None]
    if spent:
        ids, indexes = _split([head.outpoint for head in spent])
        done = await connection.execute(_SPEND, ids, indexes, [head.spent_by for head in spent])
        _expect(done, len(spent))
    for outpoint, head in sorted(changed.heads.items()):
        if head.spent_by is None:
            done = await connection.execute(_MARK, *outpoint, list(head.holds), head.act_id)
            _expect(done, 1)


async def _save_names(connection: Connection, writes: Sequence[RegistryWrite]) -> set[str]:
    """Issue new lot ids; gives them."""
    issued: set[str] = set()
    for write in writes:
        if isinstance(write.change, IssueNames):
            await connection.execute(_NAMES, list(write.change.lot_ids), write.change.enterprise_id)
            issued.update(write.change.lot_ids)
    return issued


async def _save_steps(connection: Connection, writes: Sequence[RegistryWrite], changed: Rows, issued: set[str]) -> None:
    """Outputs, the lots whose heads they are, rights and draws."""
    steps = [(write.statement_id, write.change) for write in writes if isinstance(write.change, Step)]
    lots = [name for lot_id, name in sorted(changed.names.items()) if lot_id not in issued]
    rights = [right for _, right in sorted(changed.rights.items())]
    if not (steps or lots or rights):
        return
    made = [(each, index, output) for each, step in steps for index, output in enumerate(step.outputs)]
    outputs = [output for _, _, output in made]
    draws = [(statement_id, draw) for statement_id, step in steps for draw in step.draws]
    done = await connection.fetchrow(
        _STEPS,
        [statement_id for statement_id, _, _ in made],
        [index for _, index, _ in made],
        [output.lot_id for output in outputs],
        [output.born for output in outputs],
        [output.holder for output in outputs],
        [output.receiver for output in outputs],
        [int(output.state) for output in outputs],
        [output.gross_g for output in outputs],
        [output.reo_mg for output in outputs],
        [output.content for output in outputs],
        [output.hold for output in outputs],
        [name.lot_id for name in lots],
        [int(name.state) for name in lots],
        [name.head and name.head.statement_id for name in lots],
        [None if name.head is None else name.head.index for name in lots],
        [right.right_id for right in rights],
        [int(right.state) for right in rights],
        [right.drawn_mg for right in rights],
        [right.closed_by for right in rights],
        [statement_id for statement_id, _ in draws],
        [draw.right_id for _, draw in draws],
        [draw.reo_mg for _, draw in draws],
    )
    if done is None or (done["named"], done["drawn"]) != (len(lots), len(rights)):
        raise WriteLost(f"{done}, expected {len(lots)} lots and {len(rights)} rights")


async def _save_holds(connection: Connection, writes: Sequence[RegistryWrite]) -> None:
    holds: list[HoldPlaced] = []
    for write in writes:
        holds.extend(write.holds)
        match write.change:
            case PlaceHold(outpoint=outpoint, reason_code=reason_code):
                holds.append(HoldPlaced(write.statement_id, outpoint, reason_code))
            case ReleaseHold(hold_id=hold_id):
                _expect(await connection.execute(_RELEASE, hold_id, write.statement_id), 1)
            case _:
                pass
    if holds:
        ids, indexes = _split([hold.outpoint for hold in holds])
        reasons = [hold.reason_code for hold in holds]
        await connection.execute(_HOLDS, [hold.hold_id for hold in holds], ids, indexes, reasons)


async def save_peers(connection: Connection, peers: Sequence[PeerStatement]) -> None:
    """Keep verified statements of peers. One that is kept already stays as it came."""
    known = sorted({peer.statement_id: peer for peer in peers}.items())
    if known:
        await connection.execute(
            _PEERS, [key for key, _ in known], [peer.kind for _, peer in known], [peer.item for _, peer in known]
        )


async def _save_enterprise(connection: Connection, write: RegistryWrite) -> None:
    match write.change:
        case ListEnterprise() as new:
            await connection.execute(
                _ENTERPRISES, new.enterprise_id, new.uri, new.display_name, sorted(new.activities), new.registered_by
            )
        case CertifyKey() as key:
            await connection.execute(
                _CERTIFY,
                key.kid,
                key.thumbprint,
                key.cose_key,
                key.issuer,
                list(key.kinds),
                write.statement_id,
                key.own_signature_only,
            )
            if key.own_signature_only:
                await connection.execute(_OWN_SIGNATURE, key.enterprise_id, write.statement_id)
        case RetireKey() as key:
            _expect(await connection.execute(_RETIRE, key.kid, write.statement_id), 1)
        case _:
            pass


def _split(outpoints: Sequence[Outpoint]) -> tuple[list[bytes], list[int]]:
    return [outpoint.statement_id for outpoint in outpoints], [outpoint.index for outpoint in outpoints]
