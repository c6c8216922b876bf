"""Many statements over threads: signatures are checked side by side, and what comes of them stays in order.

`cryptography` lets go of the interpreter while it checks a signature, and this is most of what a statement costs. The
threads draw items from one queue, and the caller's own thread is one of them: it works on what comes next and is not
ready yet, so that there is always something to do between two signatures. None of them gives the interpreter up on its
own: the next signature does, and to be woken earlier for nothing costs the others more than to wait for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Final, Generic, Protocol, TypeVar

from monazite_provenance.errors import ProvenanceError, UnknownKey
from monazite_provenance.verifier import Statement

__all__ = ["AHEAD_MAX", "THREADS_MAX", "attempts", "verify_many"]

AHEAD_MAX: Final = 128
"""Items read ahead of the one that is asked for."""
THREADS_MAX: Final = 64

_Item_contra = TypeVar("_Item_contra", contravariant=True)
_Item = TypeVar("_Item")


class ItemVerifier(Protocol[_Item_contra]):
    """What verifies one item: a `Verifier`, or one that remembers."""

    def verify_unplaced(self, item: _Item_contra, /) -> Statement: ...


class _Task(Generic[_Item]):
    """An item, and what came of it once the latch is open."""

    __slots__ = ("error", "item", "latch", "outcome")

    def __init__(self, item: _Item) -> None:
        self.item: _Item = item
        self.outcome: Statement | ProvenanceError | None = None
        self.error: BaseException | None = None
        self.latch = Lock()
        self.latch.acquire()


def verify_many(items: Iterable[_Item], verifier: ItemVerifier[_Item], *, threads: int) -> Iterator[Statement]:
    """The verified statements of these items, in their order. As of `verify_unplaced`, the caller asks `key.check`.

    Raises the ProvenanceError of the first item that fails, when its turn comes; ValueError for a number of threads
    that is none.
    """
    for _item, outcome in attempts(items, verifier, threads=threads):
        if isinstance(outcome, ProvenanceError):
            raise outcome
        yield outcome


def attempts(
    items: Iterable[_Item], verifier: ItemVerifier[_Item], *, threads: int
) -> Generator[tuple[_Item, Statement | ProvenanceError]]:
    """Each item with its statement, or with why it is none, in order; verified ahead over so many threads in all.

    Keys may become known on the way: an item whose key is not known ahead is asked once more when its turn comes.
    """
    if not 0 < threads <= THREADS_MAX:
        raise ValueError("a number of threads from 1 on")
    if threads == 1:
        yield from _alone(iter(items), verifier)
        return
    queue: SimpleQueue[_Task[_Item] | None] = SimpleQueue()
    workers = [Thread(target=_work, args=(queue, verifier), daemon=True) for _ in range(threads - 1)]
    for worker in workers:
        worker.start()
    try:
        yield from _in_order(iter(items), queue, verifier)
    finally:
        _drain(queue)
        for _ in workers:
            queue.put(None)
        for worker in workers:
            worker.join()


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
    items: Iterator[_Item], queue: SimpleQueue[_Task[_Item] | None], verifier: ItemVerifier[_Item]
) -> Generator[tuple[_Item, Statement | ProvenanceError]]:
    ahead: deque[tuple[_Item, _Task[_Item]]] = deque()
    unreadable: Exception | None = None
    while True:
        unreadable = unreadable or _read_ahead(items, ahead, queue)
        if not ahead:
            if unreadable is not None:
                raise unreadable
            return
        item, task = ahead.popleft()
        while not task.latch.acquire(blocking=False):
            other = _take(queue)
            if other is None:
                task.latch.acquire()
                break
            _run(other, verifier)
        if task.error is not None:
            raise task.error
        outcome = task.outcome
        if outcome is None or isinstance(outcome, UnknownKey):
            outcome = _attempt(item, verifier)
        yield item, outcome


def _read_ahead(
    items: Iterator[_Item], ahead: deque[tuple[_Item, _Task[_Item]]], queue: SimpleQueue[_Task[_Item] | None]
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
        task = _Task(item)
        ahead.append((item, task))
        queue.put(task)
    return None


def _attempt(item: _Item, verifier: ItemVerifier[_Item]) -> Statement | ProvenanceError:
    try:
        return verifier.verify_unplaced(item)
    except ProvenanceError as error:
        return error


def _run(task: _Task[_Item], verifier: ItemVerifier[_Item]) -> None:
    try:
        task.outcome = _attempt(task.item, verifier)
    except BaseException as error:
        task.error = error
    finally:
        task.latch.release()


def _work(queue: SimpleQueue[_Task[_Item] | None], verifier: ItemVerifier[_Item]) -> None:
    while (task := queue.get()) is not None:
        _run(task, verifier)


def _take(queue: SimpleQueue[_Task[_Item] | None]) -> _Task[_Item] | None:
    try:
        return queue.get_nowait()
    except Empty:
        return None


def _drain(queue: SimpleQueue[_Task[_Item] | None]) -> None:
    """What nobody has begun is not wanted any more."""
    while _take(queue) is not None:
        pass
