"""Rows of cases and of the rule sets they were decided under."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import cbor2
from monazite_provenance.statement import Outpoint
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Connection
from services.chassis.pagination import PageRequest
from services.export_license.domain.cases import Case, CaseEvent, CaseLot, LineWanted, Outcome, Party, Proposal, State
from services.export_license.domain.control_items import LotFacts, RuleSet, load
from services.export_license.domain.lots import Finding
from services.export_license.storage import Moved
from services.export_license.storage.tables import CaseEventRow, CaseLineRow, CaseLotRow, CaseRow, RuleSetRow

_INSERT_CASE = """
    INSERT INTO export_case (case_id, applicant, state, end_user, consignee, end_use, destination, rule_set_hash,
        rules_day, submitted_at, verified_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_INSERT_LOTS = """
    INSERT INTO case_lot (case_id, position, statement_id, output_index, lot_id, gross_g, form, net_g, elements,
        verdict, findings, statements, control_codes)
    SELECT $1, u.position, u.statement_id, u.output_index, u.lot_id, u.gross_g, u.form, u.net_g, u.elements::jsonb,
        u.verdict, u.findings::jsonb, u.statements, string_to_array(u.codes, ',')
    FROM unnest($2::smallint[], $3::bytea[], $4::int[], $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::text[],
        $10::text[], $11::text[], $12::int[], $13::text[])
        AS u (position, statement_id, output_index, lot_id, gross_g, form, net_g, elements, verdict, findings,
              statements, codes)
"""
_INSERT_LINES = """
    INSERT INTO case_line (case_id, position, control_code, hs_code, gross_g)
    SELECT $1, * FROM unnest($2::smallint[], $3::text[], $4::text[], $5::bigint[])
"""
_UPDATE_CASE = """
    UPDATE export_case SET state = $3, rule_set_hash = $4, rules_day = $5, version = $6, outcome = $7, reason = $8,
        proposed_by = $9, proposed_at = $10, countersigned_by = $11, countersigned_at = $12, licence_id = $13,
        verified_at = $14
    WHERE case_id = $1 AND version = $2
"""
_UPDATE_LOTS = """
    UPDATE case_lot SET control_codes = string_to_array(u.codes, ','), findings = u.findings::jsonb,
        statements = u.statements
    FROM unnest($2::smallint[], $3::text[], $4::text[], $5::int[]) AS u (position, codes, findings, statements)
    WHERE case_lot.case_id = $1 AND case_lot.position = u.position
"""
_INSERT_EVENT = """
    INSERT INTO case_event (case_id, version, state, outcome, actor, reason) VALUES ($1, $2, $3, $4, $5, $6)
"""
HISTORY_MAX: Final = 100
"""Steps of a case that are shown, the latest."""


async def put_rule_set(connection: Connection, rules: RuleSet) -> None:
    """Keep a rule set for replay; one that is there already stays."""
    tables = cbor2.dumps(dict(rules.tables))
    await connection.execute(
        "INSERT INTO rule_set (digest, tables) VALUES ($1, $2) ON CONFLICT DO NOTHING", rules.digest, tables
    )


async def get_rule_set(session: AsyncSession, digest: bytes) -> RuleSet | None:
    """A rule set that was in use."""
    row = await session.get(RuleSetRow, digest)
    return None if row is None else load(cbor2.loads(row.tables))


async def insert(connection: Connection, case: Case) -> None:
    """Store a new case with its lots and lines."""
    await connection.execute(
        _INSERT_CASE,
        case.case_id,
        case.applicant,
        case.state.name,
        _party_columns(case.end_user),
        _party_columns(case.consignee),
        case.end_use,
        case.destination,
        case.rule_set_hash,
        case.rules_day,
        case.submitted_at,
        case.verified_at,
        case.version,
    )
    lots = case.lots
    await connection.execute(
        _INSERT_LOTS,
        case.case_id,
        list(range(len(lots))),
        [lot.outpoint.statement_id for lot in lots],
        [lot.outpoint.index for lot in lots],
        [lot.lot_id for lot in lots],
        [lot.gross_g for lot in lots],
        [lot.facts.form for lot in lots],
        [lot.facts.net_g for lot in lots],
        [json.dumps(dict(lot.facts.elements)) for lot in lots],
        [lot.verdict for lot in lots],
        [_findings(lot) for lot in lots],
        [lot.statements for lot in lots],
        [",".join(lot.control_codes) for lot in lots],
    )
    await connection.execute(
        _INSERT_LINES,
        case.case_id,
        list(range(len(case.lines))),
        [line.control_code for line in case.lines],
        [line.hs_code for line in case.lines],
        [line.gross_g for line in case.lines],
    )
    await connection.execute(
        _INSERT_EVENT, case.case_id, case.version, case.state.name, None, case.applicant, case.end_use
    )


async def update(connection: Connection, before: Case, after: Case, *, actor: str, reason: str) -> None:
    """Replace a case, comparing the version it was decided on, and note who did it and why. Raises Moved."""
    proposed = after.proposed
    done = await connection.execute(
        _UPDATE_CASE,
        before.case_id,
        before.version,
        after.state.name,
        after.rule_set_hash,
        after.rules_day,
        after.version,
        proposed.outcome.name if proposed else None,
        proposed.reason if proposed else None,
        proposed.proposed_by if proposed else None,
        proposed.proposed_at if proposed else None,
        after.countersigned_by or None,
        after.countersigned_at,
        after.licence_id or None,
        after.verified_at,
    )
    if done != "UPDATE 1":
        raise Moved
    outcome = proposed.outcome.name if proposed and after.state is State.DECISION_PROPOSED else None
    await connection.execute(_INSERT_EVENT, after.case_id, after.version, after.state.name, outcome, actor, reason)
    if before.lots != after.lots:
        await connection.execute(
            _UPDATE_LOTS,
            after.case_id,
            list(range(len(after.lots))),
            [",".join(lot.control_codes) for lot in after.lots],
            [_findings(lot) for lot in after.lots],
            [lot.statements for lot in after.lots],
        )


async def get(session: AsyncSession, case_id: str) -> Case | None:
    """One case."""
    row = await session.get(CaseRow, case_id)
    return None if row is None else (await _whole(session, [row]))[0]


async def history(session: AsyncSession, case_id: str) -> list[CaseEvent]:
    """The latest HISTORY_MAX steps of a case, oldest first."""
    latest = (
        select(CaseEventRow)
        .where(col(CaseEventRow.case_id) == case_id)
        .order_by(col(CaseEventRow.version).desc())
        .limit(HISTORY_MAX)
    )
    return [_event(row) for row in reversed((await session.exec(latest)).all())]


async def page(session: AsyncSession, request: PageRequest, applicant: str | None, state: State | None) -> list[Case]:
    """Cases in the order they were submitted: of one applicant or of all, in one state or in any."""
    query = select(CaseRow).order_by(col(CaseRow.case_id)).limit(request.size)
    if applicant is not None:
        query = query.where(col(CaseRow.applicant) == applicant)
    if state is not None:
        query = query.where(col(CaseRow.state) == state.name)
    if request.after is not None:
        query = query.where(col(CaseRow.case_id) > request.after[0])
    return await _whole(session, (await session.exec(query)).all())


async def _whole(session: AsyncSession, rows: Sequence[CaseRow]) -> list[Case]:
    ids = [row.case_id for row in rows]
    lots: dict[str, list[CaseLot]] = {}
    found = select(CaseLotRow).where(col(CaseLotRow.case_id).in_(ids)).order_by(col(CaseLotRow.position))
    for lot in await session.exec(found):
        lots.setdefault(lot.case_id, []).append(_lot(lot))
    lines: dict[str, list[LineWanted]] = {}
    wanted = select(CaseLineRow).where(col(CaseLineRow.case_id).in_(ids)).order_by(col(CaseLineRow.position))
    for line in await session.exec(wanted):
        lines.setdefault(line.case_id, []).append(LineWanted(line.control_code, line.hs_code, line.gross_g))
    return [_case(row, lots.get(row.case_id, []), lines.get(row.case_id, [])) for row in rows]


def _case(row: CaseRow, lots: Sequence[CaseLot], lines: Sequence[LineWanted]) -> Case:
    return Case(
        case_id=row.case_id,
        applicant=row.applicant,
        state=State[row.state],
        lots=tuple(lots),
        end_user=Party(*row.end_user),
        consignee=Party(*row.consignee),
        end_use=row.end_use,
        destination=row.destination,
        lines=tuple(lines),
        rule_set_hash=row.rule_set_hash,
        rules_day=row.rules_day,
        submitted_at=row.submitted_at,
        verified_at=row.verified_at,
        version=row.version,
        proposed=_proposal(row),
        countersigned_by=row.countersigned_by or "",
        countersigned_at=row.countersigned_at,
        licence_id=row.licence_id or b"",
    )


def _proposal(row: CaseRow) -> Proposal | None:
    if row.outcome is None or row.proposed_at is None:
        return None
    return Proposal(Outcome[row.outcome], row.reason or "", row.proposed_by or "", row.proposed_at)


def _event(row: CaseEventRow) -> CaseEvent:
    outcome = Outcome[row.outcome] if row.outcome else None
    return CaseEvent(State[row.state], outcome, row.actor, row.reason, row.at)


def _lot(row: CaseLotRow) -> CaseLot:
    return CaseLot(
        outpoint=Outpoint(row.statement_id, row.output_index),
        lot_id=row.lot_id,
        gross_g=row.gross_g,
        facts=LotFacts(row.form, row.net_g, row.elements),
        verdict=row.verdict,
        findings=tuple(Finding(code, message, details) for code, message, details in row.findings),
        statements=row.statements,
        control_codes=tuple(row.control_codes),
    )


def _findings(lot: CaseLot) -> str:
    return json.dumps([[found.code, found.message, dict(found.details)] for found in lot.findings])


def _party_columns(party: Party) -> list[str]:
    return [party.name, party.country, party.address]
