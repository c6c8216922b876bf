"""Reads of enterprises and their keys: not hot, so by SQLModel."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.tables import CertifiedKeyRow, EntryRow, LogHeadRow, StatementRow
from services.registry.tables import EnterpriseTable


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key, its certification (encoded item), and its public part."""

    kid: bytes
    thumbprint: bytes
    cose_key: bytes
    issuer: str
    certified_by: bytes
    certification: bytes
    retired: bool


async def find(session: AsyncSession, enterprise_id: str) -> EnterpriseTable | None:
    """The enterprise's row."""
    return await session.get(EnterpriseTable, enterprise_id)


async def keys_of(session: AsyncSession, issuer: str) -> list[KeyRecord]:
    """All keys that were ever certified for an issuer."""
    query = (
        select(CertifiedKeyRow, StatementRow.item)
        .join(StatementRow, col(StatementRow.statement_id) == col(CertifiedKeyRow.certified_by))
        .where(CertifiedKeyRow.issuer == issuer)
        .order_by(col(CertifiedKeyRow.kid))
    )
    return [_record(key, item) for key, item in await session.exec(query)]


async def key(session: AsyncSession, thumbprint: bytes) -> KeyRecord | None:
    """One key by its thumbprint."""
    query = (
        select(CertifiedKeyRow, StatementRow.item)
        .join(StatementRow, col(StatementRow.statement_id) == col(CertifiedKeyRow.certified_by))
        .where(CertifiedKeyRow.thumbprint == thumbprint)
    )
    found = (await session.exec(query)).first()
    return None if found is None else _record(*found)


async def position(session: AsyncSession, statement_id: bytes, log: str) -> int:
    """Index of a statement in the log; while it has none, the size of the log, which is the least that it can get."""
    entry = await session.get(EntryRow, statement_id)
    if entry is not None and entry.idx is not None:
        return entry.idx
    head = await session.get(LogHeadRow, log)
    return 0 if head is None else head.size


def _record(row: CertifiedKeyRow, item: bytes) -> KeyRecord:
    return KeyRecord(
        kid=row.kid,
        thumbprint=row.thumbprint,
        cose_key=row.cose_key,
        issuer=row.issuer,
        certified_by=row.certified_by,
        certification=item,
        retired=row.retired_by is not None or row.compromised_by is not None,
    )
