"""Pages for people: SQLModel, one statement a page, so that a page is one snapshot; `as_of` is its time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, Generic, NamedTuple, TypeVar, cast

from monazite_provenance.contents import QuotaKind
from sqlalchemy import func, or_, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database
from services.chassis.pagination import Key, PageRequest
from services.chassis.tables import StatementRow
from services.quota.domain.allocation import Allocation, Indicator, Masses, Reduction
from services.quota.domain.ledger import AccountKey, Balance, Bucket, Code, Posting
from services.quota.domain.right import Right, State
from services.quota.storage.tables import AccountRow, AllocationRow, IndicatorRow, PostingRow, ReductionRow, RightRow

RowT = TypeVar("RowT")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Page(NamedTuple, Generic[RowT]):
    """Rows of one page, the token of the next, and the time they were read at."""

    rows: Sequence[RowT]
    next_page_token: str
    as_of: datetime


class Reads:
    """Everything that is read one page at a time. Filters: 0 and "" mean any."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def balance(self, key: AccountKey) -> tuple[Balance, datetime]:
        """One account; one that was never moved stands at zero."""
        async with self._database.session() as session:
            row = await session.get(AccountRow, (key.enterprise_id, key.year, int(key.kind)))
            return (_account(row)[1] if row else Balance()), await _now(session)

    async def balances(self, enterprise_id: str, year: int, page: PageRequest) -> Page[tuple[AccountKey, Balance]]:
        """Accounts in order of their key."""
        key = (col(AccountRow.enterprise_id), col(AccountRow.year), col(AccountRow.kind))
        query = select(AccountRow).order_by(*key).limit(page.size)
        if enterprise_id:
            query = query.where(col(AccountRow.enterprise_id) == enterprise_id)
        if year:
            query = query.where(col(AccountRow.year) == year)
        if page.after:
            query = query.where(tuple_(*key) > tuple_(*page.after))
        async with self._database.session() as session:
            rows = [_account(row) for row in (await session.exec(query)).all()]
            last: Key | None = tuple(rows[-1][0]) if rows else None
            return Page(rows, page.token(rows, last), await _now(session))

    async def postings(self, enterprise_id: str, year: int, page: PageRequest) -> Page[tuple[Posting, datetime]]:
        """Postings by enterprise, oldest first."""
        key = (col(PostingRow.enterprise_id), col(PostingRow.posted_at), col(PostingRow.posting_id))
        query = select(PostingRow).order_by(*key).limit(page.size)
        if enterprise_id:
            query = query.where(col(PostingRow.enterprise_id) == enterprise_id)
        if year:
            query = query.where(col(PostingRow.year) == year)
        if page.after:
            owner, micros, posting_id = page.after
            query = query.where(tuple_(*key) > tuple_(owner, _instant(micros), posting_id))
        async with self._database.session() as session:
            rows = (await session.exec(query)).all()
            last: Key | None = (
                (rows[-1].enterprise_id, _micros(rows[-1].posted_at), rows[-1].posting_id) if rows else None
            )
            found = [(_posting(row), row.posted_at) for row in rows]
            return Page(found, page.token(rows, last), await _now(session))

    async def rights(self, enterprise_id: str, year: int, page: PageRequest) -> Page[tuple[Right, bytes]]:
        """Rights with their signed statements, by holder, oldest first."""
        key = (col(RightRow.enterprise_id), col(RightRow.reserved_at), col(RightRow.right_id))
        query = (
            select(RightRow, StatementRow.item)
            .join(StatementRow, col(StatementRow.statement_id) == col(RightRow.right_id))
            .order_by(*key)
            .limit(page.size)
        )
        if enterprise_id:
            query = query.where(col(RightRow.enterprise_id) == enterprise_id)
        if year:
            query = query.where(col(RightRow.year) == year)
        if page.after:
            owner, micros, right_id = page.after
            query = query.where(tuple_(*key) > tuple_(owner, _instant(micros), right_id))
        async with self._database.session() as session:
            rows = (await session.exec(query)).all()
            last: Key | None = None
            if rows:
                row = rows[-1][0]
                last = (row.enterprise_id, _micros(row.reserved_at), row.right_id)
            found = [(_right(row), item) for row, item in rows]
            return Page(found, page.token(rows, last), await _now(session))

    async def indicators(self, year: int) -> tuple[list[Indicator], datetime]:
        """The batches of a year, in order; there are never many."""
        query = select(IndicatorRow).where(col(IndicatorRow.year) == year).order_by(col(IndicatorRow.batch))
        async with self._database.session() as session:
            rows = (await session.exec(query)).all()
            return [_indicator(row) for row in rows], await _now(session)

    async def allocations(self, enterprise_id: str, year: int, page: PageRequest) -> Page[Allocation]:
        """What the enterprise gave and got, and what of it was taken back, oldest first."""
        key = (col(AllocationRow.allocated_at), col(AllocationRow.allocation_id))
        wanted = select(AllocationRow.allocation_id).order_by(*key).limit(page.size)
        if enterprise_id:
            giver, receiver = col(AllocationRow.giver), col(AllocationRow.receiver)
            wanted = wanted.where(or_(giver == enterprise_id, receiver == enterprise_id))
        if year:
            wanted = wanted.where(col(AllocationRow.year) == year)
        if page.after:
            micros, allocation_id = page.after
            wanted = wanted.where(tuple_(*key) > tuple_(_instant(micros), allocation_id))
        query = (
            select(AllocationRow, ReductionRow)
            .outerjoin(ReductionRow, col(ReductionRow.allocation_id) == col(AllocationRow.allocation_id))
            .where(col(AllocationRow.allocation_id).in_(wanted))
            .order_by(*key, col(ReductionRow.reduced_at), col(ReductionRow.reduction_id))
        )
        async with self._database.session() as session:
            rows = _allocations((await session.exec(query)).all())
            last: Key | None = (_micros(rows[-1].allocated_at), rows[-1].allocation_id) if rows else None
            return Page(rows, page.token(rows, last), await _now(session))


