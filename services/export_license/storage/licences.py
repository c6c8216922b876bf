"""Rows of licences and of their lines."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis import errors
from services.chassis.database import Connection
from services.chassis.pagination import PageRequest
from services.export_license.domain.cases import Party
from services.export_license.domain.licences import Licence, Line, State
from services.export_license.storage.tables import LicenceLineRow, LicenceRow

_INSERT_LICENCE = """
    INSERT INTO licence (licence_id, number, case_id, licensee, state, end_user, destination, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_INSERT_LINES = """
    INSERT INTO licence_line (licence_id, position, control_code, hs_code, granted_g)
    SELECT $1, * FROM unnest($2::smallint[], $3::text[], $4::text[], $5::bigint[])
"""
_LOCK = "SELECT * FROM licence WHERE licence_id = $1 FOR UPDATE"
_LINES = "SELECT * FROM licence_line WHERE licence_id = $1 ORDER BY position"
_UPDATE_LICENCE = "UPDATE licence SET state = $2 WHERE licence_id = $1 AND state <> $2"
_UPDATE_LINES = """
    UPDATE licence_line SET reserved_g = u.reserved_g, used_g = u.used_g
    FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS u (control_code, reserved_g, used_g)
    WHERE licence_line.licence_id = $1 AND licence_line.control_code = u.control_code
"""


async def insert(connection: Connection, licence: Licence) -> None:
    """Store a licence just granted; its statement stands in the same transaction, before it."""
    await connection.execute(
        _INSERT_LICENCE,
        licence.licence_id,
        licence.number,
        licence.case_id,
        licence.licensee,
        licence.stored_state.name,
        [licence.end_user.name, licence.end_user.country, licence.end_user.address],
        licence.destination,
        licence.expires_at,
    )
    await connection.execute(
        _INSERT_LINES,
        licence.licence_id,
        list(range(len(licence.lines))),
        [line.control_code for line in licence.lines],
        [line.hs_code for line in licence.lines],
        [line.granted_g for line in licence.lines],
    )


async def lock(connection: Connection, licence_id: bytes) -> Licence:
    """One licence as it stands now; nobody else changes it, or one of its lines, before this transaction ends.

    Raises NOT_FOUND.
    """
    row = await connection.fetchrow(_LOCK, licence_id)
    if row is None:
        raise errors.not_found("licence", licence_id.hex())
    lines = await connection.fetch(_LINES, licence_id)
    return _licence(LicenceRow(**dict(row)), [_line(LicenceLineRow(**dict(line))) for line in lines])


async def update(connection: Connection, licence: Licence) -> None:
    """Store state and lines of a locked licence."""
    await connection.execute(_UPDATE_LICENCE, licence.licence_id, licence.stored_state.name)
    await connection.execute(
        _UPDATE_LINES,
        licence.licence_id,
        [line.control_code for line in licence.lines],
        [line.reserved_g for line in licence.lines],
        [line.used_g for line in licence.lines],
    )


async def get(session: AsyncSession, licence_id: bytes) -> Licence | None:
    """One licence with its lines."""
    row = await session.get(LicenceRow, licence_id)
    return None if row is None else (await _whole(session, [row]))[0]


async def numbered(session: AsyncSession, number: str) -> Licence | None:
    """The licence of this number, with its lines."""
    row = (await session.exec(select(LicenceRow).where(col(LicenceRow.number) == number))).one_or_none()
    return None if row is None else (await _whole(session, [row]))[0]


async def page(session: AsyncSession, request: PageRequest, licensee: str | None) -> list[Licence]:
    """Licences in the order of their cases: of one licensee or of all."""
    query = select(LicenceRow).order_by(col(LicenceRow.case_id)).limit(request.size)
    if licensee is not None:
        query = query.where(col(LicenceRow.licensee) == licensee)
    if request.after is not None:
        query = query.where(col(LicenceRow.case_id) > request.after[0])
    return await _whole(session, (await session.exec(query)).all())


async def of_cases(session: AsyncSession, case_ids: Sequence[str]) -> dict[str, Licence]:
    """The licences of cases, by case id."""
    query = select(LicenceRow).where(col(LicenceRow.case_id).in_(case_ids))
    found = await _whole(session, (await session.exec(query)).all())
    return {licence.case_id: licence for licence in found}


async def _whole(session: AsyncSession, rows: Sequence[LicenceRow]) -> list[Licence]:
    ids = [row.licence_id for row in rows]
    lines: dict[bytes, list[Line]] = {}
    query = select(LicenceLineRow).where(col(LicenceLineRow.licence_id).in_(ids)).order_by(col(LicenceLineRow.position))
    for line in await session.exec(query):
        lines.setdefault(line.licence_id, []).append(_line(line))
    return [_licence(row, lines.get(row.licence_id, [])) for row in rows]


def _licence(row: LicenceRow, lines: Sequence[Line]) -> Licence:
    return Licence(
        licence_id=row.licence_id,
        number=row.number,
        case_id=row.case_id,
        licensee=row.licensee,
        stored_state=State[row.state],
        end_user=Party(*row.end_user),
        destination=row.destination,
        expires_at=row.expires_at,
        lines=tuple(lines),
    )


def _line(row: LicenceLineRow) -> Line:
    return Line(row.control_code, row.hs_code, row.granted_g, row.reserved_g, row.used_g)
