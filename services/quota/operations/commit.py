"""The one transaction of all commands: many writes, one set of locked accounts, every decision taken again on them.

Givers are locked in key order, then accounts, then rights in order of id. Each write is decided in turn on what is
locked, so that the second of two commands in one batch sees what the first left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from services.chassis import store
from services.chassis.crash import crash_point
from services.chassis.database import Connection
from services.chassis.errors import Error, not_found
from services.chassis.identity import Principal
from services.chassis.store import Outcome
from services.quota.domain import reduction
from services.quota.domain.allocation import (
    Allocation,
    EnterIndicator,
    Give,
    Indicator,
    Reduction,
    enter_indicator,
    give,
    issue,
)
from services.quota.domain.batches import BatchKey
from services.quota.domain.books import Books
from services.quota.domain.givers import Member
from services.quota.domain.ledger import AccountKey
from services.quota.domain.ownership import sees
from services.quota.domain.right import CloseReason, Right, ask_close, reserve
from services.quota.storage import allocation as allocation_rows
from services.quota.storage import batches as batch_rows
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
class ReduceWrite(store.Write):
    """Take an allocation back, in whole or in part."""

    command: reduction.Reduce
    # As it was read; what was taken back of it is read again behind the locks.
    allocation: Allocation
    reduction_id: bytes


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


AnyWrite: TypeAlias = IndicatorWrite | GiveWrite | ReduceWrite | ReserveWrite | CloseWrite


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
    books: Books
    indicators: dict[int, list[Indicator]]
    allocations: dict[bytes, Allocation]
    rights: dict[bytes, Right]
    entered: list[Indicator] = field(default_factory=list[Indicator])
    given: list[Allocation] = field(default_factory=list[Allocation])
    reduced: list[tuple[bytes, Reduction]] = field(default_factory=list[tuple[bytes, Reduction]])
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
                reserve(write.right, batch.books.sheet)
                batch.reserved.append(write.right)
                return self._replies.reserved(write.right, write.statements[0].item, batch.now)
            case GiveWrite():
                return self._replies.allocation(_give(batch, write))
            case ReduceWrite():
                return self._replies.allocation(_reduce(batch, write))
            case IndicatorWrite():
                return self._replies.indicator(_enter(batch, write))
            case CloseWrite():
                _mark(batch, write)
                return b""


@dataclass(slots=True)
class _Needs:
    """What writes must lock and load."""

    giving: set[Member] = field(default_factory=set[Member])
    receiving: set[Member] = field(default_factory=set[Member])
    # Accounts that are to exist, at zero if need be; they are locked with the others.
    opened: set[AccountKey] = field(default_factory=set[AccountKey])
    accounts: set[AccountKey] = field(default_factory=set[AccountKey])
    shares: set[BatchKey] = field(default_factory=set[BatchKey])
    years: set[int] = field(default_factory=set[int])
    allocation_ids: set[bytes] = field(default_factory=set[bytes])
    right_ids: set[bytes] = field(default_factory=set[bytes])

    def add(self, write: AnyWrite) -> None:
        """What one write needs."""
        match write:
            case ReserveWrite():
                self.accounts.add(write.right.key)
            case GiveWrite(command=command):
                self._add_members(command.members())
                self.accounts.update(command.accounts())
                self.opened.update(key for key in command.accounts() if key.enterprise_id == command.receiver)
                self.shares.update(command.shares())
            case ReduceWrite(allocation=allocation):
                self._add_members(allocation.members())
                self.accounts.update(reduction.accounts(allocation))
                self.shares.update(reduction.shares(allocation))
                self.allocation_ids.add(allocation.allocation_id)
            case IndicatorWrite(command=command):
                self.years.add(command.year)
                accounts = posting.national_accounts(command.year)
                self.opened.update(accounts)
                self.shares.update(BatchKey(key.enterprise_id, key.year, command.batch, key.kind) for key in accounts)
            case CloseWrite():
                self.right_ids.add(write.right_id)

    def _add_members(self, members: tuple[Member, Member]) -> None:
        giver, receiver = members
        self.giving.add(giver)
        self.receiving.add(receiver)


async def _lock(connection: Connection, writes: Collection[AnyWrite]) -> _Batch:
    needs = _Needs()
    for write in writes:
        needs.add(write)
    givers = await giver_rows.lock_givers(connection, needs.receiving, needs.giving)
    await posting.open_accounts(connection, needs.opened)
    sheet = await posting.lock_accounts(connection, needs.accounts | needs.opened)
    return _Batch(
        now=await posting.database_time(connection),
        # Shares, indicators and allocations behind the locked accounts, so that nobody else moves them meanwhile.
        books=Books(sheet, givers, await batch_rows.load_batches(connection, needs.shares)),
        indicators=await posting.load_indicators(connection, needs.years) if needs.years else {},
        allocations=(
            await allocation_rows.load_allocations(connection, needs.allocation_ids) if needs.allocation_ids else {}
        ),
        rights=await right_rows.lock_rights(connection, needs.right_ids) if needs.right_ids else {},
    )


async def _store(connection: Connection, batch: _Batch) -> None:
    sheet, givers, batches = batch.books
    await posting.store_sheet(connection, sheet)
    await right_rows.add_rights(connection, batch.reserved)
    await right_rows.update_rights(connection, batch.marked.values())
    for write in batch.revoked:
        await right_rows.add_revocation(connection, write.right_id, write.audit.principal, write.remark)
    for indicator in batch.entered:
        await posting.add_indicator(connection, indicator)
    # A giver changes only while nothing of his stands.
    await batch_rows.clear_left(connection, givers.left())
    await giver_rows.store_givers(connection, givers)
    await batch_rows.store_batches(connection, batches, givers)
    for allocation in batch.given:
        await allocation_rows.add_allocation(connection, allocation)
    for allocation_id, reduced in batch.reduced:
        await allocation_rows.add_reduction(connection, allocation_id, reduced)


def _enter(batch: _Batch, write: IndicatorWrite) -> Indicator:
    earlier = batch.indicators[write.command.year]
    indicator, postings = enter_indicator(write.command, earlier, officer=write.audit.principal, now=batch.now)
    batch.books.sheet.post(postings)
    issue(indicator, batch.books.batches)
    earlier.append(indicator)
    batch.entered.append(indicator)
    return indicator


def _give(batch: _Batch, write: GiveWrite) -> Allocation:
    command = write.command
    give(command, batch.books, write.allocation_id)
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


def _reduce(batch: _Batch, write: ReduceWrite) -> Allocation:
    command = write.command
    before = batch.allocations[command.allocation_id]
    reduction.reduce(command, before, batch.books, write.reduction_id)
    made = Reduction(write.reduction_id, command.masses, command.reason, write.audit.principal, batch.now)
    after = replace(before, reductions=(*before.reductions, made))
    batch.allocations[command.allocation_id] = after
    batch.reduced.append((command.allocation_id, made))
    return after


def _mark(batch: _Batch, write: CloseWrite) -> None:
    right = batch.rights.get(write.right_id)
    if right is None or not sees(write.caller, right.key.enterprise_id):
        raise not_found("right", write.right_id.hex())
    marked = ask_close(right, write.reason)
    if marked != right:
        batch.rights[right.right_id] = batch.marked[right.right_id] = marked
        if write.reason is CloseReason.REVOKED:
            batch.revoked.append(write)