async def _now(session: AsyncSession) -> datetime:
    return (await session.exec(select(func.now()))).one()


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _instant(micros: object) -> datetime:
    """A token's time; one that no clock can show reads as the end of time, after which there is nothing."""
    try:
        return _EPOCH + cast("int", micros) * _MICROSECOND
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _account(row: AccountRow) -> tuple[AccountKey, Balance]:
    key = AccountKey(row.enterprise_id, row.year, QuotaKind(row.kind))
    return key, Balance(row.available_mg, row.given_on_mg, row.reserved_mg, row.used_mg)


def _posting(row: PostingRow) -> Posting:
    return Posting(
        key=AccountKey(row.enterprise_id, row.year, QuotaKind(row.kind)),
        debit=Bucket(row.debit),
        credit=Bucket(row.credit),
        reo_mg=row.reo_mg,
        code=Code(row.code),
        cause=row.cause,
        right_id=row.right_id,
        drawing_id=row.drawing_id,
    )


def _right(row: RightRow) -> Right:
    return Right(
        right_id=row.right_id,
        key=AccountKey(row.enterprise_id, row.year, QuotaKind(row.kind)),
        holder=row.holder,
        site=row.site,
        registry_log=row.registry_log,
        mass_mg=row.mass_mg,
        expires_at=row.expires_at,
        state=State(row.state),
        settled_mg=row.settled_mg,
        freed_mg=row.freed_mg,
        drawn_mg=row.drawn_mg,
        close_reason=row.close_reason,
    )


def _indicator(row: IndicatorRow) -> Indicator:
    kinds = [QuotaKind(kind) for kind in row.kinds]
    return Indicator(
        row.year,
        row.batch,
        row.cumulative,
        dict(zip(kinds, row.increments_mg, strict=True)),
        dict(zip(kinds, row.totals_mg, strict=True)),
        row.document,
        row.entered_by,
        row.entered_at,
    )


def _allocations(rows: Sequence[tuple[AllocationRow, ReductionRow | None]]) -> list[Allocation]:
    """Each allocation once, with its reductions; rows come in that order."""
    found: list[Allocation] = []
    for allocation_id, group in groupby(rows, lambda row: row[0].allocation_id):
        joined = list(group)
        row = joined[0][0]
        reductions = tuple(_reduction(reduction) for _, reduction in joined if reduction is not None)
        found.append(
            Allocation(
                allocation_id,
                row.year,
                row.batch,
                row.giver,
                row.receiver,
                _masses(row.kinds, row.masses_mg),
                row.allocated_by,
                row.allocated_at,
                reductions,
            )
        )
    return found


def _reduction(row: ReductionRow) -> Reduction:
    return Reduction(row.reduction_id, _masses(row.kinds, row.masses_mg), row.reason, row.reduced_by, row.reduced_at)


def _masses(kinds: Sequence[int], masses_mg: Sequence[int]) -> Masses:
    return {QuotaKind(kind): mass for kind, mass in zip(kinds, masses_mg, strict=True)}
