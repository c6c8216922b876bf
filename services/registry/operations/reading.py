"""Reads of lots. Who may not see one is told that there is none; every answer says of when it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monazite_provenance.contents import LotContent, decode_lot
from monazite_provenance.names import enterprise_uri

from services.chassis.clock import Clock
from services.chassis.database import Connection, Database
from services.chassis.errors import not_found
from services.chassis.identity import CallerKind, Principal
from services.chassis.pagination import PageRequest
from services.registry.domain.records import HeadRow
from services.registry.domain.visibility import may_see_lot
from services.registry.storage import lots as stored
from services.registry.storage.lots import StoredHead, Which


@dataclass(frozen=True, slots=True)
class LotsQuery:
    """Which lots to list; no enterprise means the caller's own, or for who may see all: all."""

    enterprise_id: str
    which: Which
    page: PageRequest


@dataclass(frozen=True, slots=True)
class LotView:
    """A lot at its newest head."""

    head: HeadRow
    content: LotContent


@dataclass(frozen=True, slots=True)
class LotsPage:
    """A page of lots as they stood."""

    views: Sequence[LotView]
    next_page_token: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """Lots by id and in pages."""

    database: Database
    clock: Clock
    domain: str
    licensing: str

    async def get(self, principal: Principal, lot_id: str) -> tuple[LotView, datetime]:
        """A lot at its newest head. Raises NOT_FOUND."""
        as_of = self.clock.now()
        async with self.database.connection() as connection:
            head = await stored.newest(connection, lot_id)
        if head is None or not self._may_see(principal, head):
            raise not_found("lot", lot_id)
        return _view(head), as_of

    async def page(self, principal: Principal, query: LotsQuery) -> LotsPage:
        """A page of lots by id: of the caller, or for who may see others', of whom it asks for. Raises NOT_FOUND."""
        as_of = self.clock.now()
        async with self.database.connection() as connection:
            heads = await self._page(connection, principal, query)
        token = query.page.token(heads, (heads[-1].row.lot_id,) if heads else None)
        return LotsPage([_view(head) for head in heads], token, as_of)

    async def _page(self, connection: Connection, principal: Principal, query: LotsQuery) -> list[StoredHead]:
        after = _after(query.page)
        size, which = query.page.size, query.which
        named = enterprise_uri(self.domain, query.enterprise_id) if query.enterprise_id else None
        if principal.kind is CallerKind.ENTERPRISE:
            if named not in {None, principal.scope}:
                raise not_found("enterprise", query.enterprise_id)
            named = principal.scope
        if principal.kind is CallerKind.CUSTOMS:
            return await stored.page_leaving(connection, self.licensing, after, which=which, size=size, holder=named)
        if named is None:
            return await stored.page_of_all(connection, after, which=which, size=size)
        return await stored.page_of_enterprise(connection, named, after, which=which, size=size)

    def _may_see(self, principal: Principal, head: StoredHead) -> bool:
        row = head.row
        return may_see_lot(
            principal, holder=row.holder, receiver=row.receiver, state=row.state, licensing=self.licensing
        )


def _view(head: StoredHead) -> LotView:
    return LotView(head.row, decode_lot(head.content))


def _after(page: PageRequest) -> str:
    return str(page.after[0]) if page.after is not None else ""
