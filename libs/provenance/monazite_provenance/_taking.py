"""Items verified over threads and taken one by one in their order, by whichever thread has the next one ready.

A thread checks a signature, for which it lets go of the interpreter, and then takes what is ready. Where the taking is
left to one thread (as a generator leaves it), the others ask for the interpreter while that one is in the middle of it,
and each time wait longer than the check took. Here all threads do the same, so that one takes while another checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

from monazite_provenance.errors import ProvenanceError, UnknownKey
from monazite_provenance.many import AHEAD_MAX, THREADS_MAX, ItemVerifier, attempt, attempts
from monazite_provenance.verifier import Statement

_Item = TypeVar("_Item")
Take = Callable[[_Item, Statement | ProvenanceError], bool]
"""Takes an item with its statement, or with why it is none. Gives whether to go on."""


def take_each(items: Iterable[_Item], verifier: ItemVerifier[_Item], take: Take[_Item], *, threads: int) -> None:
    """`take` each item in order, one at a time, but in any of so many threads; `items` are read in the caller's own.

    Keys may become known on the way: an item whose key is not known ahead is asked once more when its turn comes.
    Raises what reading an item or taking it raised, when its turn comes; ValueError for a number of threads that is
    none.
    """
    if not 0 < threads <= THREADS_MAX:
        raise ValueError("a number of threads from 1 on")
    if threads == 1:
        for item, outcome in attempts(items, verifier, threads=1):
            if not take(item, outcome):
                return
        return
    work = _Work(iter(items), verifier, take)
    workers = [Thread(target=work.help, daemon=True) for _ in range(threads - 1)]
    for worker in workers:
        worker.start()
    try:
        work.lead()
    except BaseException:
        work.stop()
        raise
    finally:
        work.end(threads - 1)
        for worker in workers:
            worker.join()
    if work.error is not None:
        raise work.error


class _Work(Generic[_Item]):
    def __init__(self, items: Iterator[_Item], verifier: ItemVerifier[_Item], take: Take[_Item]) -> None:
        self.error: BaseException | None = None
        self._items = items
        self._verifier = verifier
        self._take = take
        self._read = 0
        self._taken = 0
        self._is_over = False
        self._all_read = False
        self._waiting: SimpleQueue[tuple[int, _Item] | None] = SimpleQueue()
        # What came of each item that was not taken yet, by its number; an exception that is not ours ends it all.
        self._ready: dict[int, tuple[_Item, Statement | ProvenanceError] | BaseException] = {}
        self._taking = Lock()
        # One for each item that may still be read ahead.
        self._room: SimpleQueue[None] = SimpleQueue()
        for _ in range(AHEAD_MAX):
            self._room.put(None)

    def lead(self) -> None:
        """The caller's part: reads, verifies, takes, until all is handed out."""
        while not self._is_over:
            self._read_ahead()
            task = _next(self._waiting)
            if task is not None:
                self._verify(*task)
            elif self._all_read:
                return
            else:
                # All that is ahead is in other hands: until one more of them is taken, there is nothing to do.
                self._room.get()
                if not self._is_over:
                    self._read_one()

    def help(self) -> None:
        """The part of every other thread."""
        while (task := self._waiting.get()) is not None and not self._is_over:
            self._verify(*task)

    def stop(self) -> None:
        """Nothing more is wanted."""
        self._is_over = True

    def end(self, helpers: int) -> None:
        """Nothing more comes: what is handed out is finished, if it is still wanted."""
        for _ in range(helpers):
            self._waiting.put(None)

    def _read_ahead(self) -> None:
        while not self._all_read:
            try:
                self._room.get_nowait()
            except Empty:
                return
            self._read_one()

    def _read_one(self) -> None:
        try:
            item = next(self._items)
        except StopIteration:
            self._all_read = True
        except Exception as error:
            # Its turn comes behind what was read before, which may settle the matter.
            self._all_read = True
            self._is_ready(self._read, error)
        else:
            self._waiting.put((self._read, item))
            self._read += 1

    def _verify(self, number: int, item: _Item) -> None:
        try:
            self._is_ready(number, (item, attempt(item, self._verifier)))
        except BaseException as error:
            self._is_ready(number, error)

    def _is_ready(self, number: int, outcome: tuple[_Item, Statement | ProvenanceError] | BaseException) -> None:
        self._ready[number] = outcome
        # Whoever is taking looks once more when it has let go: what became ready meanwhile is never left behind.
        while self._taken in self._ready and not self._is_over and self._taking.acquire(blocking=False):
            try:
                self._take_ready()
            except BaseException as error:
                self.error = error
                self._is_over = True
            finally:
                self._taking.release()
        if self._is_over:
            # Whoever reads may be waiting for room.
            self._room.put(None)

    def _take_ready(self) -> None:
        while not self._is_over and (ready := self._ready.pop(self._taken, None)) is not None:
            if isinstance(ready, BaseException):
                raise ready
            item, outcome = ready
            if isinstance(outcome, UnknownKey):
                outcome = attempt(item, self._verifier)
            self._is_over = not self._take(item, outcome)
            self._taken += 1
            self._room.put(None)


def _next(waiting: SimpleQueue[tuple[int, _Item] | None]) -> tuple[int, _Item] | None:
    try:
        return waiting.get_nowait()
    except Empty:
        return None
