"""The one transaction of all commands: many writes, one set of locked accounts, every decision taken again on them.

Givers are locked in key order, then accounts, then rights in order of id. Each write is decided in turn on what is
locked (givers, the sheet of balances), so that the second of two commands in one batch sees what the first left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from services.chassis import store
from services.chassis.crash import crash_point
from services.chassis.database import Connection
from services.chassis.errors import Error, not_found
from services.chassis.identity import Principal
from services.chassis.store import Outcome
from services.quota.domain.allocation import Allocation, EnterIndicator, Give, Indicator, enter_indicator, give
from services.quota.domain.givers import Givers, Member
from services.quota.domain.ledger import AccountKey, Sheet
from services.quota.domain.ownership import sees
from services.quota.domain.right import CloseReason, Right, ask_close, reserve
from services.quota.storage import givers as giver_rows
from services.quota.storage import posting
from services.quota.storage import right as right_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorWrite(store.Write):
    """Enter one batch."""

    command: EnterIndicator


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveWrite(store.Write):
    """Allocate, or break down."""

    command: Give
    allocation_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveWrite(store.Write):
    """Reserve; the right is signed already and stands in `statements`."""

    right: Right


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseWrite(store.Write):
    """Mark that a right is to end."""

    caller: Principal
    right_id: bytes
    reason: CloseReason
    # An officer's reason, in words.
    remark: str


AnyWrite: TypeAlias = IndicatorWrite | GiveWrite | ReserveWrite | CloseWrite


@dataclass(frozen=True, slots=True)
class Replies:
    """How the API words the replies that are stored with their commands."""

    indicator: Callable[[Indicator], bytes]
    allocation: Callable[[Allocation], bytes]
    # The right, its item, when it was committed.
    reserved: Callable[[Right, bytes, datetime], bytes]


@dataclass(slots=True)
class _Batch:
    """What one transaction has locked, and what its commands have come to so far."""

    now: datetime
    givers: Givers
    sheet: Sheet
    indicators: dict[int, list[Indicator]]
    rights: dict[bytes, Right]
    entered: list[Indicator] = field(default_factory=list[Indicator])
    given: list[Allocation] = field(default_factory=list[Allocation])
    reserved: list[Right] = field(default_factory=list[Right])
    marked: dict[bytes, Right] = field(default_factory=dict[bytes, Right])
    revoked: list[CloseWrite] = field(default_factory=list[CloseWrite])


class Flush:
    """Commits a batch of writes; what the committer calls."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies

    async def __call__(self, connection: Connection, writes: Sequence[AnyWrite]) -> Sequence[Outcome]:
        """Answer each write with its reply or with the Error that refuses it."""
        outcomes = list(await store.claim(connection, writes))
        fresh = [number for number, outcome in enumerate(outcomes) if outcome is None]
        if not fresh:
            return [outcome for outcome in outcomes if outcome is not None]
        batch = await _lock(connection, [writes[number] for number in fresh])
        done: list[AnyWrite] = []
        replies: list[bytes] = []
        for number in fresh:
            try:
                reply = self._decide(batch, writes[number])
            except Error as error:
                outcomes[number] = error
                continue
            outcomes[number] = reply
            done.append(writes[number])
            replies.append(reply)
        await _store(connection, batch)
        await store.append(connection, done, replies)
        crash_point("quota.flush.before_commit")
        return [outcome for outcome in outcomes if outcome is not None]

    def _decide(self, batch: _Batch, write: AnyWrite) -> bytes:
        match write:
            case ReserveWrite():
                reserve(write.right, batch.sheet)
                batch.reserved.append(write.right)
                return self._replies.reserved(write.right, write.statements[0].item, batch.now)
            case GiveWrite():
                return self._replies.allocation(_give(batch, write))
            case IndicatorWrite():
                return self._replies.indicator(_enter(batch, write))
            case CloseWrite():
                _mark(batch, write)
                return b""


async def _lock(connection: Connection, writes: Collection[AnyWrite]) -> _Batch:
    giving: set[Member] = set()
    receiving: set[Member] = set()
    opened: set[AccountKey] = set()
    keys: set[AccountKey] = set()
    years: set[int] = set()
    right_ids: set[bytes] = set()
    for write in writes:
        match write:
            case ReserveWrite():
                keys.add(write.right.key)
            case GiveWrite():
                giver, receiver = write.command.members()
                giving.add(giver)
                receiving.add(receiver)
                keys.update(write.command.accounts())
                opened.update(key for key in write.command.accounts() if key.enterprise_id == write.command.receiver)
            case IndicatorWrite():
                years.add(write.command.year)
                opened.update(posting.national_accounts(write.command.year))
            case CloseWrite():
                right_ids.add(write.right_id)
    givers = await giver_rows.lock_givers(connection, receiving, giving)
    await posting.open_accounts(connection, opened)
    sheet = await posting.lock_accounts(connection, keys | opened)
    return _Batch(
        now=await posting.database_time(connection),
        givers=givers,
        sheet=sheet,
        # Behind the locked national accounts, so that nobody else enters a batch of these years meanwhile.
        indicators=await posting.load_indicators(connection, years) if years else {},
        rights=await right_rows.lock_rights(connection, right_ids) if right_ids else {},
    )


async def _store(connection: Connection, batch: _Batch) -> None:
    await posting.store_sheet(connection, batch.sheet)
    await right_rows.add_rights(connection, batch.reserved)
    await right_rows.update_rights(connection, batch.marked.values())
    for write in batch.revoked:
        await right_rows.add_revocation(connection, write.right_id, write.audit.principal, write.remark)
    for indicator in batch.entered:
        await posting.add_indicator(connection, indicator)
    await giver_rows.store_givers(connection, batch.givers)
    for allocation in batch.given:
        await posting.add_allocation(connection, allocation)


def _enter(batch: _Batch, write: IndicatorWrite) -> Indicator:
    earlier = batch.indicators[write.command.year]
    indicator, postings = enter_indicator(write.command, earlier, officer=write.audit.principal, now=batch.now)
    batch.sheet.post(postings)
    earlier.append(indicator)
    batch.entered.append(indicator)
    return indicator


def _give(batch: _Batch, write: GiveWrite) -> Allocation:
    command = write.command
    give(command, batch.sheet, batch.givers, write.allocation_id)
    allocation = Allocation(
        write.allocation_id,
        command.year,
        command.batch,
        command.giver,
        command.receiver,
        command.masses,
        write.audit.principal,
        batch.now,
    )
    batch.given.append(allocation)
    return allocation


def _mark(batch: _Batch, write: CloseWrite) -> None:
    right = batch.rights.get(write.right_id)
    if right is None or not sees(write.caller, right.key.enterprise_id):
        raise not_found("right", write.right_id.hex())
    marked = ask_close(right, write.reason)
    if marked != right:
        batch.rights[right.right_id] = batch.marked[right.right_id] = marked
        if write.reason is CloseReason.REVOKED:
            batch.revoked.append(write)
