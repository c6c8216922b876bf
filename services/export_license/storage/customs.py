"""Rows of acts of export, and the registry's signed answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from monazite_provenance.statement import Outpoint
from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Connection
from services.chassis.pagination import PageRequest
from services.chassis.tables import PeerStatementRow, StatementRow
from services.export_license.domain.customs import Act, DeclaredLot, State, WrittenOff
from services.export_license.storage import Moved
from services.export_license.storage.tables import ActHeadRow, ActLotRow, ActRow, LicenceRow

_INSERT_ACT = """
    INSERT INTO export_act (act_id, state, licence_id, customs, certificate_sha256, port, declaration_number,
        next_attempt_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8)
    ON CONFLICT (act_id) DO NOTHING
"""
_INSERT_LOTS = """
    INSERT INTO act_lot (act_id, position, statement_id, output_index, lot_id, control_code, control_codes, declared_g)
    SELECT $1, u.position, u.statement_id, u.output_index, u.lot_id, u.code, string_to_array(u.codes, ','), u.gross_g
    FROM unnest($2::smallint[], $3::bytea[], $4::int[], $5::text[], $6::text[], $7::text[], $8::bigint[])
        AS u (position, statement_id, output_index, lot_id, code, codes, gross_g)
"""
_UPDATE_ACT = """
    UPDATE export_act SET state = $3, intent_id = $4, lock_id = $5, end_id = $6, void_reason = $7, attempts = 0,
        next_attempt_at = now() + $8
    WHERE act_id = $1 AND state = $2
"""
_UPDATE_LOTS = """
    UPDATE act_lot SET written_off_g = u.gross_g
    FROM unnest($2::bytea[], $3::int[], $4::bigint[]) AS u (statement_id, output_index, gross_g)
    WHERE act_lot.act_id = $1 AND act_lot.statement_id = u.statement_id AND act_lot.output_index = u.output_index
"""
_INSERT_HEADS = """
    INSERT INTO act_head (act_id, statement_id, output_index, abroad)
    SELECT $1, * FROM unnest($2::bytea[], $3::int[], $4::boolean[])
"""
_DUE = """
    SELECT act_id FROM export_act
    WHERE state IN ('DECLARING', 'WRITING_OFF', 'VOIDING') AND ($2 OR next_attempt_at <= now())
    ORDER BY next_attempt_at LIMIT $1
"""
# Doubles from half a second to half a minute.
_POSTPONE = """
    UPDATE export_act SET attempts = attempts + 1,
        next_attempt_at = now() + least(interval '30 seconds', interval '500 milliseconds' * (1 << least(attempts, 10)))
    WHERE act_id = $1 AND state IN ('DECLARING', 'WRITING_OFF', 'VOIDING')
