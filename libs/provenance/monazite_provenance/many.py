"""Many statements with several workers: signatures are checked side by side, and what comes of them stays in order.

A signature is most of what a statement costs, and what is left needs the interpreter. So this thread does all the rest,
and other processes check signatures for it (`_checkers`); it checks those too that none of them has come to when there
is nothing else to do. Threads would not do: after every signature one of them wants the interpreter back, which lets it
wait for milliseconds (docs/decisions/0012).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Final, Protocol, TypeVar

from monazite_provenance._checkers import Checker, Task
from monazite_provenance.errors import ProvenanceError, UnknownKey
from monazite_provenance.verifier import Begun, Statement

__all__ = ["AHEAD_MAX", "WORKERS_MAX", "attempts", "verify_many"]

AHEAD_MAX: Final = 128
"""Items read ahead of the one that is asked for."""
WORKERS_MAX: Final = 16
WORTH_A_START: Final = AHEAD_MAX // 2
"""Signatures that wait at once before processes are started: with fewer, all is done before these are there."""
BATCH_MAX: Final = 16
"""Signatures that a process is given at a time."""

_Item_contra = TypeVar("_Item_contra", contravariant=True)
_Item = TypeVar("_Item")


class ItemVerifier(Protocol[_Item_contra]):
    """What verifies one item: a `Verifier`, or one that remembers."""

    def verify_unplaced(self, item: _Item_contra, /) -> Statement: ...

    def begin(self, item: _Item_contra, /) -> Begun | Statement: ...

    def complete(self, begun: Begun, /, *, dangerously_signed: bool = False) -> Statement: ...


def verify_many(items: Iterable[_Item], verifier: ItemVerifier[_Item], *, workers: int) -> Iterator[Statement]:
    """The verified statements of these items, in their order. As of `verify_unplaced`, the caller asks `key.check`.

    Raises the ProvenanceError of the first item that fails, when its turn comes; ValueError for a number of workers
    that is none.
    """
    for _item, outcome in attempts(items, verifier, workers=workers):
        if isinstance(outcome, ProvenanceError):
            raise outcome
        yield outcome


def attempts(
    items: Iterable[_Item], verifier: ItemVerifier[_Item], *, workers: int
) -> Generator[tuple[_Item, Statement | ProvenanceError]]:
    """Each item with its statement, or with why it is none, in order; verified ahead by so many workers, of which this
    thread is one.

    Keys may become known on the way: an item whose key is not known ahead is asked once more when its turn comes.
    """
    if not 0 < workers <= WORKERS_MAX:
        raise ValueError("a number of workers from 1 on")
    if workers == 1:
        yield from _alone(iter(items), verifier)
        return
    checkers: list[Checker] = []
    try:
        yield from _in_order(iter(items), checkers, workers - 1, verifier)
    finally:
        for checker in checkers:
            checker.close()


def _alone(
    items: Iterator[_Item], verifier: ItemVerifier[_Item]
) -> Generator[tuple[_Item, Statement | ProvenanceError]]:
    """A row of items is verified before the first of them is given: what verifies stays in the processor's caches, and
    so does what the caller does with them.
    """
    unreadable: Exception | None = None
    while unreadable is None:
        row: list[tuple[_Item, Statement | ProvenanceError]] = []
        try:
            row.extend((item, _attempt(item, verifier)) for item in islice(items, AHEAD_MAX))
        except Exception as error:
            # Its turn comes behind those that were read before it, which a list keeps.
            unreadable = error
        if not row and unreadable is None:
            return
        for item, outcome in row:
            yield item, _attempt(item, verifier) if isinstance(outcome, UnknownKey) else outcome
    raise unreadable


def _in_order(
    items: Iterator[_Item], checkers: list[Checker], wanted: int, verifier: ItemVerifier[_Item]
) -> Generator[tuple[_Item, Statement | ProvenanceError]]:
    ahead: deque[tuple[_Item, Task]] = deque()
    unasked: deque[Task] = deque()
    unreadable: Exception | None = None
    while True:
        # Else who works faster than all is yielded would check again what a process has in hand.
        is_short = len(ahead) <= AHEAD_MAX // 2 or (checkers and len(unasked) < BATCH_MAX)
        if is_short and unreadable is None:
            unreadable = _read_ahead(items, ahead, unasked, verifier)
            if not checkers and len(unasked) >= WORTH_A_START:
                checkers.extend(Checker() for _ in range(wanted))
        if not ahead:
            if unreadable is not None:
                raise unreadable
            return
        _hand_out(unasked, checkers)
        item, task = ahead.popleft()
        while task.outcome is None and not task.is_answered and unasked:
            _complete(unasked.popleft(), verifier)
            _hand_out(unasked, checkers)
        if task.outcome is None:
            _complete(task, verifier)
        outcome = task.outcome
        if outcome is None or isinstance(outcome, UnknownKey):
            outcome = _attempt(item, verifier)
        yield item, outcome


def _read_ahead(
    items: Iterator[_Item],
    ahead: deque[tuple[_Item, Task]],
    unasked: deque[Task],
    verifier: ItemVerifier[_Item],
) -> Exception | None:
    """Read on until enough is ahead. Gives what ended it early: its turn comes behind what was read before, which may
    settle the matter.
    """
    while len(ahead) < AHEAD_MAX:
        try:
            item = next(items)
        except StopIteration:
            return None
        except Exception as error:
            return error
        task = _begun(item, verifier)
        ahead.append((item, task))
        if task.outcome is None:
            unasked.append(task)
    return None


def _begun(item: _Item, verifier: ItemVerifier[_Item]) -> Task:
    try:
        begun = verifier.begin(item)
    except ProvenanceError as error:
        return Task(None, error)
    return Task(None, begun) if isinstance(begun, Statement) else Task(begun, None)


def _hand_out(unasked: deque[Task], checkers: list[Checker]) -> None:
    for checker in checkers:
        if unasked and checker.room >= BATCH_MAX:
            checker.ask([unasked.popleft() for _ in range(min(BATCH_MAX, len(unasked)))])
        checker.exchange()


def _attempt(item: _Item, verifier: ItemVerifier[_Item]) -> Statement | ProvenanceError:
    try:
        return verifier.verify_unplaced(item)
    except ProvenanceError as error:
        return error


def _complete(task: Task, verifier: ItemVerifier[_Item]) -> None:
    assert task.begun is not None  # noqa: S101 - who has no outcome was begun
    try:
        task.outcome = verifier.complete(task.begun, dangerously_signed=task.is_signed)
    except ProvenanceError as error:
        task.outcome = error