"""
_PUT_PEER_STATEMENT = """
    INSERT INTO peer_statement (statement_id, kind, item) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which acts are listed; what is empty or None narrows nothing. `domain`: of the customs whose `port` it is."""

    port: str = ""
    domain: str = ""
    licensee: str = ""
    state: State | None = None
    licence_id: bytes = b""


async def insert(connection: Connection, act: Act, *, grace: timedelta) -> bool:
    """Store a declaration; False when the act id is taken. A worker looks at it only after `grace`."""
    done = await connection.execute(
        _INSERT_ACT,
        act.act_id,
        act.state.name,
        act.licence_id,
        act.customs,
        act.certificate_sha256,
        act.port,
        act.declaration_number,
        grace,
    )
    if done != "INSERT 0 1":
        return False
    await connection.execute(
        _INSERT_LOTS,
        act.act_id,
        list(range(len(act.declared))),
        [lot.outpoint.statement_id for lot in act.declared],
        [lot.outpoint.index for lot in act.declared],
        [lot.lot_id for lot in act.declared],
        [lot.control_code for lot in act.declared],
        [",".join(lot.control_codes) for lot in act.declared],
        [lot.gross_g for lot in act.declared],
    )
    return True


async def update(connection: Connection, before: Act, after: Act, *, grace: timedelta) -> None:
    """Move an act on, comparing the state it was decided in. Raises Moved."""
    done = await connection.execute(
        _UPDATE_ACT,
        before.act_id,
        before.state.name,
        after.state.name,
        after.intent_id or None,
        after.lock_id or None,
        after.end_id or None,
        after.void_reason,
        grace,
    )
    if done != "UPDATE 1":
        raise Moved
    if after.written_off != before.written_off:
        await connection.execute(
            _UPDATE_LOTS,
            after.act_id,
            [lot.outpoint.statement_id for lot in after.written_off],
            [lot.outpoint.index for lot in after.written_off],
            [lot.gross_g for lot in after.written_off],
        )
    heads = [(head, True) for head in after.abroad] + [(head, False) for head in after.returned]
    if heads and not before.abroad and not before.returned:
        await connection.execute(
            _INSERT_HEADS,
            after.act_id,
            [head.statement_id for head, _ in heads],
            [head.index for head, _ in heads],
            [abroad for _, abroad in heads],
        )


async def put_peer_statement(connection: Connection, statement_id: bytes, kind: int, item: bytes) -> None:
    """Keep a verified statement of the registry that an act rests on."""
    await connection.execute(_PUT_PEER_STATEMENT, statement_id, kind, item)


async def due(connection: Connection, limit: int, *, everything: bool) -> list[bytes]:
    """Acts in which the registry has to be asked again; `everything` disregards when."""
    return [row["act_id"] for row in await connection.fetch(_DUE, limit, everything)]


async def postpone(connection: Connection, act_id: bytes) -> None:
    """The registry did not answer: ask later, and later each time."""
    await connection.execute(_POSTPONE, act_id)


async def get(session: AsyncSession, act_id: bytes) -> Act | None:
    """One act."""
    row = await session.get(ActRow, act_id)
    return None if row is None else (await _whole(session, [row]))[0]


async def page(session: AsyncSession, request: PageRequest, wanted: Wanted) -> list[Act]:
    """Acts, newest first; the key of one is when it was declared, in microseconds since 1970, and its id."""
    declared_at, act_id = col(ActRow.declared_at), col(ActRow.act_id)
    query = select(ActRow).order_by(declared_at.desc(), act_id).limit(request.size)
    if wanted.port:
        query = query.where(col(ActRow.port) == wanted.port)
        query = query.where(col(ActRow.customs).startswith(f"spiffe://{wanted.domain}/", autoescape=True))
    if wanted.licensee:
        query = query.join(LicenceRow, col(LicenceRow.licence_id) == col(ActRow.licence_id))
        query = query.where(col(LicenceRow.licensee) == wanted.licensee)
    if wanted.state is not None:
        query = query.where(col(ActRow.state) == wanted.state.name)
    if wanted.licence_id:
        query = query.where(col(ActRow.licence_id) == wanted.licence_id)
    if request.after is not None:
        last, last_id = _EPOCH + timedelta(microseconds=int(request.after[0])), request.after[1]
        query = query.where(or_(declared_at < last, and_(declared_at == last, act_id > last_id)))
    return await _whole(session, (await session.exec(query)).all())


async def _whole(session: AsyncSession, rows: Sequence[ActRow]) -> list[Act]:
    ids = [row.act_id for row in rows]
    lots: dict[bytes, list[ActLotRow]] = {each: [] for each in ids}
    heads: dict[bytes, list[ActHeadRow]] = {each: [] for each in ids}
    of_lots = select(ActLotRow).where(col(ActLotRow.act_id).in_(ids)).order_by(col(ActLotRow.position))
    for lot in await session.exec(of_lots):
        lots[lot.act_id].append(lot)
    of_heads = select(ActHeadRow).where(col(ActHeadRow.act_id).in_(ids)).order_by(col(ActHeadRow.output_index))
    for head in await session.exec(of_heads):
        heads[head.act_id].append(head)
    return [_act(row, lots[row.act_id], heads[row.act_id]) for row in rows]


async def items(session: AsyncSession, act: Act) -> list[bytes]:
    """The encoded items an act rests on: the intent and the accept of an export, the void of a void act."""
    own = await session.get(StatementRow, act.intent_id) if act.intent_id and act.state is not State.VOID else None
    end = await session.get(PeerStatementRow, act.end_id) if act.end_id else None
    return [row.item for row in (own, end) if row is not None]


async def statement_item(session: AsyncSession, statement_id: bytes) -> bytes:
    """The encoded item of a statement of this service; empty when there is none."""
    row = await session.get(StatementRow, statement_id)
    return b"" if row is None else row.item


async def statement_items(session: AsyncSession, statement_ids: Iterable[bytes]) -> dict[bytes, bytes]:
    """The encoded items of statements of this service, by id."""
    query = select(StatementRow).where(col(StatementRow.statement_id).in_(list(statement_ids)))
    return {row.statement_id: row.item for row in await session.exec(query)}


def _act(row: ActRow, lots: Sequence[ActLotRow], heads: Sequence[ActHeadRow]) -> Act:
    return Act(
        act_id=row.act_id,
        state=State[row.state],
        licence_id=row.licence_id,
        customs=row.customs,
        certificate_sha256=row.certificate_sha256,
        port=row.port,
        declaration_number=row.declaration_number,
        declared=tuple(_declared(lot) for lot in lots),
        written_off=tuple(
            sorted(WrittenOff(_outpoint(lot), lot.written_off_g) for lot in lots if lot.written_off_g is not None)
        ),
        intent_id=row.intent_id or b"",
        lock_id=row.lock_id or b"",
        end_id=row.end_id or b"",
        abroad=tuple(Outpoint(head.statement_id, head.output_index) for head in heads if head.abroad),
        returned=tuple(Outpoint(head.statement_id, head.output_index) for head in heads if not head.abroad),
        void_reason=row.void_reason,
        declared_at=row.declared_at,
    )


def _declared(row: ActLotRow) -> DeclaredLot:
    return DeclaredLot(_outpoint(row), row.lot_id, row.control_code, tuple(row.control_codes), row.declared_g)


def _outpoint(row: ActLotRow) -> Outpoint:
    return Outpoint(row.statement_id, row.output_index)
